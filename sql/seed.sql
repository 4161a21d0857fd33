-- name: lock(key)!
-- One seed at a time, until the end of the transaction.
select pg_advisory_xact_lock(:key);

-- name: areas()
-- The areas that there are, by their code.
select code, id::text from area;

-- name: add_areas(rows)$
-- Add areas; returns how many.
with added as (
    insert into area (id, parent_id, level, code, name)
    select id, parent_id, level, code, name
    from jsonb_to_recordset(:rows::jsonb) as row (id uuid, parent_id uuid, level text, code text, name text)
    returning id
)
select count(*) from added;

-- name: providers(names)
-- The providers of these names.
select name, id::text
from provider
where name = any(:names::text[]);

-- name: add_providers(rows)$
-- Add providers; returns how many.
with added as (
    insert into provider (id, area_id, kind, name, address, phone, summary)
    select id, area_id, kind, name, address, phone, summary
    from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, area_id uuid, kind text, name text, address text, phone text, summary text)
    returning id
)
select count(*) from added;

-- name: services()
-- The services that can be booked, by the names of their provider, their department and their own.
select service.id, provider.name as provider, service.department, service.name,
       exists (select from schedule where schedule.service_id = service.id) as was_scheduled
from service join provider on provider.id = service.provider_id
where service.state = 'active' and provider.state = 'active';

-- name: add_services(rows)$
-- Add services; returns how many.
with added as (
    insert into service (id, provider_id, department, name, kind, summary, duration_minutes, requirements,
                         min_age, max_age, sex, eligibility, questions)
    select id, provider_id, department, name, kind, summary, duration, requirements,
           min_age, max_age, sex, eligibility, questions
    from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, provider_id uuid, department text, name text, kind text, summary text, duration integer,
        requirements text[], min_age integer, max_age integer, sex text, eligibility text, questions jsonb)
    returning id
)
select count(*) from added;

-- name: add_policies(rows, effective_from, now)$
-- Add the first version of these providers' own policies; returns how many.
with added as (
    insert into policy (id, provider_id, version, effective_from, window_days, release_time, order_stop_days,
                        order_stop_time, cancel_days, cancel_time, limit_department_day, limit_day, limit_7_days,
                        limit_90_days, limit_volunteer_day, limit_account_day, return_minutes_min,
                        return_minutes_max, fallback_days, fallback_time, offer_quiet_from, offer_quiet_until,
                        suspension_days, created_at)
    select id, provider_id, 1, :effective_from, window_days, release_time, order_stop_days,
           order_stop_time, cancel_days, cancel_time, limit_department_day, limit_day, limit_7_days,
           limit_90_days, limit_volunteer_day, limit_account_day, return_minutes_min,
           return_minutes_max, fallback_days, fallback_time, offer_quiet_from, offer_quiet_until,
           suspension_days, :now
    from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, provider_id uuid, window_days integer, release_time time, order_stop_days integer,
        order_stop_time time, cancel_days integer, cancel_time time, limit_department_day integer,
        limit_day integer, limit_7_days integer, limit_90_days integer, limit_volunteer_day integer,
        limit_account_day integer, return_minutes_min integer, return_minutes_max integer, fallback_days integer,
        fallback_time time, offer_quiet_from time, offer_quiet_until time, suspension_days integer[])
    returning id
)
select count(*) from added;

-- name: teams()
-- The volunteers' teams, by their name.
select name, id::text from team;

-- name: add_teams(rows)$
-- Add teams; returns how many.
with added as (
    insert into team (id, area_id, name, organisation)
    select id, area_id, name, organisation
    from jsonb_to_recordset(:rows::jsonb) as row (id uuid, area_id uuid, name text, organisation text)
    returning id
)
select count(*) from added;

-- name: any_known(openids, document_indexes)$
-- Whether any of these WeChat users or documents was ever registered.
select exists (select from wechat_identity where openid = any(:openids::text[]))
    or exists (select from person where document_index = any(:document_indexes::bytea[]));

-- name: add_residents(rows, now)$
-- Add residents' accounts, as WeChat knows them; returns how many.
with row as (
    select * from jsonb_to_recordset(:rows::jsonb) as row (id uuid, openid text)
), account as (
    insert into account (id, kind, created_at) select id, 'resident', :now from row
), identity as (
    insert into wechat_identity (account_id, openid) select id, openid from row
    returning account_id
)
select count(*) from identity;

