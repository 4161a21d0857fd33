-- name: lock_volunteer(id)^
-- Take one volunteer, so that what the volunteer has is counted by one transaction at a time.
select volunteer.id, account_id, team_id, status from volunteer where id = :id for no key update;

-- name: task(request_id, volunteer_id)^
-- A request, and what a volunteer was asked of it last; no row where it is nothing to the volunteer.
select help_request.id, help_request.person_id, help_request.team_id, help_request.state, help_request.volunteer_id,
    help_request.matter, help_request.starts_at, help_request.expires_at, offer.status as offer_status,
    offer.answer_by
from help_request
left join lateral (
    select status, answer_by from help_offer
    where help_offer.request_id = help_request.id and help_offer.volunteer_id = :volunteer_id
    order by offered_at desc, id desc
    limit 1
) as offer on true
where help_request.id = :request_id
  and (help_request.volunteer_id = :volunteer_id or offer.status is not null);

-- name: replay(id)!
-- Mark a repeat: a write, so that the answer waits for the standby as the first one did.
update help_request set seen = seen + 1 where id = :id;

-- name: settle_offers(request_id, volunteer_id, now)
-- Say of the offers of a request that somebody has now who took it; those who need not answer any more come back.
with settled as (
    update help_offer
    set status = case when volunteer_id = :volunteer_id then 'accepted' else 'withdrawn' end, answered_at = :now
    where request_id = :request_id and status = 'live'
    returning volunteer_id, status
)
select volunteer_id from settled where status = 'withdrawn' order by volunteer_id;

-- name: found(id)!
-- Let the dispatch look at a request no more.
update help_request set next_round_at = null where id = :id;

-- name: decline(request_id, volunteer_id, now)$
-- Answer a live offer with no; the request is locked.
update help_offer set status = 'declined', answered_at = :now
where request_id = :request_id and volunteer_id = :volunteer_id and status = 'live'
returning request_id;

-- name: held_by(request_id, account_id)^
-- Whom and what a request is about that an account's volunteer has now, and whether a number is to be booked: one was
-- asked for, or the one that there was is lost.
select help_request.person_id, help_request.matter,
    help_request.needs_booking or exists (
        select from help_event
        where request_id = help_request.id and because = 'booking_cancelled') as to_be_booked
from help_request join volunteer on volunteer.id = help_request.volunteer_id
where help_request.id = :request_id and volunteer.account_id = :account_id and volunteer.status = 'approved'
  and help_request.state in ('accepted', 'booked', 'under_way');
