-- name: own_person(account_id)$
-- The person that an account is registered as.
select person_id from care
where account_id = :account_id and relation = 'self' and ended_at is null;

-- name: cares_for(account_id, person_id)$
-- Whether the account cares for the person or is the person.
select exists (
    select from care
    where account_id = :account_id and person_id = :person_id and ended_at is null
);

-- name: staff_at_provider(account_id, roles, provider_id)$
-- Whether a staff account holds one of the roles at a provider, in its area or above, or everywhere.
with recursive above as (
    select area.id, area.parent_id
    from area join provider on provider.area_id = area.id
    where provider.id = :provider_id
    union all
    select area.id, area.parent_id from area join above on area.id = above.parent_id
)
select exists (
    select from staff_grant
    where account_id = :account_id and role = any(:roles::text[])
      and exists (select from provider where id = :provider_id)
      and (provider_id = :provider_id
           or area_id in (select id from above)
           or (provider_id is null and area_id is null))
);

-- name: staff_in_area(account_id, roles, area_id)$
-- Whether a staff account holds one of the roles in an area, above it, or everywhere.
with recursive above as (
    select id, parent_id from area where id = :area_id
    union all
    select area.id, area.parent_id from area join above on area.id = above.parent_id
)
select exists (
    select from staff_grant
    where account_id = :account_id and role = any(:roles::text[])
      and exists (select from area where id = :area_id)
      and (area_id in (select id from above) or (provider_id is null and area_id is null))
);

-- name: staff_somewhere(account_id, roles)$
-- Whether a staff account holds one of the roles anywhere.
select exists (
    select from staff_grant where account_id = :account_id and role = any(:roles::text[])
);

-- name: staff_everywhere(account_id, roles)$
-- Whether a staff account holds one of the roles for the whole deployment.
select exists (
    select from staff_grant
    where account_id = :account_id and role = any(:roles::text[])
      and provider_id is null and area_id is null
);

-- name: staff_of_volunteer(account_id, roles, volunteer_id)$
-- Whether a staff account holds one of the roles in the area of a volunteer's team, above it, or everywhere.
select exists (
    select from volunteer join team on team.id = volunteer.team_id
    where volunteer.id = :volunteer_id and team.area_id in (select staff_areas(:account_id, :roles))
);

-- name: answers_for_team(account_id, roles, team_id)$
-- Whether an account leads a team, or is staff with one of the roles in its area, above it, or everywhere.
select leads_team(:account_id, :team_id) or exists (
    select from team where id = :team_id and area_id in (select staff_areas(:account_id, :roles))
);

-- name: cared_for(account_id, people)
-- Which of some persons the account cares for.
select person_id from care
where account_id = :account_id and person_id = any(:people::uuid[]) and ended_at is null;

-- name: cares_for_request(account_id, request_id)$
-- Whether an account cares for the person of a help request.
select exists (
    select from help_request
    join care on care.person_id = help_request.person_id and care.account_id = :account_id and care.ended_at is null
    where help_request.id = :request_id
);

-- name: staff_of_request(account_id, roles, request_id)$
-- Whether a staff account holds one of the roles in the area of a help request's team, or where the person is met.
select exists (
    select from help_request join team on team.id = help_request.team_id
    where help_request.id = :request_id
      and (team.area_id in (select staff_areas(:account_id, :roles))
           or help_request.area_id in (select staff_areas(:account_id, :roles)))
);

-- name: team_of_request(request_id)$
-- The team that answers for a help request.
select team_id from help_request where id = :request_id;

-- name: staff_of_team(account_id, roles, team_id)$
-- Whether a staff account holds one of the roles in a team's area, above it, or everywhere.
select exists (
    select from team where id = :team_id and area_id in (select staff_areas(:account_id, :roles))
);

-- name: is_volunteer(account_id, volunteer_id)$
-- Whether an account is that volunteer.
select exists (select from volunteer where id = :volunteer_id and account_id = :account_id);

-- name: staff_of_mandate(account_id, roles, mandate_id)$
-- Whether a staff account holds one of the roles in the area of a mandate's team.
select exists (
    select from mandate
    left join volunteer on volunteer.id = mandate.volunteer_id
    join team on team.id = coalesce(mandate.team_id, volunteer.team_id)
    where mandate.id = :mandate_id and team.area_id in (select staff_areas(:account_id, :roles))
);

-- name: staff_at_service(account_id, roles, service_id)$
-- Whether a staff account holds one of the roles at the provider of a service.
select exists (
    select from service
    where id = :service_id and provider_id in (select staff_providers(:account_id, :roles::text[]))
);

-- name: staff_at_slot(account_id, roles, slot_id)$
-- Whether a staff account holds one of the roles at the provider of a slot's service.
select exists (
    select from slot join service on service.id = slot.service_id
    where slot.id = :slot_id and service.provider_id in (select staff_providers(:account_id, :roles::text[]))
);

-- name: staff_at_ticket(account_id, roles, booking_id)$
-- Whether a staff account holds one of the roles at the provider in whose queue a booking's ticket stands.
select exists (
    select from queue_ticket join service on service.id = queue_ticket.service_id
    where queue_ticket.booking_id = :booking_id
      and service.provider_id in (select staff_providers(:account_id, :roles::text[]))
);

-- name: staff_at_schedule(account_id, roles, schedule_id)$
-- Whether a staff account holds one of the roles at the provider of a schedule's service.
select exists (
    select from schedule join service on service.id = schedule.service_id
    where schedule.id = :schedule_id and service.provider_id in (select staff_providers(:account_id, :roles::text[]))
);

-- name: staff_of_round(account_id, roles, round_id)$
-- Whether a staff account holds one of the roles in the area of an enrolment round, above it, or everywhere.
select exists (
    select from enrolment_round
    where id = :round_id and area_id in (select staff_areas(:account_id, :roles::text[]))
);

-- name: staff_of_class(account_id, roles, class_id)$
-- Whether a staff account holds one of the roles at the nursery of a class.
select exists (
    select from nursery_class
    where id = :class_id and provider_id in (select staff_providers(:account_id, :roles::text[]))
);

-- name: staff_of_place(account_id, roles, place_id)$
-- Whether a staff account holds one of the roles at the nursery of a child's place.
select exists (
    select from nursery_place join nursery_class on nursery_class.id = nursery_place.class_id
    where nursery_place.id = :place_id
      and nursery_class.provider_id in (select staff_providers(:account_id, :roles::text[]))
);

-- name: cares_for_enrolment(account_id, enrolment_id)$
-- Whether an account cares for the child of an application.
select exists (
    select from enrolment
    join care on care.person_id = enrolment.person_id and care.account_id = :account_id and care.ended_at is null
    where enrolment.id = :enrolment_id
);

-- name: staff_of_enrolment(account_id, roles, enrolment_id)$
-- Whether a staff account holds one of the roles in the area of an application's round or at its first choice.
select exists (
    select from enrolment join enrolment_round on enrolment_round.id = enrolment.round_id
    where enrolment.id = :enrolment_id and enrolment.submitted_at is not null
      and (enrolment_round.area_id in (select staff_areas(:account_id, :roles::text[]))
           or exists (
               select from enrolment_choice
               join programme on programme.id = enrolment_choice.programme_id
               join nursery_class on nursery_class.id = programme.class_id
               where enrolment_choice.enrolment_id = enrolment.id and enrolment_choice.rank = 1
                 and nursery_class.provider_id in (select staff_providers(:account_id, :roles::text[]))))
);

-- name: same_human(one_account, other_account)$
-- Whether two accounts are, or were, the same person's.
select same_human(:one_account::uuid, :other_account::uuid);
