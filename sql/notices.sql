-- name: add(ids, persons, kinds, subjects, facts, now)!
-- Write what is to be told.
insert into notice (id, person_id, kind, subject_id, facts, created_at)
select id, person_id, kind, subject_id, facts::jsonb, :now
from unnest(:ids::uuid[], :persons::uuid[], :kinds::text[], :subjects::uuid[], :facts::text[])
    as row (id, person_id, kind, subject_id, facts);

-- name: told(persons, kind, subject_id, since)
-- Who of some persons was told of one thing lately.
select distinct person_id from notice
where person_id = any(:persons::uuid[]) and kind = :kind and subject_id = :subject_id and created_at > :since;

-- name: for_family(account_id, after, limit)
-- What concerns the persons in an account's care, and the account as a volunteer, with the names behind the ids as they are now.
select notice.id, notice.kind, notice.subject_id, notice.facts, notice.created_at, notice.person_id,
    person.name as person_name, mandate.id as mandate_id, mandate.expires_at,
    coalesce(mandate.matters, array[help.matter]) as matters, mandate.max_uses,
    coalesce(mandate.team_id is not null and mandate.id = notice.subject_id, false) as to_team,
    helper.name as volunteer_name, team.name as team_name, booking.id as booking_id,
    coalesce(slot.starts_at, help.starts_at) as starts_at,
    service.department, service.name as service_name, provider.name as provider_name,
    provider.phone as provider_phone, entry.id as waitlist_entry_id, help.id as help_request_id,
    enrolment.id as enrolment_id, enrolment.public_id, round.name as round_name, class.name as class_name,
    place.starts_on, place.ends_on
from notice
join care on care.person_id = notice.person_id and care.account_id = :account_id and care.ended_at is null
    and (care.relation = 'self' or not told_as_volunteer(notice.kind))
join person on person.id = notice.person_id
left join booking on booking.id = notice.subject_id
left join waitlist_entry as entry
    on entry.id = notice.subject_id and notice.kind in (
        'place_offered', 'offer_lapsed', 'waitlist_ended', 'mandate_queued')
left join slot
    on slot.id = case when entry.id is null then booking.slot_id else (notice.facts ->> 'slot_id')::uuid end
left join help_request as help on help.id = notice.subject_id
left join service on service.id = coalesce(slot.service_id, entry.service_id, help.service_id)
left join suspension on suspension.id = notice.subject_id
left join nursery_place as place on place.id = notice.subject_id
left join nursery_class as class
    on class.id = coalesce(place.class_id, (notice.facts ->> 'class_id')::uuid)
left join enrolment on enrolment.id = coalesce(place.enrolment_id, notice.subject_id)
left join enrolment_round as round on round.id = enrolment.round_id
left join provider on provider.id = coalesce(service.provider_id, suspension.provider_id, class.provider_id)
left join mandate on mandate.id = coalesce(booking.mandate_id, entry.mandate_id, notice.subject_id)
left join volunteer on volunteer.id = coalesce(
    mandate.volunteer_id, (notice.facts ->> 'volunteer_id')::uuid,
    (select booker.id from volunteer as booker where booker.account_id = coalesce(booking.booked_by, entry.booked_by)))
left join team
    on team.id = coalesce(mandate.team_id, (notice.facts ->> 'team_id')::uuid, volunteer.team_id, help.team_id)
left join care as own
    on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person as helper on helper.id = own.person_id
where :after::uuid is null or notice.id < :after
order by notice.id desc
limit :limit;
