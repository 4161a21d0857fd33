-- name: due(now, most)
-- Help requests that nobody has and that the dispatch is to look at.
select id, state from help_request
where next_round_at <= :now and state in ('open', 'offered')
order by next_round_at, id
limit :most;

-- name: lapse(ids, now)
-- End the offers of locked requests that nobody has answered in time; those with no live offer left come back.
with lapsed as (
    update help_offer set status = 'lapsed', answered_at = :now
    where request_id = any(:ids::uuid[]) and status = 'live' and answer_by <= :now
    returning id
)
select id from help_request
where id = any(:ids::uuid[]) and not exists (
    select from help_offer
    where request_id = help_request.id and status = 'live' and id not in (select id from lapsed));

-- name: requests(ids, now)
-- Help requests with what decides whom they fit: who has a mandate in the matter, who cares for the person, who had
-- the request, who declined it, who let it lapse within a day, and until when who was asked can answer.
select request.id, request.team_id, request.area_id, request.matter, request.language, request.needs_booking,
    request.needs_companion, request.needs_ride, request.booking_id, request.wished_days, request.part_of_day,
    request.starts_at, request.ends_at, request.state, request.round, request.next_round_at, request.alarmed_at,
    request.expires_at, request.created_at, request.changed_at,
    person.phone_sealed is not null
        or (select true from care where person_id = person.id and ended_at is null limit 1) is not null as obtainable,
    array(select volunteer_id from mandate
          where person_id = person.id and status = 'active' and expires_at > :now and volunteer_id is not null
            and request.matter = any(matters)
            and (max_uses is null or max_uses > (
                select count(*) from booking
                where booking.mandate_id = mandate.id and booking.status <> 'moved'))) as mandated_volunteers,
    array(select team_id from mandate
          where person_id = person.id and status = 'active' and expires_at > :now and team_id is not null
            and request.matter = any(matters)
            and (max_uses is null or max_uses > (
                select count(*) from booking
                where booking.mandate_id = mandate.id and booking.status <> 'moved'))) as mandated_teams,
    array(select volunteer.id from care join volunteer on volunteer.account_id = care.account_id
          where care.person_id = person.id and care.ended_at is null) as carers,
    array(select volunteer_id from help_event
          where request_id = request.id and because in ('accepted', 'assigned') and volunteer_id is not null) as freed,
    array(select volunteer_id from help_offer where request_id = request.id and status = 'declined') as declined,
    array(select volunteer_id from help_offer
          where request_id = request.id and status = 'lapsed' and offered_at > :now - interval '1 day') as resting,
    (select max(answer_by) from help_offer where request_id = request.id and status = 'live') as answer_by
from help_request as request
join person on person.id = request.person_id
where request.id = any(:ids::uuid[])
order by request.id;

-- name: areas()
-- The tree of all areas.
select id, parent_id from area;

-- name: rules(areas)
-- The help policy that rules each of some areas.
select area.id as area_id, help_policy.round_sizes, help_policy.round_minutes, help_policy.quiet_from,
    help_policy.quiet_until, help_policy.alarm_hours, help_policy.limit_tasks,
    help_policy.limit_minutes_day
from unnest(:areas::uuid[]) as area (id)
join help_policy on help_policy.id = ruling_help_policy(area.id);

-- name: serving(areas)
-- Approved volunteers who serve any of some areas.
select distinct volunteer.id
from volunteer_area
join volunteer on volunteer.id = volunteer_area.volunteer_id and volunteer.status = 'approved'
where volunteer_area.area_id = any(:areas::uuid[])
order by volunteer.id;

-- name: helpers(ids, now)
-- Volunteers with what decides what fits them, and their load: requests that they have or completed lately, offers
-- that wait for their answer, and offers that they have let lapse lately, so that who never answers is not asked first.
with rules as materialized (
    select team.id as team_id, :now::timestamptz - make_interval(days => help_policy.load_days) as since
    from team
    join help_policy on help_policy.id = ruling_help_policy(team.area_id)
    where team.id in (select team_id from volunteer where volunteer.id = any(:ids::uuid[]))
)
select volunteer.id, volunteer.team_id, volunteer.status, volunteer.languages, volunteer.abilities,
    array(select area_id from volunteer_area where volunteer_id = volunteer.id) as areas,
    held.tasks, held.tasks + done.tasks + waiting.offers + lapsed.offers as load
from volunteer
join rules on rules.team_id = volunteer.team_id
cross join lateral (
    select count(*) as tasks from help_request
    where volunteer_id = volunteer.id and state in ('accepted', 'booked', 'under_way')) as held
cross join lateral (
    select count(*) as tasks from help_request
    where volunteer_id = volunteer.id and state = 'completed' and changed_at > rules.since) as done
cross join lateral (
    select count(*) as offers from help_offer
    where volunteer_id = volunteer.id and status = 'live') as waiting
cross join lateral (
    select count(*) as offers from help_offer
    where volunteer_id = volunteer.id and status = 'lapsed' and offered_at > rules.since) as lapsed
where volunteer.id = any(:ids::uuid[])
order by volunteer.id;

-- name: hours(ids)
-- The weekly hours of volunteers.
select volunteer_id, weekday, from_minute, until_minute from volunteer_hours
where volunteer_id = any(:ids::uuid[])
order by volunteer_id, weekday, from_minute;

-- name: days_off(ids, today)
-- The days off of volunteers that are not over.
select volunteer_id, first_day, last_day from volunteer_day_off
where volunteer_id = any(:ids::uuid[]) and last_day >= :today
order by volunteer_id, first_day;

-- name: work(ids, since)
-- When volunteers were and are bound since a moment: what was done today counts of the day.
select volunteer.id as volunteer_id, work.starts_at, work.ends_at
from unnest(:ids::uuid[]) as volunteer (id)
cross join lateral (
    select starts_at, ends_at from help_work
    where help_work.volunteer_id = volunteer.id and help_work.state <> 'released'
      and tstzrange(starts_at, ends_at) && tstzrange(:since::timestamptz, null)
) as work
order by volunteer.id, work.starts_at;

-- name: hold_volunteers(ids)
-- Keep volunteers from being suspended or leaving until this is written; those who are approved come back.
select id from volunteer where id = any(:ids::uuid[]) and status = 'approved' order by id for share;

-- name: ask(ids, requests, volunteers, rounds, reasons, ends, now)!
-- Ask volunteers.
insert into help_offer (id, request_id, volunteer_id, round, reasons, offered_at, answer_by)
select id, request_id, volunteer_id, round, reasons::jsonb, :now, answer_by
from unnest(:ids::uuid[], :requests::uuid[], :volunteers::uuid[], :rounds::integer[], :reasons::text[],
        :ends::timestamptz[]) as row (id, request_id, volunteer_id, round, reasons, answer_by);

-- name: look_again(ids, moments, alarmed, now)!
-- Say of locked requests when to look at them again, and that the leader was alarmed.
update help_request
set next_round_at = row.moment, alarmed_at = case when row.alarmed then :now else alarmed_at end
from unnest(:ids::uuid[], :moments::timestamptz[], :alarmed::boolean[]) as row (id, moment, alarmed)
where help_request.id = row.id;

-- name: hold(ids)
-- Take help requests in id order, and no more of them than the dispatch compares.
select id, state, changed_at, next_round_at from help_request
where id = any(:ids::uuid[])
order by id
for no key update;
