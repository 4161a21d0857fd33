-- name: of_volunteer(account_id, begins, ends)
-- The work of a month of the volunteer that an account is or was, oldest first; nothing of whom it was for.
select help_hours.request_id, help_request.matter, area.name as area_name, help_hours.started_at,
       help_hours.started_way, help_hours.ended_at, help_hours.ended_way, help_hours.travel_minutes,
       help_hours.minutes, help_rating.stars, help_rating.thanks, corrections.all as corrections
from volunteer
join help_hours on help_hours.volunteer_id = volunteer.id
join help_request on help_request.id = help_hours.request_id
join area on area.id = help_request.area_id
left join help_rating on help_rating.request_id = help_hours.request_id
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
        'minutes_before', minutes_before, 'minutes_after', minutes_after, 'reason', reason) order by id), '[]') as all
    from help_hours_correction where request_id = help_hours.request_id
) as corrections
where volunteer.account_id = :account_id
  and help_hours.started_at >= :begins and help_hours.started_at < :ends and help_hours.minutes is not null
order by help_hours.started_at, help_hours.request_id;

-- name: of_member(team_id, volunteer_id, begins, ends)
-- The work of a month that one volunteer did in a team, oldest first.
select help_hours.request_id, help_request.matter, area.name as area_name, help_hours.started_at,
       help_hours.started_way, help_hours.ended_at, help_hours.ended_way, help_hours.travel_minutes,
       help_hours.minutes, corrections.all as corrections
from help_hours
join help_request on help_request.id = help_hours.request_id
join area on area.id = help_request.area_id
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
        'minutes_before', minutes_before, 'minutes_after', minutes_after, 'reason', reason) order by id), '[]') as all
    from help_hours_correction where request_id = help_hours.request_id
) as corrections
where help_hours.team_id = :team_id and help_hours.volunteer_id = :volunteer_id
  and help_hours.started_at >= :begins and help_hours.started_at < :ends and help_hours.minutes is not null
order by help_hours.started_at, help_hours.request_id;

-- name: of_team(team_id, begins, ends, after, limit)
-- What each volunteer of a team did in a month; whoever did nothing is not in it. Without a limit: all.
select sums.volunteer_id as id, sums.volunteer_id, helper.name, sums.tasks, sums.minutes
from (
    select help_hours.volunteer_id, count(*)::integer as tasks, sum(help_hours.minutes)::integer as minutes
    from help_hours
    where help_hours.team_id = :team_id and help_hours.started_at >= :begins and help_hours.started_at < :ends
      and help_hours.minutes is not null and (:after::uuid is null or help_hours.volunteer_id > :after)
    group by help_hours.volunteer_id
    order by help_hours.volunteer_id
    limit :limit
) as sums
join volunteer on volunteer.id = sums.volunteer_id
left join care as own
    on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person as helper on helper.id = own.person_id
order by sums.volunteer_id;

-- name: tasks_of_team(team_id, begins, ends, after_at, after_id, limit)
-- The next of a team's work of a month in order of time, for a spreadsheet.
select help_hours.request_id as id, help_hours.volunteer_id, helper.name, help_request.matter, area.name as area_name,
       help_hours.started_at, help_hours.started_way, help_hours.ended_at, help_hours.ended_way,
       help_hours.travel_minutes, help_hours.minutes,
       (select string_agg(reason, '；' order by id) from help_hours_correction
        where request_id = help_hours.request_id) as reasons
from help_hours
join help_request on help_request.id = help_hours.request_id
join area on area.id = help_request.area_id
join volunteer on volunteer.id = help_hours.volunteer_id
left join care as own
    on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person as helper on helper.id = own.person_id
where help_hours.team_id = :team_id and help_hours.started_at >= :begins and help_hours.started_at < :ends
  and help_hours.minutes is not null
  and (help_hours.started_at, help_hours.request_id) > (:after_at::timestamptz, :after_id::uuid)
order by help_hours.started_at, help_hours.request_id
limit :limit;

-- name: one(request_id)^
-- The hours of one help, with what was corrected.
select help_hours.request_id, help_request.matter, area.name as area_name, help_hours.started_at,
       help_hours.started_way, help_hours.ended_at, help_hours.ended_way, help_hours.travel_minutes,
       help_hours.minutes, corrections.all as corrections
from help_hours
join help_request on help_request.id = help_hours.request_id
join area on area.id = help_request.area_id
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
        'minutes_before', minutes_before, 'minutes_after', minutes_after, 'reason', reason) order by id), '[]') as all
    from help_hours_correction where request_id = help_hours.request_id
) as corrections
where help_hours.request_id = :request_id;

-- name: whose(request_id, team_id)$
-- The volunteer whose work of a team it is.
select volunteer_id from help_hours where request_id = :request_id and team_id = :team_id;

-- name: lock(request_id)^
-- Take the hours of a help request, whose volunteer is locked.
select request_id as id, volunteer_id, started_at, minutes from help_hours
where request_id = :request_id
for no key update;

-- name: correct(id, request_id, account_id, minutes, reason, now)!
-- Let other minutes count, and say who changed them and why.
with before as (
    select request_id, minutes from help_hours where request_id = :request_id
), noted as (
    insert into help_hours_correction (id, request_id, corrected_by, corrected_at, minutes_before, minutes_after,
                                       reason)
    select :id, request_id, :account_id, :now, minutes, :minutes, :reason from before
)
update help_hours set minutes = :minutes where request_id = :request_id;

-- name: own_person(volunteer_id)$
-- The person as whom a volunteer is registered.
select care.person_id
from volunteer
join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
where volunteer.id = :volunteer_id;
