-- name: late(now, most)
-- Help that was not completed for longer than its policy allows, and of which the leader has not been told.
select help_request.id, help_request.team_id, help_request.volunteer_id, help_request.state, help_request.ends_at
from help_request
join help_policy on help_policy.id = ruling_help_policy(help_request.area_id)
where help_request.state in ('booked', 'under_way')
  and help_request.ends_at <= :now
  and help_request.ends_at + help_policy.unconfirmed_hours * interval '1 hour' <= :now
  and not exists (
      select from help_alarm
      where help_alarm.request_id = help_request.id and help_alarm.kind = 'unconfirmed'
        and help_alarm.day = (help_request.ends_at at time zone 'Asia/Shanghai')::date)
order by help_request.ends_at
limit :most;

-- name: lock_forgotten(before, most)
-- Take help that was not completed and ended before a moment, in id order; what somebody else holds is for next time.
select * from help_request
where id in (
    select forgotten.id from help_request as forgotten
    where forgotten.state in ('booked', 'under_way') and forgotten.ends_at <= :before
    order by forgotten.ends_at
    limit :most)
  and state in ('booked', 'under_way') and ends_at <= :before
order by id
for no key update skip locked;

-- name: finish(request_id, way)!
-- End the counting of hours without any minute, at the planned end or where it was begun later.
update help_hours
set ended_at = greatest(help_hours.started_at, help_request.ends_at), ended_way = :way, minutes = 0
from help_request
where help_request.id = help_hours.request_id and help_hours.request_id = :request_id and help_hours.ended_at is null;
