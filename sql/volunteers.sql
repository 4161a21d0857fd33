-- name: teams(area_id, after, limit)
-- Teams of an area and all below it, or of all.
with recursive reach as (
    select id from area where id = :area_id
    union all
    select area.id from area join reach on area.parent_id = reach.id
)
select team.id, team.name, team.organisation, jsonb_build_object('id', area.id, 'name', area.name) as area
from team join area on area.id = team.area_id
where (:area_id::uuid is null or team.area_id in (select id from reach))
  and (:after::uuid is null or team.id > :after)
order by team.id
limit :limit;

-- name: teams_for_staff(account_id, roles, after, limit)
-- Teams that staff look after, with how many volunteers wait and how many serve.
select team.id, team.name, team.organisation, jsonb_build_object('id', area.id, 'name', area.name) as area,
    (select count(*) from volunteer where team_id = team.id and status = 'applied') as applied,
    (select count(*) from volunteer where team_id = team.id and status = 'approved') as approved
from team join area on area.id = team.area_id
where team.area_id in (select staff_areas(:account_id, :roles))
  and (:after::uuid is null or team.id > :after)
order by team.id
limit :limit;

-- name: team(id)^
-- One team with its area, as staff see it.
select team.id, team.name, team.organisation, jsonb_build_object('id', area.id, 'name', area.name) as area,
    (select count(*) from volunteer where team_id = team.id and status = 'applied') as applied,
    (select count(*) from volunteer where team_id = team.id and status = 'approved') as approved
from team join area on area.id = team.area_id
where team.id = :id;

-- name: add_team(id, area_id, name, organisation)$
-- Make a team.
insert into team (id, area_id, name, organisation) values (:id, :area_id, :name, :organisation) returning id;

-- name: apply(id, account_id, team_id, languages, now)$
-- Make an account a volunteer to be, anew where it had left; no row where it is one already.
insert into volunteer (id, account_id, team_id, languages, applied_at)
values (:id, :account_id, :team_id, :languages, :now)
on conflict (account_id) do update
set team_id = excluded.team_id, languages = excluded.languages, status = 'applied',
    applied_at = excluded.applied_at, decided_at = null, decided_by = null
where volunteer.status = 'left'
returning id;

-- name: change(account_id, team_id, languages, now)$
-- Change one's own entry; whoever changes the team applies anew there. No row for who was suspended or left.
with before as (
    select id, team_id, status from volunteer
    where account_id = :account_id and status in ('applied', 'approved')
    for no key update
)
update volunteer
set team_id = :team_id, languages = :languages,
    status = case when before.team_id = :team_id then before.status else 'applied' end,
    applied_at = case when before.team_id = :team_id then applied_at else :now end,
    decided_at = case when before.team_id = :team_id then decided_at end,
    decided_by = case when before.team_id = :team_id then decided_by end
from before
where volunteer.id = before.id
returning volunteer.id;

-- name: set_areas(volunteer_id, areas)!
-- Say which areas a volunteer serves, and no others.
with gone as (
    delete from volunteer_area where volunteer_id = :volunteer_id and not area_id = any(:areas::uuid[])
)
insert into volunteer_area (volunteer_id, area_id)
select :volunteer_id, area_id from unnest(:areas::uuid[]) as area_id
on conflict do nothing;

-- name: move(id, before, after, decided_by, now)^
-- Bring a volunteer from one of some states into another; no row where the state is another one.
update volunteer set status = :after, decided_at = :now, decided_by = :decided_by
where id = :id and status = any(:before::text[])
returning id, account_id;

-- name: end(account_id, before, now)$
-- End what an account is as a volunteer; no row where it is in no such state.
update volunteer set status = 'left', decided_at = :now, decided_by = :account_id
where account_id = :account_id and status = any(:before::text[])
returning id;

-- name: by_account(account_id)^
-- Which volunteer an account is, if any.
select id, status from volunteer where account_id = :account_id;

-- name: status(id)$
-- What a volunteer is just now.
select status from volunteer where id = :id;

-- name: card(id)^
-- An approved volunteer as families may see one before they trust them.
select volunteer.id, person.name, volunteer.languages, jsonb_build_object('id', team.id, 'name', team.name) as team
from volunteer
join team on team.id = volunteer.team_id
join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
join person on person.id = care.person_id
where volunteer.id = :id and volunteer.status = 'approved';

-- name: one(id)^
-- A volunteer whole, with the version of the account's roles.
select volunteer.id, volunteer.account_id, account.version as account_version, volunteer.status, volunteer.languages, volunteer.applied_at, volunteer.decided_at,
    jsonb_build_object('id', team.id, 'name', team.name) as team,
    person.id as person_id, coalesce(person.name, '') as name,
    (select coalesce(jsonb_agg(jsonb_build_object('id', area.id, 'name', area.name) order by area.id), '[]')
     from volunteer_area join area on area.id = volunteer_area.area_id
     where volunteer_area.volunteer_id = volunteer.id) as areas
from volunteer
join account on account.id = volunteer.account_id
join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person on person.id = care.person_id
where volunteer.id = :id;

-- name: for_staff(account_id, roles, status, after, limit)
-- Volunteers of the teams that staff look after.
select volunteer.id, volunteer.status, volunteer.languages, volunteer.applied_at, volunteer.decided_at,
    jsonb_build_object('id', team.id, 'name', team.name) as team,
    person.id as person_id, coalesce(person.name, '') as name,
    (select coalesce(jsonb_agg(jsonb_build_object('id', area.id, 'name', area.name) order by area.id), '[]')
     from volunteer_area join area on area.id = volunteer_area.area_id
     where volunteer_area.volunteer_id = volunteer.id) as areas
from volunteer
join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person on person.id = care.person_id
where team.area_id in (select staff_areas(:account_id, :roles))
  and (:status::text is null or volunteer.status = :status)
  and (:after::uuid is null or volunteer.id > :after)
order by volunteer.id
limit :limit;
