-- name: enrolments(people)
-- All applications of some persons, with what they rank and claim.
select enrolment.id, enrolment.person_id, enrolment.public_id, round.name as round_name, enrolment.state,
    enrolment.late, enrolment.created_at, enrolment.submitted_at, enrolment.repair_words, enrolment.listed_at,
    enrolment.number, enrolment.settled,
    array(
        select provider.name || ' ' || class.name
        from enrolment_choice as choice
        join programme on programme.id = choice.programme_id
        join nursery_class as class on class.id = programme.class_id
        join provider on provider.id = class.provider_id
        where choice.enrolment_id = enrolment.id order by choice.rank) as choices,
    coalesce((
        select jsonb_agg(jsonb_build_object('group', priority_group.name, 'status', claim.status, 'words', claim.words))
        from enrolment_claim as claim join priority_group on priority_group.id = claim.group_id
        where claim.enrolment_id = enrolment.id), '[]') as claims,
    (select reason from enrolment_verdict as verdict
     where verdict.enrolment_id = enrolment.id and verdict.confirmed
     order by verdict.id desc limit 1) as reason
from enrolment join enrolment_round as round on round.id = enrolment.round_id
where enrolment.person_id = any(:people::uuid[])
order by enrolment.id;

-- name: documents(people)
-- What was handed in for some persons.
select document.file_id, document.enrolment_id, document.kind, document.media_type, document.size, document.added_at,
    document.destroyed_at
from enrolment_document as document join enrolment on enrolment.id = document.enrolment_id
where enrolment.person_id = any(:people::uuid[])
order by document.file_id;

-- name: events(people, account_id, hidden)
-- What became of applications of some persons, but for what staff only consider.
select event.enrolment_id, event.at, event.state, event.because, event.actor_id = :account_id as by_me
from enrolment_event as event join enrolment on enrolment.id = event.enrolment_id
where enrolment.person_id = any(:people::uuid[]) and event.because <> all(:hidden::text[])
order by event.enrolment_id, event.n;

-- name: offers(people)
-- The seats that some persons were offered.
select offer.id, offer.enrolment_id, offer.status, offer.offered_at, offer.answer_by, offer.answered_at,
    provider.name || ' ' || class.name as class_name
from enrolment_offer as offer
join enrolment on enrolment.id = offer.enrolment_id
join programme_seat as seat on seat.id = offer.seat_id
join programme on programme.id = seat.programme_id
join nursery_class as class on class.id = programme.class_id
join provider on provider.id = class.provider_id
where enrolment.person_id = any(:people::uuid[])
order by offer.id;

-- name: places(people)
-- The places that some persons have or had in classes.
select place.id, place.person_id, place.status, place.starts_on, place.ends_on, place.agreement_on,
    place.health_check_on, place.vaccination_on, place.end_reason, provider.name || ' ' || class.name as class_name
from nursery_place as place
join nursery_class as class on class.id = place.class_id
join provider on provider.id = class.provider_id
where place.person_id = any(:people::uuid[])
order by place.id;

-- name: leaves(people)
-- The days on which some persons were away.
select leave.place_id, leave.first_day, leave.last_day, leave.rechecked_on, leave.words
from nursery_leave as leave join nursery_place as place on place.id = leave.place_id
where place.person_id = any(:people::uuid[])
order by leave.place_id, leave.first_day;
