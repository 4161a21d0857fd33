-- name: take_turn(key)$
-- Whether this connection is now the one that does the housekeeping, until it is closed.
select pg_try_advisory_lock(:key);
