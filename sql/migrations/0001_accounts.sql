-- Accounts, how they sign in, and their sessions.

create extension if not exists pg_trgm;
create extension if not exists btree_gist;

create table account (
    id uuid primary key,
    kind text not null check (kind in ('resident', 'staff')),
    status text not null default 'active' check (status in ('active', 'suspended', 'deleted')),
    version integer not null default 1,
    version_raised_at timestamptz,
    created_at timestamptz not null
);
comment on column account.version is
    'rises with every change of roles or status, by triggers; a token of an older version is refused';
comment on column account.version_raised_at is 'by the clock of the database';
create index account_version_raised on account (version_raised_at) where version_raised_at is not null;

create function account_announce() returns trigger language plpgsql as $$
begin
    if new.version < old.version then
        raise exception 'the version of an account never falls' using errcode = 'check_violation';
    end if;
    if new.status <> old.status and new.version = old.version then
        new.version := old.version + 1;
    end if;
    if new.version > old.version then
        new.version_raised_at := clock_timestamp();
        perform pg_notify('revocation', 'account ' || new.id || ' ' || new.version);
    end if;
    return new;
end $$;
comment on function account_announce() is 'every process refuses the older tokens from the commit on';
create trigger account_announce before update of status, version on account
    for each row execute function account_announce();

create table wechat_identity (
    account_id uuid primary key references account,
    openid text not null unique,
    unionid text,
    phone_code_index bytea
);
comment on column wechat_identity.phone_code_index is
    'blind index of the phone code used last: WeChat takes a code once, and a registration may be repeated';

create table area (
    id uuid primary key,
    parent_id uuid references area,
    level text not null check (level in ('league', 'banner', 'zone', 'town', 'community')),
    code text not null unique check (code ~ '^[a-z0-9-]{2,60}$'),
    name text not null check (name <> ''),
    version integer not null default 1
);
create index area_parent on area (parent_id);

create table provider (
    id uuid primary key,
    area_id uuid not null references area,
    kind text not null check (kind in (
        'hospital', 'elder_care', 'government', 'employment', 'nursery', 'community', 'school')),
    name text not null check (name <> ''),
    address text not null,
    phone text not null,
    summary text not null,
    state text not null default 'active' check (state in ('active', 'hidden')),
    version integer not null default 1,
    unique (area_id, name)
);

create table staff (
    account_id uuid primary key references account,
    login text not null unique check (login ~ '^[a-z0-9][a-z0-9._-]{2,39}$'),
    display_name text not null check (display_name <> ''),
    password_hash text not null,
    otp_secret_sealed bytea not null,
    otp_last_step bigint not null default 0,
    demo boolean not null default false
);
comment on column staff.otp_last_step is 'the newest time step whose code was used: a code works once';

create table staff_grant (
    id uuid primary key,
    account_id uuid not null references staff,
    role text not null check (role in ('admin', 'manager', 'clerk', 'auditor')),
    provider_id uuid references provider,
    area_id uuid references area,
    granted_at timestamptz not null,
    granted_by uuid references account,
    check (num_nonnulls(provider_id, area_id) <= 1),
    unique nulls not distinct (account_id, role, provider_id, area_id)
);
comment on table staff_grant is 'a role at one provider, in one area with all below it, or (both null) everywhere';
create index staff_grant_provider on staff_grant (provider_id);
create index staff_grant_area on staff_grant (area_id);
create index staff_grant_granted_by on staff_grant (granted_by);

create function staff_areas(staff_account uuid, any_role text[]) returns setof uuid language sql stable as $$
    with recursive reach as (
        select area_id as id from staff_grant
        where account_id = staff_account and role = any(any_role) and area_id is not null
        union
        select area.id from area where exists (
            select from staff_grant
            where account_id = staff_account and role = any(any_role) and num_nonnulls(provider_id, area_id) = 0)
        union
        select area.id from area join reach on area.parent_id = reach.id
    )
    select id from reach
$$;
comment on function staff_areas is 'every area in which the account holds one of the roles, with all below; lists are filtered by it';

create function staff_providers(staff_account uuid, any_role text[]) returns setof uuid language sql stable as $$
    select id from provider
    where area_id in (select staff_areas(staff_account, any_role))
       or id in (select provider_id from staff_grant where account_id = staff_account and role = any(any_role))
$$;
comment on function staff_providers is 'every provider at which the account holds one of the roles; lists are filtered by it';

create function staff_covers(staff_account uuid, wanted_role text, wanted_provider uuid, wanted_area uuid)
returns boolean language sql stable as $$
    with recursive above as (
        select coalesce(wanted_area, (select area_id from provider where id = wanted_provider)) as id
        union
        select area.parent_id from area join above on area.id = above.id
    )
    select exists (
        select from staff_grant
        where account_id = staff_account
            and (role = 'admin' or (role = 'manager' and wanted_role in ('manager', 'clerk')))
            and (num_nonnulls(provider_id, area_id) = 0 or provider_id = wanted_provider
                or area_id in (select id from above))
    )
$$;
comment on function staff_covers is
    'whether the account may give that grant and manage its holder: a role no higher than one of its own, at a place within';

create function staff_grant_raise_version() returns trigger language plpgsql as $$
begin
    update account set version = version + 1 where id = coalesce(new.account_id, old.account_id);
    return null;
end $$;
create trigger staff_grant_raise_version after insert or update or delete on staff_grant
    for each row execute function staff_grant_raise_version();

create table staff_sign_in (
    login_index bytea primary key check (length(login_index) = 32),
    attempts integer not null check (attempts > 0),
    since timestamptz not null
);
comment on table staff_sign_in is
    'attempts since the last success, whether the login exists or not: too many lock it for a while';
comment on column staff_sign_in.login_index is 'blind: a password typed into the wrong field is not kept';
create index staff_sign_in_since on staff_sign_in (since);

create table session (
    id uuid primary key,
    account_id uuid not null references account,
    device text not null,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    idle_until timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    end_reason text,
    check (idle_until <= expires_at),
    check ((ended_at is null) = (end_reason is null))
);
create index session_account on session (account_id) where ended_at is null;
create index session_account_all on session (account_id, id);
create index session_ended on session (ended_at) where ended_at is not null;
create index session_idle on session (idle_until);

create function session_announce() returns trigger language plpgsql as $$
begin
    perform pg_notify('revocation', 'session ' || new.id);
    return null;
end $$;
comment on function session_announce() is 'every process refuses the session''s tokens from the commit on';
create trigger session_announce after update of ended_at on session
    for each row when (old.ended_at is null and new.ended_at is not null) execute function session_announce();

create table refresh_token (
    token_hash bytea primary key check (length(token_hash) = 32),
    session_id uuid not null references session on delete cascade,
    created_at timestamptz not null,
    used_at timestamptz,
    successor_sealed bytea,
    check (successor_sealed is null or used_at is not null)
);
comment on column refresh_token.successor_sealed is
    'the next token, encrypted under a key derived from this one, so that a repeated refresh can be answered alike; erased once that may no longer be asked for';
create index refresh_token_session on refresh_token (session_id);
create index refresh_token_used on refresh_token (used_at);
create index refresh_token_successor on refresh_token (used_at) where successor_sealed is not null;
