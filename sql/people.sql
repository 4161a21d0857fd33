-- name: lock_account(account_id)^
-- An account that is in use; acts of one account that count or change its persons come one after the other.
select account.id, account.kind, wechat_identity.openid, wechat_identity.phone_code_index
from account left join wechat_identity on wechat_identity.account_id = account.id
where account.id = :account_id and account.status = 'active'
for no key update of account;

-- name: sign_in_of(account_id)^
-- Who an account is at WeChat, and which phone code it used last.
select openid, phone_code_index from wechat_identity where account_id = :account_id;

-- name: remember_phone_code(account_id, phone_code_index)!
-- Remember the phone code used last, so that a repeated registration does not ask WeChat again.
update wechat_identity set phone_code_index = :phone_code_index where account_id = :account_id;

-- name: add(id, name, document_kind, document_sealed, document_index, birth_date, sex, phone_sealed, phone_index, assurance, now, created_by, team_id)$
-- A person who is not known yet; no row when the document is known, also when another transaction just adds it.
insert into person (id, name, document_kind, document_sealed, document_index, birth_date, sex,
    phone_sealed, phone_index, assurance, created_at, created_by, team_id)
values (:id, :name, :document_kind, :document_sealed, :document_index, :birth_date, :sex,
    :phone_sealed, :phone_index, :assurance, :now, :created_by, :team_id)
on conflict (document_kind, document_index) do nothing
returning id;

-- name: lock_by_document(document_kind, document_index)^
-- The person of a document; whoever decides about this person waits for the other.
select id, name, phone_index, assurance, erased_at from person
where document_kind = :document_kind and document_index = :document_index
for no key update;

-- name: lock(ids)
-- Persons by id; bookings and whoever decides about these persons wait for each other.
select id, name, phone_sealed, assurance, erased_at, created_by, team_id from person
where id = any(:ids::uuid[])
order by id
for no key update;

-- name: take_up_again(id, name, document_sealed, birth_date, sex, phone_sealed, phone_index, assurance, created_by, team_id)$
-- A person who was erased comes back within the time that the document is remembered.
update person set name = :name, document_sealed = :document_sealed, birth_date = :birth_date, sex = :sex,
    phone_sealed = :phone_sealed, phone_index = :phone_index, assurance = :assurance, created_by = :created_by,
    team_id = :team_id, erased_at = null, version = version + 1
where id = :id and erased_at is not null
returning id;

-- name: change(id, name, phone_sealed, phone_index, assurance)!
-- What can change about a person.
update person set name = :name, phone_sealed = :phone_sealed, phone_index = :phone_index, assurance = :assurance,
    version = version + 1
where id = :id;

-- name: change_phone(id, phone_sealed, phone_index)!
-- The phone that a person is reached at.
update person set phone_sealed = :phone_sealed, phone_index = :phone_index, version = version + 1 where id = :id;

-- name: one(id)^
-- A person as staff see it.
select id, name, document_kind, document_sealed, birth_date, sex, phone_sealed, assurance, created_at
from person where id = :id and erased_at is null;

-- name: search(document_index, phone_index, name, birth_date, limit)
-- Persons by one exact mark: the document, the phone, or name and day of birth.
select id, name, document_kind, document_sealed, birth_date, sex, phone_sealed, assurance, created_at
from person
where erased_at is null
  and (:document_index::bytea is null or document_index = :document_index)
  and (:phone_index::bytea is null or phone_index = :phone_index)
  and (:name::text is null or (name = :name and birth_date = :birth_date))
order by id
limit :limit;

-- name: of_team(id, team_id)^
-- A person whom the leader of a team has registered.
select id, name, document_kind, document_sealed, birth_date, sex, phone_sealed, assurance, created_at
from person where id = :id and team_id = :team_id and erased_at is null;

-- name: visited(account_id, actions, since)^
-- How many cards an account has read in on visits since a moment, and when first.
select count(*) as visits, min(at) as oldest
from audit where actor_id = :account_id and at > :since and action = any(:actions::text[]);

-- name: is_volunteers_phone(phone_index)$
-- Whether a number is that of somebody who is or asks to be a volunteer.
select exists (
    select from person
    join care on care.person_id = person.id and care.relation = 'self' and care.ended_at is null
    join volunteer on volunteer.account_id = care.account_id
    where person.phone_index = :phone_index and volunteer.status <> 'left'
);

-- name: list_of_team(team_id, after, limit)
-- Persons whom the leader of a team has registered and nobody cares for, newest first.
select id, name, document_kind, document_sealed, birth_date, sex, phone_sealed, assurance, created_at
from person
where team_id = :team_id and erased_at is null and (:after::uuid is null or id < :after)
  and not exists (select from care where care.person_id = person.id and care.ended_at is null)
order by id desc
limit :limit;
