-- name: add(id, account_id, person_id, relation, name_matches, consents, phone_sealed, now, expires_at)!
-- An account asks to care for a person who exists already.
insert into care_request (id, account_id, person_id, relation, name_matches, consents, phone_sealed,
    created_at, expires_at)
values (:id, :account_id, :person_id, :relation, :name_matches, :consents, :phone_sealed, :now, :expires_at);

-- name: recent(account_id, since)^
-- How often an account has asked since a moment, and when first.
select count(*) as requests, min(created_at) as oldest
from care_request where account_id = :account_id and created_at > :since;

-- name: refused_lately(account_id, person_id, now)$
-- Whether what an account asked for was refused within the time that it would still be open.
select exists (
    select from care_request
    where account_id = :account_id and person_id = :person_id and status <> 'approved'
      and decided_by is not null and expires_at > :now
);

-- name: withdraw_older(account_id, person_id)!
-- Asking anew takes the place of what was asked before; that it was refused stays to be seen in `decided_by`.
update care_request set status = 'withdrawn'
where account_id = :account_id and person_id = :person_id and status in ('pending', 'refused');

-- name: withdraw(account_id, id)!
-- Take back one request.
update care_request set status = 'withdrawn'
where account_id = :account_id and id = :id and status in ('pending', 'refused');

-- name: lock(account_id, person_ids)
-- Requests that an account has made or that are made for some persons, held until the end of the transaction.
select id from care_request
where account_id = :account_id or person_id = any(:person_ids::uuid[])
order by id
for no key update;

-- name: withdraw_all(account_id)!
-- An account that leaves asks for nothing any more, and its phone is forgotten.
update care_request set phone_sealed = null,
    status = case when status in ('pending', 'refused') then 'withdrawn' else status end
where account_id = :account_id;

-- name: close_for(person_ids, now)!
-- Nobody can join the care of persons who are no longer known.
update care_request set status = 'refused', decided_at = :now
where person_id = any(:person_ids::uuid[]) and status = 'pending';

-- name: made(account_id, after, limit)
-- What an account has asked for, newest first.
select care_request.id, care_request.relation, care_request.status, care_request.created_at,
    care_request.expires_at, care_request.person_id, person.document_sealed
from care_request join person on person.id = care_request.person_id
where care_request.account_id = :account_id and (:after::uuid is null or care_request.id < :after)
order by care_request.id desc
limit :limit;

-- name: made_one(account_id, id)^
-- One request that an account has made.
select care_request.id, care_request.relation, care_request.status, care_request.created_at,
    care_request.expires_at, care_request.person_id, person.document_sealed
from care_request join person on person.id = care_request.person_id
where care_request.account_id = :account_id and care_request.id = :id;

-- name: waiting_self(account_id, now)^
-- The open request of an account that is not registered yet to be a person who exists already.
select care_request.id, care_request.relation, care_request.status, care_request.created_at,
    care_request.expires_at, care_request.person_id, person.document_sealed, person.document_index
from care_request join person on person.id = care_request.person_id
where care_request.account_id = :account_id and care_request.relation = 'self'
  and care_request.status in ('pending', 'refused') and care_request.expires_at > :now
order by care_request.id desc
limit 1;

-- name: to_decide(account_id, now, after, limit)
-- Open requests of others for persons that an account decides for, with who asks.
select care_request.id, care_request.relation, care_request.status, care_request.created_at,
    care_request.expires_at, care_request.person_id, person.name as person_name,
    care_request.phone_sealed, own.name as account_name
from care
join care_request on care_request.person_id = care.person_id
join person on person.id = care.person_id
left join care as own_care on own_care.account_id = care_request.account_id
    and own_care.relation = 'self' and own_care.ended_at is null
left join person as own on own.id = own_care.person_id
where care.account_id = :account_id and care.ended_at is null
  and care_request.status = 'pending' and care_request.name_matches and care_request.expires_at > :now
  and care.id = (
      select first.id from care as first
      where first.person_id = care.person_id and first.ended_at is null
      order by first.relation <> 'self', first.since, first.id
      limit 1)
  and (:after::uuid is null or care_request.id < :after)
order by care_request.id desc
limit :limit;

-- name: of_person(person_id, now, after, limit)
-- Open requests for a person, also of who does not know the name: for the desk, which sees the documents.
select care_request.id, care_request.relation, care_request.status, care_request.created_at,
    care_request.expires_at, care_request.person_id, person.name as person_name, care_request.name_matches,
    care_request.phone_sealed, own.name as account_name
from care_request
join person on person.id = care_request.person_id
left join care as own_care on own_care.account_id = care_request.account_id
    and own_care.relation = 'self' and own_care.ended_at is null
left join person as own on own.id = own_care.person_id
where care_request.person_id = :person_id and care_request.status = 'pending' and care_request.expires_at > :now
  and (:after::uuid is null or care_request.id < :after)
order by care_request.id desc
limit :limit;

-- name: one(id)^
-- A request, to see whom it concerns.
select id, account_id, person_id, relation, name_matches, status, expires_at, codes_sent, code_sent_at, code_hash,
    attempts_left
from care_request where id = :id;

-- name: codes_sent(person_id, since)$
-- How many codes a person's phone was sent since a moment, whoever asked.
select coalesce(sum(codes_sent), 0)::integer from care_request
where person_id = :person_id and name_matches and code_sent_at > :since;

-- name: set_code(id, account_id, code_hash, code_expires_at, attempts, most, now, sent_before)^
-- A new code takes the place of the one before, neither too soon nor too often.
update care_request set code_hash = :code_hash, code_expires_at = :code_expires_at, attempts_left = :attempts,
    codes_sent = codes_sent + 1, code_sent_at = :now
where id = :id and account_id = :account_id and status in ('pending', 'refused') and expires_at > :now
  and codes_sent < :most and (code_sent_at is null or code_sent_at <= :sent_before)
returning person_id, name_matches and status = 'pending' as to_be_sent;

-- name: take_code_back(id, code_hash)!
-- Forget a code that could not be sent.
update care_request set code_hash = null, code_expires_at = null, code_sent_at = null, codes_sent = codes_sent - 1
where id = :id and code_hash = :code_hash;

-- name: spend_attempt(id, account_id, code_hash, now)^
-- One guess at the code. Guesses at once wait for each other here, so none is free.
update care_request set attempts_left = attempts_left - 1
where id = :id and account_id = :account_id and status in ('pending', 'refused') and expires_at > :now
  and attempts_left > 0 and code_expires_at > :now
returning attempts_left, code_hash = :code_hash and name_matches and status = 'pending' as is_right;

-- name: decide(id, status, decided_by, way, now)^
-- Decide on an open request, once.
update care_request set status = :status, decided_at = :now, decided_by = :decided_by, decided_way = :way,
    code_hash = null
where id = :id and status = 'pending' and expires_at > :now
returning id, account_id, person_id, relation, consents, phone_sealed, created_at;
