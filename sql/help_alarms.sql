-- name: add(ids, kinds, teams, requests, volunteers, days, facts, now)
-- Raise alarms, but for those of one cause and day that were raised before; which are new.
insert into help_alarm (id, kind, team_id, request_id, volunteer_id, day, facts, raised_at)
select id, kind, team_id, request_id, volunteer_id, day, facts::jsonb, :now
from unnest(:ids::uuid[], :kinds::text[], :teams::uuid[], :requests::uuid[], :volunteers::uuid[], :days::date[],
            :facts::text[]) as row (id, kind, team_id, request_id, volunteer_id, day, facts)
on conflict on constraint help_alarm_once do nothing
returning id, kind, team_id, request_id, volunteer_id;

-- name: of_team(team_id, account_id, closed, before, limit)
-- Alarms of a team, the newest first; of one that is about the caller the caller is not told.
select alarm.id, alarm.kind, alarm.request_id, help_request.matter, alarm.day, alarm.facts, alarm.raised_at,
    alarm.closed_at, alarm.outcome,
    case when volunteer.id is not null
         then jsonb_build_object('id', volunteer.id, 'name', coalesce(person.name, '')) end as volunteer
from help_alarm as alarm
left join help_request on help_request.id = alarm.request_id
left join volunteer on volunteer.id = alarm.volunteer_id
left join care as own on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person on person.id = own.person_id
where alarm.team_id = :team_id
  and (:closed::boolean is null or (alarm.closed_at is not null) = :closed)
  and (:before::uuid is null or alarm.id < :before)
  and volunteer.account_id is distinct from :account_id
order by alarm.id desc
limit :limit;

-- name: close(id, team_id, account_id, outcome, now)$
-- Close an alarm that is open and not about whoever closes it.
update help_alarm set closed_at = :now, closed_by = :account_id, outcome = :outcome
where id = :id and team_id = :team_id and closed_at is null
  and not exists (
      select from volunteer where volunteer.id = help_alarm.volunteer_id and volunteer.account_id = :account_id)
returning id;

-- name: is_seen(id, team_id, account_id)$
-- Whether there is such an alarm, and not about the caller.
select exists (
    select from help_alarm
    left join volunteer on volunteer.id = help_alarm.volunteer_id
    where help_alarm.id = :id and help_alarm.team_id = :team_id
      and volunteer.account_id is distinct from :account_id);
