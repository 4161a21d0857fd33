-- name: requests(account_id)
-- Help that was asked for the persons in an account's care.
select help_request.id, help_request.person_id, help_request.matter, help_request.service_id,
    help_request.needs_booking, help_request.needs_companion, help_request.needs_ride, help_request.need_sealed,
    help_request.language, help_request.pickup_sealed, help_request.mobility_sealed,
    help_request.contact_phone_sealed, help_request.wished_days, help_request.part_of_day, help_request.starts_at,
    help_request.ends_at, help_request.booking_id, help_request.state, help_request.asked_way,
    help_request.asked_by = :account_id as asked_by_me, help_request.created_at, team.name as team_name,
    help_hours.minutes, help_rating.stars, help_rating.thanks
from help_request
join team on team.id = help_request.team_id
left join help_hours on help_hours.request_id = help_request.id
left join help_rating on help_rating.request_id = help_request.id
where help_request.person_id in (select care.person_id from care where care.account_id = :account_id and ended_at is null)
order by help_request.id;

-- name: events(account_id)
-- What became of that help, and of the help that the account has given, was asked for, or has asked for others.
with of_account as (
    select id from help_event where actor_id = :account_id
    union
    select help_event.id from volunteer join help_event on help_event.volunteer_id = volunteer.id
    where volunteer.account_id = :account_id
    union
    select help_event.id
    from care
    join help_request on help_request.person_id = care.person_id
    join help_event on help_event.request_id = help_request.id
    where care.account_id = :account_id and care.ended_at is null
)
select help_event.request_id, help_event.at, help_event.state, help_event.because,
    help_event.actor_id = :account_id as by_me
from of_account join help_event on help_event.id = of_account.id
order by help_event.at, help_event.n;

-- name: complaints(account_id)
-- What an account has complained of.
select id, request_id, made_at, words_sealed, answered_at, answer
from help_complaint where made_by = :account_id order by id;

-- name: areas(volunteer_id)
-- Where a volunteer serves.
select area.name from volunteer_area join area on area.id = volunteer_area.area_id
where volunteer_area.volunteer_id = :volunteer_id order by area.name, area.id;

-- name: hours(volunteer_id)
-- When a volunteer can be asked, week by week.
select weekday, from_minute, until_minute from volunteer_hours
where volunteer_id = :volunteer_id order by weekday, from_minute;

-- name: days_off(volunteer_id)
-- When a volunteer cannot be asked.
select first_day, last_day from volunteer_day_off where volunteer_id = :volunteer_id order by first_day;

-- name: leads(volunteer_id)
-- Which teams a volunteer leads and led.
select team.name as team_name, team_leader.since, team_leader.ended_at
from team_leader join team on team.id = team_leader.team_id
where team_leader.volunteer_id = :volunteer_id order by team_leader.since, team_leader.id;

-- name: offers(volunteer_id)
-- What a volunteer was asked for, and why.
select request_id, round, status, reasons, offered_at, answer_by, answered_at
from help_offer where volunteer_id = :volunteer_id order by offered_at, id;

-- name: tasks(volunteer_id)
-- What a volunteer has done, with stars and thanks; of the persons nothing.
select help_hours.request_id, team.name as team_name, help_request.matter, help_hours.started_at, help_hours.ended_at,
    help_hours.travel_minutes, help_hours.minutes, help_rating.stars, help_rating.thanks
from help_hours
join team on team.id = help_hours.team_id
join help_request on help_request.id = help_hours.request_id
left join help_rating on help_rating.request_id = help_hours.request_id
where help_hours.volunteer_id = :volunteer_id order by help_hours.started_at, help_hours.request_id;

-- name: corrections(volunteer_id)
-- How a volunteer's hours were corrected, and why.
select help_hours_correction.request_id, corrected_at, minutes_before, minutes_after, reason
from help_hours_correction join help_hours on help_hours.request_id = help_hours_correction.request_id
where help_hours.volunteer_id = :volunteer_id order by help_hours_correction.id;
