-- name: slots_over(now, most)
-- Slots whose bookings are to be settled: over for as long as their policy waits for who is late.
select slot.id
from slot join policy on policy.id = slot.policy_id
where not slot.settled and slot.ends_at <= :now
  and slot.ends_at + make_interval(mins => policy.no_show_minutes) <= :now
order by slot.ends_at, slot.id
limit :most;

-- name: standing(slots, most)
-- Bookings of slots that nobody has come for; of a slot that was closed nobody could.
select booking.id
from booking join slot on slot.id = booking.slot_id
where slot.id = any(:slots::uuid[]) and booking.status = 'booked' and slot.state = 'open'
order by booking.id
limit :most;

-- name: settle(slots)
-- Look at these slots no more.
update slot set settled = true where id = any(:slots::uuid[]) and not settled returning id;

-- name: booking(id)^
-- A booking, its person and its provider.
select booking.id, booking.status, booking.person_id, booking.slot_id, service.provider_id
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where booking.id = :id;
