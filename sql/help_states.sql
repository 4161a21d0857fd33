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

-- name: step_together(ids, event_ids, before, after, because, facts, now)
-- Bring requests that nobody has from one state into another where nobody has them either, by time or dispatch, and
-- write the events; those that were in another state do not come back.
with was as (
    select id, state from help_request where id = any(:ids::uuid[]) order by id for no key update
), changed as (
    update help_request
    set state = :after, changed_at = :now
    from was
    where help_request.id = was.id and was.state = :before
    returning help_request.id
), told as (
    insert into help_event (id, request_id, at, was, state, because, facts)
    select row.event_id, changed.id, :now, :before, :after, :because, row.facts::jsonb
    from changed
    join unnest(:ids::uuid[], :event_ids::uuid[], :facts::text[]) as row (id, event_id, facts) on row.id = changed.id
)
select id from changed order by id;
