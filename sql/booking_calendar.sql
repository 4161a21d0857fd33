-- name: event(booking_id)^
-- What a booking says in somebody's calendar: where and when to be, with what; nothing of the person.
select booking.id, booking.status, booking.number, booking.created_at, booking.changed_at,
       slot.starts_at, slot.ends_at, slot.cancel_until, slot.resource, slot.version as slot_version,
       service.name as service_name, service.department, service.requirements, service.version as service_version,
       provider.id as provider_id, provider.name as provider_name, provider.address, provider.phone,
       provider.version as provider_version
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.id = :booking_id;
