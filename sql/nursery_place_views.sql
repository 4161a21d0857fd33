-- name: of_ids(ids)
-- Places with the names of child, class and nursery.
select place.*, person.name as person_name, class.name as class_name, provider.id as provider_id,
    provider.name as provider_name
from nursery_place as place
join person on person.id = place.person_id
join nursery_class as class on class.id = place.class_id
join provider on provider.id = class.provider_id
where place.id = any(:ids::uuid[]);

-- name: of_class(class_id, over, today, after, limit)
-- Who is or will be in a class, or who was or never came.
select place.*, person.name as person_name, class.name as class_name, provider.id as provider_id,
    provider.name as provider_name
from nursery_place as place
join person on person.id = place.person_id
join nursery_class as class on class.id = place.class_id
join provider on provider.id = class.provider_id
where place.class_id = :class_id
  and (place.status = 'cancelled' or coalesce(place.ends_on, 'infinity') < :today) = :over
  and (:after::uuid is null or place.id > :after)
order by place.id
limit :limit;

-- name: of_person(person_id)
-- All places of a child, the latest first.
select place.*, person.name as person_name, class.name as class_name, provider.id as provider_id,
    provider.name as provider_name
from nursery_place as place
join person on person.id = place.person_id
join nursery_class as class on class.id = place.class_id
join provider on provider.id = class.provider_id
where place.person_id = :person_id
order by place.starts_on desc, place.id desc;

-- name: leaves(places)
-- When children were away, place by place.
select place_id, first_day, last_day, rechecked_on, words from nursery_leave
where place_id = any(:places::uuid[])
order by place_id, first_day;

-- name: occupancy(provider_id, first, last)
-- How many children each class of a nursery has on the busiest day of each month; none begins between two changes.
select class.id as class_id, class.name as class_name, class.seats, month.first as month,
    coalesce(max(there.planned), 0) as planned, coalesce(max(there.confirmed), 0) as confirmed,
    coalesce(max(there.planned + there.confirmed), 0) as most,
    class.seats - coalesce(max(there.planned + there.confirmed), 0) as free
from nursery_class as class
cross join lateral (
    select day::date as first, (day + interval '1 month' - interval '1 day')::date as last
    from generate_series(:first::date::timestamp, :last::date::timestamp, interval '1 month') as day
) as month
left join lateral (
    select day, count(*) filter (where status = 'planned') as planned,
        count(*) filter (where status <> 'planned') as confirmed
    from (select distinct greatest(starts_on, month.first) as day from nursery_place
          where class_id = class.id and status <> 'cancelled'
            and starts_on <= month.last and coalesce(ends_on, 'infinity') >= month.first) as beginning
    join nursery_place as place on place.class_id = class.id and place.status <> 'cancelled'
        and place.starts_on <= beginning.day and coalesce(place.ends_on, 'infinity') >= beginning.day
    group by day
) as there on true
where class.provider_id = :provider_id
group by class.id, month.first
order by month.first, class.name, class.id;
