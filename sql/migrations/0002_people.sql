-- Persons in care, consents, files, idempotency of creating requests, audit.

create table person (
    id uuid primary key,
    name text not null,
    document_kind text not null check (document_kind in ('resident_id')),
    document_sealed bytea,
    document_index bytea,
    birth_date date,
    sex text check (sex in ('female', 'male')),
    phone_sealed bytea,
    phone_index bytea,
    assurance text not null default 'declared' check (assurance in ('declared', 'desk_verified', 'checked')),
    created_at timestamptz not null,
    created_by uuid references account,
    erased_at timestamptz,
    version integer not null default 1,
    check (erased_at is not null or num_nulls(document_sealed, document_index, birth_date, sex) = 0),
    check (erased_at is null or num_nonnulls(document_sealed, birth_date, sex, phone_sealed) = 0),
    check ((phone_sealed is null) = (phone_index is null))
);
comment on table person is 'one row per real identity document, whoever cares for the person';
comment on column person.document_index is
    'outlives erasure until the longest limit has run out, so that deleting and registering again resets no limit';
create unique index person_document on person (document_kind, document_index);
create index person_created_by on person (created_by);
create index person_phone on person (phone_index) where phone_index is not null;
create index person_name on person (name, birth_date);
create index person_erased on person (erased_at) where erased_at is not null;

create table care (
    id uuid primary key,
    account_id uuid not null references account,
    person_id uuid not null references person,
    relation text not null check (relation in ('self', 'child', 'parent', 'other')),
    since timestamptz not null,
    ended_at timestamptz
);
create unique index care_live on care (account_id, person_id) where ended_at is null;
create unique index care_own_person on care (account_id) where relation = 'self' and ended_at is null;
create unique index care_own_account on care (person_id) where relation = 'self' and ended_at is null;
create index care_account on care (account_id);
create index care_person on care (person_id);

create table care_request (
    id uuid primary key,
    account_id uuid not null references account,
    person_id uuid not null references person,
    relation text not null check (relation in ('self', 'child', 'parent', 'other')),
    name_matches boolean not null,
    consents jsonb not null,
    phone_sealed bytea,
    status text not null default 'pending' check (status in ('pending', 'approved', 'refused', 'withdrawn')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    codes_sent integer not null default 0,
    code_sent_at timestamptz,
    code_hash bytea,
    code_expires_at timestamptz,
    attempts_left integer not null default 0 check (attempts_left >= 0),
    decided_at timestamptz,
    decided_by uuid references account,
    decided_way text check (decided_way in ('carer', 'phone', 'desk'))
);
comment on table care_request is 'a further account asks to care for a person who exists already';
comment on column care_request.name_matches is
    'false: whoever asked does not know the name, so nobody is told and no code is sent, and the answers look the same';
comment on column care_request.consents is 'kind and version of the texts agreed to; rows of `consent` once it is approved';
comment on column care_request.phone_sealed is 'of who asks to be the person: the number that WeChat has verified';
create unique index care_request_pending on care_request (account_id, person_id) where status = 'pending';
create index care_request_account on care_request (account_id);
create index care_request_person on care_request (person_id);
create index care_request_decided_by on care_request (decided_by);

create table consent (
    id uuid primary key,
    account_id uuid not null references account,
    person_id uuid not null references person,
    kind text not null check (kind in ('privacy', 'sensitive_data', 'child_guardian')),
    document_version text not null,
    given_at timestamptz not null,
    withdrawn_at timestamptz
);
create unique index consent_live on consent (account_id, person_id, kind, document_version) where withdrawn_at is null;
create index consent_account on consent (account_id);
create index consent_person on consent (person_id);

create table file (
    id uuid primary key,
    account_id uuid not null references account,
    purpose text not null check (purpose in ('mandate_paper')),
    media_type text not null check (media_type in ('image/jpeg', 'image/png', 'application/pdf')),
    size integer not null check (size > 0),
    created_at timestamptz not null
);
create index file_account on file (account_id);

create table idempotency_key (
    account_id uuid not null references account,
    operation text not null,
    key text not null,
    fingerprint bytea not null,
    resource_id uuid,
    seen integer not null default 1,
    created_at timestamptz not null,
    primary key (account_id, operation, key)
);
comment on column idempotency_key.seen is
    'a replay writes, so that its answer waits for the standby as the first one did';
create index idempotency_key_age on idempotency_key (created_at);

create table audit_chain (
    chain smallint primary key check (chain between 0 and 15),
    seq bigint not null default 0,
    mac bytea not null
);
insert into audit_chain (chain, mac) select n, '\x' from generate_series(0, 15) as n;

create table audit (
    chain smallint not null,
    seq bigint not null,
    at timestamptz not null,
    actor_id uuid,
    action text not null,
    subject_id uuid,
    facts jsonb not null,
    request_id text,
    mac bytea not null check (length(mac) = 32),
    primary key (chain, seq)
);
comment on column audit.mac is
    'HMAC-SHA-256 over the row before it in its chain and the fields of this one; `python -m server audit verify` walks them';
create index audit_subject on audit (subject_id, at);
create index audit_actor on audit (actor_id, at);
create index audit_at on audit using brin (at);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'table % is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_append_only before update or delete on audit
    for each row execute function refuse_change();
create trigger audit_no_truncate before truncate on audit
    for each statement execute function refuse_change();
