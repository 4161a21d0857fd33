-- Made by `make schema` from the migrations; a test compares it. Nothing reads it but people.

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE FUNCTION public.account_announce() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

COMMENT ON FUNCTION public.account_announce() IS 'every process refuses the older tokens from the commit on';

CREATE FUNCTION public.booking_person_stays() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'the person of a booking never changes' using errcode = 'restrict_violation';
end $$;

CREATE FUNCTION public.claim_tier(tiers text[], groups text[]) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
begin
    for tier in 1..cardinality(tiers) loop
        if tiers[tier] = '' or tiers[tier] = any(groups) then
            return tier;
        end if;
    end loop;
    return null;
end $$;

COMMENT ON FUNCTION public.claim_tier(tiers text[], groups text[]) IS 'how early a seat takes a child of some groups: 1 before 2; null: it does not take it at all';

CREATE FUNCTION public.clinic_day_announce() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('clinic', concat_ws(' ', new.day, new.version, new.service_id, new.resource));
    return null;
end $$;

COMMENT ON FUNCTION public.clinic_day_announce() IS 'wakes whoever waits in any process, from the commit on';

CREATE FUNCTION public.closure_on(of_service uuid, of_resource text, of_day date) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    select closure.id
    from service join closure on closure.provider_id = service.provider_id
    where service.id = of_service and closure.lifted_at is null
      and (closure.service_id is null or closure.service_id = of_service)
      and (closure.resource is null or closure.resource = of_resource)
      and of_day between closure.first_day and closure.last_day
    order by closure.id
    limit 1
$$;

COMMENT ON FUNCTION public.closure_on(of_service uuid, of_resource text, of_day date) IS 'the closure that holds a service, or its doctor or counter, shut on a day; or null';

CREATE FUNCTION public.enrolment_draw_guard() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'DELETE'
        or (new.round_id, new.frozen, new.frozen_sha256, new.frozen_at, new.frozen_by)
            is distinct from (old.round_id, old.frozen, old.frozen_sha256, old.frozen_at, old.frozen_by)
        or (old.seed is not null and (new.public_value, new.seed, new.result, new.drawn_at, new.drawn_by)
            is distinct from (old.public_value, old.seed, old.result, old.drawn_at, old.drawn_by))
        or (old.published_at is not null and new.published_at is distinct from old.published_at) then
        raise exception 'what was drawn does not change'
            using errcode = 'check_violation', constraint = 'enrolment_frozen';
    end if;
    return new;
end $$;

CREATE FUNCTION public.enrolment_draw_in_time() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    due timestamptz;
begin
    select value_due_at into due from enrolment_round where id = new.round_id;
    if new.frozen_at >= due or new.drawn_at < due or (tg_op = 'INSERT' and new.seed is not null) then
        raise exception 'a list is frozen before anybody can know the public value, and drawn after'
            using errcode = 'check_violation', constraint = 'enrolment_draw_in_time';
    end if;
    return new;
end $$;

CREATE FUNCTION public.enrolment_guard() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (new.public_id, new.salt, new.round_id, new.person_id) is distinct from
            (old.public_id, old.salt, old.round_id, old.person_id)
        or (old.listed_at is not null and (new.listed_at is distinct from old.listed_at or new.late <> old.late))
        or (old.number is not null
            and (new.number, new.seat_id) is distinct from (old.number, old.seat_id))
        or (old.listed_at is null and new.listed_at is not null
            and exists (select from enrolment_draw where round_id = new.round_id))
        or (old.number is null and new.number is not null
            and not exists (select from enrolment_draw where round_id = new.round_id and seed is not null)) then
        raise exception 'what was drawn does not change'
            using errcode = 'check_violation', constraint = 'enrolment_frozen';
    end if;
    return new;
end $$;

CREATE FUNCTION public.enrolment_round_guard() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    stages constant text[] := '{draft,announced,reviewed,drawn,published,offers,ended,cancelled}';
begin
    if array_position(stages, new.stage) < array_position(stages, old.stage)
        or (new.stage = 'cancelled' and old.stage not in ('draft', 'announced', 'cancelled'))
        or (old.stage = 'cancelled' and new.stage <> 'cancelled') then
        raise exception 'a round does not go from % to %', old.stage, new.stage
            using errcode = 'check_violation', constraint = 'enrolment_round_forward';
    end if;
    if old.stage <> 'draft' and (
        (new.area_id, new.reference_date, new.starts_on, new.opens_at, new.value_source, new.max_ranks)
        is distinct from
        (old.area_id, old.reference_date, old.starts_on, old.opens_at, old.value_source, old.max_ranks)
        or new.closes_at < old.closes_at
        or (old.stage <> 'announced' and (new.closes_at, new.review_until, new.value_due_at)
            is distinct from (old.closes_at, old.review_until, old.value_due_at))) then
        raise exception 'what was announced of a round does not change'
            using errcode = 'check_violation', constraint = 'enrolment_round_announced';
    end if;
    return new;
end $$;

CREATE FUNCTION public.enrolment_waiting(wanted uuid) RETURNS TABLE(enrolment_id uuid, late boolean, number text, submitted_at timestamp with time zone, groups text[])
    LANGUAGE sql STABLE
    AS $$
    select enrolment.id, enrolment.late, enrolment.number, enrolment.submitted_at,
        array(select priority_group.code from enrolment_claim
              join priority_group on priority_group.id = enrolment_claim.group_id
              where enrolment_claim.enrolment_id = enrolment.id and enrolment_claim.status = 'granted')
    from enrolment_choice as choice
    join enrolment on enrolment.id = choice.enrolment_id
    where choice.programme_id = wanted and enrolment.state = 'accepted' and not enrolment.settled
      and (enrolment.late or enrolment.number is not null)
      and (select bool_or(offer.status in ('live', 'accepted') and held.rank <= choice.rank
                          or offer.status in ('declined', 'lapsed', 'given_up') and held.programme_id = wanted)
           from enrolment_offer as offer
           join programme_seat as seat on seat.id = offer.seat_id
           join enrolment_choice as held
               on held.enrolment_id = offer.enrolment_id and held.programme_id = seat.programme_id
           where offer.enrolment_id = enrolment.id) is not true
$$;

COMMENT ON FUNCTION public.enrolment_waiting(wanted uuid) IS 'who waits for a seat of a programme: wants it more than all that is held or offered, and has not let go one of it';

CREATE FUNCTION public.full_months(born date, on_day date) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$
    select (extract(year from age(on_day::timestamp, born::timestamp)) * 12
            + extract(month from age(on_day::timestamp, born::timestamp)))::integer
$$;

COMMENT ON FUNCTION public.full_months(born date, on_day date) IS 'age in full months on a day';

CREATE FUNCTION public.granted_groups(of_enrolment uuid) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$
    select coalesce(array_agg(priority_group.code order by priority_group.code), '{}')
    from enrolment_claim
    join priority_group on priority_group.id = enrolment_claim.group_id
    where enrolment_claim.enrolment_id = of_enrolment and enrolment_claim.status = 'granted'
$$;

COMMENT ON FUNCTION public.granted_groups(of_enrolment uuid) IS 'codes of the groups to which a child belongs';

