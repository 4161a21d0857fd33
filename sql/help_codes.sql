-- name: give(id, start_code, end_code)!
-- Give a help request new codes, and all attempts at them.
update help_request set start_code = :start_code, end_code = :end_code, code_attempts_left = 10 where id = :id;

-- name: take_back(ids)!
-- Let codes of help requests be good no more.
update help_request set start_code = null, end_code = null where id = any(:ids::uuid[]);
