-- name: give(id, start_code, end_code)!
-- Give a help request new codes, and all attempts at them.
update help_request set start_code = :start_code, end_code = :end_code, code_attempts_left = 10 where id = :id;
