-- name: of_volunteer(volunteer_id, view, before, now, most)
-- The newest requests that a volunteer is asked for, has, or had; those that are over only where they are wanted.
select id, view
from (
    select id, 'taken' as view from help_request
    where volunteer_id = :volunteer_id and state in ('accepted', 'booked', 'under_way')
    union all
    select asked.id, 'asked'
    from help_offer
    join help_request as asked on asked.id = help_offer.request_id and asked.state in ('open', 'offered')
    where help_offer.volunteer_id = :volunteer_id and help_offer.status = 'live' and help_offer.answer_by > :now
    union all
    select distinct had.id, 'over'
    from help_event
    join help_request as had on had.id = help_event.request_id
    where help_event.volunteer_id = :volunteer_id and help_event.state in ('accepted', 'booked', 'under_way', 'completed')
      and (had.volunteer_id is distinct from :volunteer_id or had.state = 'completed')
      and :view = 'over'
) as seen
where view = coalesce(:view, view) and (:before::uuid is null or id < :before)
order by id desc
limit :most;

-- name: view_of(volunteer_id, request_id, now)$
-- How a volunteer meets one request, if at all.
select case
    when help_request.volunteer_id = :volunteer_id and state in ('accepted', 'booked', 'under_way') then 'taken'
    when state in ('open', 'offered') and exists (
        select from help_offer
        where request_id = help_request.id and help_offer.volunteer_id = :volunteer_id and status = 'live'
          and answer_by > :now) then 'asked'
    when exists (
        select from help_event
        where request_id = help_request.id and help_event.volunteer_id = :volunteer_id
          and state in ('accepted', 'booked', 'under_way', 'completed')) then 'over'
end
from help_request where help_request.id = :request_id;

-- name: open_facts(ids, volunteer_id)
-- What of requests shows nobody: matter, township, time, and what the volunteer was asked and did. The time of what is
-- over is the volunteer's own.
select help_request.id, help_request.state, help_request.matter, help_request.language, help_request.wished_days,
    help_request.part_of_day, help_request.starts_at, help_request.ends_at, help_request.needs_booking,
    help_request.needs_companion, help_request.needs_ride, area.name as area_name, offer.reasons, offer.answer_by,
    help_hours.minutes, help_rating.stars, help_rating.thanks, last.because,
    coalesce(
        case when help_request.state = 'completed' and help_request.volunteer_id = :volunteer_id
             then help_request.starts_at end,
        worked.starts_at) as was_at
from help_request
join area on area.id = help_request.area_id
left join lateral (
    select reasons, answer_by from help_offer
    where help_offer.request_id = help_request.id and help_offer.volunteer_id = :volunteer_id
    order by offered_at desc, id desc
    limit 1
) as offer on true
left join lateral (
    select starts_at from help_work
    where help_work.request_id = help_request.id and help_work.volunteer_id = :volunteer_id
    order by id desc
    limit 1
) as worked on true
left join lateral (
    select because from help_event
    where help_event.request_id = help_request.id and help_event.volunteer_id = :volunteer_id
    order by n desc
    limit 1
) as last on true
left join help_hours on help_hours.request_id = help_request.id and help_hours.volunteer_id = :volunteer_id
left join help_rating on help_rating.request_id = help_request.id and help_rating.volunteer_id = :volunteer_id
where help_request.id = any(:ids::uuid[]);

-- name: whole(id)^
-- All of a request that who has it may know, with the booking that stands.
select help_request.id, help_request.person_id, help_request.need_sealed, help_request.pickup_sealed,
    help_request.mobility_sealed, help_request.contact_phone_sealed, person.name as person_name,
    person.phone_sealed as person_phone_sealed, emergency_contact.name_sealed as emergency_name_sealed,
    emergency_contact.phone_sealed as emergency_phone_sealed,
    coalesce(booked_service.requirements, service.requirements, '{}') as requirements,
    booking.id as booking_id, booking.status as booking_status, booking.number, booking.code,
    slot.starts_at as slot_starts_at, slot.ends_at as slot_ends_at, slot.resource,
    coalesce(booked_service.id, service.id) as service_id, coalesce(booked_service.name, service.name) as service_name,
    coalesce(booked_service.department, service.department) as department,
    provider.id as provider_id, provider.name as provider_name, provider.address as provider_address,
    provider.phone as provider_phone
from help_request
join person on person.id = help_request.person_id
left join emergency_contact on emergency_contact.person_id = person.id
left join service on service.id = help_request.service_id
left join booking on booking.id = help_request.booking_id
left join slot on slot.id = booking.slot_id
left join service as booked_service on booked_service.id = slot.service_id
left join provider on provider.id = coalesce(booked_service.provider_id, service.provider_id)
where help_request.id = :id;
