-- name: lock(ids)
-- Mandates to act under now; a revocation waits for this transaction, or was seen by it. Uses of a mandate with a number
-- of them are counted: the person's lock, which was taken before, holds them still.
select mandate.id, mandate.person_id, mandate.volunteer_id, mandate.team_id, mandate.matters, mandate.status,
    mandate.expires_at, mandate.max_uses,
    case when mandate.max_uses is not null then (
        select count(*) from booking where booking.mandate_id = mandate.id and booking.status <> 'moved'
    ) end as uses
from mandate
where mandate.id = any(:ids::uuid[])
order by mandate.id
for share of mandate;

-- name: lock_tasks(ids, accounts)
-- Which volunteers help the persons of teams' mandates at this moment; who takes a task away waits, or was seen.
select mandate.id as mandate_id, volunteer.id as volunteer_id
from mandate
join help_request on help_request.person_id = mandate.person_id
join volunteer on volunteer.id = help_request.volunteer_id and volunteer.team_id = mandate.team_id
where mandate.id = any(:ids::uuid[]) and volunteer.account_id = any(:accounts::uuid[])
  and same_human(mandate.consented_by, volunteer.account_id) is not true
  and help_request.state in ('accepted', 'booked', 'under_way')
order by help_request.id
for share of help_request;

-- name: acting(accounts, bookings)
-- Which mandates accounts would change bookings under, where they do not care for the person themselves.
select request.account_id, booking.mandate_id
from unnest(:accounts::uuid[], :bookings::uuid[]) as request (account_id, booking_id)
join booking on booking.id = request.booking_id
where booking.mandate_id is not null
  and (
      select id from care
      where care.account_id = request.account_id and care.person_id = booking.person_id and care.ended_at is null
  ) is null;

-- name: covering(account_id, person_id, matter, now)$
-- A mandate under which an account may act for a person in a matter now: its own first, then its team's.
select mandate.id
from mandates_in_hand(:account_id, :now) as held
join mandate on mandate.id = held.mandate_id
where held.person_id = :person_id and :matter = any(mandate.matters)
  and (mandate.max_uses is null or mandate.max_uses > (
      select count(*) from booking where booking.mandate_id = mandate.id and booking.status <> 'moved'))
order by mandate.team_id nulls first, mandate.max_uses nulls first, mandate.expires_at, mandate.id
limit 1;
