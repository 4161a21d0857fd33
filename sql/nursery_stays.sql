-- name: enrolment_of(id)$
-- The application from which a place came.
select enrolment_id from nursery_place where id = :id;

-- name: away_on(place_id, day)$
-- Whether a child that was away the day before is so on a day.
select exists (
    select from nursery_leave
    where place_id = :place_id and first_day < :day and coalesce(last_day, 'infinity') >= :day
);

-- name: change_class(id, class_id, changed_by, now)!
-- Let a place that has not begun be one of another class.
update nursery_place set class_id = :class_id, version = version + 1, changed_at = :now, changed_by = :changed_by
where id = :id;

-- name: end(id, on, reason, changed_by, now)!
-- Settle the last day of a place.
update nursery_place
set status = 'ended', ends_on = :on, end_reason = :reason, version = version + 1, changed_at = :now,
    changed_by = :changed_by
where id = :id;

-- name: go_on(id, place_id, class_id, status, starts_on, ends_on, reason, changed_by, now)!
-- Let a child go on in another class with the papers that it has.
insert into nursery_place (id, person_id, class_id, enrolment_id, moved_from, status, starts_on, ends_on, end_reason,
    agreement_on, agreement_file_id, health_check_on, vaccination_on, created_at, changed_at, changed_by)
select :id, person_id, :class_id, enrolment_id, id, :status, :starts_on, :ends_on, :reason,
    agreement_on, agreement_file_id, health_check_on, vaccination_on, :now, :now, :changed_by
from nursery_place where id = :place_id;

-- name: move_leaves(place_id, to, day)!
-- Let absences that begin later go with a child to its other class.
update nursery_leave set place_id = :to where place_id = :place_id and first_day >= :day;

-- name: cancel(id, reason, changed_by, now)!
-- Cancel a place.
update nursery_place
set status = 'cancelled', end_reason = :reason, version = version + 1, changed_at = :now, changed_by = :changed_by
where id = :id;

-- name: was_moved(id)$
-- Whether a child goes on from a place in another class.
select exists (select from nursery_place where moved_from = :id and status <> 'cancelled');

-- name: leave(id, place_id, first_day, last_day, words, recorded_by)!
-- Write down that a child is away.
insert into nursery_leave (id, place_id, first_day, last_day, words, recorded_by)
values (:id, :place_id, :first_day, :last_day, :words, :recorded_by);

-- name: latest_leave(place_id, on)^
-- The absence that ends on a day or ended last before it, and for how long the child was away in one go.
with away as (
    select unnest(range_agg(daterange(first_day, last_day, '[]'))) as days from nursery_leave
    where place_id = :place_id and first_day <= :on
)
select leave.id, leave.rechecked_on, lower(away.days) as since,
    coalesce(leave.last_day < :on::date - 1, false) as over,
    least(leave.last_day, :on::date - 1) - lower(away.days) + 1 as days
from nursery_leave as leave
join away on away.days @> leave.first_day
where leave.place_id = :place_id and leave.first_day <= :on
order by leave.first_day desc
limit 1;

-- name: come_back(id, on, rechecked_on)!
-- End an absence on the day before; one that would begin on that day is none.
with none as (
    delete from nursery_leave where id = :id and first_day = :on
)
update nursery_leave
set last_day = least(last_day, :on::date - 1), rechecked_on = coalesce(:rechecked_on, rechecked_on)
where id = :id and first_day < :on;
