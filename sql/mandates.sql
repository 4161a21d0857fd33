-- name: serialise_holder(holder_id)$
-- Let one request at a time count and make the mandates of a volunteer or a team; taken before serialise_person.
select pg_advisory_xact_lock(hashtextextended('mandates of holder ' || :holder_id::uuid, 0));

-- name: serialise_person(person_id)$
-- Let one request at a time count and make a person's mandates; no lock on the person's row, which bookings take.
select pg_advisory_xact_lock(hashtextextended('mandates of person ' || :person_id::uuid, 0));

-- name: volunteer(id)^
-- Who a volunteer is, for a mandate to be made out to.
select volunteer.id, volunteer.account_id, volunteer.status, team.name as team_name, coalesce(person.name, '') as name
from volunteer
join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person on person.id = care.person_id
where volunteer.id = :id;

-- name: team(id)^
-- Which team a mandate is to be made out to; no name of anybody in it.
select id, area_id, name as team_name, null as name from team where id = :id;

-- name: is_empowered(account_id, volunteer_id, team_id)$
-- Whether an account is a volunteer, or one of a team, who has not left it.
select exists (
    select from volunteer
    where account_id = :account_id and status <> 'left' and (id = :volunteer_id or team_id = :team_id)
);

-- name: proves_nothing(person_id, volunteer_id, team_id)$
-- Whether a code to a person's phone would prove nothing: the phone is that of whom the mandate would empower, or was
-- entered by such a one.
select exists (
    select from volunteer
    join person on person.id = :person_id
    left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
    left join person as helper on helper.id = care.person_id
    where (volunteer.id = :volunteer_id or volunteer.team_id = :team_id) and volunteer.status <> 'left'
      and (helper.phone_index = person.phone_index or same_human(person.created_by, volunteer.account_id))
);

-- name: person_by_document(document_index)^
-- The person of an identity number.
select id, name, phone_sealed from person
where document_kind = 'resident_id' and document_index = :document_index and erased_at is null;

-- name: person_by_id(id)^
-- The person of an id.
select id, name, phone_sealed from person where id = :id and erased_at is null;

-- name: standing(person_id, volunteer_id, team_id, way, now, day_ago, pending_since)^
-- What exists already between and beside a person and a volunteer or team, for the limits. A mandate whose uses are all
-- made counts for nothing any more.
with live as (
    select id, person_id, volunteer_id, team_id
    from mandate
    where (person_id = :person_id or volunteer_id = :volunteer_id) and status = 'active' and expires_at > :now
      and (max_uses is null or max_uses > (
          select count(*) from booking where booking.mandate_id = mandate.id and booking.status <> 'moved'))
)
select
    (select count(*) from live where person_id = :person_id) as of_person,
    (select count(distinct person_id) from live where volunteer_id = :volunteer_id and person_id <> :person_id)
        as other_persons,
    exists (select from live
     where person_id = :person_id and (volunteer_id = :volunteer_id or team_id = :team_id)) as live,
    (select count(*) from mandate
     where person_id = :person_id and consent_way = 'sms' and created_at > :day_ago) as asked_of_person,
    (select count(*) from mandate
     where (volunteer_id = :volunteer_id or team_id = :team_id) and consent_way = 'sms' and created_at > :day_ago)
        as asked_for_holder,
    (select id from mandate
     where person_id = :person_id and (volunteer_id = :volunteer_id or team_id = :team_id)
       and consent_way = :way and status = 'pending' and created_at > :pending_since
     limit 1) as pending_id,
    exists (select from care
     join volunteer on volunteer.account_id = care.account_id
     where volunteer.id = :volunteer_id and care.person_id = :person_id and care.ended_at is null) as volunteer_cares;

-- name: refused_persons(account_id, since)$
-- How often a volunteer named somebody who could not be reached.
select count(*) from audit where actor_id = :account_id and at > :since and action = 'mandates.person_refused';

-- name: add(id, person_id, volunteer_id, team_id, matters, max_uses, consent_way, status, expires_at, requested_by, now, consented_by, consented_at, file_id, attempts)$
-- Make a mandate.
insert into mandate (id, person_id, volunteer_id, team_id, matters, max_uses, consent_way, status, expires_at,
    requested_by, created_at, consented_by, consented_at, file_id, attempts_left)
values (:id, :person_id, :volunteer_id, :team_id, :matters, :max_uses, :consent_way, :status, :expires_at,
    :requested_by, :now, :consented_by, :consented_at, :file_id, :attempts)
returning id;

-- name: set_code(id, code_hash, code_expires_at, now, sent_before, asked_after, most)^
-- Give a pending mandate a new code; no row too soon after the last, too late, or after too many.
update mandate
set code_hash = :code_hash, code_expires_at = :code_expires_at, code_sent_at = :now, codes_sent = codes_sent + 1
where id = :id and status = 'pending' and consent_way = 'sms' and attempts_left > 0 and codes_sent < :most
  and created_at > :asked_after and (code_sent_at is null or code_sent_at <= :sent_before)
returning id, person_id, volunteer_id, team_id, matters, expires_at, max_uses;

-- name: withdraw_code(id, code_hash)!
-- Forget a code that could not be sent, so that another may be at once.
update mandate set code_hash = null, code_expires_at = null, code_sent_at = null, codes_sent = codes_sent - 1
where id = :id and code_hash = :code_hash;

-- name: asked(id, account_id)^
-- What somebody has asked for and waits to confirm.
select id, person_id, volunteer_id, team_id, status, consent_way, created_at, expires_at, matters, max_uses, codes_sent,
    code_sent_at, code_expires_at, attempts_left
from mandate where id = :id and requested_by = :account_id;

-- name: spend_attempt(id, now)^
-- Take one of the few attempts at a code; no row when none is left or no code is good.
update mandate set attempts_left = attempts_left - 1
where id = :id and status = 'pending' and attempts_left > 0 and code_expires_at > :now
returning code_hash, attempts_left;

-- name: activate(id, consented_by, now)^
-- Make a pending mandate hold; no row where it is pending no more.
update mandate
set status = 'active', consented_by = :consented_by, consented_at = :now, code_hash = null, code_expires_at = null
where id = :id and status = 'pending'
returning id;

-- name: revoke(id, revoked_by, reason, now)^
-- End a mandate; waits for bookings that use it at this moment. No row when it has been revoked before.
with held as (select id, status from mandate where id = :id and status <> 'revoked' for no key update)
update mandate
set status = 'revoked', revoked_by = :revoked_by, revoked_at = :now, revoke_reason = :reason,
    code_hash = null, code_expires_at = null
from held
where mandate.id = held.id
returning mandate.id, mandate.person_id, held.status as was;

-- name: revoke_all(person_id, volunteer_id, revoked_by, reason, now)
-- End every mandate of a person, or of a volunteer; locked in the order in which bookings lock them.
with held as (
    select id, status from mandate
    where (person_id = :person_id or volunteer_id = :volunteer_id) and status <> 'revoked'
    order by id
    for no key update
)
update mandate
set status = 'revoked', revoked_by = :revoked_by, revoked_at = :now, revoke_reason = :reason,
    code_hash = null, code_expires_at = null
from held
where mandate.id = held.id
returning mandate.id, mandate.person_id, held.status as was;
