-- name: whole(ids)
-- Requests with the names behind their ids; of who has one, as whom that volunteer is registered. Hours and thanks are
-- those of who has it.
select help_request.*, person.name as person_name, person.phone_sealed as person_phone_sealed,
    area.name as area_name, team.name as team_name,
    service.name as service_name, service.department, service.requirements,
    provider.id as provider_id, provider.name as provider_name,
    helper.id as helper_id, helper.name as helper_name, helper.phone_sealed as helper_phone_sealed,
    helpers.id as helper_team_id, helpers.name as helper_team_name,
    help_hours.started_at, help_hours.started_way, help_hours.ended_at, help_hours.ended_way, help_hours.minutes,
    help_rating.stars, help_rating.thanks
from help_request
join person on person.id = help_request.person_id
join area on area.id = help_request.area_id
join team on team.id = help_request.team_id
left join service on service.id = help_request.service_id
left join provider on provider.id = service.provider_id
left join volunteer on volunteer.id = help_request.volunteer_id
left join team as helpers on helpers.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person as helper on helper.id = care.person_id
left join help_hours
    on help_hours.request_id = help_request.id and help_hours.volunteer_id = help_request.volunteer_id
left join help_rating
    on help_rating.request_id = help_request.id and help_rating.volunteer_id = help_request.volunteer_id
where help_request.id = any(:ids::uuid[]);

-- name: events(ids)
-- What became of requests, in order, and who did it: time or the dispatch, staff, whom it is about, who cares for the
-- person, or else a leader.
select event.request_id, event.at, event.was, event.state, event.because, event.volunteer_id, helper.name as volunteer_name,
    case
        when event.actor_id is null then 'time'
        when account.kind = 'staff' then 'staff'
        when volunteer.account_id = event.actor_id then 'volunteer'
        when care.id is not null then 'family'
        else 'leader'
    end as by
from help_event as event
join help_request on help_request.id = event.request_id
left join account on account.id = event.actor_id
left join volunteer on volunteer.id = event.volunteer_id
left join care as own on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person as helper on helper.id = own.person_id
left join lateral (
    select care.id from care
    where care.account_id = event.actor_id and care.person_id = help_request.person_id
    limit 1
) as care on true
where event.request_id = any(:ids::uuid[])
order by event.request_id, event.n;

-- name: of_family(account_id, person_id, states, before, most)
-- The newest requests of persons in an account's care. (A person at a time: an order of ids over all would walk through
-- everybody's.)
select asked.id
from care
cross join lateral (
    select id from help_request
    where person_id = care.person_id
      and state = any(:states::text[])
      and (:before::uuid is null or id < :before)
    order by id desc
    limit :most
) as asked
where care.account_id = :account_id and care.ended_at is null
  and (:person_id::uuid is null or care.person_id = :person_id)
order by asked.id desc
limit :most;

-- name: of_team(team_id, states, before, most)
-- The newest requests that a team answers for, of some states. (A state at a time: the live ones are few among all.)
select asked.id
from unnest(:states::text[]) as wanted (state)
cross join lateral (
    select id from help_request
    where team_id = :team_id and help_request.state = wanted.state and (:before::uuid is null or id < :before)
    order by id desc
    limit :most
) as asked
order by asked.id desc
limit :most;

-- name: of_staff(account_id, roles, team_id, area_id, states, before, most)
-- The newest requests of some states where staff work: of the teams there, or one, and of persons who are met there, or
-- in one area. (A team or an area at a time, as above.)
with mine as materialized (
    select staff_areas(:account_id, :roles) as id
), of_teams as (
    select asked.id
    from team
    cross join unnest(:states::text[]) as wanted (state)
    cross join lateral (
        select id from help_request
        where team_id = team.id and help_request.state = wanted.state and (:before::uuid is null or id < :before)
        order by id desc
        limit :most
    ) as asked
    where team.area_id in (select id from mine)
      and (:team_id::uuid is null or team.id = :team_id) and :area_id::uuid is null
), of_areas as (
    select asked.id
    from mine
    cross join unnest(:states::text[]) as wanted (state)
    cross join lateral (
        select id from help_request
        where area_id = mine.id and help_request.state = wanted.state and (:before::uuid is null or id < :before)
        order by id desc
        limit :most
    ) as asked
    where (:area_id::uuid is null or mine.id = :area_id) and :team_id::uuid is null
)
select id from of_teams union select id from of_areas
order by id desc
limit :most;

-- name: of_person_for_staff(account_id, roles, person_id, states, before, most)
-- The newest requests of one person, as far as staff work where its team or the person is.
with mine as materialized (
    select staff_areas(:account_id, :roles) as id
)
select help_request.id
from help_request join team on team.id = help_request.team_id
where help_request.person_id = :person_id and help_request.state = any(:states::text[])
  and (team.area_id in (select id from mine) or help_request.area_id in (select id from mine))
  and (:before::uuid is null or help_request.id < :before)
order by help_request.id desc
limit :most;
