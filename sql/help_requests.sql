-- name: live_of_person(person_id)$
-- How many requests of a person are not over yet; the person is locked by who counts.
select count(*) from help_request
where person_id = :person_id and state in ('open', 'offered', 'accepted', 'booked', 'under_way');

-- name: service(id)^
-- What a service is about, where residents see it.
select service.id, service.kind
from service join provider on provider.id = service.provider_id
where service.id = :id and service.state = 'active' and provider.state = 'active';

-- name: booking(id, person_id)^
-- A person's booking for which somebody is to come along.
select booking.id, booking.status, booking.day, slot.starts_at, slot.ends_at, slot.service_id, service.kind
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where booking.id = :id and booking.person_id = :person_id;

-- name: hold_booking(id)$
-- Keep a booking from being cancelled or moved until the transaction ends; no row where that has happened.
select id from booking where id = :id and status = 'booked' for share;

-- name: margins(area_id)^
-- How long before and after a slot who comes along is bound there.
select before_minutes, after_minutes from help_policy where id = ruling_help_policy(:area_id);

-- name: team(area_id, team_id)^
-- The team that is to answer for a request: the nearest one upwards, the least burdened of several, or the given one.
-- No row where there is no such area; a row without a team where there is no (such) team.
with recursive above as (
    select id, parent_id, 0 as steps from area where id = :area_id
    union all
    select area.id, area.parent_id, steps + 1 from area join above on area.id = above.parent_id
)
select team.id
from above left join team on team.area_id = above.id and (:team_id::uuid is null or team.id = :team_id)
order by team.id is null, above.steps, (
    select count(*) from help_request
    where help_request.team_id = team.id and state in ('open', 'offered', 'accepted', 'booked', 'under_way')
), team.id
limit 1;

-- name: add(id, event_id, person_id, team_id, area_id, asked_by, asked_way, matter, service_id, needs_booking, needs_companion, needs_ride, need_sealed, language, pickup_sealed, pickup_index, mobility_sealed, contact_phone_sealed, wished_days, part_of_day, starts_at, ends_at, booking_id, expires_at, now)!
-- Write a request and the event of it; the dispatch looks at it at once.
with asked as (
    insert into help_request (id, person_id, team_id, area_id, asked_by, asked_way, matter, service_id,
        needs_booking, needs_companion, needs_ride, need_sealed, language, pickup_sealed, pickup_index,
        mobility_sealed, contact_phone_sealed, wished_days, part_of_day, starts_at, ends_at, booking_id,
        next_round_at, expires_at, created_at, changed_at)
    values (:id, :person_id, :team_id, :area_id, :asked_by, :asked_way, :matter, :service_id,
        :needs_booking, :needs_companion, :needs_ride, :need_sealed, :language, :pickup_sealed, :pickup_index,
        :mobility_sealed, :contact_phone_sealed, :wished_days, :part_of_day, :starts_at, :ends_at, :booking_id,
        :now, :expires_at, :now, :now)
    returning *
)
insert into help_event (id, request_id, at, actor_id, state, because)
select :event_id, id, created_at, asked_by, state, 'asked' from asked;

-- name: relation(account_id, person_id)$
-- What a person is to an account that cares for it.
select relation from care where account_id = :account_id and person_id = :person_id and ended_at is null;

-- name: known_to_team(person_id, team_id)$
-- Whether who answers for a team may name a person by id: registered by its leader, helped by it before, or under a
-- mandate to it.
select exists (
    select from person where id = :person_id and team_id = :team_id and erased_at is null
) or exists (
    select from help_request where person_id = :person_id and team_id = :team_id
) or exists (
    select from mandate where person_id = :person_id and team_id = :team_id and status = 'active'
);
