-- name: lock_people(ids)
-- Take persons in id order, so that their limits are counted by one transaction at a time.
select id, name, birth_date, sex, assurance
from person
where id = any(:ids::uuid[]) and erased_at is null
order by id
for no key update;

-- name: lock_people_to_book(ids, accounts, people)
-- The same, and before it the turns of accounts that book for others in their care, so that those are counted by one
-- transaction at a time too. (The turn is no lock on the account's row: most book for themselves and take none.)
with turn as materialized (
    select pg_advisory_xact_lock(hashtextextended('bookings of account ' || account_id, 0)) as taken
    from (
        select distinct account_id
        from unnest(:accounts::uuid[], :people::uuid[]) as request (account_id, person_id)
        where (
            select relation from care
            where care.account_id = request.account_id and care.person_id = request.person_id and ended_at is null
        ) <> 'self'
        order by account_id
        offset 0
    ) as booking_for_others
)
select id, name, birth_date, sex, assurance
from person
where id = any(:ids::uuid[]) and erased_at is null and (select count(taken) from turn) >= 0
order by id
for no key update;

-- name: lock_volunteers(account_ids)
-- Take volunteers in id order, so that their limits are counted by one transaction at a time.
select volunteer.id, account_id, status
from volunteer
where account_id = any(:account_ids::uuid[])
order by volunteer.id
for no key update;

-- name: slots(ids)
-- What the rules need to know of slots, with their services and policies.
select slot.id, slot.service_id, slot.day, slot.starts_at, slot.ends_at, slot.release_at, slot.order_until,
       slot.cancel_until, slot.resource,
       service.provider_id, service.department, service.name as service_name, service.kind,
       service.min_age, service.max_age, service.sex, service.assurance, service.questions,
       provider.name as provider_name,
       policy.limit_department_day, policy.limit_day, policy.limit_7_days, policy.limit_90_days,
       policy.limit_volunteer_day, policy.limit_account_day
from slot
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
join policy on policy.id = slot.policy_id
where slot.id = any(:ids::uuid[]) and service.state = 'active' and provider.state = 'active';

-- name: requests(accounts, people, keys, providers, days, first_day, last_day, now)
-- For each request in order: how the account cares for the person, how many bookings of the wanted day it has made for
-- others in its care, the booking that its key made before, what suspends the person at the provider, and a row for
-- each booking that counts towards the person's limits in a span of days. (`exists` would be allowed to read all of
-- `care` into a hash table, and is where the plan was made for a small one.)
select n, bond.relation,
       case when bond.relation <> 'self' then (
           select count(*) from booking
           where booked_by = request.account_id and booking.day = request.day
             and mandate_id is null and status not in ('cancelled', 'moved')
             and booking.person_id is distinct from (
                 select own.person_id from care as own
                 where own.account_id = request.account_id and own.relation = 'self' and own.ended_at is null)
       ) end as account_bookings,
       suspended.id as suspension_id, suspended.ends_at as suspended_until, suspended.appeal_status,
       (
           select id from booking
           where booked_by = request.account_id and idempotency_key = request.key
       ) as made_id,
       held.id as held_id, held.day, held.provider_id, held.department
from unnest(:accounts::uuid[], :people::uuid[], :keys::text[], :providers::uuid[], :days::date[])
    with ordinality as request (account_id, person_id, key, provider_id, day, n)
left join lateral (
    select relation from care
    where care.account_id = request.account_id and care.person_id = request.person_id and ended_at is null
    limit 1
) as bond on true
left join lateral (
    select suspension.id, suspension.ends_at,
           (select status from appeal where appeal.suspension_id = suspension.id) as appeal_status
    from suspension
    where suspension.person_id = request.person_id and suspension.provider_id = request.provider_id
      and suspension.starts_at <= :now and suspension.ends_at > :now and suspension.lifted_at is null
    limit 1
) as suspended on true
left join lateral (
    select booking.id, booking.day, service.provider_id, service.department
    from booking
    join slot on slot.id = booking.slot_id
    join service on service.id = slot.service_id
    where booking.person_id = request.person_id
      and booking.day between :first_day and :last_day
      and booking.status not in ('cancelled', 'moved')
    limit 1000
) as held on true
order by n;