CREATE FUNCTION public.leads_team(leading_account uuid, of_team uuid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select exists (
        select from team_leader
        join volunteer on volunteer.id = team_leader.volunteer_id
        where team_leader.team_id = of_team and team_leader.ended_at is null
          and volunteer.account_id = leading_account and volunteer.team_id = of_team
          and volunteer.status = 'approved')
$$;

COMMENT ON FUNCTION public.leads_team(leading_account uuid, of_team uuid) IS 'whether an account leads a team now: appointed, and still serving in it';

CREATE FUNCTION public.mandates_in_hand(acting_account uuid, at timestamp with time zone) RETURNS TABLE(mandate_id uuid, person_id uuid)
    LANGUAGE sql STABLE
    AS $$
    select mandate.id, mandate.person_id
    from volunteer
    join mandate on mandate.volunteer_id = volunteer.id
    where volunteer.account_id = acting_account and volunteer.status = 'approved'
      and mandate.status = 'active' and mandate.expires_at > at
      and (mandate.max_uses is null
           or mandate.max_uses > (
               select count(*) from booking where booking.mandate_id = mandate.id and booking.status <> 'moved')
           or exists (select from booking where booking.mandate_id = mandate.id and booking.status = 'booked'))
    union all
    select mandate.id, mandate.person_id
    from volunteer
    join mandate on mandate.team_id = volunteer.team_id
    where volunteer.account_id = acting_account and volunteer.status = 'approved'
      and mandate.status = 'active' and mandate.expires_at > at
      and same_human(mandate.consented_by, acting_account) is not true
      and exists (
          select from help_request
          where help_request.person_id = mandate.person_id and help_request.volunteer_id = volunteer.id
            and help_request.state in ('accepted', 'booked', 'under_way'))
$$;

COMMENT ON FUNCTION public.mandates_in_hand(acting_account uuid, at timestamp with time zone) IS 'what an account may act under now: mandates of its own, but for those whose uses are all made and over, and its team''s for whom it helps at the moment';

CREATE FUNCTION public.nursery_class_days(of_class uuid, from_day date, until_day date, of_enrolment uuid DEFAULT NULL::uuid) RETURNS TABLE(day date, taken bigint)
    LANGUAGE sql STABLE
    AS $$
    with taking as (
        select starts_on, ends_on from nursery_place where class_id = of_class and status <> 'cancelled'
        union all
        select greatest(enrolment_round.starts_on, has_been.until + 1), null
        from programme
        join enrolment_round on enrolment_round.id = programme.round_id
        join programme_seat as seat on seat.programme_id = programme.id
        cross join lateral (
            select max(coalesce(place.ends_on, 'infinity')) as until
            from enrolment_offer as offer
            join nursery_place as place on place.enrolment_id = offer.enrolment_id
                and place.class_id = of_class and place.status <> 'cancelled'
            where offer.seat_id = seat.id
              and (offer.status = 'accepted'
                   or offer.status in ('given_up', 'exchanged') and place.ends_on is not null)) as has_been
        where programme.class_id = of_class and has_been.until is distinct from 'infinity'
          and (enrolment_round.stage not in ('draft', 'ended', 'cancelled')
               or enrolment_round.stage = 'ended' and exists (
                   select from enrolment_offer where seat_id = seat.id and status = 'live'))
          and (of_enrolment is null or not exists (
              select from enrolment_offer
              where seat_id = seat.id and status = 'accepted' and enrolment_id = of_enrolment))
    )
    select day, (sum(sum(by)) over (order by day))::bigint
    from (
        select greatest(starts_on, from_day) as day, 1 as by from taking
        where starts_on <= coalesce(until_day, 'infinity') and coalesce(ends_on, 'infinity') >= from_day
        union all
        select ends_on + 1, -1 from taking
        where starts_on <= coalesce(until_day, 'infinity')
          and ends_on >= from_day and ends_on < coalesce(until_day, 'infinity')) as change
    group by day
$$;

COMMENT ON FUNCTION public.nursery_class_days(of_class uuid, from_day date, until_day date, of_enrolment uuid) IS 'how many seats of a class are taken in a span of days, from each day on which that changes: by children, also while they are on leave, and by seats that a round has announced and no child has yet, but for the one that an enrolment has accepted';

CREATE FUNCTION public.nursery_class_full() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    from_day date := new.starts_on;
    most integer;
    crowded text;
begin
    if tg_op = 'UPDATE' and old.status <> 'cancelled' and old.class_id = new.class_id
        and old.starts_on <= new.starts_on then
        if coalesce(new.ends_on, 'infinity') <= coalesce(old.ends_on, 'infinity') then
            return null;
        end if;
        from_day := greatest(new.starts_on, old.ends_on + 1);
    end if;
    select seats into most from nursery_class where id = new.class_id for no key update;
    select string_agg(day::text, ',' order by day) into crowded
    from nursery_class_days(new.class_id, from_day, new.ends_on) where taken > most;
    if crowded is not null then
        raise exception 'a class has more children than seats on one day'
            using errcode = 'check_violation', constraint = 'nursery_class_full', detail = crowded;
    end if;
    return null;
end $$;

COMMENT ON FUNCTION public.nursery_class_full() IS 'no day has more children in a class than seats, and none takes what a round has promised; only days that a change adds are counted, so that what stands can always be shortened';

CREATE FUNCTION public.nursery_class_shrunk() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    crowded text;
begin
    select string_agg(day::text, ',' order by day) into crowded
    from nursery_class_days(new.id, (now() at time zone 'Asia/Shanghai')::date, null) where taken > new.seats;
    if crowded is not null then
        raise exception 'a class has more children than seats on one day'
            using errcode = 'check_violation', constraint = 'nursery_class_full', detail = crowded;
    end if;
    return null;
end $$;

COMMENT ON FUNCTION public.nursery_class_shrunk() IS 'a class keeps a seat for everybody who is or will be in it, and what rounds have promised; days that are over do not count';

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'table % is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;

CREATE FUNCTION public.refuse_change_of_announced() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    touched jsonb;
    found text;
begin
    foreach touched in array array[to_jsonb(old), to_jsonb(new)] loop
        select stage into found from enrolment_round
        where id = coalesce(
            (touched ->> 'round_id')::uuid,
            (select round_id from programme where id = (touched ->> 'programme_id')::uuid))
        for share;
        if found <> 'draft' then
            raise exception 'what was announced of a round does not change'
                using errcode = 'check_violation', constraint = 'enrolment_round_announced';
        end if;
    end loop;
    return case tg_op when 'DELETE' then old else new end;
end $$;

COMMENT ON FUNCTION public.refuse_change_of_announced() IS 'neither the round that a row leaves nor the one that it comes to has been announced';

CREATE FUNCTION public.refuse_change_of_listed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform from enrolment where id in (old.enrolment_id, new.enrolment_id) order by id for share;
    if exists (select from enrolment where id in (old.enrolment_id, new.enrolment_id) and listed_at is not null) then
        raise exception 'what was drawn does not change'
            using errcode = 'check_violation', constraint = 'enrolment_frozen';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;

COMMENT ON FUNCTION public.refuse_change_of_listed() IS 'neither the application that a row leaves nor the one that it comes to is on a frozen list';

CREATE FUNCTION public.round_state(stage text, opens_at timestamp with time zone, closes_at timestamp with time zone, at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    select case when stage <> 'announced' then stage when at < opens_at then 'announced' when at < closes_at then 'open' else 'closed' end
$$;

COMMENT ON FUNCTION public.round_state(stage text, opens_at timestamp with time zone, closes_at timestamp with time zone, at timestamp with time zone) IS 'announced, open and closed go by the clock; reviewed means that the list is frozen';

CREATE FUNCTION public.ruling_help_policy(of_area uuid) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    with recursive above as (
        select id, parent_id, 0 as steps from area where id = of_area
        union all
        select area.id, area.parent_id, steps + 1 from area join above on area.id = above.parent_id
    )
    select help_policy.id from help_policy
    left join above on above.id = help_policy.area_id
    where help_policy.area_id is null or above.id is not null
    order by above.steps nulls last, help_policy.version desc
    limit 1
$$;

COMMENT ON FUNCTION public.ruling_help_policy(of_area uuid) IS 'the newest rules of the nearest area upwards that has its own, else of everywhere';

CREATE FUNCTION public.ruling_policy(of_service uuid, of_day date) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    select policy.id
    from policy join service on service.id = of_service
    where policy.effective_from <= of_day
      and (policy.service_id = service.id or policy.provider_id = service.provider_id
           or (policy.service_id is null and policy.provider_id is null))
    order by policy.service_id is null, policy.provider_id is null, policy.effective_from desc, policy.version desc
    limit 1
$$;

COMMENT ON FUNCTION public.ruling_policy(of_service uuid, of_day date) IS 'the nearest scope wins: service, provider, everywhere; in it the version that came into effect last; of one day''s the newest';

CREATE FUNCTION public.same_human(one_account uuid, other_account uuid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select one_account = other_account or exists (
        select from care as one join care as other on other.person_id = one.person_id
        where one.account_id = one_account and one.relation = 'self'
          and other.account_id = other_account and other.relation = 'self')
$$;

COMMENT ON FUNCTION public.same_human(one_account uuid, other_account uuid) IS 'whether two accounts are, or were, the same person''s: who deletes one and registers again stays who it was';

CREATE FUNCTION public.service_has_waitlist() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into waitlist (service_id) values (new.id);
    return null;
end $$;

CREATE FUNCTION public.session_announce() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('revocation', 'session ' || new.id);
    return null;
end $$;

COMMENT ON FUNCTION public.session_announce() IS 'every process refuses the session''s tokens from the commit on';

CREATE FUNCTION public.slot_shown(state text, release_at timestamp with time zone, order_until timestamp with time zone, free integer, at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    select case when state = 'closed' or at >= order_until then 'closed'
                when at < release_at then 'not_released'
                when free > 0 then 'open'
                else 'full' end
$$;

COMMENT ON FUNCTION public.slot_shown(state text, release_at timestamp with time zone, order_until timestamp with time zone, free integer, at timestamp with time zone) IS 'a slot''s state as a resident understands it; only a booking''s own transaction decides';

CREATE FUNCTION public.staff_areas(staff_account uuid, any_role text[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    AS $$
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

COMMENT ON FUNCTION public.staff_areas(staff_account uuid, any_role text[]) IS 'every area in which the account holds one of the roles, with all below; lists are filtered by it';

CREATE FUNCTION public.staff_covers(staff_account uuid, wanted_role text, wanted_provider uuid, wanted_area uuid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
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

COMMENT ON FUNCTION public.staff_covers(staff_account uuid, wanted_role text, wanted_provider uuid, wanted_area uuid) IS 'whether the account may give that grant and manage its holder: a role no higher than one of its own, at a place within';

CREATE FUNCTION public.staff_grant_raise_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    update account set version = version + 1 where id = coalesce(new.account_id, old.account_id);
    return null;
end $$;

CREATE FUNCTION public.staff_providers(staff_account uuid, any_role text[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    AS $$
    select id from provider
    where area_id in (select staff_areas(staff_account, any_role))
       or id in (select provider_id from staff_grant where account_id = staff_account and role = any(any_role))
$$;

COMMENT ON FUNCTION public.staff_providers(staff_account uuid, any_role text[]) IS 'every provider at which the account holds one of the roles; lists are filtered by it';

CREATE FUNCTION public.told_as_volunteer(kind text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    select kind in (
        'help_offered', 'help_withdrawn', 'help_alarmed', 'help_thanked', 'help_hours_corrected',
        'volunteer_applied', 'volunteer_approved', 'volunteer_suspended', 'volunteer_reinstated',
        'volunteer_dismissed')
$$;

COMMENT ON FUNCTION public.told_as_volunteer(kind text) IS 'whether a notice tells a person what comes of helping others, which is not for who cares for that person to read';

CREATE FUNCTION public.volunteer_raise_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    update account set version = version + 1 where id = new.account_id;
    return null;
end $$;

COMMENT ON FUNCTION public.volunteer_raise_version() IS 'approval gives a role and its end takes it';

CREATE FUNCTION public.waitlist_cared(of_entry uuid, by_account uuid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select coalesce(bool_and(exists (
        select from care
        where care.account_id = by_account and care.person_id = member.person_id and care.ended_at is null)), false)
    from waitlist_member as member
    where member.entry_id = of_entry
$$;

COMMENT ON FUNCTION public.waitlist_cared(of_entry uuid, by_account uuid) IS 'whether an account cares for everybody who waits in an entry';

CREATE FUNCTION public.waitlist_visible(of_entry uuid, of_mandate uuid, by_account uuid, at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select waitlist_cared(of_entry, by_account) or exists (
        select from mandates_in_hand(by_account, at) as held where held.mandate_id = of_mandate)
$$;

COMMENT ON FUNCTION public.waitlist_visible(of_entry uuid, of_mandate uuid, by_account uuid, at timestamp with time zone) IS 'whether an account may see an entry: by its care, or under the live mandate it waits by';

CREATE TABLE public.account (
    id uuid NOT NULL,
    kind text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    version_raised_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT account_kind_check CHECK ((kind = ANY (ARRAY['resident'::text, 'staff'::text]))),
    CONSTRAINT account_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'deleted'::text])))
);

COMMENT ON COLUMN public.account.version IS 'rises with every change of roles or status, by triggers; a token of an older version is refused';

COMMENT ON COLUMN public.account.version_raised_at IS 'by the clock of the database';

CREATE TABLE public.appeal (
    id uuid NOT NULL,
    suspension_id uuid NOT NULL,
    account_id uuid NOT NULL,
    statement text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    reason text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT appeal_check CHECK (((status = 'open'::text) = (num_nonnulls(decided_by, decided_at, reason) = 0))),
    CONSTRAINT appeal_check1 CHECK ((num_nonnulls(decided_by, decided_at, reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT appeal_statement_check CHECK ((statement <> ''::text)),
    CONSTRAINT appeal_status_check CHECK ((status = ANY (ARRAY['open'::text, 'granted'::text, 'rejected'::text])))
);

CREATE TABLE public.area (
    id uuid NOT NULL,
    parent_id uuid,
    level text NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT area_code_check CHECK ((code ~ '^[a-z0-9-]{2,60}$'::text)),
    CONSTRAINT area_level_check CHECK ((level = ANY (ARRAY['league'::text, 'banner'::text, 'zone'::text, 'town'::text, 'community'::text]))),
    CONSTRAINT area_name_check CHECK ((name <> ''::text))
);

CREATE TABLE public.audit (
    chain smallint NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    subject_id uuid,
    facts jsonb NOT NULL,
    request_id text,
    mac bytea NOT NULL,
    CONSTRAINT audit_mac_check CHECK ((length(mac) = 32))
);

COMMENT ON COLUMN public.audit.mac IS 'HMAC-SHA-256 over the row before it in its chain and the fields of this one; `python -m server audit verify` walks them';

CREATE TABLE public.audit_chain (
    chain smallint NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_chain_chain_check CHECK (((chain >= 0) AND (chain <= 15)))
);

CREATE TABLE public.booking (
    id uuid NOT NULL,
    slot_id uuid NOT NULL,
    channel text NOT NULL,
    number integer NOT NULL,
    code text NOT NULL,
    person_id uuid NOT NULL,
    booked_by uuid NOT NULL,
    mandate_id uuid,
    day date NOT NULL,
    status text DEFAULT 'booked'::text NOT NULL,
    answers jsonb NOT NULL,
    idempotency_key text NOT NULL,
    seen integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by uuid NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    moved_from uuid,
    CONSTRAINT booking_code_check CHECK ((code ~ '^[0-9]{6}$'::text)),
    CONSTRAINT booking_number_check CHECK ((number > 0)),
    CONSTRAINT booking_status_check CHECK ((status = ANY (ARRAY['booked'::text, 'checked_in'::text, 'completed'::text, 'no_show'::text, 'cancelled'::text, 'moved'::text])))
);

COMMENT ON COLUMN public.booking.day IS 'the slot''s day: what the limits per person count by';

COMMENT ON COLUMN public.booking.seen IS 'a replay of the idempotency key writes, so that its answer waits for the standby as the first one did';

COMMENT ON COLUMN public.booking.moved_from IS 'the booking whose place was given back for this one';

CREATE TABLE public.calendar_day (
    day date NOT NULL,
    kind text NOT NULL,
    follows_weekday integer,
    name text NOT NULL,
    set_by uuid NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT calendar_day_check CHECK (((kind = 'workday'::text) OR (follows_weekday IS NULL))),
    CONSTRAINT calendar_day_follows_weekday_check CHECK (((follows_weekday >= 1) AND (follows_weekday <= 7))),
    CONSTRAINT calendar_day_kind_check CHECK ((kind = ANY (ARRAY['holiday'::text, 'workday'::text]))),
    CONSTRAINT calendar_day_name_check CHECK ((name <> ''::text))
);

COMMENT ON TABLE public.calendar_day IS 'what staff know better than the library of holidays: a day off, or a make-up workday';

COMMENT ON COLUMN public.calendar_day.follows_weekday IS 'whose sessions a make-up workday has; null: those of its own weekday';

CREATE TABLE public.calendar_year (
    year integer NOT NULL,
    confirmed_by uuid NOT NULL,
    confirmed_at timestamp with time zone NOT NULL,
    CONSTRAINT calendar_year_year_check CHECK (((year >= 2000) AND (year <= 2200)))
);

COMMENT ON TABLE public.calendar_year IS 'years whose holidays and make-up workdays staff have compared with the official notice';

CREATE TABLE public.care (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    person_id uuid NOT NULL,
    relation text NOT NULL,
    since timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT care_relation_check CHECK ((relation = ANY (ARRAY['self'::text, 'child'::text, 'parent'::text, 'other'::text])))
);

CREATE TABLE public.care_request (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    person_id uuid NOT NULL,
    relation text NOT NULL,
    name_matches boolean NOT NULL,
    consents jsonb NOT NULL,
    phone_sealed bytea,
    status text DEFAULT 'pending'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    codes_sent integer DEFAULT 0 NOT NULL,
    code_sent_at timestamp with time zone,
    code_hash bytea,
    code_expires_at timestamp with time zone,
    attempts_left integer DEFAULT 0 NOT NULL,
    decided_at timestamp with time zone,
    decided_by uuid,
    decided_way text,
    CONSTRAINT care_request_attempts_left_check CHECK ((attempts_left >= 0)),
    CONSTRAINT care_request_decided_way_check CHECK ((decided_way = ANY (ARRAY['carer'::text, 'phone'::text, 'desk'::text]))),
    CONSTRAINT care_request_relation_check CHECK ((relation = ANY (ARRAY['self'::text, 'child'::text, 'parent'::text, 'other'::text]))),
    CONSTRAINT care_request_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'refused'::text, 'withdrawn'::text])))
);

COMMENT ON TABLE public.care_request IS 'a further account asks to care for a person who exists already';

COMMENT ON COLUMN public.care_request.name_matches IS 'false: whoever asked does not know the name, so nobody is told and no code is sent, and the answers look the same';

COMMENT ON COLUMN public.care_request.consents IS 'kind and version of the texts agreed to; rows of `consent` once it is approved';

COMMENT ON COLUMN public.care_request.phone_sealed IS 'of who asks to be the person: the number that WeChat has verified';

CREATE TABLE public.chore_done (
    name text NOT NULL,
    done_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.chore_done IS 'when each chore that is not done every second was last done, by whichever worker';

CREATE TABLE public.clinic_day (
    service_id uuid NOT NULL,
    resource text NOT NULL,
    day date NOT NULL,
    last_number integer DEFAULT 0 NOT NULL,
    version bigint DEFAULT 0 NOT NULL
);

COMMENT ON COLUMN public.clinic_day.version IS 'raised with every change of the queue: what a display waits for';

CREATE TABLE public.closure (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    service_id uuid,
    resource text,
    first_day date NOT NULL,
    last_day date NOT NULL,
    reason text NOT NULL,
    treatment text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    lifted_by uuid,
    lifted_at timestamp with time zone,
    CONSTRAINT closure_check CHECK ((first_day <= last_day)),
    CONSTRAINT closure_check1 CHECK (((service_id IS NOT NULL) OR (resource IS NULL))),
    CONSTRAINT closure_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT closure_treatment_check CHECK ((treatment = ANY (ARRAY['offer'::text, 'move'::text, 'cancel'::text])))
);

COMMENT ON TABLE public.closure IS 'a whole provider, a service, or one doctor or counter of it is shut on some days';

CREATE TABLE public.consent (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    document_version text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT consent_kind_check CHECK ((kind = ANY (ARRAY['privacy'::text, 'sensitive_data'::text, 'child_guardian'::text, 'child_enrolment'::text])))
);

CREATE TABLE public.emergency_contact (
    person_id uuid NOT NULL,
    name_sealed bytea NOT NULL,
    phone_sealed bytea NOT NULL,
    set_by uuid NOT NULL,
    set_at timestamp with time zone NOT NULL
);

CREATE TABLE public.enrolment (
    id uuid NOT NULL,
    public_id text NOT NULL,
    salt text NOT NULL,
    round_id uuid CONSTRAINT enrolment_round_id_not_null1 NOT NULL,
    person_id uuid NOT NULL,
    account_id uuid NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    late boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    submitted_at timestamp with time zone,
    repair_by timestamp with time zone,
    repair_words text DEFAULT ''::text NOT NULL,
    reviewer_id uuid,
    listed_at timestamp with time zone,
    number text,
    seat_id uuid,
    settled boolean DEFAULT false NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT enrolment_check CHECK (((submitted_at IS NOT NULL) OR (state = ANY (ARRAY['draft'::text, 'withdrawn'::text])))),
    CONSTRAINT enrolment_check1 CHECK (((state = 'returned'::text) = (repair_by IS NOT NULL))),
    CONSTRAINT enrolment_check2 CHECK (((number IS NULL) OR (listed_at IS NOT NULL))),
    CONSTRAINT enrolment_check3 CHECK (((seat_id IS NULL) OR (number IS NOT NULL))),
    CONSTRAINT enrolment_check4 CHECK (((NOT late) OR (listed_at IS NULL))),
    CONSTRAINT enrolment_number_check CHECK ((number ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT enrolment_public_id_check CHECK ((public_id ~ '^[0-9A-Z]{10}$'::text)),
    CONSTRAINT enrolment_salt_check CHECK ((salt ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT enrolment_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'submitted'::text, 'in_review'::text, 'returned'::text, 'accepted'::text, 'refused'::text, 'withdrawn'::text])))
);

COMMENT ON TABLE public.enrolment IS 'the application of one child in one round';

COMMENT ON COLUMN public.enrolment.public_id IS 'what is published of a child instead of a name';

COMMENT ON COLUMN public.enrolment.salt IS 'hides groups and choices behind their hash until the result opens it';

COMMENT ON COLUMN public.enrolment.late IS 'handed in after the deadline: in no draw, and behind all who are in it';

COMMENT ON COLUMN public.enrolment.listed_at IS 'when the list with it was frozen; from then on choices and claims stand';

COMMENT ON COLUMN public.enrolment.number IS 'of the draw; the lower comes first';

COMMENT ON COLUMN public.enrolment.seat_id IS 'what the draw gave; null: none';

COMMENT ON COLUMN public.enrolment.settled IS 'the family keeps what it has and waits for nothing better';

CREATE TABLE public.enrolment_choice (
    enrolment_id uuid NOT NULL,
    rank integer NOT NULL,
    programme_id uuid NOT NULL,
    CONSTRAINT enrolment_choice_rank_check CHECK ((rank > 0))
);

CREATE TABLE public.enrolment_claim (
    enrolment_id uuid NOT NULL,
    group_id uuid NOT NULL,
    status text DEFAULT 'claimed'::text NOT NULL,
    words text DEFAULT ''::text NOT NULL,
    CONSTRAINT enrolment_claim_status_check CHECK ((status = ANY (ARRAY['claimed'::text, 'granted'::text, 'denied'::text])))
);

COMMENT ON TABLE public.enrolment_claim IS 'a priority that a family claims; only a granted one counts';

COMMENT ON COLUMN public.enrolment_claim.words IS 'why it was denied';

CREATE TABLE public.enrolment_document (
    file_id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    group_id uuid,
    kind text NOT NULL,
    media_type text NOT NULL,
    size integer NOT NULL,
    added_at timestamp with time zone NOT NULL,
    destroyed_at timestamp with time zone,
    CONSTRAINT enrolment_document_check CHECK (((group_id IS NOT NULL) = (kind = 'claim'::text))),
    CONSTRAINT enrolment_document_kind_check CHECK ((kind = ANY (ARRAY['identity'::text, 'household'::text, 'claim'::text, 'other'::text])))
);

COMMENT ON TABLE public.enrolment_document IS 'what was handed in; the row outlives the file, the content does not';

COMMENT ON COLUMN public.enrolment_document.file_id IS 'of the file, as long as it is not destroyed; no reference, since the row stays';

CREATE TABLE public.enrolment_draw (
    round_id uuid NOT NULL,
    frozen bytea NOT NULL,
    frozen_sha256 text NOT NULL,
    frozen_at timestamp with time zone NOT NULL,
    frozen_by uuid NOT NULL,
    public_value text,
    seed text,
    result bytea,
    drawn_at timestamp with time zone,
    drawn_by uuid,
    published_at timestamp with time zone,
    CONSTRAINT enrolment_draw_check CHECK ((num_nulls(public_value, seed, result, drawn_at, drawn_by) = ANY (ARRAY[0, 5]))),
    CONSTRAINT enrolment_draw_check1 CHECK ((drawn_at > frozen_at)),
    CONSTRAINT enrolment_draw_check2 CHECK (((published_at IS NULL) OR (drawn_at IS NOT NULL))),
    CONSTRAINT enrolment_draw_hash CHECK ((encode(sha256(frozen), 'hex'::text) = frozen_sha256)),
    CONSTRAINT enrolment_draw_public_value_check CHECK ((public_value <> ''::text)),
    CONSTRAINT enrolment_draw_seed_check CHECK ((seed ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT enrolment_draw_two_persons CHECK ((drawn_by <> frozen_by))
);

COMMENT ON TABLE public.enrolment_draw IS 'the frozen list and what came of it; written twice, at the freeze and at the draw, and never again';

COMMENT ON COLUMN public.enrolment_draw.frozen IS 'the canonical bytes that the hash is of';

COMMENT ON COLUMN public.enrolment_draw.result IS 'the file as it is published';

CREATE TABLE public.enrolment_event (
    id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_id uuid,
    was text,
    state text NOT NULL,
    because text NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    n bigint NOT NULL
);

COMMENT ON TABLE public.enrolment_event IS 'each change of an application, its offers and its place; append-only';

COMMENT ON COLUMN public.enrolment_event.actor_id IS 'null: time or the draw did it';

COMMENT ON COLUMN public.enrolment_event.n IS 'their order: ids and moments of one transaction have none';

ALTER TABLE public.enrolment_event ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.enrolment_event_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.enrolment_offer (
    id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    seat_id uuid NOT NULL,
    way text NOT NULL,
    status text DEFAULT 'live'::text NOT NULL,
    offered_at timestamp with time zone NOT NULL,
    answer_by timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    answered_by uuid,
    CONSTRAINT enrolment_offer_check CHECK (((status = 'live'::text) = (answered_at IS NULL))),
    CONSTRAINT enrolment_offer_status_check CHECK ((status = ANY (ARRAY['live'::text, 'accepted'::text, 'declined'::text, 'lapsed'::text, 'withdrawn'::text, 'given_up'::text, 'exchanged'::text]))),
    CONSTRAINT enrolment_offer_way_check CHECK ((way = ANY (ARRAY['draw'::text, 'queue'::text])))
);

COMMENT ON COLUMN public.enrolment_offer.status IS 'given_up: accepted first and given back later; exchanged: accepted first and left for a better one';

CREATE TABLE public.enrolment_round (
    id uuid NOT NULL,
    area_id uuid NOT NULL,
    name text NOT NULL,
    notes text DEFAULT ''::text NOT NULL,
    reference_date date NOT NULL,
    starts_on date NOT NULL,
    opens_at timestamp with time zone NOT NULL,
    closes_at timestamp with time zone NOT NULL,
    review_until timestamp with time zone NOT NULL,
    value_source text NOT NULL,
    value_due_at timestamp with time zone NOT NULL,
    max_ranks integer DEFAULT 5 NOT NULL,
    answer_hours integer DEFAULT 72 NOT NULL,
    repair_hours integer DEFAULT 72 NOT NULL,
    document_days integer DEFAULT 90 NOT NULL,
    stage text DEFAULT 'draft'::text NOT NULL,
    stage_reason text DEFAULT ''::text NOT NULL,
    announced_at timestamp with time zone,
    ended_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    CONSTRAINT enrolment_round_answer_hours_check CHECK (((answer_hours >= 1) AND (answer_hours <= 720))),
    CONSTRAINT enrolment_round_check CHECK (((opens_at < closes_at) AND (closes_at <= review_until) AND (review_until <= value_due_at))),
    CONSTRAINT enrolment_round_document_days_check CHECK (((document_days >= 1) AND (document_days <= 3650))),
    CONSTRAINT enrolment_round_max_ranks_check CHECK (((max_ranks >= 1) AND (max_ranks <= 20))),
    CONSTRAINT enrolment_round_name_check CHECK ((name <> ''::text)),
    CONSTRAINT enrolment_round_repair_hours_check CHECK (((repair_hours >= 1) AND (repair_hours <= 720))),
    CONSTRAINT enrolment_round_stage_check CHECK ((stage = ANY (ARRAY['draft'::text, 'announced'::text, 'reviewed'::text, 'drawn'::text, 'published'::text, 'offers'::text, 'ended'::text, 'cancelled'::text]))),
    CONSTRAINT enrolment_round_value_source_check CHECK ((value_source <> ''::text))
);

COMMENT ON TABLE public.enrolment_round IS 'one enrolment of the nurseries of an area; see the function round_state';

COMMENT ON COLUMN public.enrolment_round.reference_date IS 'the day on which a child''s age in months counts';

COMMENT ON COLUMN public.enrolment_round.starts_on IS 'the first day in the nursery for whoever gets a place';

COMMENT ON COLUMN public.enrolment_round.value_source IS 'which public value the seed is mixed with, said before anybody can know it: a beacon''s round, a lottery''s draw';

COMMENT ON COLUMN public.enrolment_round.value_due_at IS 'when that value becomes public; the list is frozen before';

COMMENT ON COLUMN public.enrolment_round.document_days IS 'so long after the end the documents of the refused, the withdrawn and those without a place are kept';

COMMENT ON COLUMN public.enrolment_round.stage IS 'what staff have done; what time does stands in round_state';

CREATE TABLE public.enrolment_verdict (
    id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    kind text NOT NULL,
    denied uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    words text DEFAULT ''::text NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    confirmed boolean,
    CONSTRAINT enrolment_verdict_check CHECK ((((decided_by IS NULL) = (decided_at IS NULL)) AND ((decided_by IS NULL) = (confirmed IS NULL)))),
    CONSTRAINT enrolment_verdict_kind_check CHECK ((kind = ANY (ARRAY['accept'::text, 'refuse'::text]))),
    CONSTRAINT enrolment_verdict_reason CHECK (((reason <> ''::text) OR ((kind = 'accept'::text) AND (denied = '{}'::uuid[])))),
    CONSTRAINT enrolment_verdict_two_persons CHECK (((confirmed IS NOT TRUE) OR (decided_by <> proposed_by) OR ((kind = 'accept'::text) AND (denied = '{}'::uuid[]))))
);

COMMENT ON TABLE public.enrolment_verdict IS 'what a reviewer finds; what takes something from a family, a refusal or a denied priority, holds only once a second person has confirmed it';

COMMENT ON COLUMN public.enrolment_verdict.denied IS 'the groups whose priority is denied';

CREATE TABLE public.file (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    purpose text NOT NULL,
    media_type text NOT NULL,
    size integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT file_media_type_check CHECK ((media_type = ANY (ARRAY['image/jpeg'::text, 'image/png'::text, 'application/pdf'::text]))),
    CONSTRAINT file_purpose_check CHECK ((purpose = ANY (ARRAY['mandate_paper'::text, 'enrolment_document'::text, 'nursery_paper'::text]))),
    CONSTRAINT file_size_check CHECK ((size > 0))
);

CREATE TABLE public.help_alarm (
    id uuid NOT NULL,
    kind text NOT NULL,
    team_id uuid NOT NULL,
    request_id uuid,
    volunteer_id uuid,
    day date NOT NULL,
    facts jsonb NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    closed_by uuid,
    outcome text DEFAULT ''::text NOT NULL,
    CONSTRAINT help_alarm_check CHECK ((num_nonnulls(request_id, volunteer_id) > 0)),
    CONSTRAINT help_alarm_check1 CHECK (((closed_at IS NULL) = (closed_by IS NULL))),
    CONSTRAINT help_alarm_kind_check CHECK ((kind = ANY (ARRAY['nobody_took'::text, 'unconfirmed'::text, 'many_persons'::text, 'same_address'::text, 'cancelled_and_retaken'::text, 'night_use'::text])))
);

COMMENT ON TABLE public.help_alarm IS 'what the team''s leader and staff must look at; raised once a day at most for one cause';

CREATE TABLE public.help_complaint (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    team_id uuid NOT NULL,
    volunteer_id uuid,
    made_by uuid NOT NULL,
    made_at timestamp with time zone NOT NULL,
    words_sealed bytea,
    answered_by uuid,
    answered_at timestamp with time zone,
    answer text DEFAULT ''::text NOT NULL,
    CONSTRAINT help_complaint_check CHECK (((answered_at IS NULL) = (answered_by IS NULL)))
);

COMMENT ON TABLE public.help_complaint IS 'for the team''s leader, unless about the leader, and staff; never public, never to the volunteer';

CREATE TABLE public.help_event (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_id uuid,
    volunteer_id uuid,
    was text,
    state text NOT NULL,
    because text NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    n bigint NOT NULL
);

COMMENT ON TABLE public.help_event IS 'each change of a help request; append-only';

COMMENT ON COLUMN public.help_event.actor_id IS 'null: time or the dispatch did it';

COMMENT ON COLUMN public.help_event.volunteer_id IS 'whom it is about, where it is about one';

COMMENT ON COLUMN public.help_event.facts IS 'a reason in words can be among them; emptied when the person is erased';

COMMENT ON COLUMN public.help_event.n IS 'their order: ids and moments of one transaction have none';

ALTER TABLE public.help_event ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.help_event_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.help_hours (
    request_id uuid NOT NULL,
    volunteer_id uuid NOT NULL,
    team_id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    started_way text NOT NULL,
    ended_at timestamp with time zone,
    ended_way text,
    travel_minutes integer DEFAULT 0 NOT NULL,
    minutes integer,
    CONSTRAINT help_hours_check CHECK (((ended_at IS NULL) = (ended_way IS NULL))),
    CONSTRAINT help_hours_check1 CHECK (((ended_at IS NULL) = (minutes IS NULL))),
    CONSTRAINT help_hours_check2 CHECK ((ended_at >= started_at)),
    CONSTRAINT help_hours_ended_way_check CHECK ((ended_way = ANY (ARRAY['code'::text, 'position'::text, 'leader'::text, 'time'::text]))),
    CONSTRAINT help_hours_minutes_check CHECK ((minutes >= 0)),
    CONSTRAINT help_hours_started_way_check CHECK ((started_way = ANY (ARRAY['code'::text, 'position'::text, 'leader'::text]))),
    CONSTRAINT help_hours_travel_minutes_check CHECK ((travel_minutes >= 0))
);

COMMENT ON TABLE public.help_hours IS 'truthful hours of one task; our own record, no official certificate';

COMMENT ON COLUMN public.help_hours.ended_way IS 'time: nobody confirmed the end, and no minute counts unless the leader corrects it';

COMMENT ON COLUMN public.help_hours.minutes IS 'from start to end without travel, no more than the policy lets one claim on a day; or as corrected last';

CREATE TABLE public.help_hours_correction (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    corrected_by uuid NOT NULL,
    corrected_at timestamp with time zone NOT NULL,
    minutes_before integer NOT NULL,
    minutes_after integer NOT NULL,
    reason text NOT NULL,
    CONSTRAINT help_hours_correction_minutes_after_check CHECK (((minutes_after >= 0) AND (minutes_after <= 1440))),
    CONSTRAINT help_hours_correction_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE public.help_offer (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    volunteer_id uuid NOT NULL,
    round integer NOT NULL,
    status text DEFAULT 'live'::text NOT NULL,
    reasons jsonb NOT NULL,
    offered_at timestamp with time zone NOT NULL,
    answer_by timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    CONSTRAINT help_offer_status_check CHECK ((status = ANY (ARRAY['live'::text, 'accepted'::text, 'declined'::text, 'lapsed'::text, 'withdrawn'::text])))
);

COMMENT ON TABLE public.help_offer IS 'who was asked for which request, and why';

COMMENT ON COLUMN public.help_offer.reasons IS 'what spoke for this volunteer when asked: area, language, abilities, mandate, load';

CREATE TABLE public.help_policy (
    id uuid NOT NULL,
    area_id uuid,
    version integer NOT NULL,
    round_sizes integer[] DEFAULT '{3,5,8}'::integer[] NOT NULL,
    round_minutes integer DEFAULT 30 NOT NULL,
    quiet_from time without time zone DEFAULT '21:00:00'::time without time zone,
    quiet_until time without time zone DEFAULT '07:00:00'::time without time zone,
    alarm_hours integer DEFAULT 24 NOT NULL,
    load_days integer DEFAULT 28 NOT NULL,
    limit_tasks integer DEFAULT 5 NOT NULL,
    limit_persons_day integer DEFAULT 5 NOT NULL,
    limit_uses_day integer DEFAULT 10 NOT NULL,
    limit_minutes_day integer DEFAULT 480 NOT NULL,
    before_minutes integer DEFAULT 60 NOT NULL,
    after_minutes integer DEFAULT 60 NOT NULL,
    position_metres integer DEFAULT 300 NOT NULL,
    unconfirmed_hours integer DEFAULT 24 NOT NULL,
    odd_days integer DEFAULT 7 NOT NULL,
    odd_persons integer DEFAULT 10 NOT NULL,
    odd_same_address integer DEFAULT 3 NOT NULL,
    odd_retaken integer DEFAULT 3 NOT NULL,
    night_from time without time zone DEFAULT '22:00:00'::time without time zone NOT NULL,
    night_until time without time zone DEFAULT '06:00:00'::time without time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    CONSTRAINT help_policy_after_minutes_check CHECK (((after_minutes >= 0) AND (after_minutes <= 720))),
    CONSTRAINT help_policy_alarm_hours_check CHECK (((alarm_hours >= 0) AND (alarm_hours <= 336))),
    CONSTRAINT help_policy_before_minutes_check CHECK (((before_minutes >= 0) AND (before_minutes <= 720))),
    CONSTRAINT help_policy_check CHECK (((quiet_from IS NULL) = (quiet_until IS NULL))),
    CONSTRAINT help_policy_limit_minutes_day_check CHECK (((limit_minutes_day >= 1) AND (limit_minutes_day <= 1440))),
    CONSTRAINT help_policy_limit_persons_day_check CHECK ((limit_persons_day > 0)),
    CONSTRAINT help_policy_limit_tasks_check CHECK ((limit_tasks > 0)),
    CONSTRAINT help_policy_limit_uses_day_check CHECK ((limit_uses_day > 0)),
    CONSTRAINT help_policy_load_days_check CHECK (((load_days >= 1) AND (load_days <= 366))),
    CONSTRAINT help_policy_odd_days_check CHECK (((odd_days >= 1) AND (odd_days <= 90))),
    CONSTRAINT help_policy_odd_persons_check CHECK ((odd_persons > 1)),
    CONSTRAINT help_policy_odd_retaken_check CHECK ((odd_retaken > 1)),
    CONSTRAINT help_policy_odd_same_address_check CHECK ((odd_same_address > 1)),
    CONSTRAINT help_policy_position_metres_check CHECK (((position_metres >= 10) AND (position_metres <= 10000))),
    CONSTRAINT help_policy_round_minutes_check CHECK (((round_minutes >= 1) AND (round_minutes <= 1440))),
    CONSTRAINT help_policy_round_sizes_check CHECK (((0 < ALL (round_sizes)) AND ((cardinality(round_sizes) >= 1) AND (cardinality(round_sizes) <= 10)))),
    CONSTRAINT help_policy_unconfirmed_hours_check CHECK (((unconfirmed_hours >= 1) AND (unconfirmed_hours <= 720)))
);

COMMENT ON TABLE public.help_policy IS 'versions of the rules of help of one area and all below it, or (null) everywhere; see the function ruling_help_policy';

COMMENT ON COLUMN public.help_policy.round_sizes IS 'how many are asked in the first round, the second, …';

COMMENT ON COLUMN public.help_policy.round_minutes IS 'how long a round waits, quiet hours not counted';

COMMENT ON COLUMN public.help_policy.alarm_hours IS 'so long before its first possible time a request that nobody has taken alarms the leader';

COMMENT ON COLUMN public.help_policy.load_days IS 'tasks of so many days back count as a volunteer''s load';

COMMENT ON COLUMN public.help_policy.limit_tasks IS 'requests that one volunteer may have accepted at a time';

COMMENT ON COLUMN public.help_policy.limit_persons_day IS 'persons for whom one volunteer may act on one day, by the day of the act';

COMMENT ON COLUMN public.help_policy.limit_uses_day IS 'uses of mandates by one volunteer on one day, by the day of the act';

COMMENT ON COLUMN public.help_policy.limit_minutes_day IS 'work claimed by one volunteer on one day';

COMMENT ON COLUMN public.help_policy.before_minutes IS 'how long before a booked slot a companion or driver is bound';

COMMENT ON COLUMN public.help_policy.position_metres IS 'how near to the provider counts as there';

COMMENT ON COLUMN public.help_policy.unconfirmed_hours IS 'so long after its end a task that was not completed alarms the leader';

COMMENT ON COLUMN public.help_policy.odd_days IS 'odd patterns are looked for in so many days back';

CREATE TABLE public.help_rating (
    request_id uuid NOT NULL,
    volunteer_id uuid NOT NULL,
    rated_by uuid NOT NULL,
    rated_at timestamp with time zone NOT NULL,
    stars integer NOT NULL,
    thanks text DEFAULT ''::text NOT NULL,
    CONSTRAINT help_rating_stars_check CHECK (((stars >= 1) AND (stars <= 5)))
);

CREATE TABLE public.help_request (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    team_id uuid NOT NULL,
    area_id uuid NOT NULL,
    asked_by uuid NOT NULL,
    asked_way text NOT NULL,
    matter text NOT NULL,
    service_id uuid,
    needs_booking boolean NOT NULL,
    needs_companion boolean NOT NULL,
    needs_ride boolean NOT NULL,
    need_sealed bytea,
    language text NOT NULL,
    pickup_sealed bytea,
    pickup_index bytea,
    mobility_sealed bytea,
    contact_phone_sealed bytea,
    wished_days date[] NOT NULL,
    part_of_day text NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    booking_id uuid,
    state text DEFAULT 'open'::text NOT NULL,
    volunteer_id uuid,
    round integer DEFAULT 0 NOT NULL,
    next_round_at timestamp with time zone,
    alarmed_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    start_code text,
    end_code text,
    code_attempts_left integer DEFAULT 10 NOT NULL,
    codes_sent integer DEFAULT 0 NOT NULL,
    codes_sent_at timestamp with time zone,
    seen integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT help_request_asked_way_check CHECK ((asked_way = ANY (ARRAY['self'::text, 'family'::text, 'phone'::text, 'visit'::text]))),
    CONSTRAINT help_request_check CHECK ((needs_booking OR needs_companion OR needs_ride)),
    CONSTRAINT help_request_check1 CHECK (((service_id IS NOT NULL) OR (need_sealed IS NOT NULL) OR (state = ANY (ARRAY['completed'::text, 'cancelled'::text, 'expired'::text])))),
    CONSTRAINT help_request_check2 CHECK (((NOT needs_ride) OR (pickup_sealed IS NOT NULL) OR (state = ANY (ARRAY['completed'::text, 'cancelled'::text, 'expired'::text])))),
    CONSTRAINT help_request_check3 CHECK (((starts_at IS NULL) = (ends_at IS NULL))),
    CONSTRAINT help_request_check4 CHECK ((ends_at > starts_at)),
    CONSTRAINT help_request_code_attempts_left_check CHECK ((code_attempts_left >= 0)),
    CONSTRAINT help_request_codes_sent_check CHECK ((codes_sent >= 0)),
    CONSTRAINT help_request_end_code_check CHECK ((end_code ~ '^[0-9]{6}$'::text)),
    CONSTRAINT help_request_language_check CHECK ((language = ANY (ARRAY['zh'::text, 'mn'::text, 'csl'::text]))),
    CONSTRAINT help_request_matter_check CHECK ((matter = ANY (ARRAY['medical'::text, 'elder_care'::text, 'insurance'::text, 'employment'::text, 'housing'::text, 'assistance'::text, 'nursery'::text, 'education'::text, 'other'::text]))),
    CONSTRAINT help_request_part_of_day_check CHECK ((part_of_day = ANY (ARRAY['any'::text, 'morning'::text, 'afternoon'::text]))),
    CONSTRAINT help_request_somebody CHECK (((state = ANY (ARRAY['accepted'::text, 'booked'::text, 'under_way'::text, 'completed'::text])) = (volunteer_id IS NOT NULL))),
    CONSTRAINT help_request_start_code_check CHECK ((start_code ~ '^[0-9]{6}$'::text)),
    CONSTRAINT help_request_state_check CHECK ((state = ANY (ARRAY['open'::text, 'offered'::text, 'accepted'::text, 'booked'::text, 'under_way'::text, 'completed'::text, 'cancelled'::text, 'expired'::text]))),
    CONSTRAINT help_request_time_known CHECK (((state <> ALL (ARRAY['booked'::text, 'under_way'::text])) OR (starts_at IS NOT NULL))),
    CONSTRAINT help_request_wished_days_check CHECK (((cardinality(wished_days) >= 1) AND (cardinality(wished_days) <= 14)))
);

COMMENT ON TABLE public.help_request IS 'somebody needs help; its state is changed by domain.help_states alone, which writes a help_event with it';

COMMENT ON COLUMN public.help_request.team_id IS 'whose leader is answerable for it';

COMMENT ON COLUMN public.help_request.area_id IS 'the township: where the person is met';

COMMENT ON COLUMN public.help_request.pickup_index IS 'blind index of the normalised address: many persons at one address are noticed';

COMMENT ON COLUMN public.help_request.starts_at IS 'when the help is needed, once that is known: by the booking, or agreed';

COMMENT ON COLUMN public.help_request.booking_id IS 'the standing booking; a moved one is replaced, a cancelled one leaves null';

COMMENT ON COLUMN public.help_request.next_round_at IS 'when the dispatch looks at it; null: not';

COMMENT ON COLUMN public.help_request.start_code IS 'family and elder have it; who says it was there';

COMMENT ON COLUMN public.help_request.codes_sent IS 'texts with both codes since somebody took it, where no account cares for the person';

COMMENT ON COLUMN public.help_request.seen IS 'raised by a repeat, so that its answer waits for the standby as the first one did';

CREATE TABLE public.help_work (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    volunteer_id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    state text DEFAULT 'held'::text NOT NULL,
    CONSTRAINT help_work_check CHECK ((ends_at > starts_at)),
    CONSTRAINT help_work_state_check CHECK ((state = ANY (ARRAY['held'::text, 'done'::text, 'released'::text])))
);

COMMENT ON TABLE public.help_work IS 'when a volunteer is bound as companion or driver; two such times never overlap';

CREATE TABLE public.idempotency_key (
    account_id uuid NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    resource_id uuid,
    seen integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN public.idempotency_key.seen IS 'a replay writes, so that its answer waits for the standby as the first one did';

CREATE TABLE public.mandate (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    volunteer_id uuid,
    matters text[] NOT NULL,
    consent_way text NOT NULL,
    status text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    requested_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    consented_by uuid,
    consented_at timestamp with time zone,
    file_id uuid,
    codes_sent integer DEFAULT 0 NOT NULL,
    code_sent_at timestamp with time zone,
    code_hash bytea,
    code_expires_at timestamp with time zone,
    attempts_left integer DEFAULT 0 NOT NULL,
    revoked_by uuid,
    revoked_at timestamp with time zone,
    revoke_reason text DEFAULT ''::text NOT NULL,
    team_id uuid,
    max_uses integer,
    CONSTRAINT mandate_attempts_left_check CHECK ((attempts_left >= 0)),
    CONSTRAINT mandate_check CHECK ((expires_at > created_at)),
    CONSTRAINT mandate_check1 CHECK (((status <> 'active'::text) OR (consented_at IS NOT NULL))),
    CONSTRAINT mandate_check2 CHECK (((status = 'revoked'::text) = (revoked_at IS NOT NULL))),
    CONSTRAINT mandate_consent_way_check CHECK ((consent_way = ANY (ARRAY['family'::text, 'sms'::text, 'desk'::text]))),
    CONSTRAINT mandate_desk_has_paper CHECK (((consent_way <> 'desk'::text) OR (file_id IS NOT NULL))),
    CONSTRAINT mandate_holder CHECK ((num_nonnulls(volunteer_id, team_id) = 1)),
    CONSTRAINT mandate_matters_check CHECK (((cardinality(matters) > 0) AND (matters <@ ARRAY['medical'::text, 'elder_care'::text, 'insurance'::text, 'employment'::text, 'housing'::text, 'assistance'::text, 'nursery'::text, 'education'::text, 'other'::text]))),
    CONSTRAINT mandate_max_uses_check CHECK (((max_uses >= 1) AND (max_uses <= 1000))),
    CONSTRAINT mandate_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'revoked'::text])))
);

COMMENT ON TABLE public.mandate IS 'Civil Code 165 and 173: who may act for whom, in which matters, until when, on what consent';

COMMENT ON COLUMN public.mandate.max_uses IS 'bookings that may be made under it, also those cancelled later; null: as many as the period allows';

CREATE TABLE public.migration (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.notice (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    facts jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT notice_kind_check CHECK ((kind = ANY (ARRAY['mandate_requested'::text, 'mandate_given'::text, 'mandate_revoked'::text, 'mandate_used'::text, 'mandate_use_cancelled'::text, 'mandate_queued'::text, 'care_requested'::text, 'care_joined'::text, 'booking_moved'::text, 'booking_cancelled'::text, 'booking_stands'::text, 'rebooking_offered'::text, 'rebooking_lapsed'::text, 'rebooking_by_phone'::text, 'place_offered'::text, 'offer_lapsed'::text, 'waitlist_ended'::text, 'no_show'::text, 'no_show_corrected'::text, 'suspended'::text, 'suspension_lifted'::text, 'appeal_decided'::text, 'help_asked'::text, 'help_offered'::text, 'help_withdrawn'::text, 'help_accepted'::text, 'help_handed_back'::text, 'help_booked'::text, 'help_moved'::text, 'help_started'::text, 'help_completed'::text, 'help_cancelled'::text, 'help_expired'::text, 'help_alarmed'::text, 'help_thanked'::text, 'help_hours_corrected'::text, 'complaint_answered'::text, 'volunteer_applied'::text, 'volunteer_approved'::text, 'volunteer_suspended'::text, 'volunteer_reinstated'::text, 'volunteer_dismissed'::text, 'emergency_contact_changed'::text, 'enrolment_submitted'::text, 'enrolment_withdrawn'::text, 'enrolment_returned'::text, 'enrolment_accepted'::text, 'enrolment_refused'::text, 'enrolment_round_changed'::text, 'enrolment_drawn'::text, 'enrolment_offered'::text, 'enrolment_offer_lapsed'::text, 'nursery_place_changed'::text, 'nursery_papers_due'::text])))
);

COMMENT ON TABLE public.notice IS 'what a person or the family has to be told; written in the transaction of its cause';

CREATE TABLE public.nursery_class (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    from_months integer NOT NULL,
    until_months integer NOT NULL,
    seats integer NOT NULL,
    carers integer NOT NULL,
    override_reason text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    CONSTRAINT nursery_class_carers_check CHECK (((carers >= 1) AND (carers <= 100))),
    CONSTRAINT nursery_class_check CHECK ((from_months < until_months)),
    CONSTRAINT nursery_class_from_months_check CHECK (((from_months >= 0) AND (from_months <= 72))),
    CONSTRAINT nursery_class_kind_check CHECK ((kind = ANY (ARRAY['infant'::text, 'junior'::text, 'senior'::text, 'mixed'::text]))),
    CONSTRAINT nursery_class_name_check CHECK ((name <> ''::text)),
    CONSTRAINT nursery_class_seats_check CHECK (((seats >= 1) AND (seats <= 200))),
    CONSTRAINT nursery_class_state_check CHECK ((state = ANY (ARRAY['active'::text, 'closed'::text]))),
    CONSTRAINT nursery_class_until_months_check CHECK (((until_months >= 1) AND (until_months <= 84)))
);

COMMENT ON COLUMN public.nursery_class.until_months IS 'full months of age; a child is in as long as it has fewer';

COMMENT ON COLUMN public.nursery_class.override_reason IS 'why the class is other than the norm says; empty where it is not';

CREATE TABLE public.nursery_leave (
    id uuid NOT NULL,
    place_id uuid NOT NULL,
    first_day date NOT NULL,
    last_day date,
    rechecked_on date,
    words text DEFAULT ''::text NOT NULL,
    recorded_by uuid,
    CONSTRAINT nursery_leave_check CHECK ((last_day >= first_day))
);

COMMENT ON TABLE public.nursery_leave IS 'days on which a child is away and keeps its place; last_day null: until it returns';

COMMENT ON COLUMN public.nursery_leave.rechecked_on IS 'the new health check, where the absence was longer than the norm allows';

CREATE TABLE public.nursery_norm (
    id uuid NOT NULL,
    kind text NOT NULL,
    effective_from date NOT NULL,
    from_months integer NOT NULL,
    until_months integer NOT NULL,
    most_seats integer NOT NULL,
    children_per_carer integer,
    recheck_days integer NOT NULL,
    source text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    CONSTRAINT nursery_norm_check CHECK ((from_months < until_months)),
    CONSTRAINT nursery_norm_children_per_carer_check CHECK ((children_per_carer > 0)),
    CONSTRAINT nursery_norm_from_months_check CHECK (((from_months >= 0) AND (from_months <= 72))),
    CONSTRAINT nursery_norm_kind_check CHECK ((kind = ANY (ARRAY['infant'::text, 'junior'::text, 'senior'::text, 'mixed'::text]))),
    CONSTRAINT nursery_norm_most_seats_check CHECK ((most_seats > 0)),
    CONSTRAINT nursery_norm_recheck_days_check CHECK ((recheck_days > 0)),
    CONSTRAINT nursery_norm_until_months_check CHECK (((until_months >= 1) AND (until_months <= 84)))
);

COMMENT ON TABLE public.nursery_norm IS 'versions of what a class of a kind may be; of those that have come into effect the newest holds';

COMMENT ON COLUMN public.nursery_norm.children_per_carer IS 'at most so many a carer; null: the norm says nothing';

COMMENT ON COLUMN public.nursery_norm.recheck_days IS 'a child that was away for longer is checked again before it returns';

CREATE TABLE public.nursery_place (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    class_id uuid NOT NULL,
    enrolment_id uuid,
    moved_from uuid,
    status text DEFAULT 'planned'::text NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    agreement_on date,
    agreement_file_id uuid,
    health_check_on date,
    vaccination_on date,
    end_reason text DEFAULT ''::text NOT NULL,
    papers_told_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by uuid,
    CONSTRAINT nursery_place_check CHECK ((ends_on >= starts_on)),
    CONSTRAINT nursery_place_papers CHECK (((status <> ALL (ARRAY['confirmed'::text, 'ended'::text])) OR (num_nulls(agreement_on, health_check_on, vaccination_on) = 0))),
    CONSTRAINT nursery_place_status_check CHECK ((status = ANY (ARRAY['planned'::text, 'confirmed'::text, 'ended'::text, 'cancelled'::text])))
);

COMMENT ON TABLE public.nursery_place IS 'a child''s time in one class; days include the first and the last. A place may be planned while the child is in another class';

COMMENT ON COLUMN public.nursery_place.moved_from IS 'the place from which the child was transferred';

COMMENT ON COLUMN public.nursery_place.status IS 'planned: papers are missing or the day is not fixed; ended: its last day is settled, be it over or still to come; cancelled: the child never came';

COMMENT ON COLUMN public.nursery_place.papers_told_at IS 'when the family was told which papers are missing';

CREATE TABLE public.person (
    id uuid NOT NULL,
    name text NOT NULL,
    document_kind text NOT NULL,
    document_sealed bytea,
    document_index bytea,
    birth_date date,
    sex text,
    phone_sealed bytea,
    phone_index bytea,
    assurance text DEFAULT 'declared'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    erased_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    team_id uuid,
    CONSTRAINT person_assurance_check CHECK ((assurance = ANY (ARRAY['declared'::text, 'desk_verified'::text, 'checked'::text]))),
    CONSTRAINT person_check CHECK (((erased_at IS NOT NULL) OR (num_nulls(document_sealed, document_index, birth_date, sex) = 0))),
    CONSTRAINT person_check1 CHECK (((erased_at IS NULL) OR (num_nonnulls(document_sealed, birth_date, sex, phone_sealed) = 0))),
    CONSTRAINT person_check2 CHECK (((phone_sealed IS NULL) = (phone_index IS NULL))),
    CONSTRAINT person_document_kind_check CHECK ((document_kind = 'resident_id'::text)),
    CONSTRAINT person_sex_check CHECK ((sex = ANY (ARRAY['female'::text, 'male'::text])))
);

COMMENT ON TABLE public.person IS 'one row per real identity document, whoever cares for the person';

COMMENT ON COLUMN public.person.document_index IS 'outlives erasure until the longest limit has run out, so that deleting and registering again resets no limit';

COMMENT ON COLUMN public.person.team_id IS 'whose leader registered the person on a visit; such a person stays when the last carer goes';

CREATE TABLE public.place_kept_back (
    id uuid NOT NULL,
    slot_id uuid NOT NULL,
    channel text NOT NULL,
    cause text NOT NULL,
    free_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT place_kept_back_cause_check CHECK ((cause = ANY (ARRAY['cancelled'::text, 'moved'::text, 'added'::text, 'offer_ended'::text, 'fallen_back'::text])))
);

COMMENT ON TABLE public.place_kept_back IS 'one row a place that is counted as taken though nobody has it: until free_at it is only for who waits';

CREATE TABLE public.place_offer (
    id uuid NOT NULL,
    slot_id uuid NOT NULL,
    channel text NOT NULL,
    places integer NOT NULL,
    entry_id uuid,
    booking_id uuid,
    status text DEFAULT 'live'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT place_offer_check CHECK ((num_nonnulls(entry_id, booking_id) = 1)),
    CONSTRAINT place_offer_check1 CHECK (((status = 'live'::text) = (ended_at IS NULL))),
    CONSTRAINT place_offer_places_check CHECK (((places >= 1) AND (places <= 5))),
    CONSTRAINT place_offer_status_check CHECK ((status = ANY (ARRAY['live'::text, 'accepted'::text, 'declined'::text, 'lapsed'::text, 'withdrawn'::text])))
);

COMMENT ON TABLE public.place_offer IS 'places kept for whoever waits, or for whose booking was on a slot that was closed, until expires_at';

CREATE TABLE public.policy (
    id uuid NOT NULL,
    provider_id uuid,
    service_id uuid,
    version integer NOT NULL,
    effective_from date NOT NULL,
    window_days integer NOT NULL,
    release_time time without time zone NOT NULL,
    order_stop_days integer NOT NULL,
    order_stop_time time without time zone,
    cancel_days integer NOT NULL,
    cancel_time time without time zone,
    limit_department_day integer NOT NULL,
    limit_day integer NOT NULL,
    limit_7_days integer NOT NULL,
    limit_90_days integer NOT NULL,
    limit_volunteer_day integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    slots_touched integer DEFAULT 0 NOT NULL,
    limit_account_day integer DEFAULT 6 NOT NULL,
    limit_waitlist integer DEFAULT 3 NOT NULL,
    return_minutes_min integer DEFAULT 0 NOT NULL,
    return_minutes_max integer DEFAULT 0 NOT NULL,
    fallback_days integer,
    fallback_time time without time zone,
    offer_minutes integer DEFAULT 30 NOT NULL,
    offers_missed integer DEFAULT 2 NOT NULL,
    offer_quiet_from time without time zone,
    offer_quiet_until time without time zone,
    no_show_minutes integer DEFAULT 120 NOT NULL,
    no_show_count integer DEFAULT 3 NOT NULL,
    no_show_window_days integer DEFAULT 90 NOT NULL,
    suspension_days integer[] DEFAULT '{30,60,90}'::integer[] NOT NULL,
    late_minutes integer DEFAULT 15 NOT NULL,
    late_rule text DEFAULT 'requeue'::text NOT NULL,
    pass_hours integer DEFAULT 24 NOT NULL,
    CONSTRAINT policy_cancel_days_check CHECK (((cancel_days >= 0) AND (cancel_days <= 30))),
    CONSTRAINT policy_check CHECK ((num_nonnulls(provider_id, service_id) <= 1)),
    CONSTRAINT policy_check1 CHECK ((return_minutes_min <= return_minutes_max)),
    CONSTRAINT policy_check2 CHECK (((fallback_days IS NULL) = (fallback_time IS NULL))),
    CONSTRAINT policy_check3 CHECK (((offer_quiet_from IS NULL) = (offer_quiet_until IS NULL))),
    CONSTRAINT policy_fallback_days_check CHECK (((fallback_days >= 0) AND (fallback_days <= 30))),
    CONSTRAINT policy_late_minutes_check CHECK (((late_minutes >= 0) AND (late_minutes <= 1440))),
    CONSTRAINT policy_late_rule_check CHECK ((late_rule = ANY (ARRAY['requeue'::text, 'refuse'::text]))),
    CONSTRAINT policy_limit_7_days_check CHECK ((limit_7_days > 0)),
    CONSTRAINT policy_limit_90_days_check CHECK ((limit_90_days > 0)),
    CONSTRAINT policy_limit_account_day_check CHECK ((limit_account_day > 0)),
    CONSTRAINT policy_limit_day_check CHECK ((limit_day > 0)),
    CONSTRAINT policy_limit_department_day_check CHECK ((limit_department_day > 0)),
    CONSTRAINT policy_limit_volunteer_day_check CHECK ((limit_volunteer_day > 0)),
    CONSTRAINT policy_limit_waitlist_check CHECK ((limit_waitlist > 0)),
    CONSTRAINT policy_no_show_count_check CHECK ((no_show_count > 0)),
    CONSTRAINT policy_no_show_minutes_check CHECK (((no_show_minutes >= 0) AND (no_show_minutes <= 10080))),
    CONSTRAINT policy_no_show_window_days_check CHECK (((no_show_window_days >= 1) AND (no_show_window_days <= 366))),
    CONSTRAINT policy_offer_minutes_check CHECK (((offer_minutes >= 1) AND (offer_minutes <= 1440))),
    CONSTRAINT policy_offers_missed_check CHECK (((offers_missed >= 1) AND (offers_missed <= 100))),
    CONSTRAINT policy_order_stop_days_check CHECK (((order_stop_days >= 0) AND (order_stop_days <= 30))),
    CONSTRAINT policy_pass_hours_check CHECK (((pass_hours >= 1) AND (pass_hours <= 168))),
    CONSTRAINT policy_return_minutes_max_check CHECK ((return_minutes_max <= 1440)),
    CONSTRAINT policy_return_minutes_min_check CHECK ((return_minutes_min >= 0)),
    CONSTRAINT policy_suspension_days_check CHECK ((0 < ALL (suspension_days))),
    CONSTRAINT policy_window_days_check CHECK (((window_days >= 0) AND (window_days <= 365)))
);

COMMENT ON TABLE public.policy IS 'versions of the rules of one service, one provider, or (both null) everywhere; see the function ruling_policy';

COMMENT ON COLUMN public.policy.release_time IS 'local time on the day `window_days` before the slot';

COMMENT ON COLUMN public.policy.order_stop_time IS 'local time `order_stop_days` before the slot''s day; null: until the slot starts';

COMMENT ON COLUMN public.policy.cancel_time IS 'local time `cancel_days` before the slot''s day; null: until the slot starts';

COMMENT ON COLUMN public.policy.slots_touched IS 'how many slots came under this version when it was published';

COMMENT ON COLUMN public.policy.limit_account_day IS 'bookings for one day that one account may make for others in its care';

COMMENT ON COLUMN public.policy.limit_waitlist IS 'live waitlist entries of one person';

COMMENT ON COLUMN public.policy.return_minutes_min IS 'a returned place goes to the pool after a random time between return_minutes_min and return_minutes_max';

COMMENT ON COLUMN public.policy.fallback_time IS 'local time `fallback_days` before the slot''s day at which free assisted and counter places become public; null: never';

COMMENT ON COLUMN public.policy.offer_minutes IS 'how long an offered place is kept';

COMMENT ON COLUMN public.policy.offers_missed IS 'so many offers that ran out or were declined end a waitlist entry';

COMMENT ON COLUMN public.policy.offer_quiet_from IS 'local time from which, until offer_quiet_until, no offer''s time runs';

COMMENT ON COLUMN public.policy.no_show_minutes IS 'how long after a slot''s end who has not come is a no-show';

COMMENT ON COLUMN public.policy.no_show_count IS 'so many no-shows within no_show_window_days suspend';

COMMENT ON COLUMN public.policy.suspension_days IS 'for how long: the first time, the second, …; the last again and again; empty: never';

COMMENT ON COLUMN public.policy.late_minutes IS 'how long after a slot''s start somebody is in time';

COMMENT ON COLUMN public.policy.late_rule IS 'who comes later waits behind those in time (requeue), or is refused';

COMMENT ON COLUMN public.policy.pass_hours IS 'how long a pass is good for';

CREATE TABLE public.priority_group (
    id uuid NOT NULL,
    round_id uuid NOT NULL,
    code text NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    proof text NOT NULL,
    CONSTRAINT priority_group_code_check CHECK ((code ~ '^[a-z][a-z0-9_]{1,39}$'::text)),
    CONSTRAINT priority_group_name_check CHECK ((name <> ''::text))
);

COMMENT ON COLUMN public.priority_group.proof IS 'which document shows that a child belongs to it, in words';

CREATE TABLE public.programme (
    id uuid NOT NULL,
    round_id uuid NOT NULL,
    class_id uuid NOT NULL,
    from_months integer NOT NULL,
    until_months integer NOT NULL,
    seats integer NOT NULL,
    CONSTRAINT programme_seats_check CHECK (((seats >= 1) AND (seats <= 200)))
);

COMMENT ON TABLE public.programme IS 'a class as one round offers it; ages and seats are those of the announcement';

CREATE TABLE public.programme_reserve (
    programme_id uuid NOT NULL,
    "position" integer NOT NULL,
    group_id uuid NOT NULL,
    seats integer NOT NULL,
    falls_to text[] DEFAULT '{""}'::text[] NOT NULL,
    CONSTRAINT programme_reserve_seats_check CHECK ((seats > 0))
);

COMMENT ON COLUMN public.programme_reserve.falls_to IS 'codes of the groups to which an unused seat falls open, in order; the empty one is everybody, and without it the seat stays empty';

CREATE TABLE public.programme_seat (
    id uuid NOT NULL,
    programme_id uuid NOT NULL,
    number integer NOT NULL,
    tiers text[] NOT NULL,
    CONSTRAINT programme_seat_number_check CHECK ((number > 0)),
    CONSTRAINT programme_seat_tiers_check CHECK ((cardinality(tiers) > 0))
);

COMMENT ON TABLE public.programme_seat IS 'each seat of a programme, made at the announcement: nobody can promise more of them than there are';

COMMENT ON COLUMN public.programme_seat.tiers IS 'whom it takes, in order: codes of groups, the empty one for everybody; the first is what it is reserved for';

CREATE TABLE public.provider (
    id uuid NOT NULL,
    area_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    phone text NOT NULL,
    summary text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    latitude double precision,
    longitude double precision,
    CONSTRAINT provider_kind_check CHECK ((kind = ANY (ARRAY['hospital'::text, 'elder_care'::text, 'government'::text, 'employment'::text, 'nursery'::text, 'community'::text, 'school'::text]))),
    CONSTRAINT provider_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    CONSTRAINT provider_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision))),
    CONSTRAINT provider_name_check CHECK ((name <> ''::text)),
    CONSTRAINT provider_position CHECK (((latitude IS NULL) = (longitude IS NULL))),
    CONSTRAINT provider_state_check CHECK ((state = ANY (ARRAY['active'::text, 'hidden'::text])))
);

COMMENT ON COLUMN public.provider.latitude IS 'WGS 84 degrees, where a volunteer''s start or end can be confirmed by position';

CREATE TABLE public.queue_ticket (
    booking_id uuid NOT NULL,
    service_id uuid NOT NULL,
    resource text NOT NULL,
    day date NOT NULL,
    number integer NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    order_at timestamp with time zone NOT NULL,
    late boolean NOT NULL,
    calls integer DEFAULT 0 NOT NULL,
    counter text DEFAULT ''::text NOT NULL,
    checked_in_at timestamp with time zone NOT NULL,
    called_at timestamp with time zone,
    done_at timestamp with time zone,
    CONSTRAINT queue_ticket_number_check CHECK ((number > 0)),
    CONSTRAINT queue_ticket_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'called'::text, 'skipped'::text, 'done'::text])))
);

COMMENT ON COLUMN public.queue_ticket.order_at IS 'who is called first: the slot''s start; for who was late the check-in; for who missed the call the coming back';

COMMENT ON COLUMN public.queue_ticket.counter IS 'where it was called to, if not simply to the clinic';

CREATE TABLE public.reconciliation (
    id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    pools integer NOT NULL,
    drifts integer NOT NULL,
    examples jsonb NOT NULL
);

COMMENT ON TABLE public.reconciliation IS 'each run of the nightly comparison; it reports and never repairs';

CREATE TABLE public.refresh_token (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    successor_sealed bytea,
    CONSTRAINT refresh_token_check CHECK (((successor_sealed IS NULL) OR (used_at IS NOT NULL))),
    CONSTRAINT refresh_token_token_hash_check CHECK ((length(token_hash) = 32))
);

COMMENT ON COLUMN public.refresh_token.successor_sealed IS 'the next token, encrypted under a key derived from this one, so that a repeated refresh can be answered alike; erased once that may no longer be asked for';

CREATE TABLE public.schedule (
    id uuid NOT NULL,
    service_id uuid NOT NULL,
    resource text DEFAULT ''::text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    on_holidays text DEFAULT 'closed'::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    generated_to date,
    created_by uuid,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT schedule_check CHECK ((valid_from <= valid_to)),
    CONSTRAINT schedule_on_holidays_check CHECK ((on_holidays = ANY (ARRAY['closed'::text, 'open'::text]))),
    CONSTRAINT schedule_state_check CHECK ((state = ANY (ARRAY['active'::text, 'ended'::text])))
);

COMMENT ON COLUMN public.schedule.generated_to IS 'the last day whose slots were made; null: none yet';

CREATE TABLE public.schedule_exception (
    id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    kind text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    reason text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT schedule_exception_check CHECK ((first_day <= last_day)),
    CONSTRAINT schedule_exception_kind_check CHECK ((kind = ANY (ARRAY['closed'::text, 'changed'::text, 'extra'::text])))
);

COMMENT ON COLUMN public.schedule_exception.kind IS 'closed: no slots; changed: its own sessions instead of the template''s; extra: its own sessions beside them';

CREATE TABLE public.schedule_exception_session (
    exception_id uuid NOT NULL,
    starts time without time zone NOT NULL,
    ends time without time zone NOT NULL,
    slot_minutes integer NOT NULL,
    capacity integer NOT NULL,
    assisted integer DEFAULT 0 NOT NULL,
    counter integer DEFAULT 0 NOT NULL,
    CONSTRAINT schedule_exception_session_assisted_check CHECK ((assisted >= 0)),
    CONSTRAINT schedule_exception_session_capacity_check CHECK (((capacity >= 1) AND (capacity <= 10000))),
    CONSTRAINT schedule_exception_session_check CHECK ((ends > starts)),
    CONSTRAINT schedule_exception_session_check1 CHECK (((assisted + counter) <= capacity)),
    CONSTRAINT schedule_exception_session_counter_check CHECK ((counter >= 0)),
    CONSTRAINT schedule_exception_session_slot_minutes_check CHECK (((slot_minutes >= 1) AND (slot_minutes <= 1440)))
);

CREATE TABLE public.schedule_session (
    schedule_id uuid NOT NULL,
    weekday integer NOT NULL,
    starts time without time zone NOT NULL,
    ends time without time zone NOT NULL,
    slot_minutes integer NOT NULL,
    capacity integer NOT NULL,
    assisted integer DEFAULT 0 NOT NULL,
    counter integer DEFAULT 0 NOT NULL,
    CONSTRAINT schedule_session_assisted_check CHECK ((assisted >= 0)),
    CONSTRAINT schedule_session_capacity_check CHECK (((capacity >= 1) AND (capacity <= 10000))),
    CONSTRAINT schedule_session_check CHECK ((ends > starts)),
    CONSTRAINT schedule_session_check1 CHECK (((assisted + counter) <= capacity)),
    CONSTRAINT schedule_session_counter_check CHECK ((counter >= 0)),
    CONSTRAINT schedule_session_slot_minutes_check CHECK (((slot_minutes >= 1) AND (slot_minutes <= 1440))),
    CONSTRAINT schedule_session_weekday_check CHECK (((weekday >= 1) AND (weekday <= 7)))
);

COMMENT ON COLUMN public.schedule_session.weekday IS 'Monday is 1';

COMMENT ON COLUMN public.schedule_session.capacity IS 'places of each slot; assisted and counter are kept from them, the rest is public';

CREATE TABLE public.service (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    department text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    summary text NOT NULL,
    duration_minutes integer NOT NULL,
    requirements text[] NOT NULL,
    min_age integer,
    max_age integer,
    sex text,
    assurance text DEFAULT 'declared'::text NOT NULL,
    eligibility text NOT NULL,
    questions jsonb NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT service_assurance_check CHECK ((assurance = ANY (ARRAY['declared'::text, 'desk_verified'::text, 'checked'::text]))),
    CONSTRAINT service_check CHECK ((min_age <= max_age)),
    CONSTRAINT service_department_check CHECK ((department <> ''::text)),
    CONSTRAINT service_duration_minutes_check CHECK (((duration_minutes >= 1) AND (duration_minutes <= 1440))),
    CONSTRAINT service_kind_check CHECK ((kind = ANY (ARRAY['medical'::text, 'elder_care'::text, 'insurance'::text, 'employment'::text, 'housing'::text, 'assistance'::text, 'nursery'::text, 'education'::text, 'other'::text]))),
    CONSTRAINT service_max_age_check CHECK (((max_age >= 0) AND (max_age <= 150))),
    CONSTRAINT service_min_age_check CHECK (((min_age >= 0) AND (min_age <= 150))),
    CONSTRAINT service_name_check CHECK ((name <> ''::text)),
    CONSTRAINT service_sex_check CHECK ((sex = ANY (ARRAY['female'::text, 'male'::text]))),
    CONSTRAINT service_state_check CHECK ((state = ANY (ARRAY['active'::text, 'hidden'::text])))
);

COMMENT ON COLUMN public.service.requirements IS 'what to bring, one line each';

COMMENT ON COLUMN public.service.eligibility IS 'who may come, in words; min_age, max_age (full years), sex and assurance are what is checked';

COMMENT ON COLUMN public.service.questions IS 'the intake form: [{key, kind, label, required, choices?, max_length?}]';

CREATE TABLE public.session (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    device text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    refreshed_at timestamp with time zone NOT NULL,
    idle_until timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    CONSTRAINT session_check CHECK ((idle_until <= expires_at)),
    CONSTRAINT session_check1 CHECK (((ended_at IS NULL) = (end_reason IS NULL)))
);

CREATE TABLE public.slot (
    id uuid NOT NULL,
    service_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    day date NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    release_at timestamp with time zone NOT NULL,
    order_until timestamp with time zone NOT NULL,
    cancel_until timestamp with time zone NOT NULL,
    resource text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    closed_reason text,
    version integer DEFAULT 1 NOT NULL,
    schedule_id uuid,
    closure_id uuid,
    withdrawn boolean DEFAULT false NOT NULL,
    fall_back_at timestamp with time zone,
    settled boolean DEFAULT false NOT NULL,
    CONSTRAINT slot_check CHECK ((ends_at > starts_at)),
    CONSTRAINT slot_check1 CHECK ((day = ((starts_at AT TIME ZONE 'Asia/Shanghai'::text))::date)),
    CONSTRAINT slot_check2 CHECK (((state = 'closed'::text) = (closed_reason IS NOT NULL))),
    CONSTRAINT slot_check3 CHECK ((GREATEST(release_at, order_until, cancel_until) <= starts_at)),
    CONSTRAINT slot_check4 CHECK ((fall_back_at <= starts_at)),
    CONSTRAINT slot_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text])))
);

