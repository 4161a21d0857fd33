-- name: newest(booking_id)^
-- The newest offer of another place for a booking, with the place.
select offer.id, offer.id as offer_id, offer.booking_id, offer.status, offer.expires_at, offer.channel,
       offer.slot_id, offer.slot_id as offer_slot_id, offer.channel as offer_channel,
       slot.service_id, slot.starts_at, slot.ends_at, slot.day, slot.resource,
       policy.limit_department_day, policy.limit_day, policy.limit_7_days, policy.limit_90_days
from place_offer as offer
join slot on slot.id = offer.slot_id
join policy on policy.id = slot.policy_id
where offer.booking_id = :booking_id
order by offer.id desc
limit 1;

-- name: booking(id)^
-- A booking as it is offered another place for.
select booking.id, booking.person_id, booking.mandate_id, booking.slot_id, booking.channel, booking.status,
       slot.starts_at, slot.resource, slot.service_id, slot.closed_reason, service.provider_id, service.department
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where booking.id = :id;

-- name: bookings(ids)
-- Bookings by id, as they are offered other places for.
select booking.id, booking.person_id, booking.slot_id, booking.channel, booking.status, slot.closed_reason
from booking
join slot on slot.id = booking.slot_id
where booking.id = any(:ids::uuid[]);

-- name: moved_to(booking_id)$
-- The booking that took the place of another.
select id from booking where moved_from = :booking_id;

-- name: ended(now, most)
-- Live offers whose time is over, whose booking does not stand any more, or whose booking's slot is open again.
select place_offer.id, place_offer.booking_id
from place_offer
join booking on booking.id = place_offer.booking_id
join slot on slot.id = booking.slot_id
where place_offer.status = 'live' and place_offer.booking_id is not null
  and (place_offer.expires_at <= :now or booking.status <> 'booked' or slot.state = 'open')
order by place_offer.expires_at, place_offer.id
limit :most;

-- name: take(ids)
-- Take live offers in id order; those that somebody is answering just now are left to that.
select id, id as offer_id, booking_id, expires_at, slot_id as offer_slot_id, channel as offer_channel
from place_offer
where id = any(:ids::uuid[]) and status = 'live'
order by id
for no key update skip locked;
