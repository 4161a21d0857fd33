-- name: slots(provider_id, service_id, resource, begins, ends, now, most)
-- Slots of a scope in a span of time that are open and not over: those that closing it would close.
select slot.id, slot.service_id, slot.resource, slot.starts_at
from slot
join service on service.id = slot.service_id
where service.provider_id = :provider_id
  and (:service_id::uuid is null or service.id = :service_id)
  and (:resource::text is null or slot.resource = :resource)
  and slot.starts_at >= :begins and slot.starts_at < :ends and slot.ends_at > :now
  and slot.state = 'open'
order by slot.id
limit :most;

-- name: service_provider(service_id)$
-- The provider of a service.
select provider_id from service where id = :service_id;

-- name: add(id, provider_id, service_id, resource, first_day, last_day, reason, treatment, created_by, now)
-- Write a closure.
insert into closure (id, provider_id, service_id, resource, first_day, last_day, reason, treatment, created_by,
                     created_at)
values (:id, :provider_id, :service_id, :resource, :first_day, :last_day, :reason, :treatment, :created_by, :now)
returning id;

-- name: shut(id, slots, reason)
-- Close open slots for a closure; their pools say so too.
with closed as (
    update slot set state = 'closed', closed_reason = :reason, closure_id = :id, version = version + 1
    where id = any(:slots::uuid[]) and state = 'open'
    returning id
), shut as (
    update slot_pool set open = false where slot_id in (select id from closed)
)
select id from closed;

-- name: provider_of(id)$
-- The provider that a closure is of.
select provider_id from closure where id = :id;

-- name: show(id)^
-- One closure, with what has become of the bookings that it met.
select closure.*, (select count(*) from slot where slot.closure_id = closure.id) as slots,
       coalesce(met.offered, 0) as offered, coalesce(met.moved, 0) as moved,
       coalesce(met.cancelled, 0) as cancelled, coalesce(met.standing, 0) as standing
from closure
left join lateral (
    select count(*) filter (where booking.status = 'booked' and offer.id is not null) as offered,
           count(*) filter (where booking.status = 'moved') as moved,
           count(*) filter (where booking.status = 'cancelled') as cancelled,
           count(*) filter (where booking.status in ('booked', 'checked_in') and offer.id is null) as standing
    from slot
    join booking on booking.slot_id = slot.id
    left join place_offer as offer on offer.booking_id = booking.id and offer.status = 'live'
    where slot.closure_id = closure.id
      and (booking.status in ('booked', 'checked_in') or booking.changed_at >= closure.created_at)
) as met on true
where closure.id = :id;

-- name: of_provider(provider_id, after, limit)
-- Closures of a provider, newest first.
select closure.*
from closure
where provider_id = :provider_id and (:after::uuid is null or id < :after)
order by id desc
limit :limit;

-- name: lift(id, account_id, now)^
-- End a closure that still holds.
update closure set lifted_by = :account_id, lifted_at = :now
where id = :id and lifted_at is null
returning id, provider_id;

-- name: closed_by(id, now)
-- Slots that a lifted closure closed, that are not over and that their schedule still has, each with another closure
-- that holds it shut too.
select slot.id, slot.service_id, other.id as other_id, other.reason as other_reason
from slot
left join closure as other on other.id = closure_on(slot.service_id, slot.resource, slot.day)
where slot.closure_id = :id and slot.state = 'closed' and not slot.withdrawn and slot.ends_at > :now
order by slot.id;

-- name: hand_on(slots, closures, reasons)
-- Let another closure hold slots shut.
update slot set closure_id = other.closure_id, closed_reason = other.reason, version = version + 1
from unnest(:slots::uuid[], :closures::uuid[], :reasons::text[]) as other (slot_id, closure_id, reason)
where slot.id = other.slot_id
returning slot.id;

-- name: open(slots)
-- Open slots again that a closure closed, but for those that their schedule has no more.
with reopened as (
    update slot set state = 'open', closed_reason = null, closure_id = null, version = version + 1
    where id = any(:slots::uuid[]) and state = 'closed' and not withdrawn
    returning id
), unshut as (
    update slot_pool set open = true where slot_id in (select id from reopened)
)
select id from reopened;
