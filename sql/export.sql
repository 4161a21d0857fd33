-- name: account(account_id)^
-- The account itself, and who it is at WeChat.
select account.id, account.created_at, wechat_identity.openid
from account left join wechat_identity on wechat_identity.account_id = account.id
where account.id = :account_id;

-- name: sessions(account_id)
-- When and on what the account was signed in, as far back as sessions are kept.
select device, created_at, refreshed_at, ended_at, end_reason
from session where account_id = :account_id order by created_at, id;

-- name: care(account_id)
-- Whom the account cares and cared for.
select person_id, relation, since, ended_at from care where account_id = :account_id order by since, id;

-- name: consents(account_id)
-- What the account agreed to, and took back.
select person_id, kind, document_version, given_at, withdrawn_at
from consent where account_id = :account_id order by given_at, id;

-- name: bookings(account_id)
-- Bookings of the persons in the account's care, and those that it has made; of those for others nothing of whom.
with of_account as (
    select id from booking where booked_by = :account_id
    union
    select booking.id from care join booking on booking.person_id = care.person_id
    where care.account_id = :account_id and care.ended_at is null
)
select booking.id, case when cared.so then booking.person_id end as person_id, booking.status,
    case when cared.so then booking.number end as number, case when cared.so then booking.code end as code,
    booking.channel, provider.name as provider_name, service.department, service.name as service_name,
    slot.starts_at, slot.ends_at, case when cared.so then booking.answers end as answers,
    case when cared.so then booking.reason end as reason, booking.created_at, booking.changed_at,
    booking.booked_by = :account_id as booked_by_me, booking.mandate_id
from of_account
join booking on booking.id = of_account.id
cross join lateral (
    select exists (
        select from care
        where care.account_id = :account_id and care.person_id = booking.person_id and care.ended_at is null) as so
) as cared
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
order by booking.created_at, booking.id;

-- name: waitlist(account_id)
-- Where the persons in the account's care wait or waited, and where it has made others wait, of whom nothing.
select entry.id,
    (select coalesce(array_agg(member.person_id order by member.person_id), '{}')
     from waitlist_member as member
     where member.entry_id = entry.id and exists (
         select from care
         where care.account_id = :account_id and care.person_id = member.person_id and care.ended_at is null)) as people,
    provider.name as provider_name, service.department, service.name as service_name, entry.first_day, entry.last_day,
    entry.status, entry.ended_because, entry.missed, entry.created_at, entry.ended_at,
    entry.booked_by = :account_id as booked_by_me, entry.mandate_id
from waitlist_entry as entry
join service on service.id = entry.service_id
join provider on provider.id = service.provider_id
where entry.booked_by = :account_id or exists (
    select from care
    join waitlist_member as member on member.person_id = care.person_id
    where care.account_id = :account_id and member.entry_id = entry.id and care.ended_at is null)
order by entry.created_at, entry.id;

-- name: mandates(account_id)
-- Mandates of the persons in the account's care, and those that it holds as a volunteer, without whose they are.
select mandate.id, case when cared.so then mandate.person_id end as person_id, mandate.matters, mandate.consent_way,
    mandate.status, mandate.created_at, mandate.consented_at, mandate.expires_at, mandate.max_uses, mandate.revoked_at,
    coalesce(volunteer.account_id = :account_id, false) as held_by_me
from mandate
cross join lateral (
    select exists (
        select from care
        where care.account_id = :account_id and care.person_id = mandate.person_id and care.ended_at is null) as so
) as cared
left join volunteer on volunteer.id = mandate.volunteer_id
where volunteer.account_id = :account_id or cared.so
order by mandate.created_at, mandate.id;

-- name: suspensions(account_id)
-- Suspensions of the persons in the account's care, and what was said about them.
select suspension.id, suspension.person_id, provider.name as provider_name, suspension.step, suspension.booking_ids,
    suspension.starts_at, suspension.ends_at, suspension.lifted_at, suspension.lifted_because,
    appeal.status as appeal_status, appeal.statement, appeal.reason, appeal.created_at as appealed_at,
    appeal.decided_at
from suspension
join care on care.person_id = suspension.person_id
join provider on provider.id = suspension.provider_id
left join appeal on appeal.suspension_id = suspension.id
where care.account_id = :account_id and care.ended_at is null
order by suspension.id;

-- name: notices(account_id)
-- What the family was told, and the account as a volunteer.
select notice.id, notice.person_id, notice.kind, notice.subject_id, notice.facts, notice.created_at
from notice
join care on care.person_id = notice.person_id and (care.relation = 'self' or not told_as_volunteer(notice.kind))
where care.account_id = :account_id and care.ended_at is null
order by notice.id;

-- name: volunteer(account_id)^
-- The account as a volunteer.
select volunteer.id, volunteer.status, volunteer.languages, volunteer.abilities, volunteer.applied_at,
    volunteer.suspended_at, team.name as team_name
from volunteer join team on team.id = volunteer.team_id
where volunteer.account_id = :account_id;

-- name: accesses(person_id)
-- What was done with a person's data, by whom: the account's own acts aside, staff stay unnamed.
select audit.at, audit.action, account.kind as by_kind
from audit left join account on account.id = audit.actor_id
where audit.subject_id = :person_id
order by audit.at, audit.chain, audit.seq;
