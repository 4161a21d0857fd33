-- name: slots_behind(after, most)^
-- The last of the next slots by id, and how many pools they have; null behind the last one.
select (array_agg(id order by id desc))[1] as last, coalesce(sum(pools), 0)::integer as pools
from (
    select id, (select count(*) from slot_pool where slot_pool.slot_id = slot.id) as pools
    from slot
    where id > :after
    order by id
    limit :most
) as following;

-- name: pools(after, last)
-- Counters of the pools of a range of slots that differ from the rows that they count, all of one moment.
select drift.kind, counted.slot_id as subject_id, counted.channel, drift.stored, drift.counted
from (
    select slot_pool.*, (slot.state = 'open') as slot_open,
           booked.standing, booked.newest, booked.on_other_days, offered.places as offered, kept.places as kept_back
    from slot
    join slot_pool on slot_pool.slot_id = slot.id
    cross join lateral (
        select count(*) filter (where status not in ('cancelled', 'moved')) as standing,
               coalesce(max(number), 0) as newest,
               count(*) filter (where booking.day <> slot.day) as on_other_days
        from booking
        where booking.slot_id = slot_pool.slot_id and booking.channel = slot_pool.channel
    ) as booked
    cross join lateral (
        select coalesce(sum(places), 0) as places
        from place_offer
        where place_offer.slot_id = slot_pool.slot_id and place_offer.channel = slot_pool.channel and status = 'live'
    ) as offered
    cross join lateral (
        select count(*) as places
        from place_kept_back
        where place_kept_back.slot_id = slot_pool.slot_id and place_kept_back.channel = slot_pool.channel
    ) as kept
    where slot.id > :after and slot.id <= :last
) as counted
cross join lateral (values
    ('pool_taken', counted.taken, counted.standing + counted.offered + counted.kept_back),
    ('pool_issued', counted.issued, greatest(counted.issued, counted.newest)),
    ('pool_open', counted.open::integer, counted.slot_open::integer),
    ('booking_day', 0, counted.on_other_days)
) as drift (kind, stored, counted)
where drift.stored <> drift.counted
order by counted.slot_id, counted.channel;

-- name: services_behind(after, most)$
-- The last of the next services by id; null behind the last one.
select id
from (select id from service where id > :after order by id limit :most) as following
order by id desc
limit 1;

-- name: queues(after, last)
-- Counters of the queues of a range of services that differ from their rows, all of one moment.
select 'waitlist_place' as kind, service_id as subject_id, null as channel, last_place as stored, newest as counted
from waitlist
cross join lateral (
    select coalesce(max(place), 0) as newest
    from waitlist_entry
    where waitlist_entry.service_id = waitlist.service_id
) as given
where service_id > :after and service_id <= :last and newest > last_place
union all
select 'clinic_number', service_id, null, last_number, newest
from clinic_day
cross join lateral (
    select coalesce(max(number), 0) as newest
    from queue_ticket
    where queue_ticket.service_id = clinic_day.service_id and queue_ticket.resource = clinic_day.resource
      and queue_ticket.day = clinic_day.day
) as given
where service_id > :after and service_id <= :last and newest > last_number
order by subject_id;

-- name: entries()
-- Live entries of waitlists that have not the offer or the members that they should, all of one moment.
select 'entry_offer' as kind, coalesce(entry.id, offer.entry_id) as subject_id, null as channel,
       (entry.id is not null)::integer as stored, (offer.entry_id is not null)::integer as counted
from (select id from waitlist_entry where status in ('waiting', 'offered') and status = 'offered') as entry
full join (select entry_id from place_offer where status = 'live' and entry_id is not null) as offer
    on offer.entry_id = entry.id
where (entry.id is null) <> (offer.entry_id is null)
union all
select 'entry_party', waitlist_entry.id, null, party, members
from waitlist_entry
cross join lateral (select count(*) as members from waitlist_member where entry_id = waitlist_entry.id) as counted
where status in ('waiting', 'offered') and party <> members
order by subject_id;

-- name: record(id, started_at, finished_at, pools, drifts, examples)
-- Write down a comparison.
insert into reconciliation (id, started_at, finished_at, pools, drifts, examples)
values (:id, :started_at, :finished_at, :pools, :drifts, :examples)
returning id;

-- name: last()^
-- The newest comparison.
select id, started_at, finished_at, pools, drifts, examples from reconciliation order by id desc limit 1;
