-- name: lock_queues(services)
-- Take the queues of services: nobody else joins them, gives out of them or returns a place of theirs meanwhile.
select service_id, last_place
from waitlist
where service_id = any(:services::uuid[])
order by service_id
for no key update;

-- name: services(ids)
-- What joining needs to know of services that residents see.
select service.id, service.provider_id, service.kind, service.min_age, service.max_age, service.sex, service.assurance
from service
join provider on provider.id = service.provider_id
where service.id = any(:ids::uuid[]) and service.state = 'active' and provider.state = 'active';

-- name: join_requests(accounts, keys, services, firsts, lasts, parties, assisted, now)
-- For each wish to join in order: what its key made before, the rules, and a free slot that needs no waiting.
select n, made.id as made_id, policy.limit_waitlist, policy.window_days, free.slot_id, free.starts_at
from unnest(:accounts::uuid[], :keys::text[], :services::uuid[], :firsts::date[], :lasts::date[], :parties::integer[],
            :assisted::boolean[])
    with ordinality as wish (account_id, key, service_id, first_day, last_day, party, assisted, n)
left join waitlist_entry as made on made.booked_by = wish.account_id and made.idempotency_key = wish.key
left join policy on policy.id = ruling_policy(wish.service_id, wish.first_day)
left join lateral (
    select slot.id as slot_id, slot.starts_at
    from slot
    where slot.service_id = wish.service_id
      and slot.starts_at >= wish.first_day::timestamp at time zone 'Asia/Shanghai'
      and slot.starts_at < (wish.last_day + 1)::timestamp at time zone 'Asia/Shanghai'
      and slot.state = 'open' and slot.release_at <= :now and slot.order_until > :now
      and exists (
          select from slot_pool
          where slot_pool.slot_id = slot.id and capacity - taken >= wish.party
            and (channel = 'public' or channel = 'assisted' and wish.assisted))
    order by slot.starts_at, slot.resource
    limit 1
) as free on true
order by n;

-- name: join_people(accounts, people, services, firsts, lasts, now)
-- For each person of each wish in order: the care, a suspension, where the person waits, and a booking it would repeat.
select n,
       (
           select id from care
           where care.account_id = wish.account_id and care.person_id = wish.person_id and ended_at is null
       ) is not null as cares,
       suspended.id as suspension_id, suspended.ends_at as suspended_until, suspended.appeal_status,
       live.entries, live.here_id,
       (
           select booking.id from booking
           join slot on slot.id = booking.slot_id
           where booking.person_id = wish.person_id and slot.service_id = wish.service_id
             and booking.day between wish.first_day and wish.last_day
             and booking.status in ('booked', 'checked_in')
           limit 1
       ) as booking_id
from unnest(:accounts::uuid[], :people::uuid[], :services::uuid[], :firsts::date[], :lasts::date[])
    with ordinality as wish (account_id, person_id, service_id, first_day, last_day, n)
cross join lateral (
    select count(*) as entries,
           (array_agg(entry.id) filter (where entry.service_id = wish.service_id))[1] as here_id
    from waitlist_member as member
    join waitlist_entry as entry on entry.id = member.entry_id
    where member.person_id = wish.person_id and entry.status in ('waiting', 'offered')
) as live
left join lateral (
    select suspension.id, suspension.ends_at, appeal.status as appeal_status
    from suspension
    join service on service.id = wish.service_id and service.provider_id = suspension.provider_id
    left join appeal on appeal.suspension_id = suspension.id
    where suspension.person_id = wish.person_id and suspension.lifted_at is null
      and suspension.starts_at <= :now and suspension.ends_at > :now
    limit 1
) as suspended on true
order by n;

-- name: insert_entries(ids, services, places, firsts, lasts, parties, accounts, mandates, keys, now)
-- Write entries, and how far their queues have come; one whose key came in meanwhile is left out.
with inserted as (
    insert into waitlist_entry (id, service_id, place, first_day, last_day, party, booked_by, mandate_id,
                                idempotency_key, created_at)
    select id, service_id, place, first_day, last_day, party, account_id, mandate_id, key, :now
    from unnest(:ids::uuid[], :services::uuid[], :places::bigint[], :firsts::date[], :lasts::date[],
                :parties::integer[], :accounts::uuid[], :mandates::uuid[], :keys::text[])
        as row (id, service_id, place, first_day, last_day, party, account_id, mandate_id, key)
    on conflict on constraint waitlist_entry_idempotency_key do nothing
    returning id, service_id, place
), counted as (
    update waitlist set last_place = newest.place
    from (select service_id, max(place) as place from inserted group by 1) as newest
    where waitlist.service_id = newest.service_id
)
select id from inserted;

