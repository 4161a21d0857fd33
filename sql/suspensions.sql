-- name: lock_people_of_bookings(bookings)
-- Take the persons of bookings in id order: who is suspended is decided for one person by one transaction at a time.
select person.id
from person
where id in (select person_id from booking where booking.id = any(:bookings::uuid[]))
order by id
for no key update;

-- name: missed(bookings)
-- No-shows, each with the policy that its slot is under.
select booking.id, booking.person_id, booking.day, service.provider_id, policy.id as policy_id,
       policy.no_show_count, policy.no_show_window_days, policy.suspension_days
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join policy on policy.id = slot.policy_id
where booking.id = any(:bookings::uuid[])
order by slot.ends_at, booking.id;

-- name: counting(person_id, provider_id, first_day)
-- A person's no-shows at a provider that no suspension stands on; what an appeal has forgiven counts no more.
select booking.id, booking.day
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where booking.person_id = :person_id and booking.status = 'no_show' and booking.day >= :first_day
  and service.provider_id = :provider_id
  and not exists (
      select from suspension left join appeal on appeal.suspension_id = suspension.id
      where suspension.person_id = :person_id and booking.id = any(suspension.booking_ids)
        and (suspension.lifted_at is null or appeal.status = 'granted'))
order by booking.day, booking.id;

-- name: before(person_id, provider_id)^
-- How often a person was suspended at a provider and stayed so, and when the last of that ends.
select count(*)::integer as times, max(ends_at) as until
from suspension
where person_id = :person_id and provider_id = :provider_id and lifted_at is null;

-- name: add(id, person_id, provider_id, policy_id, step, booking_ids, starts_at, ends_at)!
-- Suspend a person at a provider.
insert into suspension (id, person_id, provider_id, policy_id, step, booking_ids, starts_at, ends_at)
values (:id, :person_id, :provider_id, :policy_id, :step, :booking_ids, :starts_at, :ends_at);

-- name: standing_on(booking_id)
-- Suspensions that stand on a no-show; the person is locked.
select suspension.id, suspension.person_id, suspension.provider_id, suspension.booking_ids, policy.no_show_count
from suspension join policy on policy.id = suspension.policy_id
where suspension.person_id = (select person_id from booking where booking.id = :booking_id)
  and :booking_id::uuid = any(booking_ids) and lifted_at is null;

-- name: take_away(id, booking_id)!
-- Let a suspension stand on its other no-shows.
update suspension set booking_ids = array_remove(booking_ids, :booking_id) where id = :id;

-- name: lift(id, account_id, reason, now)!
-- End a suspension, as if it had not been.
update suspension
set lifted_at = :now, lifted_by = :account_id, lifted_because = :reason
where id = :id and lifted_at is null;

-- name: for_family(account_id, after, limit)
-- Suspensions of the persons in an account's care, newest first, each with its appeal.
select suspension.id, suspension.person_id, person.name as person_name, suspension.provider_id,
       provider.name as provider_name, provider.phone as provider_phone, suspension.step, suspension.booking_ids,
       suspension.starts_at, suspension.ends_at, suspension.lifted_at, suspension.lifted_because,
       appeal.id as appeal_id, appeal.status as appeal_status, appeal.statement, appeal.reason, appeal.created_at,
       appeal.decided_at
from care
join suspension on suspension.person_id = care.person_id
join person on person.id = suspension.person_id
join provider on provider.id = suspension.provider_id
left join appeal on appeal.suspension_id = suspension.id
where care.account_id = :account_id and care.ended_at is null and (:after::uuid is null or suspension.id < :after)
order by suspension.id desc
limit :limit;

-- name: show(id)^
-- One suspension with its appeal.
select suspension.id, suspension.person_id, person.name as person_name, suspension.provider_id,
       provider.name as provider_name, provider.phone as provider_phone, suspension.step, suspension.booking_ids,
       suspension.starts_at, suspension.ends_at, suspension.lifted_at, suspension.lifted_because,
       appeal.id as appeal_id, appeal.status as appeal_status, appeal.statement, appeal.reason, appeal.created_at,
       appeal.decided_at
from suspension
join person on person.id = suspension.person_id
join provider on provider.id = suspension.provider_id
left join appeal on appeal.suspension_id = suspension.id
where suspension.id = :id;

-- name: add_appeal(id, suspension_id, account_id, statement, now)!
-- Ask staff to look at a suspension again.
insert into appeal (id, suspension_id, account_id, statement, created_at)
values (:id, :suspension_id, :account_id, :statement, :now);

-- name: appeals(account_id, roles, provider_id, status, after, limit)
-- Appeals at providers at which a staff account holds one of the roles, oldest first.
select suspension.id as suspension_id, suspension.person_id, person.name as person_name, suspension.provider_id,
       provider.name as provider_name, suspension.step, suspension.booking_ids, suspension.starts_at,
       suspension.ends_at, suspension.lifted_at, suspension.lifted_because,
       appeal.id, appeal.status, appeal.statement, appeal.reason, appeal.created_at, appeal.decided_at
from appeal
join suspension on suspension.id = appeal.suspension_id
join person on person.id = suspension.person_id
join provider on provider.id = suspension.provider_id
where suspension.provider_id in (select staff_providers(:account_id, :roles::text[]))
  and (:provider_id::uuid is null or suspension.provider_id = :provider_id)
  and (:status::text is null or appeal.status = :status)
  and (:after::uuid is null or appeal.id > :after)
order by appeal.id
limit :limit;

-- name: appeal(id)^
-- One appeal with its suspension.
select suspension.id as suspension_id, suspension.person_id, person.name as person_name, suspension.provider_id,
       provider.name as provider_name, suspension.step, suspension.booking_ids, suspension.starts_at,
       suspension.ends_at, suspension.lifted_at, suspension.lifted_because,
       appeal.id, appeal.status, appeal.statement, appeal.reason, appeal.created_at, appeal.decided_at
from appeal
join suspension on suspension.id = appeal.suspension_id
join person on person.id = suspension.person_id
join provider on provider.id = suspension.provider_id
where appeal.id = :id;

-- name: decide(suspension_id, status, account_id, reason, now)^
-- Answer an open appeal.
update appeal
set status = :status, decided_by = :account_id, decided_at = :now, reason = :reason
where suspension_id = :suspension_id and status = 'open'
returning id;
