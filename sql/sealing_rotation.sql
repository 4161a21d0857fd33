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

-- name: emergency_contact_name_stale(prefix, after, limit)
-- Names of emergency contacts that are sealed under another key than the newest.
select person_id as id, name_sealed as sealed from emergency_contact
where substring(name_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or person_id > :after)
order by person_id limit :limit;

-- name: emergency_contact_name_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update emergency_contact set name_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where emergency_contact.person_id = row.id and emergency_contact.name_sealed = row.before
    returning emergency_contact.person_id
)
select count(*) from resealed;

-- name: emergency_contact_phone_stale(prefix, after, limit)
-- Phones of emergency contacts that are sealed under another key than the newest.
select person_id as id, phone_sealed as sealed from emergency_contact
where substring(phone_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or person_id > :after)
order by person_id limit :limit;

-- name: emergency_contact_phone_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update emergency_contact set phone_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where emergency_contact.person_id = row.id and emergency_contact.phone_sealed = row.before
    returning emergency_contact.person_id
)
select count(*) from resealed;

-- name: help_request_need_stale(prefix, after, limit)
-- Needs in the words of who asked for help that are sealed under another key than the newest.
select id, need_sealed as sealed from help_request
where need_sealed is not null and substring(need_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: help_request_need_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update help_request set need_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where help_request.id = row.id and help_request.need_sealed = row.before
    returning help_request.id
)
select count(*) from resealed;

-- name: help_request_pickup_stale(prefix, after, limit)
-- Places where somebody is picked up that are sealed under another key than the newest.
select id, pickup_sealed as sealed from help_request
where pickup_sealed is not null and substring(pickup_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: help_request_pickup_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update help_request set pickup_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where help_request.id = row.id and help_request.pickup_sealed = row.before
    returning help_request.id
)
select count(*) from resealed;

-- name: help_request_mobility_stale(prefix, after, limit)
-- Notes on how somebody gets about that are sealed under another key than the newest.
select id, mobility_sealed as sealed from help_request
where mobility_sealed is not null and substring(mobility_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: help_request_mobility_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update help_request set mobility_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where help_request.id = row.id and help_request.mobility_sealed = row.before
    returning help_request.id
)
select count(*) from resealed;

-- name: help_request_contact_phone_stale(prefix, after, limit)
-- Phones at which a helped person is reached that are sealed under another key than the newest.
select id, contact_phone_sealed as sealed from help_request
where contact_phone_sealed is not null and substring(contact_phone_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: help_request_contact_phone_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update help_request set contact_phone_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where help_request.id = row.id and help_request.contact_phone_sealed = row.before
    returning help_request.id
)
select count(*) from resealed;

-- name: help_complaint_words_stale(prefix, after, limit)
-- What complaints say that are sealed under another key than the newest.
select id, words_sealed as sealed from help_complaint
where words_sealed is not null and substring(words_sealed for length(:prefix::bytea)) <> :prefix
  and (:after::uuid is null or id > :after)
order by id limit :limit;

-- name: help_complaint_words_reseal(ids, before, after)$
-- Put newly sealed values in the place of the ones that were read, where they still stand.
with resealed as (
    update help_complaint set words_sealed = row.after
    from unnest(:ids::uuid[], :before::bytea[], :after::bytea[]) as row (id, before, after)
    where help_complaint.id = row.id and help_complaint.words_sealed = row.before
    returning help_complaint.id
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
    union all select 'emergency_contact.name_sealed', name_sealed from emergency_contact
    union all select 'emergency_contact.phone_sealed', phone_sealed from emergency_contact
    union all select 'help_request.need_sealed', need_sealed from help_request
    union all select 'help_request.pickup_sealed', pickup_sealed from help_request
    union all select 'help_request.mobility_sealed', mobility_sealed from help_request
    union all select 'help_request.contact_phone_sealed', contact_phone_sealed from help_request
    union all select 'help_complaint.words_sealed', words_sealed from help_complaint
) as sealed_value
where sealed is not null
group by place, key_id
order by place, key_id;