-- name: insert_members(entries, people)!
-- Write who waits in which entry.
insert into waitlist_member (entry_id, person_id) select * from unnest(:entries::uuid[], :people::uuid[]);

-- name: replay(ids)!
-- Mark repeats of a key: a write, so that the answer waits for the standby as the first one did.
with locked as (select id from waitlist_entry where id = any(:ids::uuid[]) order by id for no key update)
update waitlist_entry set seen = seen + 1 from locked where waitlist_entry.id = locked.id;

-- name: shown(ids)
-- Entries whole: who waits for what, how many people are before them, and the place that is offered.
with entry as (
    select * from waitlist_entry where id = any(:ids::uuid[])
), queued as (
    select id, sum(party) over (partition by service_id order by place) - party as people_before
    from waitlist_entry
    where status = 'waiting' and service_id in (select service_id from entry where status = 'waiting')
)
select entry.id, entry.service_id, entry.place, entry.first_day, entry.last_day, entry.party, entry.booked_by,
       entry.mandate_id, entry.status, entry.ended_because, entry.missed, entry.created_at, entry.ended_at,
       coalesce(queued.people_before, 0)::integer as people_before,
       service.name as service_name, service.department, service.provider_id, provider.name as provider_name,
       (select jsonb_agg(jsonb_build_object('person_id', person.id, 'person_name', person.name) order by person.id)
        from waitlist_member as member join person on person.id = member.person_id
        where member.entry_id = entry.id) as people,
       offer.id as offer_id, offer.channel, offer.expires_at, slot.id as slot_id, slot.starts_at, slot.ends_at,
       slot.resource
from entry
join service on service.id = entry.service_id
join provider on provider.id = service.provider_id
left join queued on queued.id = entry.id
left join place_offer as offer on offer.entry_id = entry.id and offer.status = 'live'
left join slot on slot.id = offer.slot_id;

