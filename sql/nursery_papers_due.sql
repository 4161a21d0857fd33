-- name: take(today, until, now, most)
-- Mark some places that begin soon without all papers as told of.
update nursery_place set papers_told_at = :now
where id in (
    select id from nursery_place
    where status = 'planned' and papers_told_at is null and starts_on between :today and :until
      and num_nulls(agreement_on, health_check_on, vaccination_on) > 0
    order by starts_on
    limit :most
    for no key update skip locked)
returning id, person_id, agreement_on, health_check_on, vaccination_on;
