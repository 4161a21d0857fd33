-- name: lock_serving(account_id)^
-- Take the approved volunteer that an account is: the hours of one are written by one transaction at a time.
select id, team_id from volunteer where account_id = :account_id and status = 'approved' for no key update;

-- name: lock_volunteers(ids)!
-- Take volunteers in id order, whatever their status.
select from volunteer where id = any(:ids::uuid[]) order by id for no key update;

-- name: lock_task(id, volunteer_id)^
-- Take a help request that a volunteer has, or had to its end.
select id, person_id, team_id, state, volunteer_id, starts_at, ends_at, start_code, end_code, code_attempts_left,
       created_at
from help_request
where id = :id and volunteer_id = :volunteer_id
for no key update;

-- name: who_has(id, team_id)$
-- Who has, or had to its end, a help request that a team answers for.
select volunteer_id from help_request where id = :id and team_id = :team_id;

-- name: rules(request_id)^
-- How near is there, where that is, and how much work a volunteer may claim on a day.
select provider.latitude, provider.longitude, help_policy.position_metres, help_policy.limit_minutes_day
from help_request
left join booking on booking.id = help_request.booking_id
left join slot on slot.id = booking.slot_id
left join service on service.id = coalesce(slot.service_id, help_request.service_id)
left join provider on provider.id = service.provider_id
join help_policy on help_policy.id = ruling_help_policy(help_request.area_id)
where help_request.id = :request_id;

-- name: spend_attempt(id)$
-- Count a wrong code; how many tries are left.
update help_request set code_attempts_left = code_attempts_left - 1 where id = :id returning code_attempts_left;

-- name: replay(request_id)!
-- Write that a confirmation came again, so that its answer waits for a standby like the first one did.
update help_hours set started_way = started_way where request_id = :request_id;

-- name: start(request_id, volunteer_id, now, way)!
-- Begin to count hours.
insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way)
select :request_id, volunteer.id, volunteer.team_id, :now, :way from volunteer where volunteer.id = :volunteer_id;

-- name: worked_on(volunteer_id, begins, ends, but)$
-- The minutes of a volunteer's work that was begun on a day, without those of one request.
select coalesce(sum(minutes), 0)::integer from help_hours
where volunteer_id = :volunteer_id and started_at >= :begins and started_at < :ends and request_id <> :but;

-- name: finish(request_id, ended_at, way, travel_minutes, minutes)!
-- End the counting of hours.
update help_hours
set ended_at = :ended_at, ended_way = :way, travel_minutes = :travel_minutes, minutes = :minutes
where request_id = :request_id and ended_at is null;

-- name: enter(request_id, volunteer_id, started_at, ended_at, way, travel_minutes, minutes)!
-- Write hours of which neither start nor end was confirmed.
insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way, ended_at, ended_way,
                        travel_minutes, minutes)
select :request_id, volunteer.id, volunteer.team_id, :started_at, :way, :ended_at, :way, :travel_minutes, :minutes
from volunteer where volunteer.id = :volunteer_id;

-- name: close_task(request_id, ended_at)!
-- Let the work that was held for a locked request be done, so that the volunteer is free from then on, and its codes
-- be good no more.
with done as (
    update help_work
    set state = 'done', ends_at = case when :ended_at > starts_at then least(ends_at, :ended_at) else ends_at end
    where request_id = :request_id and state = 'held'
)
update help_request set start_code = null, end_code = null where id = :request_id;

-- name: hours(request_id)^
-- The hours of one help request.
select help_hours.request_id, help_request.state, help_hours.started_at, help_hours.started_way, help_hours.ended_at,
       help_hours.ended_way, help_hours.travel_minutes, help_hours.minutes
from help_hours join help_request on help_request.id = help_hours.request_id
where help_hours.request_id = :request_id;

-- name: close_alarm(request_id, account_id, now)!
-- Close the alarm of a help request that nobody had confirmed.
update help_alarm
set closed_at = :now, closed_by = :account_id, outcome = '已办完'
where request_id = :request_id and kind = 'unconfirmed' and closed_at is null;
