-- name: add(id, account_id, purpose, media_type, size, now)^
-- Enter a file.
insert into file (id, account_id, purpose, media_type, size, created_at)
values (:id, :account_id, :purpose, :media_type, :size, :now)
returning id, purpose, media_type, size, created_at;

-- name: added_by(id, account_id)^
-- A file that the account has added itself.
select id, purpose, media_type, size, created_at from file where id = :id and account_id = :account_id;

-- name: readable(id, account_id, roles)^
-- A file that the account has added, or that proves a mandate in an area where it holds one of the roles.
select id, purpose, media_type, size, created_at from file
where id = :id and (account_id = :account_id or exists (
    select from mandate
    left join volunteer on volunteer.id = mandate.volunteer_id
    join team on team.id = coalesce(mandate.team_id, volunteer.team_id)
    where mandate.file_id = file.id and team.area_id in (select staff_areas(:account_id, :roles))));

-- name: one(id)^
-- A file by its id, for whoever may read the mandate that it proves.
select id, purpose, media_type, size, created_at from file where id = :id;

-- name: known(ids)
-- Which of some ids have a row.
select id from file where id = any(:ids::uuid[]);

-- name: forget_unused(before)!
-- Forget papers that no mandate was made with.
delete from file
where created_at < :before and not exists (select from mandate where mandate.file_id = file.id);

-- name: ids(after, limit)
-- All files, some at a time.
select id from file where :after::uuid is null or id > :after order by id limit :limit;