COMMENT ON COLUMN public.slot.resource IS 'the doctor or counter, where a service has several at once; else empty';

COMMENT ON COLUMN public.slot.schedule_id IS 'the schedule that made it; null: made by hand';

COMMENT ON COLUMN public.slot.closure_id IS 'the closure that closed it';

COMMENT ON COLUMN public.slot.withdrawn IS 'closed because its schedule has it no more; the schedule may open it again';

COMMENT ON COLUMN public.slot.fall_back_at IS 'from when its free assisted and counter places are public; null: never';

COMMENT ON COLUMN public.slot.settled IS 'over, and everybody who had not come is marked as a no-show';

CREATE TABLE public.slot_pool (
    slot_id uuid NOT NULL,
    channel text NOT NULL,
    capacity integer NOT NULL,
    taken integer DEFAULT 0 NOT NULL,
    issued integer DEFAULT 0 NOT NULL,
    open boolean DEFAULT true NOT NULL,
    fallen_back integer DEFAULT 0 NOT NULL,
    CONSTRAINT slot_pool_channel_check CHECK ((channel = ANY (ARRAY['public'::text, 'assisted'::text, 'counter'::text]))),
    CONSTRAINT slot_pool_fallen_back_check CHECK ((fallen_back >= 0)),
    CONSTRAINT slot_pool_not_oversold CHECK (((0 <= taken) AND (taken <= capacity)))
)
WITH (fillfactor='50');

