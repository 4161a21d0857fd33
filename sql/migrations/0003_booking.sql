-- Services with their policies and slots; mandates; bookings.

create table service (
    id uuid primary key,
    provider_id uuid not null references provider,
    department text not null check (department <> ''),
    name text not null check (name <> ''),
    kind text not null check (kind in (
        'medical', 'elder_care', 'insurance', 'employment', 'housing', 'assistance', 'nursery', 'education', 'other')),
    summary text not null,
    duration_minutes integer not null check (duration_minutes between 1 and 1440),
    requirements text[] not null,
    min_age integer check (min_age between 0 and 150),
    max_age integer check (max_age between 0 and 150),
    sex text check (sex in ('female', 'male')),
    assurance text not null default 'declared' check (assurance in ('declared', 'desk_verified', 'checked')),
    eligibility text not null,
    questions jsonb not null,
    state text not null default 'active' check (state in ('active', 'hidden')),
    version integer not null default 1,
    check (min_age <= max_age),
    unique (provider_id, department, name)
);
comment on column service.requirements is 'what to bring, one line each';
comment on column service.eligibility is 'who may come, in words; min_age, max_age (full years), sex and assurance are what is checked';
comment on column service.questions is 'the intake form: [{key, kind, label, required, choices?, max_length?}]';

create table policy (
    id uuid primary key,
    provider_id uuid references provider,
    service_id uuid references service,
    version integer not null,
    effective_from date not null,
    window_days integer not null check (window_days between 0 and 365),
    release_time time not null,
    order_stop_days integer not null check (order_stop_days between 0 and 30),
    order_stop_time time,
    cancel_days integer not null check (cancel_days between 0 and 30),
    cancel_time time,
    limit_department_day integer not null check (limit_department_day > 0),
    limit_day integer not null check (limit_day > 0),
    limit_7_days integer not null check (limit_7_days > 0),
    limit_90_days integer not null check (limit_90_days > 0),
    limit_volunteer_day integer not null check (limit_volunteer_day > 0),
    created_at timestamptz not null,
    created_by uuid references account,
    slots_touched integer not null default 0,
    check (num_nonnulls(provider_id, service_id) <= 1),
    unique nulls not distinct (provider_id, service_id, version)
);
comment on table policy is
    'versions of the rules of one service, one provider, or (both null) everywhere; see the function ruling_policy';
comment on column policy.slots_touched is 'how many slots came under this version when it was published';
comment on column policy.release_time is 'local time on the day `window_days` before the slot';
comment on column policy.order_stop_time is 'local time `order_stop_days` before the slot''s day; null: until the slot starts';
comment on column policy.cancel_time is 'local time `cancel_days` before the slot''s day; null: until the slot starts';
create index policy_provider on policy (provider_id);
create index policy_service on policy (service_id);
create index policy_created_by on policy (created_by);

create function ruling_policy(of_service uuid, of_day date) returns uuid language sql stable as $$
    select policy.id
    from policy join service on service.id = of_service
    where policy.effective_from <= of_day
      and (policy.service_id = service.id or policy.provider_id = service.provider_id
           or (policy.service_id is null and policy.provider_id is null))
    order by policy.service_id is null, policy.provider_id is null, policy.effective_from desc, policy.version desc
    limit 1
$$;
comment on function ruling_policy is
    'the nearest scope wins: service, provider, everywhere; in it the version that came into effect last; of one day''s the newest';

insert into policy (id, version, effective_from, window_days, release_time, order_stop_days, order_stop_time,
                    cancel_days, cancel_time, limit_department_day, limit_day, limit_7_days, limit_90_days,
                    limit_volunteer_day, created_at)
values ('00000000-0000-7000-8000-000000000001', 1, '2000-01-01', 14, '07:00', 1, '16:00',
        1, '14:00', 1, 2, 3, 5, 20, '2000-01-01T00:00:00Z');

create table slot (
    id uuid primary key,
    service_id uuid not null references service,
    policy_id uuid not null references policy,
    day date not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    release_at timestamptz not null,
    order_until timestamptz not null,
    cancel_until timestamptz not null,
    resource text not null default '',
    state text not null default 'open' check (state in ('open', 'closed')),
    closed_reason text,
    version integer not null default 1,
    check (ends_at > starts_at),
    check (day = (starts_at at time zone 'Asia/Shanghai')::date),
    check ((state = 'closed') = (closed_reason is not null)),
    check (greatest(release_at, order_until, cancel_until) <= starts_at),
    unique (service_id, starts_at, resource)
);
comment on column slot.resource is 'the doctor or counter, where a service has several at once; else empty';
create index slot_policy on slot (policy_id);

create table slot_pool (
    slot_id uuid not null references slot,
    channel text not null check (channel in ('public', 'assisted', 'counter')),
    capacity integer not null,
    taken integer not null default 0,
    issued integer not null default 0,
    open boolean not null default true,
    primary key (slot_id, channel),
    constraint slot_pool_not_oversold check (0 <= taken and taken <= capacity),
    check (issued >= taken)
) with (fillfactor = 50);
comment on column slot_pool.open is
    'false while the slot is closed: a booking that waited for this row''s lock sees it, the slot''s row it would not';
