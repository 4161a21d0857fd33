-- name: lock_of_volunteer(volunteer_id)
-- Take, in id order, the requests that a volunteer has or is asked for.
select * from help_request
where id in (
    select held.id from help_request as held
    where held.volunteer_id = :volunteer_id and held.state in ('accepted', 'booked', 'under_way')
    union
    select request_id from help_offer where help_offer.volunteer_id = :volunteer_id and help_offer.status = 'live')
order by id
for no key update;

-- name: lock_of_mandates(ids)
-- Take, in id order, the requests not under way yet that holders of mandates have for the persons and matters of
-- those. Who is of a team whose mandate ends keeps what a mandate of one's own allows.
select * from help_request
where id in (
    select held.id
    from mandate
    join help_request as held
        on held.person_id = mandate.person_id and held.matter = any(mandate.matters)
        and held.state in ('accepted', 'booked')
    join volunteer on volunteer.id = held.volunteer_id
    where mandate.id = any(:ids::uuid[])
      and (mandate.volunteer_id = volunteer.id
           or mandate.team_id = volunteer.team_id and not exists (
               select from mandate as own
               where own.volunteer_id = volunteer.id and own.person_id = held.person_id
                 and held.matter = any(own.matters) and own.status = 'active')))
order by id
for no key update;

-- name: own_people(volunteers)
-- The persons as whom volunteers are registered, whom one tells.
select volunteer.id as volunteer_id, care.person_id
from volunteer
join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
where volunteer.id = any(:volunteers::uuid[]);

-- name: let_go(ids, now)
-- Withdraw the live offers of requests, release the work that is held for them, and forget a start without an end;
-- who was asked comes back. The requests are locked.
with withdrawn as (
    update help_offer set status = 'withdrawn', answered_at = :now
    where request_id = any(:ids::uuid[]) and status = 'live'
    returning request_id, volunteer_id
), released as (
    update help_work set state = 'released' where request_id = any(:ids::uuid[]) and state = 'held'
), forgotten as (
    delete from help_hours where request_id = any(:ids::uuid[]) and ended_at is null
)
select request_id, volunteer_id from withdrawn order by request_id, volunteer_id;

-- name: seek_anew(ids, now)!
-- Let the dispatch look at requests now, as if they had just been asked. A booking that stands and its time stay.
update help_request
set round = 0, next_round_at = :now, alarmed_at = null, start_code = null, end_code = null, code_attempts_left = 10,
    codes_sent = 0, codes_sent_at = null
where id = any(:ids::uuid[]);

-- name: close(ids)!
-- Let nobody look for a volunteer or start any more.
update help_request set next_round_at = null, start_code = null, end_code = null where id = any(:ids::uuid[]);

-- name: withdraw_offers_to(volunteer_id, ids, now)
-- Withdraw the live offers of locked requests to one volunteer.
update help_offer set status = 'withdrawn', answered_at = :now
where volunteer_id = :volunteer_id and request_id = any(:ids::uuid[]) and status = 'live'
returning request_id;

-- name: wake(ids, now)!
-- Let the dispatch go on at once with requests of which nobody who was asked is left to answer.
update help_request set next_round_at = :now
where id = any(:ids::uuid[]) and state = 'offered'
  and not exists (select from help_offer where request_id = help_request.id and status = 'live');
