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

-- name: show(id)^
-- One schedule with its sessions and live exceptions.
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
where id = :id;

-- name: list_of_service(service_id, state, after, limit)
-- Schedules of a service with their sessions and live exceptions.
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
where service_id = :service_id and (:state::text is null or state = :state) and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: overlapping(service_id, resource, valid_from, valid_to, id)
-- Other schedules of one doctor or counter of a service that hold on some of the same days.
select id, valid_from, valid_to from schedule
where service_id = :service_id and resource = :resource and state = 'active' and id <> :id
  and daterange(valid_from, valid_to, '[]') && daterange(:valid_from, :valid_to, '[]')
order by valid_from;

-- name: create(id, service_id, resource, valid_from, valid_to, on_holidays, created_by, now)
-- Make a schedule.
insert into schedule (id, service_id, resource, valid_from, valid_to, on_holidays, created_by, created_at)
values (:id, :service_id, :resource, :valid_from, :valid_to, :on_holidays, :created_by, :now)
returning id;

-- name: change(id, valid_from, valid_to, on_holidays)
-- Change when a schedule that the caller has locked holds.
update schedule
set valid_from = :valid_from, valid_to = :valid_to, on_holidays = :on_holidays, version = version + 1
where id = :id
returning id;

-- name: end(id)
-- Let a schedule that the caller has locked hold no longer.
update schedule set state = 'ended', version = version + 1 where id = :id
returning id;

-- name: clear_sessions(id)
-- Forget the sessions of a schedule, which are written anew.
delete from schedule_session where schedule_id = :id returning weekday;

-- name: write_sessions(id, weekdays, starts, ends, minutes, capacities, assisteds, counters)
-- Write the sessions of a schedule.
insert into schedule_session (schedule_id, weekday, starts, ends, slot_minutes, capacity, assisted, counter)
select :id, * from unnest(:weekdays::integer[], :starts::time[], :ends::time[], :minutes::integer[],
                          :capacities::integer[], :assisteds::integer[], :counters::integer[])
returning weekday;

-- name: show_exception(id)^
-- One exception with its sessions.
select exception.*,
       coalesce((select jsonb_agg(to_jsonb(session) order by session.starts)
                 from schedule_exception_session as session
                 where session.exception_id = exception.id), '[]') as sessions
from schedule_exception as exception
where id = :id;

-- name: add_exception(id, schedule_id, kind, first_day, last_day, reason, created_by, now)
-- Make an exception of a schedule.
insert into schedule_exception (id, schedule_id, kind, first_day, last_day, reason, created_by, created_at)
values (:id, :schedule_id, :kind, :first_day, :last_day, :reason, :created_by, :now)
returning id;

-- name: write_exception_sessions(id, starts, ends, minutes, capacities, assisteds, counters)
-- Write the sessions of an exception.
insert into schedule_exception_session (exception_id, starts, ends, slot_minutes, capacity, assisted, counter)
select :id, * from unnest(:starts::time[], :ends::time[], :minutes::integer[], :capacities::integer[],
                          :assisteds::integer[], :counters::integer[])
returning starts;

-- name: withdraw_exception(id, now)
-- Take an exception back.
update schedule_exception set withdrawn_at = :now where id = :id and withdrawn_at is null
returning id;

-- name: generated_to(service_id, resource)$
-- The last day on which any schedule of one doctor or counter of a service has its slots.
select max(generated_to) from schedule where service_id = :service_id and resource = :resource;

-- name: last_day_by_hand(service_id, resource)$
-- The last day on which one doctor or counter of a service has a slot made by hand.
select max(day) from slot where service_id = :service_id and resource = :resource and schedule_id is null;

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

-- name: lock_pools(ids)
-- Take the pools of slots, in the order of everybody who does.
select slot_id, channel, capacity, taken, fallen_back
from slot_pool
where slot_id = any(:ids::uuid[])
order by slot_id, channel
for no key update;

-- name: orphaned(ids)^
-- Bookings and live offers that stand on slots, counted, with the slots that have any.
select coalesce(sum(bookings), 0)::integer as bookings, coalesce(sum(offers), 0)::integer as offers,
       coalesce(array_agg(id order by id) filter (where bookings + offers > 0), '{}') as slot_ids
from (
    select given.id,
           (select count(*) from booking where slot_id = given.id and status in ('booked', 'checked_in')) as bookings,
           (select count(*) from place_offer where slot_id = given.id and status = 'live') as offers
    from unnest(:ids::uuid[]) as given (id)
) as counted;

-- name: withdraw(ids, reason)
-- Close slots that their schedule has no more; one that staff have closed becomes as made by hand, and stays so.
with withdrawn as (
    update slot
    set state = 'closed',
        closed_reason = coalesce(closed_reason, :reason),
        withdrawn = state = 'open' or closure_id is not null,
        schedule_id = case when state = 'open' or closure_id is not null then schedule_id end,
        version = version + 1
    where id = any(:ids::uuid[])
    returning id
), shut as (
    update slot_pool set open = false where slot_id in (select id from withdrawn)
)
select id from withdrawn;