comment on column slot_pool.issued is 'numbers given out so far; a cancelled number is not given again';

create function slot_shown(state text, release_at timestamptz, order_until timestamptz, free integer, at timestamptz)
returns text language sql immutable as $$
    select case when state = 'closed' or at >= order_until then 'closed'
                when at < release_at then 'not_released'
                when free > 0 then 'open'
                else 'full' end
$$;
comment on function slot_shown is 'a slot''s state as a resident understands it; only a booking''s own transaction decides';

create table team (
    id uuid primary key,
    area_id uuid not null references area,
    name text not null unique check (name <> ''),
    organisation text not null
);
create index team_area on team (area_id);

create table volunteer (
    id uuid primary key,
    account_id uuid not null unique references account,
    team_id uuid not null references team,
    languages text[] not null check (languages <@ array['zh', 'mn'] and cardinality(languages) > 0),
    status text not null default 'applied' check (status in ('applied', 'approved', 'suspended', 'left')),
    applied_at timestamptz not null,
    decided_at timestamptz,
    decided_by uuid references account
);
create index volunteer_team on volunteer (team_id);
create index volunteer_decided_by on volunteer (decided_by);

create function volunteer_raise_version() returns trigger language plpgsql as $$
begin
    update account set version = version + 1 where id = new.account_id;
    return null;
end $$;
comment on function volunteer_raise_version() is 'approval gives a role and its end takes it';
create trigger volunteer_raise_version after update of status on volunteer
    for each row when ((old.status = 'approved') <> (new.status = 'approved'))
    execute function volunteer_raise_version();

create table volunteer_area (
    volunteer_id uuid not null references volunteer,
    area_id uuid not null references area,
    primary key (volunteer_id, area_id)
);
create index volunteer_area_area on volunteer_area (area_id);

create table mandate (
    id uuid primary key,
    person_id uuid not null references person,
    volunteer_id uuid not null references volunteer,
    matters text[] not null check (cardinality(matters) > 0 and matters <@ array[
        'medical', 'elder_care', 'insurance', 'employment', 'housing', 'assistance', 'nursery', 'education', 'other']),
    consent_way text not null check (consent_way in ('family', 'sms', 'desk')),
    status text not null check (status in ('pending', 'active', 'revoked')),
    expires_at timestamptz not null,
    requested_by uuid not null references account,
    created_at timestamptz not null,
    consented_by uuid references account,
    consented_at timestamptz,
    file_id uuid references file,
    codes_sent integer not null default 0,
    code_sent_at timestamptz,
    code_hash bytea,
    code_expires_at timestamptz,
    attempts_left integer not null default 0 check (attempts_left >= 0),
    revoked_by uuid references account,
    revoked_at timestamptz,
    revoke_reason text not null default '',
    check (expires_at > created_at),
    check (status <> 'active' or consented_at is not null),
    check ((status = 'revoked') = (revoked_at is not null)),
    constraint mandate_desk_has_paper check (consent_way <> 'desk' or file_id is not null),
    constraint mandate_one_live exclude using gist (
        person_id with =, volunteer_id with =, tstzrange(consented_at, expires_at) with &&) where (status = 'active')
);
comment on table mandate is 'Civil Code 165 and 173: who may act for whom, in which matters, until when, on what consent';
create index mandate_person on mandate (person_id);
create index mandate_volunteer on mandate (volunteer_id);
create index mandate_requested_by on mandate (requested_by);
create index mandate_consented_by on mandate (consented_by);
create index mandate_revoked_by on mandate (revoked_by);
create index mandate_file on mandate (file_id);

create table booking (
    id uuid primary key,
    slot_id uuid not null,
    channel text not null,
    number integer not null check (number > 0),
    code text not null check (code ~ '^[0-9]{6}$'),
    person_id uuid not null references person,
    booked_by uuid not null references account,
    mandate_id uuid references mandate,
    day date not null,
    status text not null default 'booked'
        check (status in ('booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'moved')),
    answers jsonb not null,
    idempotency_key text not null,
    seen integer not null default 1,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    changed_by uuid not null,
    reason text not null default '',
    foreign key (slot_id, channel) references slot_pool (slot_id, channel),
    constraint booking_idempotency_key unique (booked_by, idempotency_key)
);
comment on column booking.day is 'the slot''s day: what the limits per person count by';
comment on column booking.seen is
    'a replay of the idempotency key writes, so that its answer waits for the standby as the first one did';
create unique index booking_number on booking (slot_id, channel, number);
create index booking_person_day on booking (person_id, day);
create index booking_mandate on booking (mandate_id) where mandate_id is not null;

create table notice (
    id uuid primary key,
    person_id uuid not null references person,
    kind text not null check (kind in (
        'mandate_requested', 'mandate_given', 'mandate_revoked', 'mandate_used', 'mandate_use_cancelled',
        'care_requested', 'care_joined')),
    subject_id uuid not null,
    facts jsonb not null,
    created_at timestamptz not null
);
comment on table notice is 'what a person or the family has to be told; written in the transaction of its cause';
create index notice_person on notice (person_id, id);