-- name: add_people(rows, now)$
-- Add persons; returns how many.
with added as (
    insert into person (id, name, document_kind, document_sealed, document_index, birth_date, sex,
                        phone_sealed, phone_index, created_at, created_by)
    select id, name, document_kind, document_sealed, document_index, birth_date, sex,
           phone_sealed, phone_index, :now, created_by
    from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, name text, document_kind text, document_sealed bytea, document_index bytea, birth_date date,
        sex text, phone_sealed bytea, phone_index bytea, created_by uuid)
    returning id
)
select count(*) from added;

-- name: add_care(rows, now)$
-- Add who cares for whom; returns how many.
with added as (
    insert into care (id, account_id, person_id, relation, since)
    select id, account_id, person_id, relation, :now
    from jsonb_to_recordset(:rows::jsonb) as row (id uuid, account_id uuid, person_id uuid, relation text)
    returning id
)
select count(*) from added;

-- name: add_consents(rows, now)$
-- Add consents given; returns how many.
with added as (
    insert into consent (id, account_id, person_id, kind, document_version, given_at)
    select id, account_id, person_id, kind, document_version, :now
    from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, account_id uuid, person_id uuid, kind text, document_version text)
    returning id
)
select count(*) from added;

-- name: add_volunteers(rows, now)$
-- Add approved volunteers with the areas they serve and their hours, and who of them lead; returns how many.
with row as (
    select * from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, account_id uuid, team_id uuid, leader_id uuid, languages text[], areas text[], abilities text[],
        weekdays integer[], hours time[])
), volunteer as (
    insert into volunteer (id, account_id, team_id, languages, abilities, status, applied_at, decided_at)
    select id, account_id, team_id, languages, abilities, 'approved', :now, :now from row
    returning id
), leader as (
    insert into team_leader (id, team_id, volunteer_id, since)
    select leader_id, team_id, id, :now from row where leader_id is not null
), asked as (
    insert into volunteer_hours (volunteer_id, weekday, from_minute, until_minute)
    select id, weekday, extract(epoch from hours[1]) / 60, extract(epoch from hours[2]) / 60
    from row cross join unnest(weekdays) as weekday
), served as (
    insert into volunteer_area (volunteer_id, area_id)
    select row.id, area.id from row join area on area.code = any(row.areas)
)
select count(*) from volunteer;

-- name: demo_accounts_exist()$
-- Whether there is an account whose password stands in a file, and that can still sign in.
select exists (
    select from staff join account on account.id = staff.account_id
    where staff.demo and account.status = 'active'
);

-- name: demo_staff(logins)
-- The accounts of these logins, with the secret of their one-time codes.
select login, account_id::text, otp_secret_sealed from staff where login = any(:logins::text[]);

-- name: put_demo_staff(rows, now)$
-- Add demo staff, or give those that there are new secrets; returns how many.
with row as (
    select * from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, login text, display_name text, password_hash text, otp_secret_sealed bytea)
), account as (
    insert into account (id, kind, created_at) select id, 'staff', :now from row
    on conflict (id) do nothing
), put as (
    insert into staff (account_id, login, display_name, password_hash, otp_secret_sealed, demo)
    select id, login, display_name, password_hash, otp_secret_sealed, true from row
    on conflict (login) do update
    set password_hash = excluded.password_hash, otp_secret_sealed = excluded.otp_secret_sealed, otp_last_step = 0
    where staff.demo
    returning login
)
select count(*) from put;

-- name: add_demo_grants(rows, now)$
-- Give demo staff their roles where they do not have them; returns how many.
with added as (
    insert into staff_grant (id, account_id, role, provider_id, area_id, granted_at)
    select id, account_id, role, provider_id, area_id, :now
    from jsonb_to_recordset(:rows::jsonb)
        as row (id uuid, account_id uuid, role text, provider_id uuid, area_id uuid)
    on conflict (account_id, role, provider_id, area_id) do nothing
    returning id
)
select count(*) from added;

-- name: nursery_classes_exist()$
-- Whether any nursery ever had a class.
select exists (select from nursery_class);

-- name: add_nursery_classes(rows, now)$
-- Add classes to nurseries; returns how many.
with added as (
    insert into nursery_class (id, provider_id, name, kind, from_months, until_months, seats, carers, created_at)
    select id, provider_id, name, kind, from_months, until_months, seats, carers, :now
    from jsonb_to_recordset(:rows::jsonb) as row (
        id uuid, provider_id uuid, name text, kind text, from_months integer, until_months integer, seats integer,
        carers integer)
    returning id
)
select count(*) from added;
