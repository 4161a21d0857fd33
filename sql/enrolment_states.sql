-- name: share_round(id, now)^
-- Hold a round as it is, beside others who do so: nobody freezes, draws, publishes or ends it meanwhile.
select *, round_state(stage, opens_at, closes_at, :now) as state from enrolment_round where id = :id for key share;

-- name: take_round(id, now)^
-- Take a round for oneself: whoever applies or reviews waits.
select *, round_state(stage, opens_at, closes_at, :now) as state from enrolment_round where id = :id for update;

-- name: share_rounds_of(ids)
-- Hold the rounds of applications as they are, in id order.
select id from enrolment_round
where id in (select round_id from enrolment where id = any(:ids::uuid[]))
order by id
for key share;

-- name: lock(ids)
-- Take applications in id order; their rounds are held.
select * from enrolment where id = any(:ids::uuid[]) order by id for no key update;

-- name: step(id, event_id, before, after, during, because, actor_id, reviewer_id, submitted_at, late, repair_by, repair_words, facts, now)^
-- Bring an application from one of some states into another while its round is in one of some states by the clock, and
-- write the event of it; no row where it is in another state, or its round.
with held as (
    select id, round_state(stage, opens_at, closes_at, :now) as state from enrolment_round
    where id = (select round_id from enrolment where enrolment.id = :id)
    for key share
), was as (
    select enrolment.id, enrolment.state
    from held join enrolment on enrolment.round_id = held.id
    where enrolment.id = :id and (:during::text[] is null or held.state = any(:during::text[]))
    for no key update of enrolment
), changed as (
    update enrolment
    set state = :after, changed_at = :now, reviewer_id = :reviewer_id, repair_by = :repair_by,
        repair_words = coalesce(:repair_words, enrolment.repair_words),
        submitted_at = coalesce(:submitted_at, enrolment.submitted_at), late = coalesce(:late, enrolment.late),
        version = enrolment.version + 1
    from was
    where enrolment.id = was.id and was.state = any(:before::text[])
    returning enrolment.*
), told as (
    insert into enrolment_event (id, enrolment_id, at, actor_id, was, state, because, facts)
    select :event_id, changed.id, :now, :actor_id, was.state, changed.state, :because, :facts::text::jsonb
    from changed join was on was.id = changed.id
)
select * from changed;

-- name: record(event_ids, ids, causes, actors, facts, now)!
-- Write what happened to applications that stay in their states.
insert into enrolment_event (id, enrolment_id, at, actor_id, was, state, because, facts)
select row.event_id, enrolment.id, :now, row.actor_id, enrolment.state, enrolment.state, row.because, row.facts::jsonb
from unnest(:event_ids::uuid[], :ids::uuid[], :causes::text[], :actors::uuid[], :facts::text[]) with ordinality
    as row (event_id, id, because, actor_id, facts, position)
join enrolment on enrolment.id = row.id
order by row.position;