-- name: volunteer_bookings(volunteers, days)
-- How many bookings volunteers have made under mandates, by the slots' day. (A day at a time: `any` of several would
-- be looked for among all that the account has ever booked.)
select volunteer.id as volunteer_id, wanted.day, made.bookings
from volunteer
cross join unnest(:days::date[]) as wanted (day)
cross join lateral (
    select count(*) as bookings
    from booking
    where booking.booked_by = volunteer.account_id and booking.day = wanted.day
      and booking.mandate_id is not null and booking.status not in ('cancelled', 'moved')
) as made
where volunteer.id = any(:volunteers::uuid[]);

-- name: desk_providers(account_id, roles)
-- Providers at which a staff account holds one of the roles.
with recursive below as (
    select area_id from staff_grant
    where account_id = :account_id and role = any(:roles::text[]) and area_id is not null
    union
    select area.id from area join below on area.parent_id = below.area_id
)
select provider.id
from provider
where provider.id in (select provider_id from staff_grant where account_id = :account_id and role = any(:roles::text[]))
   or provider.area_id in (select area_id from below)
   or exists (
       select from staff_grant
       where account_id = :account_id and role = any(:roles::text[]) and provider_id is null and area_id is null);

-- name: lock_pools(slots, channels)
-- Take pools in one order for everybody; capacity, taken and open are as of the lock, not of the snapshot. The
-- slots' times are of the snapshot: who changes them replaces the pools, so that who waited here finds none.
select slot_pool.slot_id, slot_pool.channel, capacity - taken as free, issued, open, slot.starts_at, slot.ends_at
from slot_pool
join slot on slot.id = slot_pool.slot_id
where (slot_id, channel) in (select * from unnest(:slots::uuid[], :channels::text[]))
order by slot_id, channel
for no key update of slot_pool;

-- name: insert_bookings(ids, slots, channels, numbers, codes, people, accounts, mandates, days, answers, keys, chain, now)
-- Write bookings, count them into their pools, and take the audit chain; one whose key came in meanwhile is left out.
with inserted as (
    insert into booking (id, slot_id, channel, number, code, person_id, booked_by, mandate_id, day, answers,
                         idempotency_key, created_at, changed_at, changed_by)
    select id, slot_id, channel, number, code, person_id, account_id, mandate_id, day, answers, key,
           :now, :now, account_id
    from unnest(:ids::uuid[], :slots::uuid[], :channels::text[], :numbers::integer[], :codes::text[], :people::uuid[],
                :accounts::uuid[], :mandates::uuid[], :days::date[], :answers::jsonb[], :keys::text[])
        as row (id, slot_id, channel, number, code, person_id, account_id, mandate_id, day, answers, key)
    on conflict on constraint booking_idempotency_key do nothing
    returning id, slot_id, channel, number
), counted as (
    update slot_pool
    set taken = taken + added.bookings, issued = added.newest
    from (select slot_id, channel, count(*) as bookings, max(number) as newest from inserted group by 1, 2) as added
    where slot_pool.slot_id = added.slot_id and slot_pool.channel = added.channel
)
select inserted.id, head.seq, head.mac
from inserted
cross join (select seq, mac from audit_chain where chain = :chain for no key update) as head;

-- name: replay(ids)
-- Mark repeats of a key: a write, so that the answer waits for the standby as the first one did.
with locked as (select id from booking where id = any(:ids::uuid[]) order by id for no key update)
update booking set seen = seen + 1 from locked where booking.id = locked.id;

-- name: by_ids(ids)
-- Bookings as their owners see them.
select booking.id, booking.status, booking.number, booking.code, booking.channel, booking.slot_id,
       booking.person_id, person.name as person_name, booking.mandate_id, booking.moved_from, booking.booked_by,
       booking.answers, booking.reason, booking.created_at, booking.changed_at, booking.day,
       queue_ticket.number as queue_number,
       slot.starts_at, slot.ends_at, slot.cancel_until, slot.resource, slot.service_id,
       service.name as service_name, service.department, service.provider_id, provider.name as provider_name
from booking
join person on person.id = booking.person_id
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
left join queue_ticket on queue_ticket.booking_id = booking.id
where booking.id = any(:ids::uuid[]);

-- name: lock_bookings(ids)
-- Take bookings in id order, before anything of theirs is changed.
select id from booking where id = any(:ids::uuid[]) order by id for no key update;

