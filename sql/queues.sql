-- name: enter(bookings, services, resources, days, orders, lates, arrivals)!
-- Give queue numbers to who has come, in the order given; the clinics are taken in one order for everybody.
with came as (
    select * from unnest(:bookings::uuid[], :services::uuid[], :resources::text[], :days::date[],
                         :orders::timestamptz[], :lates::boolean[], :arrivals::timestamptz[]) with ordinality
        as came (booking_id, service_id, resource, day, order_at, late, checked_in_at, n)
), clinic as (
    insert into clinic_day as clinic (service_id, resource, day, last_number, version)
    select service_id, resource, day, count(*), 1 from came
    group by service_id, resource, day
    order by service_id, resource, day
    on conflict (service_id, resource, day) do update
        set last_number = clinic.last_number + excluded.last_number, version = clinic.version + 1
    returning service_id, resource, day, last_number
)
insert into queue_ticket (booking_id, service_id, resource, day, number, order_at, late, checked_in_at)
select booking_id, service_id, resource, day,
       last_number - count(*) over clinics + row_number() over (clinics order by n),
       order_at, late, checked_in_at
from came join clinic using (service_id, resource, day)
window clinics as (partition by service_id, resource, day);

-- name: to_come(booking_id)^
-- Where and when somebody is expected, and who is late there.
select booking.id, booking.day, slot.service_id, slot.resource, slot.starts_at, policy.late_minutes
from booking
join slot on slot.id = booking.slot_id
join policy on policy.id = slot.policy_id
where booking.id = :booking_id;

-- name: finish(bookings, now)!
-- End the tickets of visits that are over; each clinic is locked before its tickets.
with clinic as (
    select distinct service_id, resource, day from queue_ticket
    where booking_id = any(:bookings::uuid[]) and status <> 'done'
), locked as (
    select clinic_day.service_id, clinic_day.resource, clinic_day.day
    from clinic_day join clinic using (service_id, resource, day)
    order by clinic_day.service_id, clinic_day.resource, clinic_day.day
    for no key update of clinic_day
), raised as (
    update clinic_day set version = version + 1 from locked
    where clinic_day.service_id = locked.service_id and clinic_day.resource = locked.resource
      and clinic_day.day = locked.day
)
update queue_ticket set status = 'done', done_at = :now from locked
where queue_ticket.booking_id = any(:bookings::uuid[]) and queue_ticket.status <> 'done'
  and queue_ticket.service_id = locked.service_id and queue_ticket.resource = locked.resource
  and queue_ticket.day = locked.day;

-- name: raise_version(service_id, resource, day)$
-- Lock a clinic for a change of its queue and announce it; nothing where nobody has come yet.
update clinic_day set version = version + 1
where service_id = :service_id and resource = :resource and day = :day
returning version;

-- name: call_next(service_id, resource, day, counter, now)^
-- Call whoever is first; the clinic is locked.
update queue_ticket
set status = 'called', calls = calls + 1, counter = :counter, called_at = :now
where booking_id = (
        select booking_id from queue_ticket
        where service_id = :service_id and resource = :resource and day = :day and status = 'waiting'
        order by order_at, number
        limit 1)
  and status = 'waiting'
returning booking_id;

-- name: call_again(booking_id, counter, now)^
-- Call somebody once more who has been called and is not there; null leaves the counter as it was.
update queue_ticket
set calls = calls + 1, counter = coalesce(:counter, counter), called_at = :now
where booking_id = :booking_id and status = 'called'
returning booking_id;

-- name: skip(booking_id)^
-- Pass over somebody who was called and does not come.
update queue_ticket set status = 'skipped'
where booking_id = :booking_id and status = 'called'
returning booking_id;

-- name: take_back(booking_id, now)^
-- Let somebody wait again who was passed over: behind those whose turn it is by now.
update queue_ticket set status = 'waiting', order_at = greatest(order_at, :now)
where booking_id = :booking_id and status = 'skipped'
returning booking_id;

-- name: undo(booking_id)^
-- Take a skip or an end back that was a mistake.
update queue_ticket set status = case when calls > 0 then 'called' else 'waiting' end, done_at = null
where booking_id = :booking_id and status in ('skipped', 'done')
returning booking_id;

