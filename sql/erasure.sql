-- name: fates(account_id, person_ids)
-- What becomes of persons once an account has let them go.
select person.id as person_id,
    case
        when exists (
            select from care
            where care.person_id = person.id and care.account_id <> :account_id and care.ended_at is null
        ) then 'kept_by_others'
        when exists (
            select from account where account.id = person.created_by and account.kind = 'staff'
        ) then 'kept_by_desk'
        else 'erased'
    end as fate
from person where person.id = any(:person_ids::uuid[]);

-- name: live_bookings(account_id, person_ids, erased_ids, now)
-- Bookings that still stand: of these persons by this account, and any of who would be erased.
select booking.id, booking.person_id, booking.day, slot.starts_at,
    provider.name as provider_name, service.department, service.name as service_name
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.status in ('booked', 'checked_in') and slot.ends_at > :now
  and booking.person_id = any(:person_ids::uuid[])
  and (booking.booked_by = :account_id or booking.person_id = any(:erased_ids::uuid[]))
order by slot.starts_at, booking.id;

-- name: erase_answers(person_ids)!
-- What was written into the forms of past bookings.
update booking set answers = '{}', reason = '' where person_id = any(:person_ids::uuid[]);

-- name: erase_notices(person_ids)!
-- What a family was told that is no more.
delete from notice where person_id = any(:person_ids::uuid[]);

-- name: erase_appeals(person_ids)!
-- What was said for and against suspensions; that and how long they were stays, as the limits do.
with said as (
    update suspension set lifted_because = ''
    where person_id = any(:person_ids::uuid[]) and lifted_because is not null
)
update appeal
set statement = '已注销', reason = case when reason is not null then '' end
from suspension
where suspension.id = appeal.suspension_id and suspension.person_id = any(:person_ids::uuid[]);

-- name: erase_persons(person_ids, now)!
-- Everything that says who it was; the blind index of the document stays for a while.
update person set name = '已注销', document_sealed = null, birth_date = null, sex = null, phone_sealed = null,
    phone_index = null, assurance = 'declared', erased_at = :now, version = version + 1
where id = any(:person_ids::uuid[]) and erased_at is null;

-- name: forget_documents(before)$
-- Let go of documents whose limits have run out.
with forgotten as (
    update person set document_index = null
    where erased_at < :before and document_index is not null
    returning id
)
select count(*) from forgotten;

-- name: live_bookings_by(account_id, now)
-- Bookings of an account that still stand, for whomever.
select booking.id, booking.person_id, booking.day, slot.starts_at,
    provider.name as provider_name, service.department, service.name as service_name
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.status in ('booked', 'checked_in') and slot.ends_at > :now and booking.booked_by = :account_id
order by slot.starts_at, booking.id;

-- name: forget_sign_in(account_id)!
-- Who signs in with this WeChat identity from now on is somebody new.
delete from wechat_identity where account_id = :account_id;

-- name: close_account(account_id)!
-- The row stays, for what refers to it.
update account set status = 'deleted' where id = :account_id;
