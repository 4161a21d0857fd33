-- name: sides(id, account_id, now)^
-- What a mandate is to an account: of somebody in its care, its own as the volunteer, in hand now, asked for by it.
select mandate.id,
    exists (select from care
     where account_id = :account_id and person_id = mandate.person_id and ended_at is null) as cares,
    coalesce(volunteer.account_id = :account_id, false) as holds,
    exists (select from mandates_in_hand(:account_id, :now) as held where held.mandate_id = mandate.id) as in_hand,
    mandate.requested_by = :account_id as asked
from mandate left join volunteer on volunteer.id = mandate.volunteer_id
where mandate.id = :id;

-- name: ids_for_account(account_id, person_id, after, now, limit)
-- Mandates of the persons in an account's care, those it holds as a volunteer, and those of its team in its hand now,
-- newest first.
select id from (
    select mandate.id, mandate.person_id
    from care join mandate on mandate.person_id = care.person_id
    where care.account_id = :account_id and care.ended_at is null
    union
    select mandate.id, mandate.person_id
    from volunteer join mandate on mandate.volunteer_id = volunteer.id
    where volunteer.account_id = :account_id
    union
    select held.mandate_id, held.person_id from mandates_in_hand(:account_id, :now) as held
) as mine
where (:person_id::uuid is null or person_id = :person_id)
  and (:after::uuid is null or id < :after)
order by id desc
limit :limit;

-- name: ids_of_person(person_id, after, limit)
-- All mandates of a person, newest first.
select id from mandate
where person_id = :person_id and (:after::uuid is null or id < :after)
order by id desc
limit :limit;

-- name: ids_for_staff(account_id, roles, person_id, volunteer_id, team_id, after, limit)
-- Mandates of the teams and volunteers whom staff look after, newest first.
select mandate.id from mandate
left join volunteer on volunteer.id = mandate.volunteer_id
join team on team.id = coalesce(mandate.team_id, volunteer.team_id)
where team.area_id in (select staff_areas(:account_id, :roles))
  and (:person_id::uuid is null or mandate.person_id = :person_id)
  and (:volunteer_id::uuid is null or mandate.volunteer_id = :volunteer_id)
  and (:team_id::uuid is null or team.id = :team_id)
  and (:after::uuid is null or mandate.id < :after)
order by mandate.id desc
limit :limit;

-- name: shown(ids, account_id, now)
-- Mandates whole, with what each is to the account that looks.
select mandate.id, mandate.matters, mandate.consent_way, mandate.status, mandate.expires_at, mandate.created_at,
    mandate.consented_at, mandate.attempts_left, mandate.code_expires_at, mandate.revoked_at, mandate.revoke_reason,
    mandate.file_id, mandate.person_id, person.name as person_name, person.document_sealed, person.phone_sealed,
    mandate.max_uses,
    mandate.max_uses - (
        select count(*) from booking where booking.mandate_id = mandate.id and booking.status <> 'moved'
    )::integer as uses_left,
    case when volunteer.id is not null then
        jsonb_build_object('id', volunteer.id, 'name', coalesce(helper.name, ''), 'team', team.name,
            'serves', volunteer.status = 'approved')
    end as volunteer,
    case when mandate.team_id is not null then jsonb_build_object('id', team.id, 'name', team.name) end as team,
    exists (select from care as mine
     where mine.account_id = :account_id and mine.person_id = mandate.person_id and mine.ended_at is null) as cares,
    exists (select from mandates_in_hand(:account_id, :now) as held where held.mandate_id = mandate.id) as in_hand
from mandate
join person on person.id = mandate.person_id
left join volunteer on volunteer.id = mandate.volunteer_id
join team on team.id = coalesce(mandate.team_id, volunteer.team_id)
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person as helper on helper.id = care.person_id
where mandate.id = any(:ids::uuid[])
order by mandate.id desc;

-- name: uses(ids)
-- Every booking made under some mandates, newest first: who made it, and what became of it.
select booking.mandate_id, booking.id as booking_id, booking.status, booking.created_at, booking.changed_at,
    booking.reason, booking.moved_from, slot.starts_at, service.department, service.name as service,
    provider.name as provider,
    case when volunteer.id is not null then
        jsonb_build_object('id', volunteer.id, 'name', coalesce(helper.name, ''), 'team', team.name)
    end as volunteer
from booking
join slot on slot.id = booking.slot_id
join service on service.id = slot.service_id
join provider on provider.id = service.provider_id
left join volunteer on volunteer.account_id = booking.booked_by
left join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person as helper on helper.id = care.person_id
where booking.mandate_id = any(:ids::uuid[])
order by booking.id desc;

-- name: waits(ids)
-- Every queue joined under some mandates, newest first.
select entry.mandate_id, entry.id as entry_id, entry.status, entry.ended_because, entry.created_at, entry.first_day,
    entry.last_day, service.department, service.name as service, provider.name as provider,
    case when volunteer.id is not null then
        jsonb_build_object('id', volunteer.id, 'name', coalesce(helper.name, ''), 'team', team.name)
    end as volunteer
from waitlist_entry as entry
join service on service.id = entry.service_id
join provider on provider.id = service.provider_id
left join volunteer on volunteer.account_id = entry.booked_by
left join team on team.id = volunteer.team_id
left join care on care.account_id = volunteer.account_id and care.relation = 'self' and care.ended_at is null
left join person as helper on helper.id = care.person_id
where entry.mandate_id = any(:ids::uuid[])
order by entry.id desc;
