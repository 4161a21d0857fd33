-- name: lock_accounts(key)^
-- Manage staff accounts one at a time: what is checked then still holds when it is written.
select pg_advisory_xact_lock(:key);

-- name: may_manage(actor_id, account_id)$
-- Whether an account may manage another: its grants cover all of the other's, of which there are some.
select exists (select from staff where account_id = :account_id)
    and case
        when exists (select from staff_grant where account_id = :account_id) then not exists (
            select from staff_grant
            where account_id = :account_id and not staff_covers(:actor_id, role, provider_id, area_id))
        else staff_covers(:actor_id, 'admin', null, null)
    end;

-- name: may_grant(actor_id, roles, provider_ids, area_ids)$
-- Whether an account's own grants cover all of these; without any, whether it administers everything.
select case
    when cardinality(:roles::text[]) = 0 then staff_covers(:actor_id, 'admin', null, null)
    else (
        select bool_and(staff_covers(:actor_id, role, provider_id, area_id))
        from unnest(:roles::text[], :provider_ids::uuid[], :area_ids::uuid[])
            as wanted (role, provider_id, area_id))
end;

-- name: list_for(actor_id, after, limit)
-- The accounts that an account may manage.
select account.id, staff.login, staff.display_name, staff.demo, account.status, account.version, account.created_at,
    coalesce((
        select jsonb_agg(jsonb_build_object('role', role, 'provider_id', provider_id, 'area_id', area_id)
            order by role, provider_id, area_id)
        from staff_grant where account_id = account.id), '[]') as grants
from staff join account on account.id = staff.account_id
where (:after::uuid is null or account.id > :after)
    and case
        when exists (select from staff_grant where account_id = account.id) then not exists (
            select from staff_grant
            where account_id = account.id and not staff_covers(:actor_id, role, provider_id, area_id))
        else staff_covers(:actor_id, 'admin', null, null)
    end
order by account.id limit :limit;

-- name: show(account_id)^
-- One account with its grants.
select account.id, staff.login, staff.display_name, staff.demo, account.status, account.version, account.created_at,
    coalesce((
        select jsonb_agg(jsonb_build_object('role', role, 'provider_id', provider_id, 'area_id', area_id)
            order by role, provider_id, area_id)
        from staff_grant where account_id = account.id), '[]') as grants
from staff join account on account.id = staff.account_id
where account.id = :account_id;

-- name: all()
-- Every account, for whoever runs the service.
select account.id, staff.login, staff.display_name, staff.demo, account.status,
    array(select distinct role from staff_grant where account_id = account.id order by role) as roles
from staff join account on account.id = staff.account_id
order by staff.login;

-- name: id_of(login)$
-- The account of a login.
select account_id from staff where login = :login;

-- name: create(account_id, login, display_name, password_hash, otp_secret_sealed, now)!
-- Make an account without any grant.
with made as (
    insert into account (id, kind, created_at) values (:account_id, 'staff', :now)
)
insert into staff (account_id, login, display_name, password_hash, otp_secret_sealed)
values (:account_id, :login, :display_name, :password_hash, :otp_secret_sealed);

-- name: replace_grants(account_id, ids, roles, provider_ids, area_ids, granted_by, now)!
-- Give an account exactly these grants; those that it has already stay as they are.
with wanted as (
    select * from unnest(:ids::uuid[], :roles::text[], :provider_ids::uuid[], :area_ids::uuid[])
        as wanted (id, role, provider_id, area_id)
), taken as (
    delete from staff_grant
    where account_id = :account_id and not exists (
        select from wanted
        where wanted.role = staff_grant.role
            and (wanted.provider_id, wanted.area_id)
                is not distinct from (staff_grant.provider_id, staff_grant.area_id))
)
insert into staff_grant (id, account_id, role, provider_id, area_id, granted_at, granted_by)
select id, :account_id, role, provider_id, area_id, :now, :granted_by from wanted
on conflict (account_id, role, provider_id, area_id) do nothing;

-- name: change_secrets(account_id, password_hash, otp_secret_sealed)^
-- Give an account another password and another secret for its codes.
update staff set password_hash = :password_hash, otp_secret_sealed = :otp_secret_sealed, otp_last_step = 0
where account_id = :account_id
returning login;

-- name: change_status(account_id, before, after)^
-- Suspend or reinstate an account.
update account set status = :after where id = :account_id and status = :before
returning id;

-- name: an_admin_remains()$
-- Whether anybody administers everything.
select exists (
    select from staff_grant join account on account.id = staff_grant.account_id
    where role = 'admin' and num_nonnulls(provider_id, area_id) = 0 and account.status = 'active'
);
