-- name: hold_queues(services)
-- Let nobody join these queues, or be offered a place out of them, until the end of the transaction.
select service_id from waitlist where service_id = any(:services::uuid[]) order by service_id for share;

-- name: hold_queues_of_slots(slots)
-- The same for the services of slots, which never change.
select waitlist.service_id
from waitlist
where service_id in (select slot.service_id from slot where slot.id = any(:slots::uuid[]))
order by service_id
for share;

-- name: hold_queues_of_bookings(bookings)
-- The same for the services of bookings, which never change.
select waitlist.service_id
from waitlist
where service_id in (
    select slot.service_id from booking join slot on slot.id = booking.slot_id
    where booking.id = any(:bookings::uuid[]))
order by service_id
for share;

-- name: give_back(ids, slots, channels, causes, chances, now)!
-- Keep returned places back for a part of their policy's range, or free them where nothing is gained by waiting.
-- (`exists` would be allowed to read everybody who waits into a hash table.)
with place as (
    select returned.id, returned.slot_id, returned.channel, returned.cause,
           :now::timestamptz + make_interval(
               mins => policy.return_minutes_min,
               secs => returned.chance * 60 * (policy.return_minutes_max - policy.return_minutes_min)) as free_at,
           slot_pool.open and slot.release_at <= :now and :now < slot.order_until
               and (policy.return_minutes_max > 0 or (
                   select entry.id from waitlist_entry as entry
                   where entry.service_id = slot.service_id and entry.status = 'waiting'
                     and slot.day between entry.first_day and entry.last_day
                     and (returned.channel = 'public'
                          or returned.channel = 'assisted' and entry.mandate_id is not null)
                   order by entry.place
                   limit 1) is not null) as is_kept
    from unnest(:ids::uuid[], :slots::uuid[], :channels::text[], :causes::text[], :chances::float8[])
        as returned (id, slot_id, channel, cause, chance)
    join slot on slot.id = returned.slot_id
    join slot_pool on slot_pool.slot_id = returned.slot_id and slot_pool.channel = returned.channel
    join policy on policy.id = slot.policy_id
), kept as (
    insert into place_kept_back (id, slot_id, channel, cause, free_at, created_at)
    select id, slot_id, channel, cause, free_at, :now from place where is_kept
)
update slot_pool
set taken = taken - freed.places
from (select slot_id, channel, count(*) as places from place where not is_kept group by 1, 2) as freed
where slot_pool.slot_id = freed.slot_id and slot_pool.channel = freed.channel;

-- name: wanted(slots, channels, places, now)
-- Of places that were added to pools, those that somebody in the queue may want.
select added.slot_id, added.channel, least(added.places, waiting.people)::integer as places
from unnest(:slots::uuid[], :channels::text[], :places::integer[]) as added (slot_id, channel, places)
join slot on slot.id = added.slot_id
join slot_pool on slot_pool.slot_id = added.slot_id and slot_pool.channel = added.channel
cross join lateral (
    select sum(party) as people
    from waitlist_entry as entry
    where entry.service_id = slot.service_id and entry.status = 'waiting'
      and slot.day between entry.first_day and entry.last_day
      and (added.channel = 'public' or added.channel = 'assisted' and entry.mandate_id is not null)
) as waiting
where slot_pool.open and slot.release_at <= :now and :now < slot.order_until
  and waiting.people > 0 and added.places > 0;

-- name: keep(ids, slots, channels, causes, now)!
-- Keep free places back for who waits; what they do not take is free from now on.
with kept as (
    insert into place_kept_back (id, slot_id, channel, cause, free_at, created_at)
    select id, slot_id, channel, cause, :now, :now
    from unnest(:ids::uuid[], :slots::uuid[], :channels::text[], :causes::text[]) as place (id, slot_id, channel, cause)
    returning slot_id, channel
)
update slot_pool
set taken = taken + added.places
from (select slot_id, channel, count(*) as places from kept group by 1, 2) as added
where slot_pool.slot_id = added.slot_id and slot_pool.channel = added.channel;

-- name: free(slots)
-- The free places of slots by pool.
select slot_id, channel, capacity - taken as free
from slot_pool
where slot_id = any(:slots::uuid[]) and taken < capacity
order by slot_id, channel;
