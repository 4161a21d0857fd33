-- name: hold_round(enrolment_id)^
-- Let nobody else move the queues of an application's round until the end of the transaction.
select * from enrolment_round
where id = (select round_id from enrolment where id = :enrolment_id)
for no key update;

-- name: hold_round_by_id(round_id)^
-- The same, of a round.
select * from enrolment_round where id = :round_id for no key update;

-- name: free_seats(seat_ids)
-- Those of some seats that nobody has while their round is in its offers, with the hours that a family has to answer.
select seat.id, seat.number, seat.programme_id, seat.tiers, round.answer_hours
from programme_seat as seat
join programme on programme.id = seat.programme_id
join enrolment_round as round on round.id = programme.round_id
where seat.id = any(:seat_ids::uuid[]) and round.stage = 'offers'
  and not exists (select from enrolment_offer where seat_id = seat.id and status in ('live', 'accepted'));

-- name: free_seats_wanted(enrolment_ids)
-- Seats that nobody has, of the programmes that some applications rank.
select seat.id
from (select distinct programme_id from enrolment_choice where enrolment_id = any(:enrolment_ids::uuid[])) as wanted
cross join lateral (
    select programme_seat.id,
        (select enrolment_offer.id from enrolment_offer
         where seat_id = programme_seat.id and status in ('live', 'accepted') limit 1) as held_by
    from programme_seat where programme_seat.programme_id = wanted.programme_id
    offset 0) as seat
where seat.held_by is null;

-- name: free_seats_of_round(round_id)
-- Seats of a round that nobody has.
select seat.id
from programme
join programme_seat as seat on seat.programme_id = programme.id
where programme.round_id = :round_id
  and not exists (select from enrolment_offer where seat_id = seat.id and status in ('live', 'accepted'));

-- name: take_turn(seat_id, offer_id, answer_by, now)^
-- Give a free seat to whoever has the best claim to it: offer it to who waits, or hand it to who has a later seat of the same programme, which then is free.
with seat as materialized (
    select id, programme_id, number, tiers from programme_seat
    where id = :seat_id
      and not exists (select from enrolment_offer where seat_id = :seat_id and status in ('live', 'accepted'))
), claimant as (
    select waiting.enrolment_id, waiting.late, claim_tier(seat.tiers, waiting.groups) as tier, waiting.number,
        waiting.submitted_at, null::uuid as held_offer, null::uuid as left_seat
    from seat, enrolment_waiting(seat.programme_id) as waiting
    union all
    select holder.id, holder.late, claim_tier(seat.tiers, granted_groups(holder.id)), holder.number,
        holder.submitted_at, offer.id, other.id
    from seat
    join programme_seat as other
        on other.programme_id = seat.programme_id and other.number > seat.number and other.tiers <> seat.tiers
    join enrolment_offer as offer on offer.seat_id = other.id and offer.status in ('live', 'accepted')
    join enrolment as holder on holder.id = offer.enrolment_id
), best as materialized (
    select * from claimant where tier is not null
    order by late, tier, number collate "C", submitted_at, enrolment_id
    limit 1
), moved as (
    update enrolment_offer set seat_id = seat.id
    from best, seat
    where enrolment_offer.id = best.held_offer
), made as (
    insert into enrolment_offer (id, enrolment_id, seat_id, way, offered_at, answer_by)
    select :offer_id, best.enrolment_id, seat.id, 'queue', :now, :answer_by
    from best, seat
    where best.held_offer is null
)
select best.enrolment_id, best.left_seat from best;

-- name: worse_of(enrolment_id, offer_ids)
-- Take back offers that nobody was told of, for a programme that the child wants less than the one just offered; return their seats.
with best as (
    select min(choice.rank) as rank
    from enrolment_offer as offer
    join programme_seat as seat on seat.id = offer.seat_id
    join enrolment_choice as choice
        on choice.enrolment_id = offer.enrolment_id and choice.programme_id = seat.programme_id
    where offer.enrolment_id = :enrolment_id and offer.id = any(:offer_ids::uuid[])
)
delete from enrolment_offer as offer
using programme_seat as seat, enrolment_choice as choice, best
where offer.id = any(:offer_ids::uuid[]) and offer.enrolment_id = :enrolment_id
  and seat.id = offer.seat_id
  and choice.enrolment_id = offer.enrolment_id and choice.programme_id = seat.programme_id
  and choice.rank > best.rank
