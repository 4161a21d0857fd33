-- name: active_of(service_id, resource)
-- The schedules of one doctor or counter of a service that are not ended, with their sessions and exceptions.
select schedule.*,
       coalesce((select jsonb_agg(to_jsonb(session) order by session.weekday, session.starts)
                 from schedule_session as session where session.schedule_id = schedule.id), '[]') as sessions,
       coalesce((select jsonb_agg(to_jsonb(exception) || jsonb_build_object('sessions', coalesce(
                            (select jsonb_agg(to_jsonb(session) order by session.starts)
                             from schedule_exception_session as session
                             where session.exception_id = exception.id), '[]')) order by exception.id)
                 from schedule_exception as exception
                 where exception.schedule_id = schedule.id and exception.withdrawn_at is null), '[]') as exceptions
from schedule
where service_id = :service_id and resource = :resource and state = 'active'
order by valid_from;

-- name: standing(service_id, resource, begins, ends)
-- Slots of one doctor or counter of a service that touch a span of time, in order of their start, with what stands on them.
select slot.id, slot.schedule_id, slot.day, slot.starts_at, slot.ends_at, slot.state, slot.withdrawn, slot.closure_id,
       coalesce(pool.pools, '{}') as pools,
       case when pool.issued then
           (select count(*) from booking where slot_id = slot.id and status in ('booked', 'checked_in'))
       else 0 end as bookings,
       case when pool.taken then
           (select count(*) from place_offer where slot_id = slot.id and status = 'live')
       else 0 end as offers
from slot
cross join lateral (
    select bool_or(issued > 0) as issued, bool_or(taken > 0) as taken,
           jsonb_object_agg(channel, jsonb_build_object(
               'capacity', capacity, 'taken', taken, 'fallen_back', fallen_back)) as pools
    from slot_pool where slot_id = slot.id
) as pool
where slot.service_id = :service_id and slot.resource = :resource
  and slot.starts_at >= :begins::timestamptz - interval '1 day' and slot.starts_at < :ends and slot.ends_at > :begins
order by slot.starts_at;

-- name: lock(service_id, resource)
-- Take the schedules of one doctor or counter of a service, in the order of everybody who does.
select id from schedule
where service_id = :service_id and resource = :resource and state = 'active'
order by id
for no key update;
