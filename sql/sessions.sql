-- name: resident(openid)^
-- The account of a WeChat user, if there is one.
select account_id, unionid from wechat_identity where openid = :openid;

-- name: make_resident(account_id, openid, unionid, now)^
-- Make the account of a WeChat user at first sight; two first sights make one account.
with identity as (
    insert into wechat_identity (account_id, openid, unionid) values (:account_id, :openid, :unionid)
    on conflict (openid) do update set openid = excluded.openid
    returning account_id, unionid
), made as (
    insert into account (id, kind, created_at)
    select account_id, 'resident', :now from identity where account_id = :account_id
)
select account_id, unionid from identity;

-- name: learn_unionid(account_id, unionid)!
-- Keep the id across programs, which WeChat tells only once the program has been joined to others.
update wechat_identity set unionid = :unionid where account_id = :account_id;

-- name: account(account_id)^
-- What a token says of an account.
select account.id, account.kind, account.status, account.version,
    exists (
        select from care where account_id = account.id and relation = 'self' and ended_at is null
    ) as registered,
    case
        when account.kind = 'staff' then
            array(select distinct role from staff_grant where account_id = account.id order by role)
        when exists (select from volunteer where account_id = account.id and status = 'approved') then
            array['resident', 'volunteer']
        else array['resident']
    end as roles
from account where account.id = :account_id;

-- name: lock_account(account_id)$
-- Let nobody suspend or delete an account while a session of it begins, and one begin at a time.
select status from account where id = :account_id for no key update;

-- name: begin(session_id, account_id, device, now, idle_until, expires_at, token_hash)!
-- Begin a session with its first refresh token.
with begun as (
    insert into session (id, account_id, device, created_at, refreshed_at, idle_until, expires_at)
    values (:session_id, :account_id, :device, :now, :now, :idle_until, :expires_at)
)
insert into refresh_token (token_hash, session_id, created_at) values (:token_hash, :session_id, :now);

-- name: end_surplus(account_id, most, now)
-- End an account's oldest sessions beyond the newest `most`.
update session set ended_at = :now, end_reason = 'displaced'
where ended_at is null and id in (
    select id from session where account_id = :account_id and ended_at is null
    order by id desc offset :most
)
returning id;

-- name: account_of_token(token_hash)$
-- The account that a refresh token was given to, used or not.
select session.account_id
from refresh_token join session on session.id = refresh_token.session_id
where refresh_token.token_hash = :token_hash;

-- name: use_token(token_hash, successor_sealed, now)^
-- Use a refresh token up; of any number at once, one gets past.
update refresh_token set used_at = :now, successor_sealed = :successor_sealed
where token_hash = :token_hash and used_at is null
returning session_id;

-- name: token(token_hash)^
-- A refresh token with its session, which stays as it is until the end of the transaction.
select refresh_token.used_at, refresh_token.successor_sealed,
    session.id as session_id, session.account_id, session.idle_until, session.expires_at, session.ended_at
from refresh_token join session on session.id = refresh_token.session_id
where refresh_token.token_hash = :token_hash
for no key update of session;

-- name: extend(session_id, token_hash, now, idle_until)!
-- Give a session its next refresh token.
with extended as (
    update session set refreshed_at = :now, idle_until = :idle_until where id = :session_id
)
insert into refresh_token (token_hash, session_id, created_at) values (:token_hash, :session_id, :now);

-- name: forget_successors(session_id, before)!
-- Erase successors that may no longer be asked for: an old token with a dump opens nothing.
update refresh_token set successor_sealed = null
where session_id = :session_id and used_at < :before and successor_sealed is not null;

-- name: end(session_id, account_id, reason, now)^
-- End one live session of an account.
update session set ended_at = :now, end_reason = :reason
where id = :session_id and account_id = :account_id and ended_at is null
returning id;

-- name: end_all(account_id, reason, now)
-- End every live session of an account.
update session set ended_at = :now, end_reason = :reason
where account_id = :account_id and ended_at is null
returning id;

-- name: live(account_id, now, after, limit)
-- An account's live sessions, newest first, from behind a cursor on.
select id, device, created_at, refreshed_at, idle_until, expires_at
from session
where account_id = :account_id and ended_at is null and idle_until > :now
    and (:after::uuid is null or id < :after)
order by id desc limit :limit;

-- name: state(session_id)^
-- Whether a session still lives, and the oldest version of roles that its account's tokens may have.
select session.ended_at is not null as ended, account.version
from session join account on account.id = session.account_id
where session.id = :session_id;

-- name: ended_since(since)
-- Sessions that ended of late, by the clock of the service.
select id from session where ended_at >= :since;

-- name: versions_raised_within(seconds)
-- Accounts whose roles or status changed of late, by the clock of the database.
select id, version from account
where version_raised_at >= clock_timestamp() - make_interval(secs => :seconds::float8);

-- name: beat()$
-- Show that the listening connection lives.
select true;

-- name: prune_sessions(before, most)$
-- Delete sessions that ended or ran out long ago, with their tokens.
with gone as (
    delete from session where id in (
        select id from session where ended_at < :before or idle_until < :before limit :most
        for update skip locked
    )
    returning id
)
select count(*) from gone;

-- name: prune_tokens(before, most)$
-- Delete tokens that were used long ago; coming back they are unknown, and refused all the same.
with gone as (
    delete from refresh_token where token_hash in (
        select token_hash from refresh_token where used_at < :before limit :most
        for update skip locked
    )
    returning token_hash
)
select count(*) from gone;

-- name: prune_successors(before, most)$
-- Erase successors that may no longer be asked for, of every session.
with erased as (
    update refresh_token set successor_sealed = null where token_hash in (
        select token_hash from refresh_token
        where successor_sealed is not null and used_at < :before limit :most
        for update skip locked
    )
    returning token_hash
)
select count(*) from erased;

-- name: prune_staff_sign_ins(before, most)$
-- Forget attempts whose window is over.
with gone as (
    delete from staff_sign_in where login_index in (
        select login_index from staff_sign_in where since < :before limit :most
        for update skip locked
    )
    returning login_index
)
select count(*) from gone;

-- name: count_staff_attempt(login_index, now, window_start)^
-- Count an attempt to sign in as staff before it is looked at; returns how many its window holds.
insert into staff_sign_in (login_index, attempts, since) values (:login_index, 1, :now)
on conflict (login_index) do update set
    attempts = case when staff_sign_in.since <= :window_start then 1 else staff_sign_in.attempts + 1 end,
    since = case when staff_sign_in.since <= :window_start then :now else staff_sign_in.since end
returning attempts, since;

-- name: staff_credentials(login)^
-- What a staff sign-in is checked against.
select account_id, password_hash, otp_secret_sealed from staff where login = :login;

-- name: use_otp_step(account_id, step, password_hash)^
-- Use the code of a time step up: each works once, and none older than the newest that was used.
update staff set otp_last_step = :step
where account_id = :account_id and otp_last_step < :step and password_hash = :password_hash
returning account_id;

-- name: forget_staff_attempts(login_index)!
-- Begin counting anew: after a success, or to lift a lock.
delete from staff_sign_in where login_index = :login_index;
