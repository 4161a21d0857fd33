-- name: serialise_volunteer(volunteer_id)$
-- Let one request at a time count and make a volunteer's mandates; taken before serialise_person.
select pg_advisory_xact_lock(hashtextextended('mandates of volunteer ' || :volunteer_id::uuid, 0));

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

-- name: person_by_document(document_index)^
-- The person of an identity number.
select id, name, phone_sealed from person
where document_kind = 'resident_id' and document_index = :document_index and erased_at is null;

-- name: person_by_id(id)^
-- The person of an id.
select id, name, phone_sealed from person where id = :id and erased_at is null;

-- name: standing(person_id, volunteer_id, account_id, now, day_ago, hour_ago)^
-- What exists already between and beside a person and a volunteer (of this account), for the limits.
select
    (select count(*) from mandate
     where person_id = :person_id and status = 'active' and expires_at > :now) as of_person,
    (select count(distinct person_id) from mandate
     where volunteer_id = :volunteer_id and person_id <> :person_id and status = 'active' and expires_at > :now)
        as other_persons,
    (select count(*) from mandate
     where person_id = :person_id and consent_way = 'sms' and created_at > :day_ago) as asked_of_person,
    (select count(*) from mandate
     where volunteer_id = :volunteer_id and consent_way = 'sms' and created_at > :day_ago) as asked_for_volunteer,
    (select id from mandate
     where person_id = :person_id and volunteer_id = :volunteer_id and status = 'pending' and created_at > :hour_ago
     limit 1) as pending_id,
    exists (select from care
     where account_id = :account_id and person_id = :person_id and ended_at is null) as volunteer_cares;

-- name: refused_persons(account_id, since)$
-- How often a volunteer named somebody who could not be reached.
select count(*) from audit where actor_id = :account_id and at > :since and action = 'mandates.person_refused';

-- name: add(id, person_id, volunteer_id, matters, consent_way, status, expires_at, requested_by, now, consented_by, consented_at, file_id, attempts)$
-- Make a mandate.
insert into mandate (id, person_id, volunteer_id, matters, consent_way, status, expires_at, requested_by, created_at,
    consented_by, consented_at, file_id, attempts_left)
values (:id, :person_id, :volunteer_id, :matters, :consent_way, :status, :expires_at, :requested_by, :now,
    :consented_by, :consented_at, :file_id, :attempts)
returning id;

-- name: set_code(id, code_hash, code_expires_at, now, sent_before, asked_after, most)^
-- Give a pending mandate a new code; no row too soon after the last, too late, or after too many.
update mandate
set code_hash = :code_hash, code_expires_at = :code_expires_at, code_sent_at = :now, codes_sent = codes_sent + 1
where id = :id and status = 'pending' and consent_way = 'sms' and attempts_left > 0 and codes_sent < :most
  and created_at > :asked_after and (code_sent_at is null or code_sent_at <= :sent_before)
returning id, person_id, volunteer_id, matters, expires_at;

-- name: withdraw_code(id, code_hash)!
-- Forget a code that could not be sent, so that another may be at once.
update mandate set code_hash = null, code_expires_at = null, code_sent_at = null, codes_sent = codes_sent - 1
where id = :id and code_hash = :code_hash;

-- name: asked(id, account_id)^
-- What somebody has asked for and waits to confirm.
select mandate.id, mandate.person_id, mandate.volunteer_id, mandate.status, mandate.consent_way, mandate.created_at,
    mandate.expires_at, mandate.matters, mandate.codes_sent, mandate.code_sent_at, mandate.code_expires_at, mandate.attempts_left
from mandate where id = :id and requested_by = :account_id;

-- name: spend_attempt(id, now)^
-- Take one of the few attempts at a code; no row when none is left or no code is good.
update mandate set attempts_left = attempts_left - 1
where id = :id and status = 'pending' and attempts_left > 0 and code_expires_at > :now
returning code_hash, attempts_left;

