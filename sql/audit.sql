-- name: lock_chain(chain)^
-- Take a chain until the end of the transaction, with its newest row's number and signature.
select seq, mac from audit_chain where chain = :chain for no key update;

-- name: append(chain, first_seq, at, actors, actions, subjects, facts, requests, macs)$
-- Append rows to a chain that is locked, and move its head.
with appended as (
    insert into audit (chain, seq, at, actor_id, action, subject_id, facts, request_id, mac)
    select :chain, :first_seq::bigint + n, :at, actor_id, action, subject_id, facts::jsonb, request_id, mac
    from unnest(:actors::uuid[], :actions::text[], :subjects::uuid[], :facts::text[], :requests::text[], :macs::bytea[])
        with ordinality as row (actor_id, action, subject_id, facts, request_id, mac, n)
)
update audit_chain
set seq = :first_seq::bigint + cardinality(:macs::bytea[]), mac = (:macs::bytea[])[cardinality(:macs::bytea[])]
where chain = :chain
returning seq;

-- name: heads()
-- The newest number and signature of every chain.
select chain, seq, mac from audit_chain order by chain;

-- name: chain_rows(chain)
-- All rows of a chain in order, to be walked.
select seq, at, actor_id, action, subject_id, facts::text, request_id, mac
from audit where chain = :chain order by seq;

-- name: search(subject_id, actor_id, action, begins, ends, after_at, after_chain, after_seq, limit)
-- Rows by whom they concern, who acted, what was done and when; newest first.
select at, chain, seq, actor_id, action, subject_id, facts, request_id
from audit
where (:subject_id::uuid is null or subject_id = :subject_id)
  and (:actor_id::uuid is null or actor_id = :actor_id)
  and (:action::text is null or action = :action)
  and at >= :begins and at < :ends
  and (:after_at::timestamptz is null
       or (at, chain, seq) < (:after_at, :after_chain::smallint, :after_seq::bigint))
order by at desc, chain desc, seq desc
limit :limit;
