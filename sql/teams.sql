-- name: listed(area_id, after, limit)
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

-- name: ids_for_staff(account_id, roles, after, limit)
-- The teams that staff look after.
select id from team
where area_id in (select staff_areas(:account_id, :roles))
  and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: shown(ids)
-- Teams whole: who leads them now, how many volunteers wait and how many serve.
select team.id, team.name, team.organisation, jsonb_build_object('id', area.id, 'name', area.name) as area,
    (select count(*) from volunteer where team_id = team.id and status = 'applied') as applied,
    (select count(*) from volunteer where team_id = team.id and status = 'approved') as approved,
    (select coalesce(jsonb_agg(
        jsonb_build_object('id', volunteer.id, 'name', coalesce(person.name, ''))
        order by volunteer.id), '[]')
     from team_leader
     join volunteer on volunteer.id = team_leader.volunteer_id
         and volunteer.team_id = team.id and volunteer.status = 'approved'
     left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
     left join person on person.id = care.person_id
     where team_leader.team_id = team.id and team_leader.ended_at is null) as leaders
from team join area on area.id = team.area_id
where team.id = any(:ids::uuid[])
order by team.id;

-- name: add(id, area_id, name, organisation)$
-- Make a team.
insert into team (id, area_id, name, organisation) values (:id, :area_id, :name, :organisation) returning id;

-- name: hold_volunteer(volunteer_id, team_id)$
-- Hold a volunteer of a team as it is, and tell what it is.
select status from volunteer where id = :volunteer_id and team_id = :team_id for no key update;

-- name: appoint(id, team_id, volunteer_id, appointed_by, now)$
-- Make a volunteer leader of a team; no row where one is it already.
insert into team_leader (id, team_id, volunteer_id, since, appointed_by)
values (:id, :team_id, :volunteer_id, :now, :appointed_by)
on conflict (team_id, volunteer_id) where ended_at is null do nothing
returning id;

-- name: end_leadership(team_id, volunteer_id, ended_by, now)$
-- Let a volunteer lead a team no longer; no row where one does not.
update team_leader set ended_at = :now, ended_by = :ended_by
where team_id = :team_id and volunteer_id = :volunteer_id and ended_at is null
returning id;

-- name: end_leaderships(volunteer_id, ended_by, now)!
-- Let a volunteer who goes lead no team any longer.
update team_leader set ended_at = :now, ended_by = :ended_by
where volunteer_id = :volunteer_id and ended_at is null;

-- name: leaders(teams)
-- Who leads teams now, with the persons that they are.
select team_leader.team_id, volunteer.id as volunteer_id, own.person_id
from team_leader
join volunteer
    on volunteer.id = team_leader.volunteer_id and volunteer.team_id = team_leader.team_id
    and volunteer.status = 'approved'
join care as own on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
where team_leader.team_id = any(:teams::uuid[]) and team_leader.ended_at is null;