-- name: activate(id, now)^
-- Make a pending mandate hold; its row is locked by the attempt before.
update mandate set status = 'active', consented_at = :now, code_hash = null, code_expires_at = null
where id = :id and status = 'pending'
returning id, person_id, volunteer_id, matters, expires_at;

-- name: sides(id, account_id)^
-- What a mandate is to an account: of somebody in its care, or its own as the volunteer.
select mandate.id, mandate.person_id, mandate.volunteer_id,
    exists (select from care
     where account_id = :account_id and person_id = mandate.person_id and ended_at is null) as cares,
    volunteer.account_id = :account_id as acts
from mandate join volunteer on volunteer.id = mandate.volunteer_id
where mandate.id = :id;

-- name: revoke(id, revoked_by, reason, now)^
-- End a mandate; waits for bookings that use it at this moment. No row when it has been revoked before.
update mandate
set status = 'revoked', revoked_by = :revoked_by, revoked_at = :now, revoke_reason = :reason,
    code_hash = null, code_expires_at = null
where id = :id and status <> 'revoked'
returning id, person_id, volunteer_id;

-- name: revoke_all(person_id, volunteer_id, revoked_by, now)
-- End every mandate of a person, or of a volunteer; locked in the order in which bookings lock them.
with held as (
    select id from mandate
    where (person_id = :person_id or volunteer_id = :volunteer_id) and status <> 'revoked'
    order by id
    for no key update
)
update mandate
set status = 'revoked', revoked_by = :revoked_by, revoked_at = :now, code_hash = null, code_expires_at = null
from held
where mandate.id = held.id
returning mandate.id, mandate.person_id, mandate.volunteer_id;

-- name: ids_for_account(account_id, person_id, after, limit)
-- Mandates of the persons in an account's care and those it holds as a volunteer, newest first.
select id from (
    select mandate.id, mandate.person_id
    from care join mandate on mandate.person_id = care.person_id
    where care.account_id = :account_id and care.ended_at is null
    union
    select mandate.id, mandate.person_id
    from volunteer join mandate on mandate.volunteer_id = volunteer.id
    where volunteer.account_id = :account_id
) as mine
where (:person_id::uuid is null or person_id = :person_id)
  and (:after::uuid is null or id < :after)
order by id desc
limit :limit;

-- name: ids_for_staff(account_id, roles, person_id, volunteer_id, after, limit)
-- Mandates of the volunteers whom staff look after, newest first.
select mandate.id from mandate
join volunteer on volunteer.id = mandate.volunteer_id
join team on team.id = volunteer.team_id
where team.area_id in (select staff_areas(:account_id, :roles))
  and (:person_id::uuid is null or mandate.person_id = :person_id)
  and (:volunteer_id::uuid is null or mandate.volunteer_id = :volunteer_id)
  and (:after::uuid is null or mandate.id < :after)
order by mandate.id desc
limit :limit;

-- name: shown(ids, account_id)
-- Mandates whole, with what each is to the account that looks.
select mandate.id, mandate.matters, mandate.consent_way, mandate.status, mandate.expires_at, mandate.created_at,
    mandate.consented_at, mandate.attempts_left, mandate.code_expires_at, mandate.revoked_at, mandate.revoke_reason,
    mandate.file_id, mandate.person_id, person.name as person_name, person.document_sealed, person.phone_sealed,
    jsonb_build_object('id', volunteer.id, 'name', coalesce(helper.name, ''), 'team', team.name,
        'serves', volunteer.status = 'approved') as volunteer,
    exists (select from care as mine
     where mine.account_id = :account_id and mine.person_id = mandate.person_id and mine.ended_at is null) as cares
from mandate
join person on person.id = mandate.person_id
join volunteer on volunteer.id = mandate.volunteer_id
join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person as helper on helper.id = care.person_id
where mandate.id = any(:ids::uuid[])
order by mandate.id desc;

-- name: uses(ids)
-- Every booking made under some mandates, newest first.
select booking.mandate_id, booking.id as booking_id, booking.status, booking.created_at, slot.starts_at,
    service.department, service.name as service, provider.name as provider
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.mandate_id = any(:ids::uuid[])
order by booking.id desc;
