-- name: application(enrolment_id)^
-- An application with what its queues depend on.
select enrolment.*, enrolment_round.stage
from enrolment join enrolment_round on enrolment_round.id = enrolment.round_id
where enrolment.id = :enrolment_id;

-- name: choices(enrolment_id)
-- What an application ranks, with the newest offer of each, one that stands before one that is over.
select choice.rank, programme.id as programme_id, programme.seats, nursery_class.id as class_id,
    nursery_class.name as class_name, provider.id as provider_id, provider.name as provider_name,
    offer.id as offer_id, offer.status, offer.way, offer.offered_at, offer.answer_by
from enrolment_choice as choice
join programme on programme.id = choice.programme_id
join nursery_class on nursery_class.id = programme.class_id
join provider on provider.id = nursery_class.provider_id
left join lateral (
    select enrolment_offer.* from enrolment_offer
    join programme_seat as seat on seat.id = enrolment_offer.seat_id
    where enrolment_offer.enrolment_id = choice.enrolment_id and seat.programme_id = programme.id
    order by enrolment_offer.status in ('live', 'accepted') desc, enrolment_offer.id desc
    limit 1
) as offer on true
where choice.enrolment_id = :enrolment_id
order by choice.rank;

-- name: queues(enrolment_id)
-- By kind of seats of each programme that an application ranks: how many there are, and who is before it, and why.
with me as materialized (
    select id, late, number, submitted_at, granted_groups(id) as groups from enrolment where id = :enrolment_id
), waiting as materialized (
    select choice.programme_id, other.*
    from enrolment_choice as choice, enrolment_waiting(choice.programme_id) as other
    where choice.enrolment_id = :enrolment_id and other.enrolment_id <> :enrolment_id
), kind as (
    select seat.programme_id, seat.tiers, min(seat.number) as position, count(*) as seats,
        count(*) filter (where not exists (
            select from enrolment_offer where seat_id = seat.id and status in ('live', 'accepted'))) as free
    from enrolment_choice as choice
    join programme_seat as seat on seat.programme_id = choice.programme_id
    where choice.enrolment_id = :enrolment_id
    group by seat.programme_id, seat.tiers
)
select kind.programme_id, kind.tiers[1] as group_code, kind.seats, kind.free,
    (select name from priority_group join programme on programme.round_id = priority_group.round_id
     where programme.id = kind.programme_id and code = kind.tiers[1]) as group_name,
    claim_tier(kind.tiers, me.groups) as tier, ahead.*
from kind cross join me cross join lateral (
    select count(*) filter (where me.late and not other.late) as drawn_before,
        count(*) filter (where me.late = other.late and other.tier < claim_tier(kind.tiers, me.groups)) as group_before,
        count(*) filter (
            where me.late = other.late and other.tier = claim_tier(kind.tiers, me.groups)
              and (case when me.late then (other.submitted_at, other.enrolment_id) < (me.submitted_at, me.id)
                        else other.number collate "C" < me.number collate "C" end)) as order_before
    from (select waiting.*, claim_tier(kind.tiers, waiting.groups) as tier from waiting
          where waiting.programme_id = kind.programme_id) as other
    where other.tier is not null
) as ahead
order by kind.programme_id, kind.position;
