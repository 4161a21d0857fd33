-- name: list_of_staff(account_id, roles, after, limit)
-- Areas that a staff account reaches, by id.
select id, parent_id, level, code, name, version
from area
where id in (select staff_areas(:account_id, :roles::text[])) and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: show(id)^
-- One area.
select id, parent_id, level, code, name, version from area where id = :id;

-- name: create(id, parent_id, level, code, name)^
-- Make an area.
insert into area (id, parent_id, level, code, name)
values (:id, :parent_id, :level, :code, :name)
returning id, parent_id, level, code, name, version;

-- name: change(id, version, level, name)^
-- Change an area that is still as the caller saw it.
update area set level = :level, name = :name, version = version + 1
where id = :id and version = :version
returning id, parent_id, level, code, name, version;
