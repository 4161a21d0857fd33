-- name: services(provider_id)
-- The services of a provider, hidden ones too.
select id, department, name from service where provider_id = :provider_id order by department, name, id;

-- name: pools(provider_id, begins, ends)
-- The places of slots in a range of time, by service and channel.
select slot.service_id, slot_pool.channel,
       coalesce(sum(capacity) filter (where slot.state = 'open'), 0)::integer as places,
       coalesce(sum(fallen_back) filter (where slot.state = 'open'), 0)::integer as fallen_back,
       coalesce(sum(capacity) filter (where slot.state = 'closed'), 0)::integer as closed_places,
       coalesce(sum(fallen_back) filter (where slot.state = 'closed'), 0)::integer as closed_fallen_back,
       coalesce(sum(capacity - taken) filter (where slot.state = 'open'), 0)::integer as free
from service
join slot on slot.service_id = service.id
join slot_pool on slot_pool.slot_id = slot.id
where service.provider_id = :provider_id and slot.starts_at >= :begins and slot.starts_at < :ends
group by slot.service_id, slot_pool.channel;

-- name: bookings(provider_id, begins, ends)
-- The bookings of slots in a range of time, by service, channel and status.
select slot.service_id, booking.channel, booking.status, count(*)::integer as bookings
from service
join slot on slot.service_id = service.id
join booking on booking.slot_id = slot.id
where service.provider_id = :provider_id and slot.starts_at >= :begins and slot.starts_at < :ends
group by slot.service_id, booking.channel, booking.status;

-- name: kept(provider_id, begins, ends)
-- Places of slots in a range of time that nobody has yet, by service and channel: live offers, and kept back ones.
select slot.service_id, held.channel, sum(held.places)::integer as kept
from service
join slot on slot.service_id = service.id
join lateral (
    select channel, places from place_offer where place_offer.slot_id = slot.id and status = 'live'
    union all
    select channel, 1 from place_kept_back where place_kept_back.slot_id = slot.id
) as held on true
where service.provider_id = :provider_id and slot.starts_at >= :begins and slot.starts_at < :ends
group by slot.service_id, held.channel;

-- name: joined(provider_id, begins, ends)
-- Entries that joined waitlists in a range of time, and what has become of them.
select waitlist_entry.service_id, waitlist_entry.status, count(*)::integer as entries
from service
join waitlist_entry on waitlist_entry.service_id = service.id
where service.provider_id = :provider_id and waitlist_entry.created_at >= :begins
  and waitlist_entry.created_at < :ends
group by waitlist_entry.service_id, waitlist_entry.status;

-- name: offers(provider_id, begins, ends)
-- Offers to who waited for slots in a range of time, and what has become of them.
select slot.service_id, place_offer.status, count(*)::integer as offers
from service
join slot on slot.service_id = service.id
join place_offer on place_offer.slot_id = slot.id and place_offer.entry_id is not null
where service.provider_id = :provider_id and slot.starts_at >= :begins and slot.starts_at < :ends
group by slot.service_id, place_offer.status;
