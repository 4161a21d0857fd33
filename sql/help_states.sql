-- name: lock(ids)
-- Take help requests in id order.
select * from help_request where id = any(:ids::uuid[]) order by id for no key update;

-- name: step(id, event_id, before, after, because, volunteer_id, about, actor_id, facts, now)^
-- Bring a request from one of some states into another, and write the event of it; no row where it is in another state.
with was as (
    select id, state from help_request where id = :id for no key update
), changed as (
    update help_request
    set state = :after, volunteer_id = :volunteer_id, changed_at = :now
    from was
    where help_request.id = was.id and was.state = any(:before::text[])
    returning help_request.*
), told as (
    insert into help_event (id, request_id, at, actor_id, volunteer_id, was, state, because, facts)
    select :event_id, changed.id, :now, :actor_id, :about, was.state, changed.state, :because, :facts::text::jsonb
    from changed join was on was.id = changed.id
)
select * from changed;

-- name: step_together(ids, event_ids, before, after, because, facts, rounds, looks, now)
-- Bring requests that nobody has from one state into another where nobody has them either, by time or dispatch, and
-- write the events; where given, also the round and when to look again. Those that were in another state do not come
-- back.
with wanted as (
    select * from unnest(:ids::uuid[], :event_ids::uuid[], :facts::text[], :rounds::integer[], :looks::timestamptz[])
        as row (id, event_id, facts, round, look_at)
), was as (
    select id, state from help_request where id = any(:ids::uuid[]) order by id for no key update
), changed as (
    update help_request
    set state = :after, changed_at = :now, round = coalesce(wanted.round, help_request.round),
        next_round_at = coalesce(wanted.look_at, help_request.next_round_at)
    from was join wanted on wanted.id = was.id
    where help_request.id = was.id and was.state = :before
    returning help_request.id, wanted.event_id, wanted.facts
), told as (
    insert into help_event (id, request_id, at, was, state, because, facts)
    select changed.event_id, changed.id, :now, :before, :after, :because, changed.facts::jsonb from changed
)
select id from changed order by id;
