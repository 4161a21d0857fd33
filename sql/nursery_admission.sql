-- name: enter(id, person_id, class_id, status, starts_on, agreement_on, agreement_file_id, health_check_on, vaccination_on, changed_by, now)$
-- Enter a child into a class.
insert into nursery_place (id, person_id, class_id, status, starts_on, agreement_on, agreement_file_id,
    health_check_on, vaccination_on, created_at, changed_at, changed_by)
values (:id, :person_id, :class_id, :status, :starts_on, :agreement_on, :agreement_file_id,
    :health_check_on, :vaccination_on, :now, :now, :changed_by)
returning id;

-- name: put_papers(id, agreement_on, agreement_file_id, health_check_on, vaccination_on, changed_by, now)!
-- Write down which papers the nursery has of a child.
update nursery_place
set agreement_on = :agreement_on, agreement_file_id = :agreement_file_id, health_check_on = :health_check_on,
    vaccination_on = :vaccination_on, version = version + 1, changed_at = :now, changed_by = :changed_by
where id = :id;

-- name: confirm(id, class_id, starts_on, changed_by, now)!
-- Fix class and first day of a place.
update nursery_place
set status = 'confirmed', class_id = :class_id, starts_on = :starts_on, version = version + 1, changed_at = :now,
    changed_by = :changed_by
where id = :id;

-- name: months_of(person_id, day)$
-- The age of a person on a day, in full months.
select full_months(birth_date, :day) from person where id = :person_id;

-- name: recheck_days(kind, day)$
-- After how many days a health check is too old, and a child that was away is checked again; before all norms the first.
select recheck_days from nursery_norm
where kind = :kind
order by effective_from <= :day::date desc, abs(effective_from - :day::date)
limit 1;

-- name: hold_file(id, account_id, purpose)$
-- A file that the account has added for a purpose; it is not forgotten as unused while it is put to use.
select id from file where id = :id and account_id = :account_id and purpose = :purpose for no key update;
