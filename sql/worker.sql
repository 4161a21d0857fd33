-- name: lead(key)$
-- Whether this connection is now the one that does the housekeeping, until it is closed.
select pg_try_advisory_lock(:key);

-- name: beat()$
-- A sign of life: the server ends the connection of a leader that gives none.
select 1;

-- name: chores_done()
-- When each chore was last done, by whichever worker.
select name, done_at from chore_done;

-- name: chore_done(name, now)!
-- Note that a chore was done.
insert into chore_done (name, done_at) values (:name, :now)
on conflict (name) do update set done_at = excluded.done_at;
