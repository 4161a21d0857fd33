-- name: policy_of(slot_id)^
-- How long a pass for a slot may be good, and whom to call once it is too late.
select policy.pass_hours, policy.no_show_minutes, provider.phone
from slot
join policy on policy.id = slot.policy_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where slot.id = :slot_id;

-- name: booking(booking_id)^
-- Where the booking of a pass is, and what has become of it.
select booking.status, service.provider_id, provider.name as provider_name
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.id = :booking_id;
