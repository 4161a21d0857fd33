-- name: add(ids, kinds, teams, requests, volunteers, days, facts, now)
-- Raise alarms, but for those of one cause and day that were raised before; which are new.
insert into help_alarm (id, kind, team_id, request_id, volunteer_id, day, facts, raised_at)
select id, kind, team_id, request_id, volunteer_id, day, facts::jsonb, :now
from unnest(:ids::uuid[], :kinds::text[], :teams::uuid[], :requests::uuid[], :volunteers::uuid[], :days::date[],
            :facts::text[]) as row (id, kind, team_id, request_id, volunteer_id, day, facts)
on conflict on constraint help_alarm_once do nothing
returning id, kind, team_id, request_id, volunteer_id;

-- name: leaders(teams)
-- Who leads teams now, with the persons that they are.
select team_leader.team_id, volunteer.id as volunteer_id, own.person_id
from team_leader
join volunteer
    on volunteer.id = team_leader.volunteer_id and volunteer.team_id = team_leader.team_id
    and volunteer.status = 'approved'
join care as own on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
where team_leader.team_id = any(:teams::uuid[]) and team_leader.ended_at is null;
