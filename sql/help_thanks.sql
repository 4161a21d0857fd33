-- name: volunteer(request_id)$
-- Who has a help request, or had it to its end.
select volunteer_id from help_request where id = :request_id;

-- name: add(request_id, account_id, stars, thanks, now)^
-- Rate a completed help request; no row where it is not completed, or was rated before.
insert into help_rating (request_id, volunteer_id, rated_by, rated_at, stars, thanks)
select id, volunteer_id, :account_id, :now, :stars, :thanks
from help_request
where id = :request_id and state = 'completed'
on conflict (request_id) do nothing
returning request_id, volunteer_id, stars, thanks, rated_at;

-- name: known(request_id)^
-- How a help request was rated, and its state.
select help_request.id as request_id, help_request.state, help_rating.stars, help_rating.thanks, help_rating.rated_at
from help_request left join help_rating on help_rating.request_id = help_request.id
where help_request.id = :request_id;
