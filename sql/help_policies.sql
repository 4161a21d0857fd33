-- name: take(lock)^
-- Let nobody else publish rules of help until the end of the transaction.
select pg_advisory_xact_lock(:lock);

-- name: ruling(area_id)^
-- The rules of help that hold in an area now.
select * from help_policy where id = ruling_help_policy(:area_id);

-- name: list_of_staff(account_id, roles, area_id, after, limit)
-- Versions that hold everywhere or in an area in which a staff account holds one of the roles, or above it.
with recursive own as (
    select staff_areas(:account_id, :roles) as id
), above as (
    select area.id, area.parent_id from area where id in (select id from own)
    union
    select area.id, area.parent_id from area join above on area.id = above.parent_id
)
select help_policy.* from help_policy
where (area_id is null or area_id in (select id from above))
  and (:area_id::uuid is null or area_id = :area_id)
  and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: show_to_staff(id, account_id, roles)^
-- One version, if it holds everywhere or in an area in which a staff account holds one of the roles, or above it.
with recursive own as (
    select staff_areas(:account_id, :roles) as id
), above as (
    select area.id, area.parent_id from area where id in (select id from own)
    union
    select area.id, area.parent_id from area join above on area.id = above.parent_id
)
select help_policy.* from help_policy
where id = :id and (area_id is null or area_id in (select id from above));

-- name: publish(id, area_id, round_sizes, round_minutes, quiet_from, quiet_until, alarm_hours, load_days, limit_tasks, limit_persons_day, limit_uses_day, limit_minutes_day, before_minutes, after_minutes, position_metres, unconfirmed_hours, odd_days, odd_persons, odd_same_address, odd_retaken, night_from, night_until, now, account_id)^
-- Write the next version of the rules of an area, or of everywhere.
insert into help_policy (id, version, created_at, created_by,
                         area_id, round_sizes, round_minutes, quiet_from, quiet_until, alarm_hours, load_days,
                         limit_tasks, limit_persons_day, limit_uses_day, limit_minutes_day,
                         before_minutes, after_minutes, position_metres, unconfirmed_hours,
                         odd_days, odd_persons, odd_same_address, odd_retaken, night_from,
                         night_until)
select :id, 1 + coalesce(max(version), 0), :now, :account_id,
       :area_id, :round_sizes, :round_minutes, :quiet_from, :quiet_until, :alarm_hours, :load_days,
       :limit_tasks, :limit_persons_day, :limit_uses_day, :limit_minutes_day, :before_minutes,
       :after_minutes, :position_metres, :unconfirmed_hours, :odd_days, :odd_persons, :odd_same_address,
       :odd_retaken, :night_from, :night_until
from help_policy where area_id is not distinct from :area_id::uuid
returning *;
