-- name: lock_rounds(person_ids)
-- Let nobody else move the queues of the rounds in which children have a live application.
select id from enrolment_round
where id in (
    select round_id from enrolment
    where person_id = any(:person_ids::uuid[]) and state not in ('refused', 'withdrawn'))
order by id
for no key update;

-- name: lock(person_ids)
-- Live applications for children; their rounds are held.
select enrolment.id, enrolment.person_id from enrolment
where enrolment.person_id = any(:person_ids::uuid[]) and enrolment.state not in ('refused', 'withdrawn')
order by enrolment.id
for no key update;

-- name: unconsented(person_ids, kind)
-- Live applications for children whose list is not frozen, and that nobody who cares for the child agrees to any more.
select enrolment.id, enrolment.person_id from enrolment
where enrolment.person_id = any(:person_ids::uuid[]) and enrolment.state not in ('refused', 'withdrawn')
  and enrolment.listed_at is null
  and not exists (
      select from consent
      join care on care.account_id = consent.account_id and care.person_id = consent.person_id
          and care.ended_at is null
      where consent.person_id = enrolment.person_id and consent.kind = :kind and consent.withdrawn_at is null)
order by enrolment.id;

-- name: withdraw_consents(account_id, person_ids, kind, at)!
-- Take back what an account agreed to of one kind for these persons.
update consent set withdrawn_at = :at
where account_id = :account_id and person_id = any(:person_ids::uuid[]) and kind = :kind and withdrawn_at is null;

-- name: attending(person_ids, today)
-- Places in which children are, and do not leave on that day.
select id from nursery_place
where person_id = any(:person_ids::uuid[]) and status in ('confirmed', 'ended') and starts_on <= :today::date
  and coalesce(ends_on, 'infinity') > :today::date
order by id;

-- name: cancel_planned(person_ids, now)!
-- Give back places of children that have not begun.
update nursery_place set status = 'cancelled', changed_at = :now, changed_by = null, version = version + 1
where person_id = any(:person_ids::uuid[]) and status <> 'cancelled'
  and (status = 'planned' or starts_on > (:now at time zone 'Asia/Shanghai')::date);

-- name: erase(person_ids, now)!
-- What was said of children in applications and places, and what was handed in; that it was, and when, stays.
with gone as (
    update enrolment set repair_words = '' where person_id = any(:person_ids::uuid[]) returning id
), judged as (
    update enrolment_verdict set reason = case when reason = '' then '' else '已注销' end, words = ''
    from gone where enrolment_verdict.enrolment_id = gone.id
), denied as (
    update enrolment_claim set words = '' from gone
    where enrolment_claim.enrolment_id = gone.id and words <> ''
), told as (
    update enrolment_event set facts = '{}' from gone
    where enrolment_event.enrolment_id = gone.id and facts <> '{}'
), destroyed as (
    update enrolment_document set destroyed_at = :now from gone
    where enrolment_document.enrolment_id = gone.id and destroyed_at is null
    returning file_id
), places as (
    update nursery_place set end_reason = '' where person_id = any(:person_ids::uuid[])
    returning id, agreement_file_id
), leaves as (
    update nursery_leave set words = '' from places where nursery_leave.place_id = places.id
)
delete from file
where id in (select file_id from destroyed) or id in (select agreement_file_id from places);
