-- name: hold_classes(ids)
-- Classes by id; whoever fills, empties or changes them waits for each other.
select id, provider_id, name, kind, from_months, until_months, seats, state from nursery_class
where id = any(:ids::uuid[])
order by id
for no key update;

-- name: standing_of(enrolment_id, today)
-- What an enrolment has now or will have.
select id, class_id from nursery_place
where enrolment_id = :enrolment_id and status <> 'cancelled' and coalesce(ends_on, 'infinity') >= :today;

-- name: plan(id, person_id, class_id, enrolment_id, earliest, changed_by, now)^
-- Plan a place from the first day on that the class has a seat for good; where there is none, its seats refuse it.
with full_until as (
    select (lead(day) over (order by day)) as day, there >= (select seats from nursery_class where id = :class_id) as is_full
    from nursery_class_days(:class_id, :earliest, null)
)
insert into nursery_place (id, person_id, class_id, enrolment_id, starts_on, created_at, changed_at, changed_by)
select :id, :person_id, :class_id, :enrolment_id,
    greatest(:earliest::date, (select max(day) from full_until where is_full)), :now, :now, :changed_by
returning *;

-- name: let_go(enrolment_id, today, reason, changed_by, now)
-- Give back what an enrolment has: cancel what has not begun, and let what has end today.
update nursery_place
set status = case when status = 'planned' or starts_on > :today::date then 'cancelled' else 'ended' end,
    ends_on = case when status = 'planned' or starts_on > :today::date then ends_on else :today::date end,
    end_reason = :reason, version = version + 1, changed_at = :now, changed_by = :changed_by
where enrolment_id = :enrolment_id and status <> 'cancelled' and coalesce(ends_on, 'infinity') >= :today::date
returning *;

-- name: fit_leaves(places)!
-- Let no leave go on beyond its place.
with place as (
    select id, status, ends_on from nursery_place
    where id = any(:places::uuid[]) and (status = 'cancelled' or ends_on is not null)
), gone as (
    delete from nursery_leave using place
    where place_id = place.id and (place.status = 'cancelled' or first_day > place.ends_on)
)
update nursery_leave set last_day = place.ends_on
from place
where place_id = place.id and place.status <> 'cancelled'
  and first_day <= place.ends_on and coalesce(last_day, 'infinity') > place.ends_on;

-- name: one(id)^
-- In which class a place is.
select class_id from nursery_place where id = :id;

-- name: hold(id)^
-- A place; whoever changes it waits for each other.
select * from nursery_place where id = :id for no key update;
