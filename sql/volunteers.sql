-- name: apply(id, account_id, team_id, languages, abilities, now)$
-- Make an account a volunteer to be, anew where it had left; no row where it is one already.
insert into volunteer (id, account_id, team_id, languages, abilities, applied_at)
values (:id, :account_id, :team_id, :languages, :abilities, :now)
on conflict (account_id) do update
set team_id = excluded.team_id, languages = excluded.languages, abilities = excluded.abilities, status = 'applied',
    applied_at = excluded.applied_at, decided_at = null, decided_by = null
where volunteer.status = 'left'
returning id;

-- name: change(account_id, team_id, languages, abilities, now)^
-- Change one's own entry; whoever changes the team applies anew there. No row for who was suspended or left.
with before as (
    select id, team_id, status from volunteer
    where account_id = :account_id and status in ('applied', 'approved')
    for no key update
)
update volunteer
set team_id = :team_id, languages = :languages, abilities = coalesce(:abilities::text[], volunteer.abilities),
    status = case when before.team_id = :team_id then before.status else 'applied' end,
    applied_at = case when before.team_id = :team_id then applied_at else :now end,
    decided_at = case when before.team_id = :team_id then decided_at end,
    decided_by = case when before.team_id = :team_id then decided_by end
from before
where volunteer.id = before.id
returning volunteer.id, before.team_id <> :team_id as left_team;

-- name: forget_hours(volunteer_id)!
-- Take away when a volunteer can be asked, before it is said anew.
delete from volunteer_hours where volunteer_id = :volunteer_id;

-- name: add_hours(volunteer_id, weekdays, from_minutes, until_minutes)!
-- Say when a volunteer can be asked, week by week.
insert into volunteer_hours (volunteer_id, weekday, from_minute, until_minute)
select :volunteer_id, * from unnest(:weekdays::integer[], :from_minutes::integer[], :until_minutes::integer[]);

-- name: forget_days_off(volunteer_id)!
-- Take away a volunteer's days off, before they are said anew.
delete from volunteer_day_off where volunteer_id = :volunteer_id;

-- name: add_days_off(volunteer_id, first_days, last_days)!
-- Say on which days a volunteer cannot be asked.
insert into volunteer_day_off (volunteer_id, first_day, last_day)
select :volunteer_id, * from unnest(:first_days::date[], :last_days::date[]);

-- name: set_areas(volunteer_id, areas)!
-- Say which areas a volunteer serves, and no others.
with gone as (
    delete from volunteer_area where volunteer_id = :volunteer_id and not area_id = any(:areas::uuid[])
)
insert into volunteer_area (volunteer_id, area_id)
select :volunteer_id, area_id from unnest(:areas::uuid[]) as area_id
on conflict do nothing;

-- name: end(account_id, before, now)$
-- End what an account is as a volunteer; no row where it is in no such state.
update volunteer set status = 'left', decided_at = :now, decided_by = :account_id
where account_id = :account_id and status = any(:before::text[])
returning id;

-- name: by_account(account_id)^
-- Which volunteer an account is, if any.
select id, status from volunteer where account_id = :account_id;

-- name: card(id)^
-- An approved volunteer as families may see one before they trust them.
select volunteer.id, person.name, volunteer.languages, jsonb_build_object('id', team.id, 'name', team.name) as team
from volunteer
join team on team.id = volunteer.team_id
join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
join person on person.id = care.person_id
where volunteer.id = :id and volunteer.status = 'approved';

-- name: move(id, team_id, before, after, reason, decided_by, now)^
-- Bring a volunteer of a team from one of some states into another; no row where team or state is another one.
with was as (
    select id, status from volunteer
    where id = :id and team_id = :team_id and status = any(:before::text[])
    for no key update
)
update volunteer
set status = :after, decided_at = :now, decided_by = :decided_by, decision_reason = :reason,
    suspended_at = case when :after = 'approved' then volunteer.suspended_at else :now end
from was
where volunteer.id = was.id
returning volunteer.id, was.status as was;

-- name: status(id, team_id)$
-- What a volunteer of a team is just now.
select status from volunteer where id = :id and team_id = :team_id;

-- name: team_of(id)$
-- The team of a volunteer, or where one applied.
select team_id from volunteer where id = :id;

-- name: ids_for_staff(account_id, roles, status, after, limit)
-- The volunteers of the teams that staff look after.
select volunteer.id
from volunteer join team on team.id = volunteer.team_id
where team.area_id in (select staff_areas(:account_id, :roles))
  and (:status::text is null or volunteer.status = :status)
  and (:after::uuid is null or volunteer.id > :after)
order by volunteer.id
limit :limit;

-- name: ids_of_team(team_id, status, after, limit)
-- The volunteers of one team.
select id from volunteer
where team_id = :team_id
  and (:status::text is null or status = :status)
  and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: shown(ids, today)
-- Volunteers whole, with the version of the account's roles; of days off those that are not over. When somebody was
-- last suspended is looked for under every account that the person has had.
select volunteer.id, volunteer.account_id, account.version as account_version, volunteer.status,
    volunteer.languages, volunteer.abilities, volunteer.applied_at, volunteer.decided_at, volunteer.decision_reason,
    jsonb_build_object('id', team.id, 'name', team.name) as team,
    leads_team(volunteer.account_id, volunteer.team_id) as leads,
    person.id as person_id, coalesce(person.name, '') as name,
    (select max(earlier.suspended_at)
     from care as once join volunteer as earlier on earlier.account_id = once.account_id
     where once.person_id = person.id and once.relation = 'self') as suspended_at,
    (select coalesce(jsonb_agg(jsonb_build_object('id', area.id, 'name', area.name) order by area.id), '[]')
     from volunteer_area join area on area.id = volunteer_area.area_id
     where volunteer_area.volunteer_id = volunteer.id) as areas,
    (select coalesce(jsonb_agg(jsonb_build_object(
        'weekday', weekday, 'from_minute', from_minute, 'until_minute', until_minute)
        order by weekday, from_minute), '[]')
     from volunteer_hours where volunteer_hours.volunteer_id = volunteer.id) as hours,
    (select coalesce(jsonb_agg(jsonb_build_object('first_day', first_day, 'last_day', last_day) order by first_day), '[]')
     from volunteer_day_off
     where volunteer_day_off.volunteer_id = volunteer.id and last_day >= :today) as days_off,
    (select count(*) from help_request
     where help_request.volunteer_id = volunteer.id and state in ('accepted', 'booked', 'under_way')) as tasks
from volunteer
join account on account.id = volunteer.account_id
join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person on person.id = care.person_id
where volunteer.id = any(:ids::uuid[])
order by volunteer.id;
