-- name: add(id, account_id, purpose, media_type, size, now)^
-- Enter a file.
insert into file (id, account_id, purpose, media_type, size, created_at)
values (:id, :account_id, :purpose, :media_type, :size, :now)
returning id, purpose, media_type, size, created_at;

-- name: added_by(id, account_id)^
-- A file that the account has added itself.
select id, purpose, media_type, size, created_at from file where id = :id and account_id = :account_id;

-- name: readable(id, account_id, roles)^
-- A file that the account has added, or that proves a mandate in an area, or a place in a nursery, where it holds one of the roles.
select id, purpose, media_type, size, created_at from file
where id = :id and purpose <> 'enrolment_document' and (account_id = :account_id or exists (
    select from mandate
    left join volunteer on volunteer.id = mandate.volunteer_id
    join team on team.id = coalesce(mandate.team_id, volunteer.team_id)
    where mandate.file_id = file.id and team.area_id in (select staff_areas(:account_id, :roles))
) or exists (
    select from nursery_place
    join nursery_class on nursery_class.id = nursery_place.class_id
    where nursery_place.agreement_file_id = file.id
      and nursery_class.provider_id in (select staff_providers(:account_id, :roles))));

-- name: one(id)^
-- A file by its id, for whoever may read the mandate that it proves.
select id, purpose, media_type, size, created_at from file where id = :id;

-- name: known(ids)
-- Which of some ids have a row.
select id from file where id = any(:ids::uuid[]);

-- name: unused(account_id, purpose)$
-- How many files of a purpose an account has stored that stand nowhere.
select count(*) from file
where account_id = :account_id and purpose = :purpose
  and not exists (select from enrolment_document where enrolment_document.file_id = file.id);

-- name: lock_unused(before)
-- Take, by id, files that are used for nothing, but for those that somebody is just using.
select id from file
where created_at < :before
  and not exists (select from mandate where mandate.file_id = file.id)
  and not exists (select from enrolment_document where enrolment_document.file_id = file.id)
  and not exists (select from nursery_place where nursery_place.agreement_file_id = file.id)
order by id for update skip locked;

-- name: forget_unused(ids)!
-- Forget files that are locked, unless they were used for something before they were.
delete from file
where id = any(:ids::uuid[])
  and not exists (select from mandate where mandate.file_id = file.id)
  and not exists (select from enrolment_document where enrolment_document.file_id = file.id)
  and not exists (select from nursery_place where nursery_place.agreement_file_id = file.id);

-- name: ids(after, limit)
-- All files, some at a time.
select id from file where :after::uuid is null or id > :after order by id limit :limit;