returning offer.id, offer.seat_id;

-- name: described(offer_ids)
-- Offers with what events and notices say of them.
select offer.*, programme.id as programme_id, programme.class_id, programme.round_id, enrolment.person_id,
    enrolment.state
from enrolment_offer as offer
join programme_seat as seat on seat.id = offer.seat_id
join programme on programme.id = seat.programme_id
join enrolment on enrolment.id = offer.enrolment_id
where offer.id = any(:offer_ids::uuid[])
order by offer.id;

-- name: held(enrolment_id)
-- What an application has accepted or can answer, with the rank of it, the best first.
select offer.*, choice.rank, programme.id as programme_id, programme.class_id
from enrolment_offer as offer
join programme_seat as seat on seat.id = offer.seat_id
join programme on programme.id = seat.programme_id
join enrolment_choice as choice
    on choice.enrolment_id = offer.enrolment_id and choice.programme_id = programme.id
where offer.enrolment_id = :enrolment_id and offer.status in ('live', 'accepted')
order by choice.rank;

-- name: answer(ids, status, account_id, now)
-- End offers, or accept a live one; those that were answered before do not come back.
update enrolment_offer set status = :status, answered_at = :now, answered_by = :account_id
where id = any(:ids::uuid[]) and status in ('live', 'accepted') and status <> :status
returning *;

-- name: find(enrolment_id, id)^
-- An offer of an application, with the rank, the class and the child of it.
select offer.*, choice.rank, programme.id as programme_id, programme.class_id, round.starts_on, enrolment.person_id,
    enrolment.state
from enrolment_offer as offer
join programme_seat as seat on seat.id = offer.seat_id
join programme on programme.id = seat.programme_id
join enrolment_round as round on round.id = programme.round_id
join enrolment_choice as choice
    on choice.enrolment_id = offer.enrolment_id and choice.programme_id = programme.id
join enrolment on enrolment.id = offer.enrolment_id
where offer.id = :id and offer.enrolment_id = :enrolment_id;

-- name: settle(enrolment_id, now)^
-- Let an application wait for nothing any more.
update enrolment set settled = true, changed_at = :now, version = version + 1
where id = :enrolment_id and state = 'accepted' and not settled
returning id;

-- name: due(now, most)
-- Offers of one round that nobody answered in time, the oldest first.
select offer.id,
    (select programme.round_id from programme_seat as seat join programme on programme.id = seat.programme_id
     where seat.id = offer.seat_id) as round_id
from enrolment_offer as offer
where offer.status = 'live' and offer.answer_by <= :now
order by offer.answer_by, offer.id
limit :most;

-- name: lapse(ids, now)
-- End offers that nobody answered in time.
update enrolment_offer set status = 'lapsed', answered_at = :now
where id = any(:ids::uuid[]) and status = 'live' and answer_by <= :now
returning *;

-- name: begin(round_id)^
-- Bring a round whose result is published to its offers.
update enrolment_round set stage = 'offers', version = version + 1
where id = :round_id and stage = 'published'
returning *;

-- name: drawn(round_id)
-- Applications to which the draw gave a seat, and that still want one.
select id, seat_id from enrolment
where round_id = :round_id and state = 'accepted' and seat_id is not null
order by id;

-- name: offer_drawn(ids, enrolment_ids, seat_ids, answer_by, now)!
-- Offer the seats that the draw gave.
insert into enrolment_offer (id, enrolment_id, seat_id, way, offered_at, answer_by)
select row.id, row.enrolment_id, row.seat_id, 'draw', :now, :answer_by
from unnest(:ids::uuid[], :enrolment_ids::uuid[], :seat_ids::uuid[]) as row (id, enrolment_id, seat_id);

-- name: has_begun(enrolment_id, today)$
-- Whether a child is already in the class to which its application led.
select exists (
    select from nursery_place
    where enrolment_id = :enrolment_id and status in ('confirmed', 'ended') and starts_on <= :today::date
      and coalesce(ends_on, 'infinity') >= :today::date
);
