-- name: waiting(round_id, states)$
-- How many applications of a round that were handed in in time are not decided.
select count(*) from enrolment where round_id = :round_id and state = any(:states::text[]) and not late;

-- name: list_accepted(round_id, now)
-- Put all accepted applications of a round that were handed in in time on its list.
with accepted as (
    select id from enrolment
    where round_id = :round_id and state = 'accepted' and not late
    order by id
    for no key update
)
update enrolment set listed_at = :now, changed_at = :now
from accepted
where enrolment.id = accepted.id
returning enrolment.id;

-- name: programmes(round_id)
-- What children of a round are allocated to: seats, and the reserves in the order in which they choose.
select programme.id, programme.seats, coalesce((
    select jsonb_agg(jsonb_build_object('group', priority_group.code, 'seats', reserve.seats, 'then', reserve.falls_to)
                     order by reserve.position)
    from programme_reserve as reserve join priority_group on priority_group.id = reserve.group_id
    where reserve.programme_id = programme.id), '[]') as reserves
from programme
where round_id = :round_id
order by id;

-- name: applicants(round_id)
-- The listed children of a round under their public ids, with granted groups and ranked programmes.
select public_id, salt,
    array(select priority_group.code from enrolment_claim as claim
          join priority_group on priority_group.id = claim.group_id
          where claim.enrolment_id = enrolment.id and claim.status = 'granted') as groups,
    array(select programme_id from enrolment_choice as choice
          where choice.enrolment_id = enrolment.id order by rank) as ranks
from enrolment
where round_id = :round_id and listed_at is not null
order by public_id;

-- name: freeze(round_id, frozen, frozen_sha256, now, account_id)^
-- Write the frozen list of a round, once, and close its review.
with reviewed as (
    update enrolment_round set stage = 'reviewed', version = version + 1 where id = :round_id returning id
)
insert into enrolment_draw (round_id, frozen, frozen_sha256, frozen_at, frozen_by)
select id, :frozen, :frozen_sha256, :now, :account_id from reviewed
returning round_id;

-- name: frozen(round_id)^
-- The frozen list of a round, and by whom it was frozen.
select frozen, frozen_sha256, frozen_by from enrolment_draw where round_id = :round_id;

-- name: draw(round_id, public_value, seed, result, now, account_id)^
-- Write what came of a draw, once.
with drawn as (
    update enrolment_round set stage = 'drawn', version = version + 1 where id = :round_id returning id
)
update enrolment_draw
set public_value = :public_value, seed = :seed, result = :result, drawn_at = :now, drawn_by = :account_id
from drawn
where round_id = drawn.id
returning round_id;

-- name: result(round_id)^
-- The result of a round's draw, published or not.
select result, seed from enrolment_draw where round_id = :round_id and result is not null;

-- name: published_result(round_id)^
-- The published result of a round's draw.
select result, seed from enrolment_draw where round_id = :round_id and published_at is not null;

-- name: seats(round_id)
-- Each seat of a round in the order of its programme, and whose it is first.
select seat.id, seat.programme_id, seat.tiers[1] as kind
from programme_seat as seat join programme on programme.id = seat.programme_id
where programme.round_id = :round_id
order by seat.programme_id, seat.number;

-- name: give(round_id, public_ids, numbers, seats, now)
-- Give the listed children of a round their numbers, and seats to those who have one.
with listed as (
    select id, public_id from enrolment
    where round_id = :round_id and listed_at is not null
    order by id
    for no key update
)
update enrolment set number = drawn.number, seat_id = drawn.seat_id, changed_at = :now
from unnest(:public_ids::text[], :numbers::text[], :seats::uuid[]) as drawn (public_id, number, seat_id)
join listed on listed.public_id = drawn.public_id
where enrolment.id = listed.id
returning enrolment.id, enrolment.person_id, enrolment.state, enrolment.seat_id;

-- name: publish(round_id, now)^
-- Publish the result of a round's draw.
with published as (
    update enrolment_round set stage = 'published', version = version + 1 where id = :round_id returning id
)
update enrolment_draw set published_at = :now
from published
where round_id = published.id
returning round_id;

-- name: show(round_id)^
-- What staff see of a round's draw.
select draw.round_id, draw.frozen_sha256, draw.frozen_at, draw.frozen_by, draw.public_value, draw.seed, draw.drawn_at,
    draw.drawn_by, draw.published_at, round.value_source, round.value_due_at,
    (select count(*) from enrolment where round_id = draw.round_id and listed_at is not null) as applicants,
    (select count(*) from enrolment where round_id = draw.round_id and seat_id is not null) as seated
from enrolment_draw as draw join enrolment_round as round on round.id = draw.round_id
where draw.round_id = :round_id;

-- name: show_to_everybody(round_id)^
-- What everybody sees of a round's draw: what came of it once it is published.
select draw.round_id, draw.frozen_sha256, draw.frozen_at, draw.published_at, round.value_source, round.value_due_at,
    case when published_at is not null then draw.public_value end as public_value,
    case when published_at is not null then draw.seed end as seed,
    (select count(*) from enrolment where round_id = draw.round_id and listed_at is not null) as applicants
from enrolment_draw as draw join enrolment_round as round on round.id = draw.round_id
where draw.round_id = :round_id;

-- name: line(enrolment_id)^
-- What the frozen list has of one child, opened, and the number once the result is published.
select enrolment.public_id, enrolment.salt, enrolment.number, draw.frozen_sha256,
    array(select priority_group.code from enrolment_claim as claim
          join priority_group on priority_group.id = claim.group_id
          where claim.enrolment_id = enrolment.id and claim.status = 'granted') as groups,
    array(select programme_id from enrolment_choice as choice
          where choice.enrolment_id = enrolment.id order by rank) as ranks
from enrolment join enrolment_draw as draw on draw.round_id = enrolment.round_id
where enrolment.id = :enrolment_id and enrolment.listed_at is not null;
