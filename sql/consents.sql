-- name: give(ids, account_id, person_id, kinds, versions, at)!
-- Write down consents; one that stands already keeps its time.
insert into consent (id, account_id, person_id, kind, document_version, given_at)
select id, :account_id, :person_id, kind, version, :at
from unnest(:ids::uuid[], :kinds::text[], :versions::text[]) as given (id, kind, version)
on conflict (account_id, person_id, kind, document_version) where withdrawn_at is null do nothing;

-- name: of_account(account_id)
-- What an account agrees to now for whom it cares: the newest version of each kind and person.
select distinct on (person_id, kind) person_id, kind, document_version, given_at
from consent
where account_id = :account_id and withdrawn_at is null
  and exists (
      select from care
      where care.account_id = consent.account_id and care.person_id = consent.person_id and care.ended_at is null
  )
order by person_id, kind, given_at desc, id desc;

-- name: persons_under(account_id, kind, person_id)
-- The persons in an account's care for whom it agreed to a kind of text: all of them, or one. Not those whose consent
-- it has only written down, at a desk or on a visit.
select distinct person_id from consent
where account_id = :account_id and kind = :kind and withdrawn_at is null
  and (:person_id::uuid is null or person_id = :person_id)
  and exists (
      select from care
      where care.account_id = consent.account_id and care.person_id = consent.person_id and care.ended_at is null
  )
order by person_id;

-- name: withdraw(account_id, person_ids, at)!
-- Take back everything that an account agreed to for these persons.
update consent set withdrawn_at = :at
where account_id = :account_id and person_id = any(:person_ids::uuid[]) and withdrawn_at is null;
