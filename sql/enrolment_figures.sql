-- name: round(round_id, now)^
-- A round with its area and state.
select enrolment_round.id, enrolment_round.name, enrolment_round.area_id, area.name as area_name,
       enrolment_round.reference_date, enrolment_round.starts_on, enrolment_round.opens_at, enrolment_round.closes_at,
       round_state(enrolment_round.stage, enrolment_round.opens_at, enrolment_round.closes_at, :now) as state
from enrolment_round join area on area.id = enrolment_round.area_id
where enrolment_round.id = :round_id;

-- name: applications(round_id)
-- The applications of a round that were handed in, by state and by whether they were late.
select state, late, count(*)::integer as applications
from enrolment
where round_id = :round_id and submitted_at is not null
group by state, late;

-- name: areas(round_id)
-- Applications by the area of the nursery that is wished for first, with those that hold a seat.
select area.id, area.name, count(*)::integer as applications,
       count(*) filter (where enrolment.state = 'accepted')::integer as accepted,
       count(seated.enrolment_id)::integer as seated
from enrolment
join enrolment_choice on enrolment_choice.enrolment_id = enrolment.id and enrolment_choice.rank = 1
join programme on programme.id = enrolment_choice.programme_id
join nursery_class on nursery_class.id = programme.class_id
join provider on provider.id = nursery_class.provider_id
join area on area.id = provider.area_id
left join enrolment_offer as seated on seated.enrolment_id = enrolment.id and seated.status = 'accepted'
where enrolment.round_id = :round_id and enrolment.submitted_at is not null
group by area.id, area.name
order by area.name, area.id;

-- name: ages(round_id)
-- Applications by the child's full months on the day that counts; null where the child's data are erased.
select full_months(person.birth_date, enrolment_round.reference_date) as months, count(*)::integer as applications,
       count(*) filter (where enrolment.state = 'accepted')::integer as accepted,
       count(seated.enrolment_id)::integer as seated
from enrolment_round
join enrolment on enrolment.round_id = enrolment_round.id
join person on person.id = enrolment.person_id
left join enrolment_offer as seated on seated.enrolment_id = enrolment.id and seated.status = 'accepted'
where enrolment_round.id = :round_id and enrolment.submitted_at is not null
group by 1
order by 1;

-- name: groups(round_id)
-- Priorities claimed in applications that were handed in, what became of the claims, and who of the granted has a seat.
select priority_group.id, priority_group.code, priority_group.name,
       count(enrolment.id)::integer as claimed,
       count(enrolment.id) filter (where enrolment_claim.status = 'granted')::integer as granted,
       count(enrolment.id) filter (where enrolment_claim.status = 'denied')::integer as denied,
       count(seated.enrolment_id) filter (where enrolment_claim.status = 'granted')::integer as seated
from priority_group
left join enrolment_claim on enrolment_claim.group_id = priority_group.id
left join enrolment on enrolment.id = enrolment_claim.enrolment_id and enrolment.submitted_at is not null
left join enrolment_offer as seated on seated.enrolment_id = enrolment.id and seated.status = 'accepted'
where priority_group.round_id = :round_id
group by priority_group.id
order by priority_group.position;

-- name: wishes(round_id)
-- How often each programme is wished for at each rank, and how often the draw gave it; withdrawn wishes do not count.
select enrolment_choice.programme_id, enrolment_choice.rank, count(*)::integer as wishes,
       count(programme_seat.id)::integer as drawn
from enrolment
join enrolment_choice on enrolment_choice.enrolment_id = enrolment.id
left join programme_seat on programme_seat.id = enrolment.seat_id
    and programme_seat.programme_id = enrolment_choice.programme_id
where enrolment.round_id = :round_id and enrolment.state not in ('draft', 'withdrawn')
group by enrolment_choice.programme_id, enrolment_choice.rank;

-- name: offers(round_id)
-- Offers of seats by programme, the rank at which the family wished for it, and what became of them.
select programme.id as programme_id, enrolment_choice.rank, enrolment_offer.status, count(*)::integer as offers
from programme
join programme_seat on programme_seat.programme_id = programme.id
join enrolment_offer on enrolment_offer.seat_id = programme_seat.id
join enrolment_choice on enrolment_choice.enrolment_id = enrolment_offer.enrolment_id
    and enrolment_choice.programme_id = programme.id
where programme.round_id = :round_id
group by programme.id, enrolment_choice.rank, enrolment_offer.status;

-- name: programmes(round_id, today)
-- The programmes of a round with what their classes are, the norm for them, and the children of today and of the round.
select programme.id, programme.class_id, programme.from_months, programme.until_months, programme.seats,
       nursery_class.name as class_name, nursery_class.kind, nursery_class.seats as class_seats, nursery_class.carers,
       nursery_class.override_reason, provider.id as provider_id, provider.name as nursery_name, provider.address,
       provider.phone, area.name as area_name, norm.most_seats, norm.children_per_carer,
       (select count(*) from nursery_place
        where nursery_place.class_id = programme.class_id and nursery_place.status = 'confirmed'
          and :today::date <@ daterange(nursery_place.starts_on, nursery_place.ends_on, '[]'))::integer as children,
       (select count(*) from enrolment join nursery_place on nursery_place.enrolment_id = enrolment.id
        where enrolment.round_id = :round_id and nursery_place.class_id = programme.class_id
          and nursery_place.status = 'planned')::integer as planned,
       (select count(*) from enrolment join nursery_place on nursery_place.enrolment_id = enrolment.id
        where enrolment.round_id = :round_id and nursery_place.class_id = programme.class_id
          and nursery_place.status in ('confirmed', 'ended'))::integer as confirmed
from programme
join nursery_class on nursery_class.id = programme.class_id
join provider on provider.id = nursery_class.provider_id
join area on area.id = provider.area_id
left join lateral (
    select most_seats, children_per_carer from nursery_norm
    where nursery_norm.kind = nursery_class.kind and nursery_norm.effective_from <= :today
    order by nursery_norm.effective_from desc limit 1
) as norm on true
where programme.round_id = :round_id
order by provider.name, provider.id, nursery_class.name, programme.id;
