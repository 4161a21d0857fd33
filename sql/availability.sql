-- name: slots(service_id, begins, ends, now)
-- A service's slots in a span of time as a resident sees them; one row without a slot where it has none.
select slot.id, slot.starts_at, slot.ends_at, slot.release_at, slot.order_until, slot.resource, slot.closed_reason,
       slot_shown(slot.state, slot.release_at, slot.order_until, pool.free_public, :now) as state,
       pool.free_public, pool.free_assisted
from service
join provider on provider.id = service.provider_id
left join slot on slot.service_id = service.id and slot.starts_at >= :begins and slot.starts_at < :ends
left join lateral (
    select coalesce(sum(capacity - taken) filter (where channel = 'public'), 0)::integer as free_public,
           coalesce(sum(capacity - taken) filter (where channel = 'assisted'), 0)::integer as free_assisted
    from slot_pool where slot_id = slot.id
) as pool on slot.id is not null
where service.id = :service_id and service.state = 'active' and provider.state = 'active'
order by slot.starts_at, slot.resource;

-- name: days(service_id, first, last, begins, ends, now)
-- What each day of a range offers at a service; nothing for a service that residents do not see.
with shown as (
    select slot.day, slot.release_at, pool.free_public, pool.free_assisted,
           slot_shown(slot.state, slot.release_at, slot.order_until, pool.free_public, :now) as state
    from slot
    cross join lateral (
        select coalesce(sum(capacity - taken) filter (where channel = 'public'), 0)::integer as free_public,
               coalesce(sum(capacity - taken) filter (where channel = 'assisted'), 0)::integer as free_assisted
        from slot_pool where slot_id = slot.id
    ) as pool
    where slot.service_id = :service_id and slot.starts_at >= :begins and slot.starts_at < :ends
), counted as (
    select day, count(*) filter (where state = 'open') as open_slots,
           coalesce(sum(free_public) filter (where state <> 'closed'), 0) as free_public,
           coalesce(sum(free_assisted) filter (where state <> 'closed'), 0) as free_assisted,
           min(release_at) filter (where state = 'not_released') as release_at,
           case when bool_or(state = 'open') then 'open'
                when bool_or(state = 'not_released') then 'not_released'
                when bool_or(state = 'full') then 'full'
                else 'closed' end as state
    from shown
    group by day
)
select calendar.day::date as day, coalesce(open_slots, 0) as open_slots, coalesce(free_public, 0) as free_public,
       coalesce(free_assisted, 0) as free_assisted, release_at, coalesce(counted.state, 'none') as state
from service
join provider on provider.id = service.provider_id
cross join generate_series(:first::date::timestamp, :last::date::timestamp, interval '1 day') as calendar (day)
left join counted on counted.day = calendar.day::date
where service.id = :service_id and service.state = 'active' and provider.state = 'active'
order by calendar.day;
