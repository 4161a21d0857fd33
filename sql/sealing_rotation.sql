-- name: person_document_stale(prefix, after, limit)
-- Document numbers that are sealed under another key than the newest.
select id, document_sealed as sealed from person
where document_sealed is not null and substring(document_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: person_document_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update person set document_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where person.id = row.id and person.document_sealed = row.before
    returning person.id
)
select count(*) from resealed;

-- name: person_phone_stale(prefix, after, limit)
-- Phones that are sealed under another key than the newest.
select id, phone_sealed as sealed from person
where phone_sealed is not null and substring(phone_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: person_phone_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update person set phone_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where person.id = row.id and person.phone_sealed = row.before
    returning person.id
)
select count(*) from resealed;

-- name: care_request_phone_stale(prefix, after, limit)
-- Phones of who asks that are sealed under another key than the newest.
select id, phone_sealed as sealed from care_request
where phone_sealed is not null and substring(phone_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: care_request_phone_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update care_request set phone_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where care_request.id = row.id and care_request.phone_sealed = row.before
    returning care_request.id
)
select count(*) from resealed;

-- name: staff_otp_secret_stale(prefix, after, limit)
-- Secrets of staff's one-time passwords that are sealed under another key than the newest.
select account_id as id, otp_secret_sealed as sealed from staff
where substring(otp_secret_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or account_id > :after)
order by account_id limit :limit;

-- name: staff_otp_secret_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update staff set otp_secret_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where staff.account_id = row.id and staff.otp_secret_sealed = row.before
    returning staff.account_id
)
select count(*) from resealed;

-- name: keys_in_use()
-- How many values are sealed under which key; the id of the key stands behind its length.
select place, convert_from(substring(sealed from 3 for get_byte(sealed, 1)), 'UTF8') as key_id, count(*) as count
from (
    select 'person.document_sealed' as place, document_sealed as sealed from person
    union all select 'person.phone_sealed', phone_sealed from person
    union all select 'care_request.phone_sealed', phone_sealed from care_request
    union all select 'staff.otp_secret_sealed', otp_secret_sealed from staff
) as sealed_value
where sealed is not null
group by place, key_id
order by place, key_id;
