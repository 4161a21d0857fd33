-- name: booking(id, account_id, now)^
-- A booking with its slot, and how an account stands to it. Of a closed slot no hour of cancelling is asked.
select booking.id, booking.slot_id, booking.channel, booking.status, booking.person_id, booking.mandate_id,
       booking.answers, slot.starts_at, slot.ends_at, slot.service_id,
       case slot.state when 'open' then slot.cancel_until else slot.ends_at end as cancel_until, service.provider_id,
       provider.phone as provider_phone,
       (
           select id from care
           where care.account_id = :account_id and care.person_id = booking.person_id and care.ended_at is null
       ) is not null as cares,
       (
           select held.mandate_id from mandates_in_hand(:account_id, :now) as held
           where held.mandate_id = booking.mandate_id
       ) is not null as has_mandate,
       (
           select help_request.id from help_request
           where help_request.booking_id = booking.id and state in ('open', 'offered', 'accepted', 'booked', 'under_way')
       ) is not null as has_help
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.id = :id;

-- name: service_of_slot(slot_id)$
-- Whose slot it is.
select service_id from slot where id = :slot_id;

-- name: link(id, moved_from, mandate_id)!
-- Say of a booking which one it came in the place of; the mandate goes with it, whoever moved it.
update booking set moved_from = :moved_from, mandate_id = :mandate_id where id = :id;
