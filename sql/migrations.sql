-- name: lock(key)^
-- Let one process migrate at a time; waits for the other.
select pg_advisory_lock(:key);

-- name: unlock(key)^
-- Let the next process migrate.
select pg_advisory_unlock(:key);

-- name: create_ledger()!
-- Make the table that remembers what was applied.
create table if not exists migration (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default now()
);

-- name: applied()
-- What was applied, with the hash of its text then.
select name, sha256 from migration order by name;

-- name: set_timeouts()^
-- Give up rather than stop the service behind a lock; long changes go in small steps.
select set_config('lock_timeout', '4s', true), set_config('statement_timeout', '60s', true);

-- name: record(name, sha256)!
-- Remember that a file was applied.
insert into migration (name, sha256) values (:name, :sha256);
