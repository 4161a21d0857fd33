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
