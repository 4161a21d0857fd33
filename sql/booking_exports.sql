-- name: count(provider_id, begins, ends, most)$
-- How many bookings a provider has in a range of time, counted no further than `most`.
select count(*) from (
    select
    from service
    join slot on slot.service_id = service.id
    join booking on booking.slot_id = slot.id
    where service.provider_id = :provider_id and slot.starts_at >= :begins and slot.starts_at < :ends
    limit :most
) as counted;

-- name: page(provider_id, begins, ends, after_at, after_id, most)
-- The next bookings of a provider in a range of time, by the slots' start.
select booking.id, slot.starts_at, slot.ends_at, service.department, service.name as service_name, slot.resource,
       booking.channel, booking.number, booking.status, booking.created_at, person.name as person_name,
       person.erased_at is not null as erased,
       case when booking.mandate_id is not null then 'volunteer'
            when account.kind = 'staff' then 'desk' else 'family' end as booked_through
from service
join slot on slot.service_id = service.id
join booking on booking.slot_id = slot.id
join person on person.id = booking.person_id
join account on account.id = booking.booked_by
where service.provider_id = :provider_id and slot.starts_at >= :begins and slot.starts_at < :ends
  and (slot.starts_at, booking.id) > (:after_at, :after_id)
order by slot.starts_at, booking.id
limit :most;
