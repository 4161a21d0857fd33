-- name: show(id)^
-- One slot as its staff see it.
select slot.id, slot.service_id, slot.policy_id, slot.day, slot.starts_at, slot.ends_at, slot.release_at,
       slot.order_until, slot.cancel_until, slot.resource, slot.state, slot.closed_reason, slot.version,
       (select jsonb_object_agg(each.channel, jsonb_build_object('capacity', coalesce(capacity, 0),
                                                                 'taken', coalesce(taken, 0)))
        from unnest(array['public', 'assisted', 'counter']) as each (channel)
        left join slot_pool on slot_id = slot.id and slot_pool.channel = each.channel) as pools
from slot
where slot.id = :id;

-- name: list_of_service(service_id, begins, ends, after, limit)
-- Slots of a service in a span of time, in order.
select slot.id, slot.service_id, slot.policy_id, slot.day, slot.starts_at, slot.ends_at, slot.release_at,
       slot.order_until, slot.cancel_until, slot.resource, slot.state, slot.closed_reason, slot.version,
       (select jsonb_object_agg(each.channel, jsonb_build_object('capacity', coalesce(capacity, 0),
                                                                 'taken', coalesce(taken, 0)))
        from unnest(array['public', 'assisted', 'counter']) as each (channel)
        left join slot_pool on slot_id = slot.id and slot_pool.channel = each.channel) as pools
from slot
where slot.service_id = :service_id and slot.starts_at >= :begins and slot.starts_at < :ends
  and (:after::uuid is null
       or (slot.starts_at, slot.resource) > (select starts_at, resource from slot where id = :after))
order by slot.starts_at, slot.resource
limit :limit;

-- name: insert(service_id, resource, ids, starts, ends, days, policies, releases, order_stops, cancels, fall_backs, channels, capacities)$
-- Make slots with their pools, with the times that each day's policy gives; count those made, keep those that exist.
-- On a day that a closure holds shut they are made closed.
with given as (
    select * from unnest(:ids::uuid[], :starts::timestamptz[], :ends::timestamptz[]) as row (id, starts_at, ends_at)
), ruled as (
    select * from unnest(:days::date[], :policies::uuid[], :releases::timestamptz[], :order_stops::timestamptz[],
                         :cancels::timestamptz[], :fall_backs::timestamptz[])
        as row (day, policy_id, release_at, order_until, cancel_until, fall_back_at)
), shut as materialized (
    select ruled.day, closure.id, closure.reason
    from ruled join closure on closure.id = closure_on(:service_id, :resource, ruled.day)
), made as (
    insert into slot (id, service_id, policy_id, day, starts_at, ends_at, release_at, order_until, cancel_until,
                      fall_back_at, resource, state, closed_reason, closure_id)
    select given.id, :service_id, ruled.policy_id, ruled.day, given.starts_at, given.ends_at,
           least(given.starts_at, ruled.release_at), least(given.starts_at, ruled.order_until),
           least(given.starts_at, ruled.cancel_until),
           case when ruled.fall_back_at is not null then least(given.starts_at, ruled.fall_back_at) end, :resource,
           case when shut.id is null then 'open' else 'closed' end, shut.reason, shut.id
    from given
    join ruled on ruled.day = (given.starts_at at time zone 'Asia/Shanghai')::date
    left join shut on shut.day = ruled.day
    order by given.starts_at
    on conflict (service_id, starts_at, resource) do nothing
    returning id, state
), pools as (
    insert into slot_pool (slot_id, channel, capacity, open)
    select made.id, pool.channel, pool.capacity, made.state = 'open'
    from made cross join unnest(:channels::text[], :capacities::integer[]) as pool (channel, capacity)
)
select count(*) from made;

-- name: lock_pools(id)
-- Take a slot's pools, in the order of everybody who does.
select channel, capacity, taken, issued
from slot_pool
where slot_id = :id
order by channel
for no key update;

-- name: lock_pools_of_span(service_id, begins, ends)
-- Take all pools of a service's slots that start in a span of time, in the order of everybody who does.
select slot_pool.slot_id
from slot_pool join slot on slot.id = slot_pool.slot_id
where slot.service_id = :service_id and slot.starts_at >= :begins and slot.starts_at < :ends
order by slot_pool.slot_id, slot_pool.channel
for no key update of slot_pool;

-- name: touch(id, version)^
-- Take a slot that is still as the caller saw it; a new version, the rest as it was.
update slot set version = version + 1
where id = :id and version = :version
returning id, service_id, day, starts_at, ends_at, state;

-- name: move(id, policy_id, day, starts_at, ends_at, release_at, order_until, cancel_until, fall_back_at)
-- Give a slot other times; it is as made by hand from now on.
update slot
set policy_id = :policy_id, day = :day, starts_at = :starts_at, ends_at = :ends_at,
    release_at = least(:starts_at, :release_at::timestamptz),
    order_until = least(:starts_at, :order_until::timestamptz),
    cancel_until = least(:starts_at, :cancel_until::timestamptz),
    fall_back_at = case when :fall_back_at::timestamptz is not null
                        then least(:starts_at, :fall_back_at::timestamptz) end,
    schedule_id = null
where id = :id
returning id;

-- name: renew_pools(id)
-- Put new pools in the place of a slot's, so that a booking which waits for the old ones finds none. What had fallen
-- back is where it was planned again: the slot's new time has its own time for that.
with gone as (
    delete from slot_pool where slot_id = :id returning slot_id, channel, capacity, open, fallen_back
)
insert into slot_pool (slot_id, channel, capacity, open)
select slot_id, channel,
       case when channel = 'public' then capacity - (select sum(fallen_back) from gone) else capacity + fallen_back end,
       open
from gone
returning channel;

-- name: set_capacity(id, channels, capacities)
-- Set how many places a slot has for each channel.
insert into slot_pool (slot_id, channel, capacity, open)
select slot.id, pool.channel, pool.capacity, slot.state = 'open'
from slot cross join unnest(:channels::text[], :capacities::integer[]) as pool (channel, capacity)
where slot.id = :id
on conflict (slot_id, channel) do update set capacity = excluded.capacity
returning channel;

-- name: close(ids, reason, now)
-- Close those of the slots that are open and not over; their pools say so too.
with closed as (
    update slot set state = 'closed', closed_reason = :reason, version = version + 1
    where id = any(:ids::uuid[]) and state = 'open' and ends_at > :now
    returning id
), shut as (
    update slot_pool set open = false where slot_id in (select id from closed)
)
select id from closed;

-- name: reopen(ids, now)
-- Open those of the slots that are closed and not over; their pools say so too.
-- One that its schedule had withdrawn is as made by hand from now on.
with reopened as (
    update slot set state = 'open', closed_reason = null, closure_id = null, version = version + 1, withdrawn = false,
                    schedule_id = case when not withdrawn then schedule_id end
    where id = any(:ids::uuid[]) and state = 'closed' and ends_at > :now
    returning id
), unshut as (
    update slot_pool set open = true where slot_id in (select id from reopened)
)
select id from reopened;

-- name: standing_bookings(ids, most)
-- Bookings that stand on slots, at most so many of them, with how many there are.
select booking.id, count(*) over () as bookings
from booking
where slot_id = any(:ids::uuid[]) and status in ('booked', 'checked_in')
order by id
limit :most;