-- name: replan(ids, schedules, ends, reopened)
-- Give slots the end and the schedule that are planned; open those that a schedule had withdrawn, but for closures.
with given as (
    select * from unnest(:ids::uuid[], :schedules::uuid[], :ends::timestamptz[], :reopened::boolean[])
        as row (id, schedule_id, ends_at, reopened)
), state as (
    select slot.id, closure.id as closure_id, closure.reason
    from given join slot on slot.id = given.id
    left join closure on closure.id = closure_on(slot.service_id, slot.resource, slot.day)
    where given.reopened
), replanned as (
    update slot
    set schedule_id = given.schedule_id, ends_at = given.ends_at, version = slot.version + 1,
        withdrawn = slot.withdrawn and not given.reopened,
        state = case when not given.reopened then slot.state when state.closure_id is null then 'open'
                     else 'closed' end,
        closed_reason = case when given.reopened then state.reason else slot.closed_reason end,
        closure_id = case when given.reopened then state.closure_id else slot.closure_id end
    from given left join state on state.id = given.id
    where slot.id = given.id
    returning slot.id, slot.state, given.reopened
), unshut as (
    update slot_pool set open = true
    where slot_id in (select id from replanned where reopened and state = 'open')
)
select id from replanned;

-- name: set_pools(slots, channels, capacities, fallen_back)
-- Set how many places pools have; one that is not there yet is as open as its slot.
insert into slot_pool (slot_id, channel, capacity, fallen_back, open)
select given.slot_id, given.channel, given.capacity, given.fallen_back, slot.state = 'open'
from unnest(:slots::uuid[], :channels::text[], :capacities::integer[], :fallen_back::integer[])
    as given (slot_id, channel, capacity, fallen_back)
join slot on slot.id = given.slot_id
order by given.slot_id, given.channel
on conflict (slot_id, channel) do update set capacity = excluded.capacity, fallen_back = excluded.fallen_back
returning slot_id;

-- name: insert_slots(service_id, resource, schedules, ids, starts, ends, publics, assisteds, counters, days, policies, releases, order_stops, cancels, fall_backs)
-- Make a schedule's slots with their pools and the times of each day's policy; return them. What is there stays.
with given as (
    select * from unnest(:ids::uuid[], :schedules::uuid[], :starts::timestamptz[], :ends::timestamptz[],
                         :publics::integer[], :assisteds::integer[], :counters::integer[])
        as row (id, schedule_id, starts_at, ends_at, public, assisted, counter)
), ruled as materialized (
    select row.*, closure.id as closure_id, closure.reason
    from unnest(:days::date[], :policies::uuid[], :releases::timestamptz[], :order_stops::timestamptz[],
                :cancels::timestamptz[], :fall_backs::timestamptz[])
        as row (day, policy_id, release_at, order_until, cancel_until, fall_back_at)
    left join closure on closure.id = closure_on(:service_id, :resource, row.day)
), made as (
    insert into slot (id, service_id, policy_id, day, starts_at, ends_at, release_at, order_until, cancel_until,
                      fall_back_at, resource, schedule_id, state, closed_reason, closure_id)
    select given.id, :service_id, ruled.policy_id, ruled.day, given.starts_at, given.ends_at,
           least(given.starts_at, ruled.release_at), least(given.starts_at, ruled.order_until),
           least(given.starts_at, ruled.cancel_until),
           case when ruled.fall_back_at is not null then least(given.starts_at, ruled.fall_back_at) end,
           :resource, given.schedule_id,
           case when ruled.closure_id is null then 'open' else 'closed' end, ruled.reason, ruled.closure_id
    from given join ruled on ruled.day = (given.starts_at at time zone 'Asia/Shanghai')::date
    order by given.starts_at
    on conflict (service_id, starts_at, resource) do nothing
    returning id, state, release_at
), pools as (
    insert into slot_pool (slot_id, channel, capacity, open)
    select made.id, pool.channel, pool.capacity, made.state = 'open'
    from made join given using (id)
    cross join lateral (
        values ('public', given.public), ('assisted', given.assisted), ('counter', given.counter)
    ) as pool (channel, capacity)
    where pool.capacity > 0 or pool.channel = 'public'
)
select id, release_at from made;

-- name: pools_of(ids)
-- The pools of slots.
select slot_id, channel, capacity from slot_pool where slot_id = any(:ids::uuid[]);

-- name: due(today)
-- Schedules whose slots end before the day that some policy's window reaches tomorrow, with that day.
select schedule.id, least(schedule.valid_to, reach.day) as reach
from schedule
join service on service.id = schedule.service_id
cross join lateral (
    select max(least(span.until, :today::date + span.window_days + 1)) as day
    from (
        select point.day, lead(point.day) over (order by point.day) - 1 as until, policy.window_days
        from (
            select :today::date as day
            union
            select effective_from from policy
            where effective_from > :today and effective_from <= :today::date + 367
              and (policy.service_id = service.id or policy.provider_id = service.provider_id
                   or num_nonnulls(policy.provider_id, policy.service_id) = 0)
        ) as point
        join policy on policy.id = ruling_policy(service.id, point.day)
    ) as span
    where span.day <= :today::date + span.window_days + 1
) as reach
where schedule.state = 'active' and schedule.valid_from <= reach.day
  and (schedule.generated_to is null or schedule.generated_to < least(schedule.valid_to, reach.day))
  and coalesce(schedule.valid_to, :today) >= :today
order by schedule.id;

-- name: claim(id)^
-- Take a schedule to make slots of it, unless somebody is at it.
select id, service_id, resource, valid_from, generated_to
from schedule
where id = :id and state = 'active'
for no key update skip locked;

-- name: set_generated(id, day)!
-- Remember the last day whose slots a schedule has.
update schedule set generated_to = :day where id = :id;

-- name: scopes_on(day)
-- The doctors and counters of services whose schedules hold on a day and have their slots of it already.
select distinct service_id, resource from schedule
where state = 'active' and valid_from <= :day and (valid_to is null or valid_to >= :day) and generated_to >= :day
order by service_id, resource;

-- name: anybody_waits(service_id)$
-- Whether anybody waits in the queue of a service.
select exists (select from waitlist_entry where service_id = :service_id and status = 'waiting');
