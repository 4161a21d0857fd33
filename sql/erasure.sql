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
        ) or person.team_id is not null then 'kept_by_desk'
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

-- name: lock_volunteer(account_id)^
-- What an account is as a volunteer, held until the end of the transaction.
select id from volunteer where account_id = :account_id for no key update;

-- name: lock_mandates(account_id, person_ids)
-- Mandates of some persons, and those that an account holds.
select id from mandate
where person_id = any(:person_ids::uuid[])
   or volunteer_id = (select volunteer.id from volunteer where account_id = :account_id)
order by id
for no key update;

-- name: lock_help(account_id, person_ids)
-- Help requests, not over yet, for some persons, and those that an account has or is asked for.
select id from help_request
where id in (
    select of_person.id from help_request as of_person
    where of_person.person_id = any(:person_ids::uuid[])
      and of_person.state in ('open', 'offered', 'accepted', 'booked', 'under_way')
    union
    select held.id from help_request as held
    join volunteer on volunteer.id = held.volunteer_id
    where volunteer.account_id = :account_id and held.state in ('accepted', 'booked', 'under_way')
    union
    select request_id from help_offer
    join volunteer on volunteer.id = help_offer.volunteer_id
    where volunteer.account_id = :account_id and help_offer.status = 'live')
order by id
for no key update;

-- name: lock_help_for(person_ids)
-- Help requests for some persons that are not over yet.
select * from help_request
where person_id = any(:person_ids::uuid[]) and state in ('open', 'offered', 'accepted', 'booked', 'under_way')
order by id
for no key update;

-- name: help_under_way_by(account_id)
-- What an account is doing for somebody right now as a volunteer.
select help_request.id
from help_request join volunteer on volunteer.id = help_request.volunteer_id
where volunteer.account_id = :account_id and help_request.state = 'under_way'
order by help_request.id;

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

-- name: erase_help(person_ids)!
-- What was said for and about the help that persons had; that there was help, when and how long stays without words.
with asked as (
    update help_request
    set need_sealed = null, pickup_sealed = null, pickup_index = null, mobility_sealed = null,
        contact_phone_sealed = null
    where person_id = any(:person_ids::uuid[])
    returning id
), thanked as (
    update help_rating set thanks = '' from asked where help_rating.request_id = asked.id
), complained as (
    update help_complaint set words_sealed = null, answer = '' from asked where help_complaint.request_id = asked.id
), told as (
    update help_event set facts = '{}' from asked where help_event.request_id = asked.id and facts <> '{}'
), noticed as (
    update notice set facts = notice.facts - 'reason'
    from asked
    join help_hours on help_hours.request_id = asked.id
    join volunteer on volunteer.id = help_hours.volunteer_id
    join care on care.account_id = volunteer.account_id and care.relation = 'self'
    where notice.person_id = care.person_id and notice.subject_id = asked.id and notice.facts ? 'reason'
), alarmed as (
    update help_alarm set outcome = '' from asked where help_alarm.request_id = asked.id
)
update help_hours_correction set reason = '已注销' from asked where help_hours_correction.request_id = asked.id;

-- name: erase_volunteer(account_id)!
-- Where and when somebody helped out who does so no longer, and what was said to and of that volunteer; hours stay.
with gone as (
    update volunteer set languages = '{zh}', abilities = '{book}', decision_reason = ''
    where account_id = :account_id
    returning id
), thanked as (
    update help_rating set thanks = '' from gone where help_rating.volunteer_id = gone.id
), areas as (
    delete from volunteer_area using gone where volunteer_area.volunteer_id = gone.id
), hours as (
    delete from volunteer_hours using gone where volunteer_hours.volunteer_id = gone.id
)
delete from volunteer_day_off using gone where volunteer_day_off.volunteer_id = gone.id;

-- name: erase_persons(person_ids, now)!
-- Everything that says who it was; the blind index of the document stays for a while.
update person set name = '已注销', document_sealed = null, birth_date = null, sex = null, phone_sealed = null,
    phone_index = null, assurance = 'declared', team_id = null, erased_at = :now, version = version + 1
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
-- Bookings of an account that still stand, for whomever. Not those that are no more its own to cancel: what came of a
-- help request is handed on with it, and of a mandate that is over the family has kept it.
select booking.id, booking.person_id, booking.day, slot.starts_at,
    provider.name as provider_name, service.department, service.name as service_name
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
where booking.status in ('booked', 'checked_in') and slot.ends_at > :now and booking.booked_by = :account_id
  and not exists (select from help_request where help_request.booking_id = booking.id)
  and not exists (
      select from mandate
      where mandate.id = booking.mandate_id
        and (mandate.expires_at <= :now or mandate.status = 'revoked' and mandate.revoked_at < :now))
order by slot.starts_at, booking.id;

-- name: forget_sign_in(account_id)!
-- Who signs in with this WeChat identity from now on is somebody new.
delete from wechat_identity where account_id = :account_id;

-- name: close_account(account_id)!
-- The row stays, for what refers to it.
update account set status = 'deleted' where id = :account_id;