COMMENT ON COLUMN public.slot_pool.taken IS 'live bookings, places of live offers and places kept back';

COMMENT ON COLUMN public.slot_pool.issued IS 'numbers given out so far; a cancelled number is not given again';

COMMENT ON COLUMN public.slot_pool.open IS 'false while the slot is closed: a booking that waited for this row''s lock sees it, the slot''s row it would not';

COMMENT ON COLUMN public.slot_pool.fallen_back IS 'places that went over to the public pool; its capacity has them now';

CREATE TABLE public.staff (
    account_id uuid NOT NULL,
    login text NOT NULL,
    display_name text NOT NULL,
    password_hash text NOT NULL,
    otp_secret_sealed bytea NOT NULL,
    otp_last_step bigint DEFAULT 0 NOT NULL,
    demo boolean DEFAULT false NOT NULL,
    CONSTRAINT staff_display_name_check CHECK ((display_name <> ''::text)),
    CONSTRAINT staff_login_check CHECK ((login ~ '^[a-z0-9][a-z0-9._-]{2,39}$'::text))
);

COMMENT ON COLUMN public.staff.otp_last_step IS 'the newest time step whose code was used: a code works once';

CREATE TABLE public.staff_grant (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    role text NOT NULL,
    provider_id uuid,
    area_id uuid,
    granted_at timestamp with time zone NOT NULL,
    granted_by uuid,
    CONSTRAINT staff_grant_check CHECK ((num_nonnulls(provider_id, area_id) <= 1)),
    CONSTRAINT staff_grant_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'manager'::text, 'clerk'::text, 'auditor'::text])))
);