-- name: changes(accounts, bookings, now)
-- For each request in order: the booking, and how the account stands to it. Of a closed slot no hour of cancelling is
-- asked.
select booking.id, booking.slot_id, booking.channel, booking.status, booking.person_id, booking.mandate_id,
       slot.day, slot.starts_at, slot.ends_at, slot.service_id, slot.resource,
       case slot.state when 'open' then slot.cancel_until else slot.ends_at end as cancel_until,
       policy.late_minutes, policy.late_rule, service.provider_id, provider.phone as provider_phone,
       (
           select id from care
           where care.account_id = request.account_id and care.person_id = booking.person_id and care.ended_at is null
       ) is not null as cares,
       (
           select held.mandate_id from mandates_in_hand(request.account_id, :now) as held
           where held.mandate_id = booking.mandate_id
       ) is not null as has_mandate,
       (
           select help_request.id from help_request
           where help_request.booking_id = booking.id and state in ('open', 'offered', 'accepted', 'booked', 'under_way')
       ) is not null as has_help
from unnest(:accounts::uuid[], :bookings::uuid[]) with ordinality as request (account_id, booking_id, n)
left join booking on booking.id = request.booking_id
left join slot on slot.id = booking.slot_id
left join policy on policy.id = slot.policy_id
left join service on service.id = slot.service_id
left join provider on provider.id = service.provider_id
order by n;

-- name: set_status(ids, statuses, reasons, actors, now)!
-- Move bookings to their new status (no actor: time did it); the places of cancelled ones are given back apart.
update booking
set status = change.status, reason = change.reason, changed_at = :now,
    changed_by = coalesce(change.actor, changed_by)
from unnest(:ids::uuid[], :statuses::text[], :reasons::text[], :actors::uuid[]) as change (id, status, reason, actor)
where booking.id = change.id;

-- name: of_account(account_id, person_id, statuses, before, now, most)
-- Ids of bookings that an account may see, newest first: of persons in its care, and those under mandates that it holds.
-- (Each person and mandate by itself: else a plan may walk through everybody's bookings, newest first. A person holds
-- as many as the limits allow; of a mandate's, the index gives the newest.)
select id
from (
    select seen.id
    from care
    cross join lateral (
        select id, status from booking where booking.person_id = care.person_id offset 0
    ) as seen
    where care.account_id = :account_id and care.ended_at is null
      and (:person_id::uuid is null or care.person_id = :person_id)
      and (:statuses::text[] is null or seen.status = any(:statuses::text[]))
      and (:before::uuid is null or seen.id < :before)
    union
    select seen.id
    from mandates_in_hand(:account_id, :now) as held
    cross join lateral (
        select id from booking
        where booking.mandate_id = held.mandate_id
          and (:statuses::text[] is null or booking.status = any(:statuses::text[]))
          and (:before::uuid is null or booking.id < :before)
        order by id desc
        limit :most
    ) as seen
    where :person_id::uuid is null or held.person_id = :person_id
) as seen
order by id desc
limit :most;

-- name: visible(account_id, booking_id, now)$
-- Whether an account may see a booking: it cares for the person, or acts under the booking's live mandate.
select exists (
    select from booking
    where booking.id = :booking_id
      and (exists (
               select from care
               where account_id = :account_id and person_id = booking.person_id and ended_at is null)
           or exists (
               select from mandates_in_hand(:account_id, :now) as held
               where held.mandate_id = booking.mandate_id))
);

-- name: of_day(provider_id, day, service_id, statuses, code, person_id, after, most)
-- Ids of a provider's bookings of one day, in the order in which the desk meets them.
select booking.id, slot.starts_at
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where service.provider_id = :provider_id
  and slot.starts_at >= :day::date::timestamp at time zone 'Asia/Shanghai'
  and slot.starts_at < (:day::date + 1)::timestamp at time zone 'Asia/Shanghai'
  and (:service_id::uuid is null or service.id = :service_id)
  and (:statuses::text[] is null or booking.status = any(:statuses::text[]))
  and (:code::text is null or booking.code = :code)
  and (:person_id::uuid is null or booking.person_id = :person_id)
  and (:after::uuid is null or booking.id > :after)
order by booking.id
limit :most;

-- name: of_document(provider_id, day, kind, document_index)
-- Bookings that somebody with this document has at a provider on a day and that are not over.
select booking.id, booking.status, slot.starts_at, slot.resource, service.name as service_name
from person
join booking on booking.person_id = person.id and booking.day = :day
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
where person.document_kind = :kind and person.document_index = :document_index and person.erased_at is null
  and service.provider_id = :provider_id and booking.status in ('booked', 'checked_in')
order by slot.starts_at, booking.id;
