-- name: claim(account_id, operation, key, fingerprint, now)^
-- Take a key, or wait for whoever has it and see what it made; a repeat writes, see the column `seen`.
insert into idempotency_key (account_id, operation, key, fingerprint, created_at)
values (:account_id, :operation, :key, :fingerprint, :now)
on conflict (account_id, operation, key) do update set seen = idempotency_key.seen + 1
returning fingerprint, resource_id;

-- name: settle(account_id, operation, key, resource_id)!
-- Remember what a key made.
update idempotency_key set resource_id = :resource_id
where account_id = :account_id and operation = :operation and key = :key;

-- name: prune(before)$
-- Forget keys that no client repeats any more, and count them.
with gone as (delete from idempotency_key where created_at < :before returning 1)
select count(*) from gone;