COMMENT ON TABLE public.staff_grant IS 'a role at one provider, in one area with all below it, or (both null) everywhere';

CREATE TABLE public.staff_sign_in (
    login_index bytea NOT NULL,
    attempts integer NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT staff_sign_in_attempts_check CHECK ((attempts > 0)),
    CONSTRAINT staff_sign_in_login_index_check CHECK ((length(login_index) = 32))
);

COMMENT ON TABLE public.staff_sign_in IS 'attempts since the last success, whether the login exists or not: too many lock it for a while';

COMMENT ON COLUMN public.staff_sign_in.login_index IS 'blind: a password typed into the wrong field is not kept';

CREATE TABLE public.suspension (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    step integer NOT NULL,
    booking_ids uuid[] NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by uuid,
    lifted_because text,
    CONSTRAINT suspension_check CHECK ((ends_at > starts_at)),
    CONSTRAINT suspension_check1 CHECK ((num_nonnulls(lifted_at, lifted_by, lifted_because) = ANY (ARRAY[0, 3]))),
    CONSTRAINT suspension_step_check CHECK ((step > 0))
);

COMMENT ON TABLE public.suspension IS 'who missed too many numbers of a provider books none there for a time';

COMMENT ON COLUMN public.suspension.step IS 'which step of the policy''s suspension_days; the first is 1';

