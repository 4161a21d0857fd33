-- name: join(id, account_id, person_id, relation, now)$
-- An account takes a person into its care; no row where one of them has its own counterpart, or cares already.
insert into care (id, account_id, person_id, relation, since)
values (:id, :account_id, :person_id, :relation, :now)
on conflict do nothing
returning id;

-- name: of_account(account_id)
-- The persons in an account's care, oneself first.
select person.id, person.name, person.document_kind, person.document_sealed, person.birth_date, person.sex,
    person.phone_sealed, person.assurance, care.relation, care.since
from care join person on person.id = care.person_id
where care.account_id = :account_id and care.ended_at is null
order by care.relation <> 'self', care.since, care.id;

-- name: one(account_id, person_id)^
-- A person in an account's care.
select person.id, person.name, person.document_kind, person.document_sealed, person.birth_date, person.sex,
    person.phone_sealed, person.phone_index, person.assurance, care.relation, care.since
from care join person on person.id = care.person_id
where care.account_id = :account_id and care.person_id = :person_id and care.ended_at is null;

-- name: own(account_id)^
-- The person that an account is registered as.
select person.id, person.name, person.document_kind, person.document_sealed, person.document_index,
    person.birth_date, person.sex, person.phone_sealed, person.phone_index, person.assurance,
    care.relation, care.since
from care join person on person.id = care.person_id
where care.account_id = :account_id and care.relation = 'self' and care.ended_at is null;

-- name: decider(person_id)$
-- The account that decides for a person: the person's own one, or else the first that took the person into care.
select account_id from care
where person_id = :person_id and ended_at is null
order by relation <> 'self', since, id
limit 1;

-- name: carers(person_id)
-- Who cares for a person, by the name each is registered with.
select care.id, care.account_id, care.relation, care.since, own.name as account_name
from care
left join care as own_care
    on own_care.account_id = care.account_id and own_care.relation = 'self' and own_care.ended_at is null
left join person as own on own.id = own_care.person_id
where care.person_id = :person_id and care.ended_at is null
order by care.relation <> 'self', care.since, care.id;

-- name: counts(account_id, since)^
-- How many others are in an account's care, and how many it has taken in since a moment.
select count(*) filter (where ended_at is null) as standing,
    count(*) filter (where since > :since) as recent,
    min(since) filter (where since > :since) as oldest
from care where account_id = :account_id and relation <> 'self';

-- name: change_relation(account_id, person_id, relation)!
-- What a person is to an account.
update care set relation = :relation
where account_id = :account_id and person_id = :person_id and ended_at is null;

-- name: end(account_id, person_ids, now)
-- An account lets persons go.
update care set ended_at = :now
where account_id = :account_id and person_id = any(:person_ids::uuid[]) and ended_at is null
returning person_id;

-- name: by_id(id, person_id)^
-- One account's care for a person.
select account_id from care where id = :id and person_id = :person_id and ended_at is null;