-- name: visit_again(booking_id, actor, now)^
-- Set a visit that was ended by mistake back to its being under way.
update booking set status = 'checked_in', changed_at = :now, changed_by = :actor
where id = :booking_id and status = 'completed'
returning id;

-- name: ticket(booking_id)^
-- One ticket as the desk sees it.
select ticket.booking_id as id, ticket.booking_id, ticket.service_id, ticket.resource, ticket.day, ticket.number,
       ticket.status, ticket.late, ticket.calls, ticket.counter, ticket.checked_in_at, ticket.called_at,
       ticket.done_at, person.name as person_name, slot.starts_at
from queue_ticket as ticket
join booking on booking.id = ticket.booking_id
join person on person.id = booking.person_id
join slot on slot.id = booking.slot_id
where ticket.booking_id = :booking_id;

-- name: of_clinic(service_id, resource, day)
-- All tickets of a clinic's day as the desk sees them: those waiting in the order in which they are called.
select ticket.booking_id as id, ticket.booking_id, ticket.service_id, ticket.resource, ticket.day, ticket.number,
       ticket.status, ticket.late, ticket.calls, ticket.counter, ticket.checked_in_at, ticket.called_at,
       ticket.done_at, person.name as person_name, slot.starts_at
from queue_ticket as ticket
join booking on booking.id = ticket.booking_id
join person on person.id = booking.person_id
join slot on slot.id = booking.slot_id
where ticket.service_id = :service_id and ticket.resource = :resource and ticket.day = :day
order by array_position(array['called', 'waiting', 'skipped', 'done'], ticket.status), ticket.order_at, ticket.number;

-- name: expected(service_id, resource, day)$
-- How many have booked at a clinic for a day and have not come yet.
select count(*) from slot
join booking on booking.slot_id = slot.id
where slot.service_id = :service_id and slot.resource = :resource
  and slot.starts_at >= :day::date::timestamp at time zone 'Asia/Shanghai'
  and slot.starts_at < (:day::date + 1)::timestamp at time zone 'Asia/Shanghai'
  and booking.status = 'booked';

-- name: clinics(provider_id, day)
-- The clinics of a provider to which anybody has come on a day.
select clinic_day.service_id, service.name as service_name, service.department, clinic_day.resource, clinic_day.version,
       count(*) filter (where ticket.status = 'waiting') as waiting,
       count(*) filter (where ticket.status = 'called') as called,
       count(*) filter (where ticket.status = 'skipped') as skipped,
       count(*) filter (where ticket.status = 'done') as done
from service
join clinic_day on clinic_day.service_id = service.id and clinic_day.day = :day
join queue_ticket as ticket on ticket.service_id = clinic_day.service_id and ticket.resource = clinic_day.resource
    and ticket.day = clinic_day.day
where service.provider_id = :provider_id
group by 1, 2, 3, 4, 5
order by service.department, service.name, clinic_day.resource;

-- name: board(service_id, resource, day)
-- All that a display and those who wait may be told of a clinic's day, in one look; a row without a number where
-- nobody has come yet. No personal data.
select service.name as service_name, provider.name as provider_name, coalesce(clinic_day.version, 0) as version,
       ticket.booking_id, ticket.number, ticket.status, ticket.calls, ticket.counter, ticket.called_at
from service
join provider on provider.id = service.provider_id
left join clinic_day on clinic_day.service_id = service.id and clinic_day.resource = :resource
    and clinic_day.day = :day
left join queue_ticket as ticket on ticket.service_id = clinic_day.service_id
    and ticket.resource = clinic_day.resource and ticket.day = clinic_day.day
where service.id = :service_id
order by ticket.order_at, ticket.number;

-- name: place_of(account_id, booking_id, now)^
-- In which queue somebody who may see a booking waits for it.
select booking.id, booking.status as booking_status, booking.day, slot.service_id, slot.resource, slot.starts_at
from booking
join slot on slot.id = booking.slot_id
where booking.id = :booking_id
  and (exists (
           select from care
           where account_id = :account_id and person_id = booking.person_id and ended_at is null)
       or exists (
           select from mandates_in_hand(:account_id, :now) as held
           where held.mandate_id = booking.mandate_id));