COMMENT ON COLUMN public.suspension.booking_ids IS 'the no-shows that it stands on';

CREATE TABLE public.team (
    id uuid NOT NULL,
    area_id uuid NOT NULL,
    name text NOT NULL,
    organisation text NOT NULL,
    CONSTRAINT team_name_check CHECK ((name <> ''::text))
);

CREATE TABLE public.team_leader (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    volunteer_id uuid NOT NULL,
    since timestamp with time zone NOT NULL,
    appointed_by uuid,
    ended_at timestamp with time zone,
    ended_by uuid,
    CONSTRAINT team_leader_check CHECK (((ended_at IS NULL) = (ended_by IS NULL)))
);

COMMENT ON TABLE public.team_leader IS 'leads only while an approved volunteer of the same team; see the function leads_team';

COMMENT ON COLUMN public.team_leader.appointed_by IS 'null: as the demo data have it';

CREATE TABLE public.volunteer (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    team_id uuid NOT NULL,
    languages text[] NOT NULL,
    status text DEFAULT 'applied'::text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    decided_by uuid,
    abilities text[] DEFAULT '{book}'::text[] NOT NULL,
    decision_reason text DEFAULT ''::text NOT NULL,
    suspended_at timestamp with time zone,
    CONSTRAINT volunteer_abilities_check CHECK (((abilities <@ ARRAY['book'::text, 'accompany'::text, 'drive'::text]) AND (cardinality(abilities) > 0))),
    CONSTRAINT volunteer_languages_check CHECK (((languages <@ ARRAY['zh'::text, 'mn'::text, 'csl'::text]) AND (cardinality(languages) > 0))),
    CONSTRAINT volunteer_status_check CHECK ((status = ANY (ARRAY['applied'::text, 'approved'::text, 'suspended'::text, 'left'::text])))
);

COMMENT ON COLUMN public.volunteer.decision_reason IS 'why suspended, dismissed or reinstated; for the team''s leader and staff';

COMMENT ON COLUMN public.volunteer.suspended_at IS 'when last suspended, dismissed or refused; stays when the account goes, for whoever decides about the person anew';

CREATE TABLE public.volunteer_area (
    volunteer_id uuid NOT NULL,
    area_id uuid NOT NULL
);

CREATE TABLE public.volunteer_day_off (
    volunteer_id uuid NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    CONSTRAINT volunteer_day_off_check CHECK (((last_day >= first_day) AND (last_day <= (first_day + 366))))
);

CREATE TABLE public.volunteer_hours (
    volunteer_id uuid NOT NULL,
    weekday integer NOT NULL,
    from_minute integer NOT NULL,
    until_minute integer NOT NULL,
    CONSTRAINT volunteer_hours_check CHECK ((until_minute > from_minute)),
    CONSTRAINT volunteer_hours_from_minute_check CHECK (((from_minute >= 0) AND (from_minute <= 1439))),
    CONSTRAINT volunteer_hours_until_minute_check CHECK ((until_minute <= 1440)),
    CONSTRAINT volunteer_hours_weekday_check CHECK (((weekday >= 1) AND (weekday <= 7)))
);

COMMENT ON TABLE public.volunteer_hours IS 'when a volunteer can be asked, week by week; no row: never';

COMMENT ON COLUMN public.volunteer_hours.from_minute IS 'minutes of the local day';

CREATE TABLE public.waitlist (
    service_id uuid NOT NULL,
    last_place bigint DEFAULT 0 NOT NULL
);

COMMENT ON TABLE public.waitlist IS 'the queue of a service: locked by whoever joins it, gives out of it, or returns a place of the service';

