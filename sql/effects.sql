-- name: standing(slots, shrinking, channels, excess)
-- Bookings that stand on slots, or are offered a place there since their own was closed, and the last numbers of pools
-- that have so many places too few, once none is kept back there; each with what is offered to it.
with touched as (
    select id from booking where slot_id = any(:slots::uuid[]) and status in ('booked', 'checked_in')
    union
    select booking.id
    from place_offer
    join booking on booking.id = place_offer.booking_id
    join slot on slot.id = booking.slot_id
    where place_offer.slot_id = any(:slots::uuid[]) and place_offer.status = 'live'
      and booking.status = 'booked' and slot.state = 'closed'
    union
    select last.id
    from unnest(:shrinking::uuid[], :channels::text[], :excess::integer[]) as pool (slot_id, channel, places)
    cross join lateral (
        select booking.id from booking
        where booking.slot_id = pool.slot_id and booking.channel = pool.channel and status = 'booked'
        order by number desc
        limit greatest(0, pool.places - (
            select count(*) from place_kept_back as kept
            where kept.slot_id = pool.slot_id and kept.channel = pool.channel))
    ) as last
)
select booking.id, booking.person_id, person.name as person_name, booking.slot_id, booking.channel, booking.number,
       booking.status, slot.day, slot.starts_at, slot.ends_at, slot.resource, slot.service_id,
       service.name as service_name, service.department, service.provider_id, provider.phone as provider_phone,
       offer.id as offer_id, offer.slot_id as offer_slot_id, offer.channel as offer_channel
from touched
join booking on booking.id = touched.id
join person on person.id = booking.person_id
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
left join place_offer as offer on offer.booking_id = booking.id and offer.status = 'live'
order by slot.starts_at, slot.resource, slot.service_id, booking.channel, booking.number, booking.id;

-- name: free_places(services, channels, begins, ends, now)
-- Pools of services with free places in slots to come, where whoever is offered one has time to answer; with limits.
select slot.id as slot_id, slot.service_id, slot_pool.channel, slot.resource, slot.starts_at, slot.ends_at, slot.day,
       slot.cancel_until, slot_pool.capacity - slot_pool.taken as free,
       policy.limit_department_day, policy.limit_day, policy.limit_7_days, policy.limit_90_days
from slot
join slot_pool on slot_pool.slot_id = slot.id and slot_pool.channel = any(:channels::text[])
join policy on policy.id = slot.policy_id
where slot.service_id = any(:services::uuid[])
  and slot.starts_at >= :begins and slot.starts_at < :ends
  and slot.starts_at >= :now::timestamptz + make_interval(mins => policy.offer_minutes)
  and slot.state = 'open' and slot_pool.open and slot_pool.taken < slot_pool.capacity
order by slot.starts_at, slot.resource, slot.id;

-- name: held(people, first_day, last_day)
-- What persons hold that counts towards their limits, in a span of days.
select booking.id, booking.person_id, booking.day, service.provider_id, service.department
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where booking.person_id = any(:people::uuid[])
  and booking.day between :first_day and :last_day
  and booking.status not in ('cancelled', 'moved')
order by booking.id;

-- name: lock_offers(ids)
-- Take offers in id order.
select id, booking_id, slot_id, channel, status, expires_at
from place_offer
where id = any(:ids::uuid[])
order by id
for no key update;

-- name: rehouse(olds, news, slots, channels, numbers, codes, actor, now)
-- Write for bookings those that take their place; person, who booked, mandate and answers stay as they were.
insert into booking (id, slot_id, channel, number, code, person_id, booked_by, mandate_id, day, answers,
                     idempotency_key, created_at, changed_at, changed_by, moved_from)
select pair.new_id, pair.slot_id, pair.channel, pair.number, pair.code, old.person_id, old.booked_by, old.mandate_id,
       slot.day, old.answers, 'moved ' || old.id, :now, :now, :actor, old.id
from unnest(:olds::uuid[], :news::uuid[], :slots::uuid[], :channels::text[], :numbers::integer[], :codes::text[])
    as pair (old_id, new_id, slot_id, channel, number, code)
join booking as old on old.id = pair.old_id
join slot on slot.id = pair.slot_id
returning id;

-- name: end_bookings(ids, status, reason, actor, now)
-- Give standing bookings their last status (no actor: time did it); the places are counted by the caller.
update booking
set status = :status, reason = :reason, changed_at = :now, changed_by = coalesce(:actor, changed_by)
where id = any(:ids::uuid[]) and status = 'booked'
returning id;

-- name: count_places(slots, channels, places, issued)
-- Raise what is taken of pools by so many places (negative: lower it), and the newest number given.
update slot_pool
set taken = taken + change.places, issued = greatest(slot_pool.issued, change.issued)
from unnest(:slots::uuid[], :channels::text[], :places::integer[], :issued::integer[])
    as change (slot_id, channel, places, issued)
where slot_pool.slot_id = change.slot_id and slot_pool.channel = change.channel
returning slot_pool.slot_id;

-- name: add_offers(ids, slots, channels, bookings, expires, now)
-- Keep a place for each of the bookings until it is answered.
insert into place_offer (id, slot_id, channel, places, booking_id, created_at, expires_at)
select id, slot_id, channel, 1, booking_id, :now, expires_at
from unnest(:ids::uuid[], :slots::uuid[], :channels::text[], :bookings::uuid[], :expires::timestamptz[])
    as row (id, slot_id, channel, booking_id, expires_at)
returning id;

-- name: end_offers(ids, status, now)
-- End offers that were live.
update place_offer set status = :status, ended_at = :now
where id = any(:ids::uuid[]) and status = 'live'
returning id;

-- name: lock_pools(whole, slots, channels)
-- Take all pools of some slots and single ones of others, in the order of everybody who does.
select slot_id, channel, open
from slot_pool
where slot_id = any(:whole::uuid[])
   or (slot_id, channel) in (select * from unnest(:slots::uuid[], :channels::text[]))
order by slot_id, channel
for no key update;

-- name: issued(slots)
-- The newest number given in each pool of slots; their pools are locked.
select slot_id, channel, issued from slot_pool where slot_id = any(:slots::uuid[]);

-- name: shut_days(service_id, resource, days)
-- Those of the days on which a closure holds a service, or its doctor or counter, shut.
select day from unnest(:days::date[]) as given (day) where closure_on(:service_id, :resource, given.day) is not null;

-- name: slots_at(service_id, resource, starts)
-- Slots of one doctor or counter of a service by their start.
select id, starts_at from slot
where service_id = :service_id and resource = :resource and starts_at = any(:starts::timestamptz[]);

-- name: drop_kept(slots, channels, places)
-- Take so many places out of pools that are kept back there, as far as there are any; say how many.
with dropped as (
    delete from place_kept_back
    where id in (
        select one.id
        from unnest(:slots::uuid[], :channels::text[], :places::integer[]) as pool (slot_id, channel, places)
        cross join lateral (
            select kept.id from place_kept_back as kept
            where kept.slot_id = pool.slot_id and kept.channel = pool.channel
            order by kept.free_at desc, kept.id
            limit pool.places
        ) as one)
    returning slot_id, channel
)
update slot_pool
set taken = taken - gone.places
from (select slot_id, channel, count(*) as places from dropped group by 1, 2) as gone
where slot_pool.slot_id = gone.slot_id and slot_pool.channel = gone.channel
returning slot_pool.slot_id, gone.places;
