-- name: database_time()$
-- What the database's clock shows at this moment, not when the transaction began.
select clock_timestamp();