CREATE TABLE public.waitlist_entry (
    id uuid NOT NULL,
    service_id uuid NOT NULL,
    place bigint NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    party integer NOT NULL,
    booked_by uuid NOT NULL,
    mandate_id uuid,
    status text DEFAULT 'waiting'::text NOT NULL,
    ended_because text,
    missed integer DEFAULT 0 NOT NULL,
    idempotency_key text NOT NULL,
    seen integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT waitlist_entry_check CHECK ((first_day <= last_day)),
    CONSTRAINT waitlist_entry_check1 CHECK (((status = 'ended'::text) = (ended_because IS NOT NULL))),
    CONSTRAINT waitlist_entry_check2 CHECK (((status = ANY (ARRAY['accepted'::text, 'ended'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT waitlist_entry_ended_because_check CHECK ((ended_because = ANY (ARRAY['left'::text, 'days_over'::text, 'booked_elsewhere'::text, 'mandate_over'::text, 'care_over'::text, 'service_hidden'::text, 'suspended'::text, 'not_eligible'::text, 'offers_missed'::text]))),
    CONSTRAINT waitlist_entry_party_check CHECK (((party >= 1) AND (party <= 5))),
    CONSTRAINT waitlist_entry_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'offered'::text, 'accepted'::text, 'ended'::text])))
);

COMMENT ON COLUMN public.waitlist_entry.place IS 'the order of arrival in the service''s queue; never given twice';

COMMENT ON COLUMN public.waitlist_entry.party IS 'how many persons want places in one slot';

COMMENT ON COLUMN public.waitlist_entry.missed IS 'offers that ran out or were declined';

CREATE TABLE public.waitlist_member (
    entry_id uuid NOT NULL,
    person_id uuid NOT NULL
);

CREATE TABLE public.wechat_identity (
    account_id uuid NOT NULL,
    openid text NOT NULL,
    unionid text,
    phone_code_index bytea
);

COMMENT ON COLUMN public.wechat_identity.phone_code_index IS 'blind index of the phone code used last: WeChat takes a code once, and a registration may be repeated';

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_suspension_id_key UNIQUE (suspension_id);

ALTER TABLE ONLY public.area
    ADD CONSTRAINT area_code_key UNIQUE (code);

ALTER TABLE ONLY public.area
    ADD CONSTRAINT area_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_pkey PRIMARY KEY (chain);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (chain, seq);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_idempotency_key UNIQUE (booked_by, idempotency_key);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.calendar_day
    ADD CONSTRAINT calendar_day_pkey PRIMARY KEY (day);

ALTER TABLE ONLY public.calendar_year
    ADD CONSTRAINT calendar_year_pkey PRIMARY KEY (year);

ALTER TABLE ONLY public.care
    ADD CONSTRAINT care_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.care_request
    ADD CONSTRAINT care_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chore_done
    ADD CONSTRAINT chore_done_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.clinic_day
    ADD CONSTRAINT clinic_day_pkey PRIMARY KEY (service_id, day, resource);

ALTER TABLE ONLY public.closure
    ADD CONSTRAINT closure_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.emergency_contact
    ADD CONSTRAINT emergency_contact_pkey PRIMARY KEY (person_id);

ALTER TABLE ONLY public.enrolment_choice
    ADD CONSTRAINT enrolment_choice_once UNIQUE (enrolment_id, programme_id);

ALTER TABLE ONLY public.enrolment_choice
    ADD CONSTRAINT enrolment_choice_pkey PRIMARY KEY (enrolment_id, rank);

ALTER TABLE ONLY public.enrolment_claim
    ADD CONSTRAINT enrolment_claim_pkey PRIMARY KEY (enrolment_id, group_id);

ALTER TABLE ONLY public.enrolment_document
    ADD CONSTRAINT enrolment_document_pkey PRIMARY KEY (file_id);

ALTER TABLE ONLY public.enrolment_draw
    ADD CONSTRAINT enrolment_draw_pkey PRIMARY KEY (round_id);

ALTER TABLE ONLY public.enrolment_event
    ADD CONSTRAINT enrolment_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.enrolment_offer
    ADD CONSTRAINT enrolment_offer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.enrolment_round
    ADD CONSTRAINT enrolment_round_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.enrolment_verdict
    ADD CONSTRAINT enrolment_verdict_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_alarm
    ADD CONSTRAINT help_alarm_once UNIQUE NULLS NOT DISTINCT (kind, request_id, volunteer_id, day);

ALTER TABLE ONLY public.help_alarm
    ADD CONSTRAINT help_alarm_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_complaint
    ADD CONSTRAINT help_complaint_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_event
    ADD CONSTRAINT help_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_hours
    ADD CONSTRAINT help_hours_apart EXCLUDE USING gist (((volunteer_id)::text) WITH =, tstzrange(started_at, ended_at) WITH &&);

ALTER TABLE ONLY public.help_hours_correction
    ADD CONSTRAINT help_hours_correction_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_hours
    ADD CONSTRAINT help_hours_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY public.help_offer
    ADD CONSTRAINT help_offer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_policy
    ADD CONSTRAINT help_policy_area_id_version_key UNIQUE NULLS NOT DISTINCT (area_id, version);

ALTER TABLE ONLY public.help_policy
    ADD CONSTRAINT help_policy_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_rating
    ADD CONSTRAINT help_rating_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.help_work
    ADD CONSTRAINT help_work_apart EXCLUDE USING gist (volunteer_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((state <> 'released'::text));

ALTER TABLE ONLY public.help_work
    ADD CONSTRAINT help_work_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (account_id, operation, key);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_one_live EXCLUDE USING gist (person_id WITH =, volunteer_id WITH =, tstzrange(consented_at, expires_at) WITH &&) WHERE (((status = 'active'::text) AND (max_uses IS NULL)));

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_one_live_of_team EXCLUDE USING gist (person_id WITH =, team_id WITH =, tstzrange(consented_at, expires_at) WITH &&) WHERE (((status = 'active'::text) AND (max_uses IS NULL)));

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_pkey PRIMARY KEY (id);

ALTER TABLE public.mandate
    ADD CONSTRAINT mandate_second_person CHECK (((consent_way <> 'desk'::text) OR (status <> 'active'::text) OR ((consented_by IS NOT NULL) AND (consented_by <> requested_by)))) NOT VALID;

COMMENT ON CONSTRAINT mandate_second_person ON public.mandate IS 'a paper holds once somebody else than whoever entered it has looked at it; older ones stay as they were';

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.nursery_class
    ADD CONSTRAINT nursery_class_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.nursery_class
    ADD CONSTRAINT nursery_class_provider_id_name_key UNIQUE (provider_id, name);

ALTER TABLE ONLY public.nursery_leave
    ADD CONSTRAINT nursery_leave_apart EXCLUDE USING gist (place_id WITH =, daterange(first_day, last_day, '[]'::text) WITH &&);

ALTER TABLE ONLY public.nursery_leave
    ADD CONSTRAINT nursery_leave_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.nursery_norm
    ADD CONSTRAINT nursery_norm_kind_effective_from_key UNIQUE (kind, effective_from);

ALTER TABLE ONLY public.nursery_norm
    ADD CONSTRAINT nursery_norm_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_once EXCLUDE USING gist (person_id WITH =, daterange(starts_on, ends_on, '[]'::text) WITH &&) WHERE ((status = ANY (ARRAY['confirmed'::text, 'ended'::text])));

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_planned_once EXCLUDE USING gist (person_id WITH =, daterange(starts_on, ends_on, '[]'::text) WITH &&) WHERE ((status = 'planned'::text));

ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.place_kept_back
    ADD CONSTRAINT place_kept_back_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.place_offer
    ADD CONSTRAINT place_offer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_provider_id_service_id_version_key UNIQUE NULLS NOT DISTINCT (provider_id, service_id, version);

ALTER TABLE ONLY public.priority_group
    ADD CONSTRAINT priority_group_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.priority_group
    ADD CONSTRAINT priority_group_round_id_code_key UNIQUE (round_id, code);

ALTER TABLE ONLY public.programme
    ADD CONSTRAINT programme_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programme_reserve
    ADD CONSTRAINT programme_reserve_pkey PRIMARY KEY (programme_id, "position");

ALTER TABLE ONLY public.programme_reserve
    ADD CONSTRAINT programme_reserve_programme_id_group_id_key UNIQUE (programme_id, group_id);

ALTER TABLE ONLY public.programme
    ADD CONSTRAINT programme_round_id_class_id_key UNIQUE (round_id, class_id);

ALTER TABLE ONLY public.programme_seat
    ADD CONSTRAINT programme_seat_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programme_seat
    ADD CONSTRAINT programme_seat_programme_id_number_key UNIQUE (programme_id, number);

ALTER TABLE ONLY public.provider
    ADD CONSTRAINT provider_area_id_name_key UNIQUE (area_id, name);

ALTER TABLE ONLY public.provider
    ADD CONSTRAINT provider_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.queue_ticket
    ADD CONSTRAINT queue_ticket_number UNIQUE (service_id, resource, day, number);

ALTER TABLE ONLY public.queue_ticket
    ADD CONSTRAINT queue_ticket_pkey PRIMARY KEY (booking_id);

ALTER TABLE ONLY public.reconciliation
    ADD CONSTRAINT reconciliation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refresh_token
    ADD CONSTRAINT refresh_token_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.schedule_exception
    ADD CONSTRAINT schedule_exception_not_overlapping EXCLUDE USING gist (schedule_id WITH =, kind WITH =, daterange(first_day, last_day, '[]'::text) WITH &&) WHERE ((withdrawn_at IS NULL));

ALTER TABLE ONLY public.schedule_exception
    ADD CONSTRAINT schedule_exception_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule_exception_session
    ADD CONSTRAINT schedule_exception_session_pkey PRIMARY KEY (exception_id, starts);

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_not_overlapping EXCLUDE USING gist (service_id WITH =, resource WITH =, daterange(valid_from, valid_to, '[]'::text) WITH &&) WHERE ((state = 'active'::text));

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule_session
    ADD CONSTRAINT schedule_session_pkey PRIMARY KEY (schedule_id, weekday, starts);

ALTER TABLE ONLY public.service
    ADD CONSTRAINT service_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.service
    ADD CONSTRAINT service_provider_id_department_name_key UNIQUE (provider_id, department, name);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.slot_pool
    ADD CONSTRAINT slot_pool_pkey PRIMARY KEY (slot_id, channel);

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_service_id_starts_at_resource_key UNIQUE (service_id, starts_at, resource);

ALTER TABLE ONLY public.staff_grant
    ADD CONSTRAINT staff_grant_account_id_role_provider_id_area_id_key UNIQUE NULLS NOT DISTINCT (account_id, role, provider_id, area_id);

ALTER TABLE ONLY public.staff_grant
    ADD CONSTRAINT staff_grant_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.staff
    ADD CONSTRAINT staff_login_key UNIQUE (login);

ALTER TABLE ONLY public.staff
    ADD CONSTRAINT staff_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.staff_sign_in
    ADD CONSTRAINT staff_sign_in_pkey PRIMARY KEY (login_index);

ALTER TABLE ONLY public.suspension
    ADD CONSTRAINT suspension_not_overlapping EXCLUDE USING gist (((person_id)::text) WITH =, ((provider_id)::text) WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((lifted_at IS NULL));

COMMENT ON CONSTRAINT suspension_not_overlapping ON public.suspension IS 'of texts, so that nobody is looked up in it: the b-tree of persons is a fraction of it to walk';

ALTER TABLE ONLY public.suspension
    ADD CONSTRAINT suspension_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.team_leader
    ADD CONSTRAINT team_leader_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.team
    ADD CONSTRAINT team_name_key UNIQUE (name);

ALTER TABLE ONLY public.team
    ADD CONSTRAINT team_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.volunteer
    ADD CONSTRAINT volunteer_account_id_key UNIQUE (account_id);

ALTER TABLE ONLY public.volunteer_area
    ADD CONSTRAINT volunteer_area_pkey PRIMARY KEY (volunteer_id, area_id);

ALTER TABLE ONLY public.volunteer_day_off
    ADD CONSTRAINT volunteer_day_off_pkey PRIMARY KEY (volunteer_id, first_day);

ALTER TABLE ONLY public.volunteer_day_off
    ADD CONSTRAINT volunteer_days_off_apart EXCLUDE USING gist (volunteer_id WITH =, daterange(first_day, last_day, '[]'::text) WITH &&);

ALTER TABLE ONLY public.volunteer_hours
    ADD CONSTRAINT volunteer_hours_apart EXCLUDE USING gist (volunteer_id WITH =, weekday WITH =, int4range(from_minute, until_minute) WITH &&);

ALTER TABLE ONLY public.volunteer_hours
    ADD CONSTRAINT volunteer_hours_pkey PRIMARY KEY (volunteer_id, weekday, from_minute);

ALTER TABLE ONLY public.volunteer
    ADD CONSTRAINT volunteer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.waitlist_entry
    ADD CONSTRAINT waitlist_entry_idempotency_key UNIQUE (booked_by, idempotency_key);

ALTER TABLE ONLY public.waitlist_entry
    ADD CONSTRAINT waitlist_entry_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.waitlist_entry
    ADD CONSTRAINT waitlist_entry_place UNIQUE (service_id, place);

ALTER TABLE ONLY public.waitlist_member
    ADD CONSTRAINT waitlist_member_pkey PRIMARY KEY (entry_id, person_id);

ALTER TABLE ONLY public.waitlist
    ADD CONSTRAINT waitlist_pkey PRIMARY KEY (service_id);

ALTER TABLE ONLY public.wechat_identity
    ADD CONSTRAINT wechat_identity_openid_key UNIQUE (openid);

ALTER TABLE ONLY public.wechat_identity
    ADD CONSTRAINT wechat_identity_pkey PRIMARY KEY (account_id);

CREATE INDEX account_version_raised ON public.account USING btree (version_raised_at) WHERE (version_raised_at IS NOT NULL);

CREATE INDEX appeal_account ON public.appeal USING btree (account_id);

CREATE INDEX appeal_decided_by ON public.appeal USING btree (decided_by);

CREATE INDEX area_parent ON public.area USING btree (parent_id);

CREATE INDEX audit_actor ON public.audit USING btree (actor_id, at);

CREATE INDEX audit_at ON public.audit USING brin (at);

CREATE INDEX audit_subject ON public.audit USING btree (subject_id, at);

CREATE INDEX booking_account_day ON public.booking USING btree (booked_by, day);

CREATE INDEX booking_mandate ON public.booking USING btree (mandate_id, id) WHERE (mandate_id IS NOT NULL);

CREATE INDEX booking_mandate_made ON public.booking USING btree (booked_by, created_at) WHERE (mandate_id IS NOT NULL);

CREATE UNIQUE INDEX booking_moved_from ON public.booking USING btree (moved_from) WHERE (moved_from IS NOT NULL);

CREATE INDEX booking_no_show ON public.booking USING btree (person_id, day) WHERE (status = 'no_show'::text);

CREATE UNIQUE INDEX booking_number ON public.booking USING btree (slot_id, channel, number);

CREATE INDEX booking_person_day ON public.booking USING btree (person_id, day);

CREATE INDEX calendar_day_set_by ON public.calendar_day USING btree (set_by);

CREATE INDEX calendar_year_confirmed_by ON public.calendar_year USING btree (confirmed_by);

CREATE INDEX care_account ON public.care USING btree (account_id);

CREATE UNIQUE INDEX care_live ON public.care USING btree (account_id, person_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX care_own_account ON public.care USING btree (person_id) WHERE ((relation = 'self'::text) AND (ended_at IS NULL));

CREATE UNIQUE INDEX care_own_person ON public.care USING btree (account_id) WHERE ((relation = 'self'::text) AND (ended_at IS NULL));

CREATE INDEX care_person ON public.care USING btree (person_id);

CREATE INDEX care_request_account ON public.care_request USING btree (account_id);

CREATE INDEX care_request_decided_by ON public.care_request USING btree (decided_by);

CREATE UNIQUE INDEX care_request_pending ON public.care_request USING btree (account_id, person_id) WHERE (status = 'pending'::text);

CREATE INDEX care_request_person ON public.care_request USING btree (person_id);

CREATE INDEX clinic_day_day ON public.clinic_day USING btree (day);

CREATE INDEX closure_created_by ON public.closure USING btree (created_by);

CREATE INDEX closure_lifted_by ON public.closure USING btree (lifted_by);

CREATE INDEX closure_provider ON public.closure USING btree (provider_id);

CREATE INDEX closure_service ON public.closure USING btree (service_id);

CREATE INDEX consent_account ON public.consent USING btree (account_id);

CREATE UNIQUE INDEX consent_live ON public.consent USING btree (account_id, person_id, kind, document_version) WHERE (withdrawn_at IS NULL);

CREATE INDEX consent_person ON public.consent USING btree (person_id);

CREATE INDEX emergency_contact_set_by ON public.emergency_contact USING btree (set_by);

CREATE INDEX enrolment_account ON public.enrolment USING btree (account_id, id);

CREATE INDEX enrolment_choice_programme ON public.enrolment_choice USING btree (programme_id);

CREATE INDEX enrolment_claim_group ON public.enrolment_claim USING btree (group_id);

CREATE INDEX enrolment_document_enrolment ON public.enrolment_document USING btree (enrolment_id);

CREATE INDEX enrolment_document_group ON public.enrolment_document USING btree (group_id);

CREATE INDEX enrolment_draw_drawn_by ON public.enrolment_draw USING btree (drawn_by);

CREATE INDEX enrolment_draw_frozen_by ON public.enrolment_draw USING btree (frozen_by);

CREATE INDEX enrolment_event_actor ON public.enrolment_event USING btree (actor_id, id);

CREATE INDEX enrolment_event_enrolment ON public.enrolment_event USING btree (enrolment_id, n);

CREATE UNIQUE INDEX enrolment_live ON public.enrolment USING btree (round_id, person_id) WHERE (state <> ALL (ARRAY['refused'::text, 'withdrawn'::text]));

CREATE UNIQUE INDEX enrolment_number ON public.enrolment USING btree (round_id, number) WHERE (number IS NOT NULL);

CREATE UNIQUE INDEX enrolment_offer_accepted ON public.enrolment_offer USING btree (enrolment_id) WHERE (status = 'accepted'::text);

CREATE INDEX enrolment_offer_answered_by ON public.enrolment_offer USING btree (answered_by);

CREATE INDEX enrolment_offer_due ON public.enrolment_offer USING btree (answer_by) WHERE (status = 'live'::text);

CREATE INDEX enrolment_offer_enrolment ON public.enrolment_offer USING btree (enrolment_id, id);

CREATE INDEX enrolment_offer_of_seat ON public.enrolment_offer USING btree (seat_id);

CREATE UNIQUE INDEX enrolment_offer_seat ON public.enrolment_offer USING btree (seat_id) WHERE (status = ANY (ARRAY['live'::text, 'accepted'::text]));

CREATE INDEX enrolment_person ON public.enrolment USING btree (person_id);

CREATE INDEX enrolment_repair ON public.enrolment USING btree (repair_by) WHERE (state = 'returned'::text);

CREATE INDEX enrolment_reviewer ON public.enrolment USING btree (reviewer_id);

CREATE INDEX enrolment_round_area ON public.enrolment_round USING btree (area_id);

CREATE INDEX enrolment_round_created_by ON public.enrolment_round USING btree (created_by);

CREATE INDEX enrolment_round_state ON public.enrolment USING btree (round_id, state, submitted_at, id);

CREATE UNIQUE INDEX enrolment_seat ON public.enrolment USING btree (seat_id) WHERE (seat_id IS NOT NULL);

CREATE INDEX enrolment_verdict_decided_by ON public.enrolment_verdict USING btree (decided_by);

CREATE INDEX enrolment_verdict_enrolment ON public.enrolment_verdict USING btree (enrolment_id, id);

CREATE UNIQUE INDEX enrolment_verdict_open ON public.enrolment_verdict USING btree (enrolment_id) WHERE (decided_at IS NULL);

CREATE INDEX enrolment_verdict_proposed_by ON public.enrolment_verdict USING btree (proposed_by);

CREATE INDEX file_account ON public.file USING btree (account_id);

CREATE INDEX help_alarm_closed_by ON public.help_alarm USING btree (closed_by);

CREATE INDEX help_alarm_open ON public.help_alarm USING btree (team_id, id) WHERE (closed_at IS NULL);

CREATE INDEX help_alarm_request ON public.help_alarm USING btree (request_id);

CREATE INDEX help_alarm_team ON public.help_alarm USING btree (team_id, id);

CREATE INDEX help_alarm_volunteer ON public.help_alarm USING btree (volunteer_id);

CREATE INDEX help_complaint_answered_by ON public.help_complaint USING btree (answered_by);

CREATE INDEX help_complaint_made_by ON public.help_complaint USING btree (made_by);

CREATE INDEX help_complaint_request ON public.help_complaint USING btree (request_id);

CREATE INDEX help_complaint_team ON public.help_complaint USING btree (team_id, id);

CREATE INDEX help_complaint_volunteer ON public.help_complaint USING btree (volunteer_id);

CREATE INDEX help_event_actor ON public.help_event USING btree (actor_id, id);

CREATE INDEX help_event_request ON public.help_event USING btree (request_id, n);

CREATE INDEX help_event_taken ON public.help_event USING btree (request_id, volunteer_id) WHERE (because = ANY (ARRAY['accepted'::text, 'assigned'::text]));

CREATE INDEX help_event_volunteer ON public.help_event USING btree (volunteer_id, id);

CREATE INDEX help_hours_correction_by ON public.help_hours_correction USING btree (corrected_by);

CREATE INDEX help_hours_correction_request ON public.help_hours_correction USING btree (request_id, id);

CREATE INDEX help_hours_team ON public.help_hours USING btree (team_id, started_at);

CREATE INDEX help_hours_volunteer ON public.help_hours USING btree (volunteer_id, started_at);

CREATE INDEX help_offer_lapsed ON public.help_offer USING btree (volunteer_id, offered_at) WHERE (status = 'lapsed'::text);

CREATE UNIQUE INDEX help_offer_live ON public.help_offer USING btree (volunteer_id, request_id) WHERE (status = 'live'::text);

CREATE INDEX help_offer_request ON public.help_offer USING btree (request_id, offered_at);

CREATE INDEX help_offer_volunteer ON public.help_offer USING btree (volunteer_id, offered_at);

CREATE INDEX help_policy_created_by ON public.help_policy USING btree (created_by);

CREATE INDEX help_rating_rated_by ON public.help_rating USING btree (rated_by);

CREATE INDEX help_rating_volunteer ON public.help_rating USING btree (volunteer_id, rated_at);

CREATE INDEX help_request_area ON public.help_request USING btree (area_id, state, id);

CREATE INDEX help_request_asked_by ON public.help_request USING btree (asked_by);

CREATE INDEX help_request_booking ON public.help_request USING btree (booking_id) WHERE (booking_id IS NOT NULL);

CREATE UNIQUE INDEX help_request_booking_live ON public.help_request USING btree (booking_id) WHERE ((booking_id IS NOT NULL) AND (state = ANY (ARRAY['open'::text, 'offered'::text, 'accepted'::text, 'booked'::text, 'under_way'::text])));

CREATE INDEX help_request_done ON public.help_request USING btree (volunteer_id, changed_at) WHERE (state = 'completed'::text);

CREATE INDEX help_request_due ON public.help_request USING btree (next_round_at) WHERE (next_round_at IS NOT NULL);

CREATE INDEX help_request_ends ON public.help_request USING btree (LEAST(expires_at, starts_at)) WHERE (state = ANY (ARRAY['open'::text, 'offered'::text, 'accepted'::text]));

CREATE INDEX help_request_held ON public.help_request USING btree (volunteer_id) WHERE (state = ANY (ARRAY['accepted'::text, 'booked'::text, 'under_way'::text]));

CREATE INDEX help_request_person ON public.help_request USING btree (person_id, id);

CREATE INDEX help_request_service ON public.help_request USING btree (service_id);

CREATE INDEX help_request_team ON public.help_request USING btree (team_id, state, id);

CREATE INDEX help_request_unconfirmed ON public.help_request USING btree (ends_at) WHERE (state = ANY (ARRAY['booked'::text, 'under_way'::text]));

CREATE INDEX help_request_volunteer ON public.help_request USING btree (volunteer_id, id) WHERE (volunteer_id IS NOT NULL);

CREATE UNIQUE INDEX help_work_held ON public.help_work USING btree (request_id) WHERE (state = 'held'::text);

CREATE INDEX help_work_request ON public.help_work USING btree (request_id);

CREATE INDEX idempotency_key_age ON public.idempotency_key USING btree (created_at);

CREATE INDEX mandate_consented_by ON public.mandate USING btree (consented_by);

CREATE INDEX mandate_file ON public.mandate USING btree (file_id);

CREATE INDEX mandate_paper_pending ON public.mandate USING btree (created_at) WHERE ((status = 'pending'::text) AND (consent_way = 'desk'::text));

CREATE INDEX mandate_person ON public.mandate USING btree (person_id);

CREATE INDEX mandate_requested_by ON public.mandate USING btree (requested_by);

CREATE INDEX mandate_revoked_by ON public.mandate USING btree (revoked_by);

CREATE INDEX mandate_team ON public.mandate USING btree (team_id);

CREATE INDEX mandate_volunteer ON public.mandate USING btree (volunteer_id);

CREATE INDEX notice_person ON public.notice USING btree (person_id, id);

CREATE INDEX nursery_class_created_by ON public.nursery_class USING btree (created_by);

CREATE INDEX nursery_leave_recorded_by ON public.nursery_leave USING btree (recorded_by);

CREATE INDEX nursery_norm_created_by ON public.nursery_norm USING btree (created_by);

CREATE INDEX nursery_place_agreement ON public.nursery_place USING btree (agreement_file_id);

CREATE INDEX nursery_place_changed_by ON public.nursery_place USING btree (changed_by);

CREATE INDEX nursery_place_class ON public.nursery_place USING btree (class_id, starts_on) WHERE (status <> 'cancelled'::text);

CREATE INDEX nursery_place_enrolment ON public.nursery_place USING btree (enrolment_id);

CREATE INDEX nursery_place_moved_from ON public.nursery_place USING btree (moved_from);

CREATE INDEX nursery_place_papers_due ON public.nursery_place USING btree (starts_on) WHERE ((status = 'planned'::text) AND (papers_told_at IS NULL));

CREATE INDEX person_created_by ON public.person USING btree (created_by);

CREATE UNIQUE INDEX person_document ON public.person USING btree (document_kind, document_index);

CREATE INDEX person_erased ON public.person USING btree (erased_at) WHERE (erased_at IS NOT NULL);

CREATE INDEX person_name ON public.person USING btree (name, birth_date);

CREATE INDEX person_phone ON public.person USING btree (phone_index) WHERE (phone_index IS NOT NULL);

CREATE INDEX person_team ON public.person USING btree (team_id, id) WHERE (team_id IS NOT NULL);

CREATE INDEX place_kept_back_free_at ON public.place_kept_back USING btree (free_at);

CREATE INDEX place_kept_back_pool ON public.place_kept_back USING btree (slot_id, channel);

CREATE INDEX place_offer_booking ON public.place_offer USING btree (booking_id);

CREATE INDEX place_offer_entry ON public.place_offer USING btree (entry_id);

CREATE INDEX place_offer_expires ON public.place_offer USING btree (expires_at) WHERE (status = 'live'::text);

CREATE UNIQUE INDEX place_offer_one_of_booking ON public.place_offer USING btree (booking_id) WHERE (status = 'live'::text);

CREATE UNIQUE INDEX place_offer_one_of_entry ON public.place_offer USING btree (entry_id) WHERE (status = 'live'::text);

CREATE INDEX place_offer_pool ON public.place_offer USING btree (slot_id, channel);

CREATE INDEX policy_created_by ON public.policy USING btree (created_by);

CREATE INDEX policy_provider ON public.policy USING btree (provider_id);

CREATE INDEX policy_service ON public.policy USING btree (service_id);

CREATE INDEX programme_class ON public.programme USING btree (class_id);

CREATE INDEX programme_reserve_group ON public.programme_reserve USING btree (group_id);

CREATE INDEX queue_ticket_waiting ON public.queue_ticket USING btree (service_id, resource, day, order_at, number) WHERE (status = 'waiting'::text);

CREATE INDEX refresh_token_session ON public.refresh_token USING btree (session_id);

CREATE INDEX refresh_token_successor ON public.refresh_token USING btree (used_at) WHERE (successor_sealed IS NOT NULL);

CREATE INDEX refresh_token_used ON public.refresh_token USING btree (used_at);

CREATE INDEX schedule_created_by ON public.schedule USING btree (created_by);

CREATE INDEX schedule_exception_created_by ON public.schedule_exception USING btree (created_by);

CREATE INDEX schedule_exception_schedule ON public.schedule_exception USING btree (schedule_id);

CREATE INDEX schedule_service ON public.schedule USING btree (service_id);

CREATE INDEX session_account ON public.session USING btree (account_id) WHERE (ended_at IS NULL);

CREATE INDEX session_account_all ON public.session USING btree (account_id, id);

CREATE INDEX session_ended ON public.session USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX session_idle ON public.session USING btree (idle_until);

CREATE INDEX slot_closure ON public.slot USING btree (closure_id) WHERE (closure_id IS NOT NULL);

CREATE INDEX slot_fall_back ON public.slot USING btree (fall_back_at) WHERE (fall_back_at IS NOT NULL);

CREATE INDEX slot_policy ON public.slot USING btree (policy_id);

CREATE INDEX slot_schedule ON public.slot USING btree (schedule_id, day) WHERE (schedule_id IS NOT NULL);

CREATE INDEX slot_unsettled ON public.slot USING btree (ends_at) WHERE (NOT settled);

CREATE INDEX staff_grant_area ON public.staff_grant USING btree (area_id);

CREATE INDEX staff_grant_granted_by ON public.staff_grant USING btree (granted_by);

CREATE INDEX staff_grant_provider ON public.staff_grant USING btree (provider_id);

CREATE INDEX staff_sign_in_since ON public.staff_sign_in USING btree (since);

CREATE INDEX suspension_lifted_by ON public.suspension USING btree (lifted_by);

CREATE INDEX suspension_person ON public.suspension USING btree (person_id, provider_id);

CREATE INDEX suspension_policy ON public.suspension USING btree (policy_id);

CREATE INDEX suspension_provider ON public.suspension USING btree (provider_id);

CREATE INDEX team_area ON public.team USING btree (area_id);

CREATE INDEX team_leader_appointed_by ON public.team_leader USING btree (appointed_by);

CREATE INDEX team_leader_ended_by ON public.team_leader USING btree (ended_by);

CREATE UNIQUE INDEX team_leader_live ON public.team_leader USING btree (team_id, volunteer_id) WHERE (ended_at IS NULL);

CREATE INDEX team_leader_volunteer ON public.team_leader USING btree (volunteer_id);

CREATE INDEX volunteer_area_area ON public.volunteer_area USING btree (area_id);

CREATE INDEX volunteer_decided_by ON public.volunteer USING btree (decided_by);

CREATE INDEX volunteer_team ON public.volunteer USING btree (team_id);

CREATE INDEX waitlist_entry_joined ON public.waitlist_entry USING btree (created_at);

CREATE INDEX waitlist_entry_live ON public.waitlist_entry USING btree (last_day) WHERE (status = ANY (ARRAY['waiting'::text, 'offered'::text]));

CREATE INDEX waitlist_entry_mandate ON public.waitlist_entry USING btree (mandate_id) WHERE (mandate_id IS NOT NULL);

CREATE INDEX waitlist_entry_mandate_made ON public.waitlist_entry USING btree (booked_by, created_at) WHERE (mandate_id IS NOT NULL);

CREATE INDEX waitlist_entry_waiting ON public.waitlist_entry USING btree (service_id, place) WHERE (status = 'waiting'::text);

CREATE INDEX waitlist_member_person ON public.waitlist_member USING btree (person_id);

CREATE TRIGGER account_announce BEFORE UPDATE OF status, version ON public.account FOR EACH ROW EXECUTE FUNCTION public.account_announce();

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER booking_person_stays BEFORE UPDATE OF person_id ON public.booking FOR EACH ROW WHEN ((old.person_id <> new.person_id)) EXECUTE FUNCTION public.booking_person_stays();

CREATE TRIGGER clinic_day_announce AFTER INSERT OR UPDATE OF version ON public.clinic_day FOR EACH ROW EXECUTE FUNCTION public.clinic_day_announce();

CREATE TRIGGER enrolment_choice_listed BEFORE INSERT OR DELETE OR UPDATE ON public.enrolment_choice FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_listed();

CREATE TRIGGER enrolment_claim_listed BEFORE INSERT OR DELETE OR UPDATE OF enrolment_id, group_id, status ON public.enrolment_claim FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_listed();

CREATE TRIGGER enrolment_draw_guard BEFORE DELETE OR UPDATE ON public.enrolment_draw FOR EACH ROW EXECUTE FUNCTION public.enrolment_draw_guard();

CREATE TRIGGER enrolment_draw_in_time BEFORE INSERT OR UPDATE ON public.enrolment_draw FOR EACH ROW EXECUTE FUNCTION public.enrolment_draw_in_time();

CREATE TRIGGER enrolment_draw_no_truncate BEFORE TRUNCATE ON public.enrolment_draw FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER enrolment_event_append_only BEFORE DELETE OR UPDATE OF id, enrolment_id, at, actor_id, was, state, because, n ON public.enrolment_event FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER enrolment_event_facts_append_only BEFORE UPDATE OF facts ON public.enrolment_event FOR EACH ROW WHEN ((new.facts <> '{}'::jsonb)) EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER enrolment_guard BEFORE UPDATE ON public.enrolment FOR EACH ROW EXECUTE FUNCTION public.enrolment_guard();

CREATE TRIGGER enrolment_round_guard BEFORE UPDATE ON public.enrolment_round FOR EACH ROW EXECUTE FUNCTION public.enrolment_round_guard();

CREATE TRIGGER enrolment_round_keep BEFORE DELETE ON public.enrolment_round FOR EACH ROW WHEN ((old.stage <> 'draft'::text)) EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER help_event_append_only BEFORE DELETE OR UPDATE OF id, request_id, at, actor_id, volunteer_id, was, state, because, n ON public.help_event FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER help_event_facts_append_only BEFORE UPDATE OF facts ON public.help_event FOR EACH ROW WHEN ((new.facts <> '{}'::jsonb)) EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER nursery_class_seats AFTER UPDATE OF seats ON public.nursery_class FOR EACH ROW WHEN ((new.seats < old.seats)) EXECUTE FUNCTION public.nursery_class_shrunk();

CREATE TRIGGER nursery_place_seats AFTER INSERT OR UPDATE OF class_id, status, starts_on, ends_on ON public.nursery_place FOR EACH ROW WHEN ((new.status <> 'cancelled'::text)) EXECUTE FUNCTION public.nursery_class_full();

CREATE TRIGGER priority_group_announced BEFORE INSERT OR DELETE OR UPDATE ON public.priority_group FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_announced();

CREATE TRIGGER programme_announced BEFORE INSERT OR DELETE OR UPDATE ON public.programme FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_announced();

CREATE TRIGGER programme_reserve_announced BEFORE INSERT OR DELETE OR UPDATE ON public.programme_reserve FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_announced();

CREATE TRIGGER programme_seat_announced BEFORE INSERT OR DELETE OR UPDATE ON public.programme_seat FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_announced();

CREATE TRIGGER service_has_waitlist AFTER INSERT ON public.service FOR EACH ROW EXECUTE FUNCTION public.service_has_waitlist();

CREATE TRIGGER session_announce AFTER UPDATE OF ended_at ON public.session FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT NULL))) EXECUTE FUNCTION public.session_announce();

CREATE TRIGGER staff_grant_raise_version AFTER INSERT OR DELETE OR UPDATE ON public.staff_grant FOR EACH ROW EXECUTE FUNCTION public.staff_grant_raise_version();

CREATE TRIGGER volunteer_raise_version AFTER UPDATE OF status ON public.volunteer FOR EACH ROW WHEN (((old.status = 'approved'::text) <> (new.status = 'approved'::text))) EXECUTE FUNCTION public.volunteer_raise_version();

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_suspension_id_fkey FOREIGN KEY (suspension_id) REFERENCES public.suspension(id);

ALTER TABLE ONLY public.area
    ADD CONSTRAINT area_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_booked_by_fkey FOREIGN KEY (booked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_mandate_id_fkey FOREIGN KEY (mandate_id) REFERENCES public.mandate(id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_moved_from_fkey FOREIGN KEY (moved_from) REFERENCES public.booking(id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_slot_id_channel_fkey FOREIGN KEY (slot_id, channel) REFERENCES public.slot_pool(slot_id, channel);

ALTER TABLE ONLY public.calendar_day
    ADD CONSTRAINT calendar_day_set_by_fkey FOREIGN KEY (set_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.calendar_year
    ADD CONSTRAINT calendar_year_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.care
    ADD CONSTRAINT care_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.care
    ADD CONSTRAINT care_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.care_request
    ADD CONSTRAINT care_request_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.care_request
    ADD CONSTRAINT care_request_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.care_request
    ADD CONSTRAINT care_request_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.clinic_day
    ADD CONSTRAINT clinic_day_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.closure
    ADD CONSTRAINT closure_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.closure
    ADD CONSTRAINT closure_lifted_by_fkey FOREIGN KEY (lifted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.closure
    ADD CONSTRAINT closure_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id);

ALTER TABLE ONLY public.closure
    ADD CONSTRAINT closure_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.emergency_contact
    ADD CONSTRAINT emergency_contact_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.emergency_contact
    ADD CONSTRAINT emergency_contact_set_by_fkey FOREIGN KEY (set_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_choice
    ADD CONSTRAINT enrolment_choice_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.enrolment_choice
    ADD CONSTRAINT enrolment_choice_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES public.programme(id);

ALTER TABLE ONLY public.enrolment_claim
    ADD CONSTRAINT enrolment_claim_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.enrolment_claim
    ADD CONSTRAINT enrolment_claim_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.priority_group(id);

ALTER TABLE ONLY public.enrolment_document
    ADD CONSTRAINT enrolment_document_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.enrolment_document
    ADD CONSTRAINT enrolment_document_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.priority_group(id);

ALTER TABLE ONLY public.enrolment_draw
    ADD CONSTRAINT enrolment_draw_drawn_by_fkey FOREIGN KEY (drawn_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_draw
    ADD CONSTRAINT enrolment_draw_frozen_by_fkey FOREIGN KEY (frozen_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_draw
    ADD CONSTRAINT enrolment_draw_round_id_fkey FOREIGN KEY (round_id) REFERENCES public.enrolment_round(id);

ALTER TABLE ONLY public.enrolment_event
    ADD CONSTRAINT enrolment_event_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_event
    ADD CONSTRAINT enrolment_event_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.enrolment_offer
    ADD CONSTRAINT enrolment_offer_answered_by_fkey FOREIGN KEY (answered_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_offer
    ADD CONSTRAINT enrolment_offer_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.enrolment_offer
    ADD CONSTRAINT enrolment_offer_seat_id_fkey FOREIGN KEY (seat_id) REFERENCES public.programme_seat(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_reviewer_id_fkey FOREIGN KEY (reviewer_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_round
    ADD CONSTRAINT enrolment_round_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.enrolment_round
    ADD CONSTRAINT enrolment_round_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_round_id_fkey FOREIGN KEY (round_id) REFERENCES public.enrolment_round(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_seat_id_fkey FOREIGN KEY (seat_id) REFERENCES public.programme_seat(id);

ALTER TABLE ONLY public.enrolment_verdict
    ADD CONSTRAINT enrolment_verdict_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.enrolment_verdict
    ADD CONSTRAINT enrolment_verdict_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.enrolment_verdict
    ADD CONSTRAINT enrolment_verdict_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_alarm
    ADD CONSTRAINT help_alarm_closed_by_fkey FOREIGN KEY (closed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_alarm
    ADD CONSTRAINT help_alarm_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_alarm
    ADD CONSTRAINT help_alarm_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.help_alarm
    ADD CONSTRAINT help_alarm_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_complaint
    ADD CONSTRAINT help_complaint_answered_by_fkey FOREIGN KEY (answered_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_complaint
    ADD CONSTRAINT help_complaint_made_by_fkey FOREIGN KEY (made_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_complaint
    ADD CONSTRAINT help_complaint_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_complaint
    ADD CONSTRAINT help_complaint_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.help_complaint
    ADD CONSTRAINT help_complaint_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_event
    ADD CONSTRAINT help_event_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_event
    ADD CONSTRAINT help_event_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_event
    ADD CONSTRAINT help_event_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_hours_correction
    ADD CONSTRAINT help_hours_correction_corrected_by_fkey FOREIGN KEY (corrected_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_hours_correction
    ADD CONSTRAINT help_hours_correction_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_hours(request_id);

ALTER TABLE ONLY public.help_hours
    ADD CONSTRAINT help_hours_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_hours
    ADD CONSTRAINT help_hours_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.help_hours
    ADD CONSTRAINT help_hours_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_offer
    ADD CONSTRAINT help_offer_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_offer
    ADD CONSTRAINT help_offer_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_policy
    ADD CONSTRAINT help_policy_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.help_policy
    ADD CONSTRAINT help_policy_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_rating
    ADD CONSTRAINT help_rating_rated_by_fkey FOREIGN KEY (rated_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_rating
    ADD CONSTRAINT help_rating_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_rating
    ADD CONSTRAINT help_rating_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.booking(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT help_request_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.help_work
    ADD CONSTRAINT help_work_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.help_request(id);

ALTER TABLE ONLY public.help_work
    ADD CONSTRAINT help_work_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_consented_by_fkey FOREIGN KEY (consented_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.file(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_revoked_by_fkey FOREIGN KEY (revoked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.mandate
    ADD CONSTRAINT mandate_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.nursery_class
    ADD CONSTRAINT nursery_class_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.nursery_class
    ADD CONSTRAINT nursery_class_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id);

ALTER TABLE ONLY public.nursery_leave
    ADD CONSTRAINT nursery_leave_place_id_fkey FOREIGN KEY (place_id) REFERENCES public.nursery_place(id);

ALTER TABLE ONLY public.nursery_leave
    ADD CONSTRAINT nursery_leave_recorded_by_fkey FOREIGN KEY (recorded_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.nursery_norm
    ADD CONSTRAINT nursery_norm_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_changed_by_fkey FOREIGN KEY (changed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_class_id_fkey FOREIGN KEY (class_id) REFERENCES public.nursery_class(id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_enrolment_id_fkey FOREIGN KEY (enrolment_id) REFERENCES public.enrolment(id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_moved_from_fkey FOREIGN KEY (moved_from) REFERENCES public.nursery_place(id);

ALTER TABLE ONLY public.nursery_place
    ADD CONSTRAINT nursery_place_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.place_kept_back
    ADD CONSTRAINT place_kept_back_slot_id_channel_fkey FOREIGN KEY (slot_id, channel) REFERENCES public.slot_pool(slot_id, channel);

ALTER TABLE ONLY public.place_offer
    ADD CONSTRAINT place_offer_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.booking(id);

ALTER TABLE ONLY public.place_offer
    ADD CONSTRAINT place_offer_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.waitlist_entry(id);

ALTER TABLE ONLY public.place_offer
    ADD CONSTRAINT place_offer_slot_id_channel_fkey FOREIGN KEY (slot_id, channel) REFERENCES public.slot_pool(slot_id, channel);

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id);

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.priority_group
    ADD CONSTRAINT priority_group_round_id_fkey FOREIGN KEY (round_id) REFERENCES public.enrolment_round(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.programme
    ADD CONSTRAINT programme_class_id_fkey FOREIGN KEY (class_id) REFERENCES public.nursery_class(id);

ALTER TABLE ONLY public.programme_reserve
    ADD CONSTRAINT programme_reserve_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.priority_group(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.programme_reserve
    ADD CONSTRAINT programme_reserve_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES public.programme(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.programme
    ADD CONSTRAINT programme_round_id_fkey FOREIGN KEY (round_id) REFERENCES public.enrolment_round(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.programme_seat
    ADD CONSTRAINT programme_seat_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES public.programme(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.provider
    ADD CONSTRAINT provider_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.queue_ticket
    ADD CONSTRAINT queue_ticket_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.booking(id);

ALTER TABLE ONLY public.queue_ticket
    ADD CONSTRAINT queue_ticket_service_id_resource_day_fkey FOREIGN KEY (service_id, resource, day) REFERENCES public.clinic_day(service_id, resource, day);

ALTER TABLE ONLY public.refresh_token
    ADD CONSTRAINT refresh_token_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.schedule_exception
    ADD CONSTRAINT schedule_exception_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.schedule_exception
    ADD CONSTRAINT schedule_exception_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES public.schedule(id);

ALTER TABLE ONLY public.schedule_exception_session
    ADD CONSTRAINT schedule_exception_session_exception_id_fkey FOREIGN KEY (exception_id) REFERENCES public.schedule_exception(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.schedule_session
    ADD CONSTRAINT schedule_session_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES public.schedule(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.service
    ADD CONSTRAINT service_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_closure_id_fkey FOREIGN KEY (closure_id) REFERENCES public.closure(id);

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES public.policy(id);

ALTER TABLE ONLY public.slot_pool
    ADD CONSTRAINT slot_pool_slot_id_fkey FOREIGN KEY (slot_id) REFERENCES public.slot(id);

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES public.schedule(id);

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.staff
    ADD CONSTRAINT staff_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.staff_grant
    ADD CONSTRAINT staff_grant_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.staff(account_id);

ALTER TABLE ONLY public.staff_grant
    ADD CONSTRAINT staff_grant_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.staff_grant
    ADD CONSTRAINT staff_grant_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.staff_grant
    ADD CONSTRAINT staff_grant_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id);

ALTER TABLE ONLY public.suspension
    ADD CONSTRAINT suspension_lifted_by_fkey FOREIGN KEY (lifted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.suspension
    ADD CONSTRAINT suspension_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.suspension
    ADD CONSTRAINT suspension_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES public.policy(id);

ALTER TABLE ONLY public.suspension
    ADD CONSTRAINT suspension_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id);

ALTER TABLE ONLY public.team
    ADD CONSTRAINT team_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.team_leader
    ADD CONSTRAINT team_leader_appointed_by_fkey FOREIGN KEY (appointed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.team_leader
    ADD CONSTRAINT team_leader_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.team_leader
    ADD CONSTRAINT team_leader_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.team_leader
    ADD CONSTRAINT team_leader_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.volunteer
    ADD CONSTRAINT volunteer_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.volunteer_area
    ADD CONSTRAINT volunteer_area_area_id_fkey FOREIGN KEY (area_id) REFERENCES public.area(id);

ALTER TABLE ONLY public.volunteer_area
    ADD CONSTRAINT volunteer_area_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.volunteer_day_off
    ADD CONSTRAINT volunteer_day_off_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.volunteer
    ADD CONSTRAINT volunteer_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.volunteer_hours
    ADD CONSTRAINT volunteer_hours_volunteer_id_fkey FOREIGN KEY (volunteer_id) REFERENCES public.volunteer(id);

ALTER TABLE ONLY public.volunteer
    ADD CONSTRAINT volunteer_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.team(id);

ALTER TABLE ONLY public.waitlist_entry
    ADD CONSTRAINT waitlist_entry_booked_by_fkey FOREIGN KEY (booked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.waitlist_entry
    ADD CONSTRAINT waitlist_entry_mandate_id_fkey FOREIGN KEY (mandate_id) REFERENCES public.mandate(id);

ALTER TABLE ONLY public.waitlist_entry
    ADD CONSTRAINT waitlist_entry_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.waitlist(service_id);

ALTER TABLE ONLY public.waitlist_member
    ADD CONSTRAINT waitlist_member_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.waitlist_entry(id);

ALTER TABLE ONLY public.waitlist_member
    ADD CONSTRAINT waitlist_member_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);

ALTER TABLE ONLY public.waitlist
    ADD CONSTRAINT waitlist_service_id_fkey FOREIGN KEY (service_id) REFERENCES public.service(id);

ALTER TABLE ONLY public.wechat_identity
    ADD CONSTRAINT wechat_identity_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);
