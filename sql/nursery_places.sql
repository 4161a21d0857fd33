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

-- name: first_day(class_id, earliest, enrolment_id)$
-- From which day on a class has a seat for good beside what is promised to others; the earliest, which its seats refuse, where there is none.
with full_until as (
    select (lead(day) over (order by day)) as day, taken >= (select seats from nursery_class where id = :class_id) as is_full
    from nursery_class_days(:class_id, :earliest, null, :enrolment_id)
)
select greatest(:earliest::date, (select max(day) from full_until where is_full));

-- name: plan(id, person_id, class_id, enrolment_id, starts_on, changed_by, now)^
-- Plan a place.
insert into nursery_place (id, person_id, class_id, enrolment_id, starts_on, created_at, changed_at, changed_by)
values (:id, :person_id, :class_id, :enrolment_id, :starts_on, :now, :now, :changed_by)
returning *;

-- name: let_go(enrolment_id, today, last_day, reason, changed_by, now)
-- Give back what an enrolment has: cancel what is only planned or begins later, and let the rest end on a last day.
update nursery_place
set status = case when status = 'planned' or starts_on > :last_day::date then 'cancelled' else 'ended' end,
    ends_on = case when status = 'planned' or starts_on > :last_day::date then ends_on
                   else least(ends_on, :last_day::date) end,
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