-- name: of_account(account_id, live_only, before, now, most)
-- Entries that an account may see, newest first: of persons all in its care, and those under mandates that it holds.
-- (Each by its own id: else a plan may ask of everybody's entries whether they may be seen.)
with seen as materialized (
    select member.entry_id
    from care
    join waitlist_member as member on member.person_id = care.person_id
    where care.account_id = :account_id and care.ended_at is null
    union
    select entry.id
    from mandates_in_hand(:account_id, :now) as held
    join waitlist_entry as entry on entry.mandate_id = held.mandate_id
)
select entry.id
from seen
cross join lateral (
    select id, mandate_id, status from waitlist_entry where waitlist_entry.id = seen.entry_id offset 0
) as entry
where waitlist_visible(entry.id, entry.mandate_id, :account_id, :now)
  and (not :live_only::boolean or entry.status in ('waiting', 'offered'))
  and (:before::uuid is null or entry.id < :before)
order by entry.id desc
limit :most;

-- name: visible(account_id, entry_id, now)^
-- An entry that an account may see, with whether it acts for the persons by its own care.
select entry.id, entry.service_id, entry.status, entry.ended_because, entry.mandate_id,
       waitlist_cared(entry.id, :account_id) as cares,
       (select array_agg(person_id order by person_id) from waitlist_member where entry_id = entry.id) as people
from waitlist_entry as entry
where entry.id = :entry_id and waitlist_visible(entry.id, entry.mandate_id, :account_id, :now);

-- name: of_service(service_id, statuses, after, most)
-- Ids of a service's entries in the order of the queue.
select id
from waitlist_entry
where service_id = :service_id and status = any(:statuses::text[])
  and (:after::uuid is null or place > (select place from waitlist_entry where id = :after))
order by place
limit :most;

-- name: lock_entries(ids)
-- Take entries in id order, before anything of theirs is changed.
select entry.id, entry.service_id, entry.status, entry.ended_because, entry.mandate_id, entry.missed, entry.booked_by,
       (select array_agg(person_id order by person_id) from waitlist_member where entry_id = entry.id) as people
from waitlist_entry as entry
where entry.id = any(:ids::uuid[])
order by entry.id
for no key update;

-- name: lock_live_offers(entries)
-- Take the live offers of entries that are locked, in id order.
select id, entry_id, slot_id, channel, places, expires_at
from place_offer
where entry_id = any(:entries::uuid[]) and status = 'live'
order by id
for no key update;

-- name: last_offer(entry_id)^
-- The newest offer of an entry, whatever became of it.
select id, status, expires_at from place_offer where entry_id = :entry_id order by id desc limit 1;

-- name: offered_slot(offer_id)^
-- Where the places of an offer are.
select slot_id, channel from place_offer where id = :offer_id;

-- name: end_offers(ids, status, now)!
-- End live offers; what becomes of their places is written apart.
update place_offer set status = :status, ended_at = :now where id = any(:ids::uuid[]);

-- name: set_entries(ids, statuses, reasons, missed, now)!
-- Move entries to their new status.
update waitlist_entry as entry
set status = change.status, ended_because = change.reason, missed = change.missed,
    ended_at = case when change.status in ('accepted', 'ended') then :now::timestamptz end
from unnest(:ids::uuid[], :statuses::text[], :reasons::text[], :missed::integer[])
    as change (id, status, reason, missed)
where entry.id = change.id;

-- name: release(slot_id, channel, places)!
-- Let go the places of an offer that is being accepted: its bookings count themselves.
update slot_pool set taken = taken - :places where slot_id = :slot_id and channel = :channel;

-- name: accepted_bookings(entry_id, keys)
-- Bookings that the acceptance of an entry made.
select booking.id
from waitlist_member as member
join booking on booking.person_id = member.person_id and booking.idempotency_key = any(:keys::text[])
where member.entry_id = :entry_id
order by booking.id;

-- name: most_missed(service_id, today)$
-- After how many missed offers waiting for a service ends, by the policy that rules it today.
select policy.offers_missed from policy where policy.id = ruling_policy(:service_id, :today);

-- name: due(now)
-- Services where an offer is over, or a place is kept back that is for somebody or is free by now.
select slot.service_id
from place_offer as offer
join slot on slot.id = offer.slot_id
where offer.status = 'live' and offer.entry_id is not null
  and (offer.expires_at <= :now or slot.state = 'closed' or slot.order_until <= :now)
union
select slot.service_id
from place_kept_back as kept
join slot on slot.id = kept.slot_id
where kept.free_at <= :now
   or exists (select from waitlist_entry where waitlist_entry.service_id = slot.service_id and status = 'waiting')
order by 1;

-- name: offers_over(service_id, now)
-- Offers of a service that have run out, or whose slot cannot be booked any more.
select offer.entry_id, offer.expires_at <= :now as lapsed
from place_offer as offer
join slot on slot.id = offer.slot_id
where offer.status = 'live' and offer.entry_id is not null and slot.service_id = :service_id
  and (offer.expires_at <= :now or slot.state = 'closed' or slot.order_until <= :now);

-- name: kept_of_service(service_id)^
-- Places of a service that are kept back at this moment, with how far its queue has come.
select array_agg(kept.id) as kept, (select last_place from waitlist where service_id = :service_id) as last_place
from place_kept_back as kept
join slot on slot.id = kept.slot_id
where slot.service_id = :service_id;

-- name: candidates(service_id, kept, after, most, now)
-- The next entries of a queue, each with the pools of kept-back places that would do: its own kind first, then by time.
-- What an entry has let go once is not offered to it again.
with pool as materialized (
    select kept.slot_id, kept.channel, count(*) as places, slot.day, slot.starts_at, slot.resource
    from place_kept_back as kept
    join slot on slot.id = kept.slot_id
    where kept.id = any(:kept::uuid[])
      and slot.state = 'open' and slot.release_at <= :now and slot.order_until > :now
    group by kept.slot_id, kept.channel, slot.id
)
select entry.id, entry.place, entry.party, entry.booked_by, entry.mandate_id, fitting.slots, fitting.channels,
       fitting.days,
       (select array_agg(person_id order by person_id) from waitlist_member where entry_id = entry.id) as people
from waitlist_entry as entry
cross join lateral (
    select array_agg(pool.slot_id order by pool.day, pool.starts_at, pool.resource, pool.channel) as slots,
           array_agg(pool.channel order by pool.day, pool.starts_at, pool.resource, pool.channel) as channels,
           array_agg(pool.day order by pool.day, pool.starts_at, pool.resource, pool.channel) as days
    from pool
    where pool.day between entry.first_day and entry.last_day and pool.places >= entry.party
      and (pool.channel = 'public' or pool.channel = 'assisted' and entry.mandate_id is not null)
      and not exists (
          select from place_offer as missed
          where missed.entry_id = entry.id and missed.slot_id = pool.slot_id
            and missed.status in ('declined', 'lapsed'))
) as fitting
where entry.service_id = :service_id and entry.status = 'waiting' and entry.place > :after
  and fitting.slots is not null
order by entry.place
limit :most;

-- name: kept_in_pools(kept)
-- Those of some places that are still kept back; their queue is locked. With what decides until when they are offered.
select kept.id, kept.slot_id, kept.channel, slot.order_until, slot.starts_at, slot_pool.open,
       policy.offer_minutes, policy.offer_quiet_from, policy.offer_quiet_until
from place_kept_back as kept
join slot_pool on slot_pool.slot_id = kept.slot_id and slot_pool.channel = kept.channel
join slot on slot.id = kept.slot_id
join policy on policy.id = slot.policy_id
where kept.id = any(:kept::uuid[])
order by kept.free_at, kept.id;

-- name: insert_offers(ids, slots, channels, places, entries, ends, kept, now)!
-- Offer places to entries; they are kept back no longer, and counted as taken all the same.
with offered as (
    insert into place_offer (id, slot_id, channel, places, entry_id, created_at, expires_at)
    select id, slot_id, channel, places, entry_id, :now, expires_at
    from unnest(:ids::uuid[], :slots::uuid[], :channels::text[], :places::integer[], :entries::uuid[],
                :ends::timestamptz[])
        as row (id, slot_id, channel, places, entry_id, expires_at)
)
delete from place_kept_back where id = any(:kept::uuid[]);

-- name: free(kept, now)
-- Let places go to their pools whose time has come.
with freed as (
    delete from place_kept_back where id = any(:kept::uuid[]) and free_at <= :now returning slot_id, channel
), counted as (
    select slot_id, channel, count(*)::integer as places from freed group by 1, 2
)
update slot_pool set taken = taken - counted.places
from counted
where slot_pool.slot_id = counted.slot_id and slot_pool.channel = counted.channel
returning slot_pool.slot_id, slot_pool.channel, counted.places;

-- name: freeable(kept, now)
-- The pools of places whose time has come.
select distinct slot_id, channel from place_kept_back where id = any(:kept::uuid[]) and free_at <= :now;

-- name: joined_since(service_id, last_place)$
-- Whether somebody has joined a queue since it had come so far.
select last_place > :last_place from waitlist where service_id = :service_id;

-- name: live(service_id, now)
-- Everybody who waits or has an offer (at one service, or at all), with what makes waiting senseless; a row a person.
select entry.id, entry.service_id, entry.first_day, entry.last_day, person.birth_date, person.sex, person.assurance,
       service.min_age, service.max_age, service.sex as only_sex, service.assurance as least_assurance,
       case
           when service.state <> 'active' or provider.state <> 'active' then 'service_hidden'
           when entry.last_day < (:now::timestamptz at time zone 'Asia/Shanghai')::date or (
               exists (
                   select from slot
                   where slot.service_id = entry.service_id
                     and slot.starts_at >= entry.last_day::timestamp at time zone 'Asia/Shanghai'
                     and slot.starts_at < (entry.last_day + 1)::timestamp at time zone 'Asia/Shanghai')
               and not exists (
                   select from slot
                   where slot.service_id = entry.service_id and slot.starts_at > :now and slot.order_until > :now
                     and slot.starts_at >= entry.first_day::timestamp at time zone 'Asia/Shanghai'
                     and slot.starts_at < (entry.last_day + 1)::timestamp at time zone 'Asia/Shanghai'))
               then 'days_over'
           when entry.mandate_id is not null and not exists (
               select from mandates_in_hand(entry.booked_by, :now) as held
               join mandate on mandate.id = held.mandate_id
               where mandate.id = entry.mandate_id and service.kind = any(mandate.matters)
                 and (mandate.max_uses is null or mandate.max_uses > (
                     select count(*) from booking
                     where booking.mandate_id = mandate.id and booking.status <> 'moved'))) then 'mandate_over'
           when person.erased_at is not null or entry.mandate_id is null and not exists (
               select from care
               where care.account_id = entry.booked_by and care.person_id = person.id and care.ended_at is null)
               then 'care_over'
           when exists (
               select from suspension
               where suspension.person_id = person.id and suspension.provider_id = service.provider_id
                 and suspension.lifted_at is null and suspension.starts_at <= :now and suspension.ends_at > :now)
               then 'suspended'
           when exists (
               select from booking
               join slot on slot.id = booking.slot_id
               where booking.person_id = person.id and slot.service_id = entry.service_id
                 and booking.day between entry.first_day and entry.last_day
                 and booking.status in ('booked', 'checked_in', 'completed')) then 'booked_elsewhere'
       end as because
from waitlist_entry as entry
join waitlist_member as member on member.entry_id = entry.id
join person on person.id = member.person_id
join service on service.id = entry.service_id
join provider on provider.id = service.provider_id
where entry.status in ('waiting', 'offered') and (:service_id::uuid is null or entry.service_id = :service_id)
order by entry.service_id, entry.id;
