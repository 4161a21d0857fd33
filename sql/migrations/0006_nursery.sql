-- Nursery enrolment: classes, rounds, applications, the draw, offers, places. And a mandate that is used up shows nothing.

create or replace function mandates_in_hand(acting_account uuid, at timestamptz)
returns table (mandate_id uuid, person_id uuid) language sql stable as $$
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
comment on function mandates_in_hand is
    'what an account may act under now: mandates of its own, but for those whose uses are all made and over, and its team''s for whom it helps at the moment';

-- Nurseries: a provider of that kind has classes; the norm says what a class may be.

create table nursery_norm (
    id uuid primary key,
    kind text not null check (kind in ('infant', 'junior', 'senior', 'mixed')),
    effective_from date not null,
    from_months integer not null check (from_months between 0 and 72),
    until_months integer not null check (until_months between 1 and 84),
    most_seats integer not null check (most_seats > 0),
    children_per_carer integer check (children_per_carer > 0),
    recheck_days integer not null check (recheck_days > 0),
    source text not null,
    created_at timestamptz not null,
    created_by uuid references account,
    check (from_months < until_months),
    unique (kind, effective_from)
);
comment on table nursery_norm is
    'versions of what a class of a kind may be; of those that have come into effect the newest holds';
comment on column nursery_norm.children_per_carer is 'at most so many a carer; null: the norm says nothing';
comment on column nursery_norm.recheck_days is 'a child that was away for longer is checked again before it returns';
create index nursery_norm_created_by on nursery_norm (created_by);
insert into nursery_norm (id, kind, effective_from, from_months, until_months, most_seats, children_per_carer,
                          recheck_days, source, created_at)
select ('00000000-0000-7000-8000-00000000001' || n)::uuid, kind, '2019-10-08', from_months, until_months, most_seats,
    children_per_carer, 92, '托育机构设置标准（试行）、托育机构管理规范（试行）', '2000-01-01T00:00:00Z'
from (values (1, 'infant', 6, 12, 10, 3), (2, 'junior', 12, 24, 15, 5), (3, 'senior', 24, 36, 20, 7),
             (4, 'mixed', 18, 36, 18, null)) as row (n, kind, from_months, until_months, most_seats, children_per_carer);

create table nursery_class (
    id uuid primary key,
    provider_id uuid not null references provider,
    name text not null check (name <> ''),
    kind text not null check (kind in ('infant', 'junior', 'senior', 'mixed')),
    from_months integer not null check (from_months between 0 and 72),
    until_months integer not null check (until_months between 1 and 84),
    seats integer not null check (seats between 1 and 200),
    carers integer not null check (carers between 1 and 100),
    override_reason text not null default '',
    state text not null default 'active' check (state in ('active', 'closed')),
    version integer not null default 1,
    created_at timestamptz not null,
    created_by uuid references account,
    check (from_months < until_months),
    unique (provider_id, name)
);
comment on column nursery_class.override_reason is 'why the class is other than the norm says; empty where it is not';
comment on column nursery_class.until_months is 'full months of age; a child is in as long as it has fewer';
create index nursery_class_created_by on nursery_class (created_by);

create function full_months(born date, on_day date) returns integer language sql immutable as $$
    select (extract(year from age(on_day::timestamp, born::timestamp)) * 12
            + extract(month from age(on_day::timestamp, born::timestamp)))::integer
$$;
comment on function full_months is 'age in full months on a day';

-- Rounds: what is offered to whom, and when.

create table enrolment_round (
    id uuid primary key,
    area_id uuid not null references area,
    name text not null check (name <> ''),
    notes text not null default '',
    reference_date date not null,
    starts_on date not null,
    opens_at timestamptz not null,
    closes_at timestamptz not null,
    review_until timestamptz not null,
    value_source text not null check (value_source <> ''),
    value_due_at timestamptz not null,
    max_ranks integer not null default 5 check (max_ranks between 1 and 20),
    answer_hours integer not null default 72 check (answer_hours between 1 and 720),
    repair_hours integer not null default 72 check (repair_hours between 1 and 720),
    document_days integer not null default 90 check (document_days between 1 and 3650),
    stage text not null default 'draft' check (stage in (
        'draft', 'announced', 'reviewed', 'drawn', 'published', 'offers', 'ended', 'cancelled')),
    stage_reason text not null default '',
    announced_at timestamptz,
    ended_at timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    created_by uuid references account,
    check (opens_at < closes_at and closes_at <= review_until and review_until <= value_due_at)
);
comment on table enrolment_round is 'one enrolment of the nurseries of an area; see the function round_state';
comment on column enrolment_round.reference_date is 'the day on which a child''s age in months counts';
comment on column enrolment_round.starts_on is 'the first day in the nursery for whoever gets a place';
comment on column enrolment_round.value_source is
    'which public value the seed is mixed with, said before anybody can know it: a beacon''s round, a lottery''s draw';
comment on column enrolment_round.value_due_at is 'when that value becomes public; the list is frozen before';
comment on column enrolment_round.stage is 'what staff have done; what time does stands in round_state';
comment on column enrolment_round.document_days is
    'so long after the end the documents of the refused, the withdrawn and those without a place are kept';
create index enrolment_round_area on enrolment_round (area_id);
create index enrolment_round_created_by on enrolment_round (created_by);

create function round_state(stage text, opens_at timestamptz, closes_at timestamptz, at timestamptz)
returns text language sql immutable as $$
    select case when stage <> 'announced' then stage when at < opens_at then 'announced' when at < closes_at then 'open' else 'closed' end
$$;
comment on function round_state is 'announced, open and closed go by the clock; reviewed means that the list is frozen';

create function enrolment_round_guard() returns trigger language plpgsql as $$
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
create trigger enrolment_round_guard before update on enrolment_round
    for each row execute function enrolment_round_guard();
create trigger enrolment_round_keep before delete on enrolment_round
    for each row when (old.stage <> 'draft') execute function refuse_change();

create table priority_group (
    id uuid primary key,
    round_id uuid not null references enrolment_round on delete cascade,
    code text not null check (code ~ '^[a-z][a-z0-9_]{1,39}$'),
    position integer not null,
    name text not null check (name <> ''),
    proof text not null,
    unique (round_id, code)
);
comment on column priority_group.proof is 'which document shows that a child belongs to it, in words';

create table programme (
    id uuid primary key,
    round_id uuid not null references enrolment_round on delete cascade,
    class_id uuid not null references nursery_class,
    from_months integer not null,
    until_months integer not null,
    seats integer not null check (seats between 1 and 200),
    unique (round_id, class_id)
);
comment on table programme is 'a class as one round offers it; ages and seats are those of the announcement';
create index programme_class on programme (class_id);

create table programme_reserve (
    programme_id uuid not null references programme on delete cascade,
    position integer not null,
    group_id uuid not null references priority_group on delete cascade,
    seats integer not null check (seats > 0),
    falls_to text[] not null default '{""}',
    primary key (programme_id, position),
    unique (programme_id, group_id)
);
comment on column programme_reserve.falls_to is
    'codes of the groups to which an unused seat falls open, in order; the empty one is everybody, and without it the seat stays empty';
create index programme_reserve_group on programme_reserve (group_id);

create table programme_seat (
    id uuid primary key,
    programme_id uuid not null references programme on delete cascade,
    number integer not null check (number > 0),
    tiers text[] not null check (cardinality(tiers) > 0),
    unique (programme_id, number)
);
comment on table programme_seat is 'each seat of a programme, made at the announcement: nobody can promise more of them than there are';
comment on column programme_seat.tiers is 'whom it takes, in order: codes of groups, the empty one for everybody; the first is what it is reserved for';

create function refuse_change_of_announced() returns trigger language plpgsql as $$
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
comment on function refuse_change_of_announced is 'neither the round that a row leaves nor the one that it comes to has been announced';
create trigger programme_reserve_announced before insert or update or delete on programme_reserve
    for each row execute function refuse_change_of_announced();
create trigger programme_seat_announced before insert or update or delete on programme_seat
    for each row execute function refuse_change_of_announced();

create trigger priority_group_announced before insert or update or delete on priority_group
    for each row execute function refuse_change_of_announced();
create trigger programme_announced before insert or update or delete on programme
    for each row execute function refuse_change_of_announced();

-- Applications.

create table enrolment (
    id uuid primary key,
    public_id text not null unique check (public_id ~ '^[0-9A-Z]{10}$'),
    salt text not null check (salt ~ '^[0-9a-f]{32}$'),
    round_id uuid not null references enrolment_round,
    person_id uuid not null references person,
    account_id uuid not null references account,
    state text not null default 'draft' check (state in (
        'draft', 'submitted', 'in_review', 'returned', 'accepted', 'refused', 'withdrawn')),
    late boolean not null default false,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    submitted_at timestamptz,
    repair_by timestamptz,
    repair_words text not null default '',
    reviewer_id uuid references account,
    listed_at timestamptz,
    number text check (number ~ '^[0-9a-f]{64}$'),
    seat_id uuid references programme_seat,
    settled boolean not null default false,
    version integer not null default 1,
    check (submitted_at is not null or state in ('draft', 'withdrawn')),
    check ((state = 'returned') = (repair_by is not null)),
    check (number is null or listed_at is not null),
    check (seat_id is null or number is not null),
    check (not late or listed_at is null)
);
comment on table enrolment is 'the application of one child in one round';
comment on column enrolment.public_id is 'what is published of a child instead of a name';
comment on column enrolment.salt is 'hides groups and choices behind their hash until the result opens it';
comment on column enrolment.late is 'handed in after the deadline: in no draw, and behind all who are in it';
comment on column enrolment.listed_at is 'when the list with it was frozen; from then on choices and claims stand';
comment on column enrolment.number is 'of the draw; the lower comes first';
comment on column enrolment.seat_id is 'what the draw gave; null: none';
comment on column enrolment.settled is 'the family keeps what it has and waits for nothing better';
create unique index enrolment_live on enrolment (round_id, person_id) where state not in ('refused', 'withdrawn');
create index enrolment_round_state on enrolment (round_id, state, submitted_at, id);
create unique index enrolment_number on enrolment (round_id, number) where number is not null;
create unique index enrolment_seat on enrolment (seat_id) where seat_id is not null;
create index enrolment_person on enrolment (person_id);
create index enrolment_account on enrolment (account_id, id);
create index enrolment_reviewer on enrolment (reviewer_id);
create index enrolment_repair on enrolment (repair_by) where state = 'returned';

create function enrolment_guard() returns trigger language plpgsql as $$
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
create trigger enrolment_guard before update on enrolment for each row execute function enrolment_guard();

create table enrolment_choice (
    enrolment_id uuid not null references enrolment,
    rank integer not null check (rank > 0),
    programme_id uuid not null references programme,
    primary key (enrolment_id, rank),
    constraint enrolment_choice_once unique (enrolment_id, programme_id)
);
create index enrolment_choice_programme on enrolment_choice (programme_id);

create table enrolment_claim (
    enrolment_id uuid not null references enrolment,
    group_id uuid not null references priority_group,
    status text not null default 'claimed' check (status in ('claimed', 'granted', 'denied')),
    words text not null default '',
    primary key (enrolment_id, group_id)
);
comment on table enrolment_claim is 'a priority that a family claims; only a granted one counts';
comment on column enrolment_claim.words is 'why it was denied';
create index enrolment_claim_group on enrolment_claim (group_id);

create function refuse_change_of_listed() returns trigger language plpgsql as $$
begin
    perform from enrolment where id in (old.enrolment_id, new.enrolment_id) order by id for share;
    if exists (select from enrolment where id in (old.enrolment_id, new.enrolment_id) and listed_at is not null) then
        raise exception 'what was drawn does not change'
            using errcode = 'check_violation', constraint = 'enrolment_frozen';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function refuse_change_of_listed is 'neither the application that a row leaves nor the one that it comes to is on a frozen list';
create trigger enrolment_choice_listed before insert or update or delete on enrolment_choice
    for each row execute function refuse_change_of_listed();
create trigger enrolment_claim_listed before insert or update of enrolment_id, group_id, status or delete on enrolment_claim
    for each row execute function refuse_change_of_listed();

create table enrolment_document (
    file_id uuid primary key,
    enrolment_id uuid not null references enrolment,
    group_id uuid references priority_group,
    kind text not null check (kind in ('identity', 'household', 'claim', 'other')),
    media_type text not null,
    size integer not null,
    added_at timestamptz not null,
    destroyed_at timestamptz,
    check ((group_id is not null) = (kind = 'claim'))
);
comment on table enrolment_document is 'what was handed in; the row outlives the file, the content does not';
comment on column enrolment_document.file_id is 'of the file, as long as it is not destroyed; no reference, since the row stays';
create index enrolment_document_enrolment on enrolment_document (enrolment_id);
create index enrolment_document_group on enrolment_document (group_id);

alter table file drop constraint file_purpose_check;
alter table file add constraint file_purpose_check check (purpose in (
    'mandate_paper', 'enrolment_document', 'nursery_paper'));

create table enrolment_event (
    id uuid primary key,
    enrolment_id uuid not null references enrolment,
    at timestamptz not null,
    actor_id uuid references account,
    was text,
    state text not null,
    because text not null,
    facts jsonb not null default '{}',
    n bigint not null generated always as identity
);
comment on table enrolment_event is 'each change of an application, its offers and its place; append-only';
comment on column enrolment_event.actor_id is 'null: time or the draw did it';
comment on column enrolment_event.n is 'their order: ids and moments of one transaction have none';
create index enrolment_event_enrolment on enrolment_event (enrolment_id, n);
create index enrolment_event_actor on enrolment_event (actor_id, id);
create trigger enrolment_event_append_only
    before delete or update of id, enrolment_id, at, actor_id, was, state, because, n on enrolment_event
    for each row execute function refuse_change();
create trigger enrolment_event_facts_append_only before update of facts on enrolment_event
    for each row when (new.facts <> '{}') execute function refuse_change();

create table enrolment_verdict (
    id uuid primary key,
    enrolment_id uuid not null references enrolment,
    kind text not null check (kind in ('accept', 'refuse')),
    denied uuid[] not null default '{}',
    reason text not null default '' ,
    words text not null default '',
    proposed_by uuid not null references account,
    proposed_at timestamptz not null,
    decided_by uuid references account,
    decided_at timestamptz,
    confirmed boolean,
    check ((decided_by is null) = (decided_at is null) and (decided_by is null) = (confirmed is null)),
    constraint enrolment_verdict_reason check (reason <> '' or (kind = 'accept' and denied = '{}')),
    constraint enrolment_verdict_two_persons check (
        confirmed is not true or decided_by <> proposed_by or (kind = 'accept' and denied = '{}'))
);
comment on table enrolment_verdict is
    'what a reviewer finds; what takes something from a family, a refusal or a denied priority, holds only once a second person has confirmed it';
comment on column enrolment_verdict.denied is 'the groups whose priority is denied';
create unique index enrolment_verdict_open on enrolment_verdict (enrolment_id) where decided_at is null;
create index enrolment_verdict_enrolment on enrolment_verdict (enrolment_id, id);
create index enrolment_verdict_proposed_by on enrolment_verdict (proposed_by);
create index enrolment_verdict_decided_by on enrolment_verdict (decided_by);

-- The draw.

create table enrolment_draw (
    round_id uuid primary key references enrolment_round,
    frozen bytea not null,
    frozen_sha256 text not null,
    frozen_at timestamptz not null,
    frozen_by uuid not null references account,
    public_value text check (public_value <> ''),
    seed text check (seed ~ '^[0-9a-f]{64}$'),
    result bytea,
    drawn_at timestamptz,
    drawn_by uuid references account,
    published_at timestamptz,
    constraint enrolment_draw_hash check (encode(sha256(frozen), 'hex') = frozen_sha256),
    constraint enrolment_draw_two_persons check (drawn_by <> frozen_by),
    check (num_nulls(public_value, seed, result, drawn_at, drawn_by) in (0, 5)),
    check (drawn_at > frozen_at),
    check (published_at is null or drawn_at is not null)
);
comment on table enrolment_draw is 'the frozen list and what came of it; written twice, at the freeze and at the draw, and never again';
comment on column enrolment_draw.frozen is 'the canonical bytes that the hash is of';
comment on column enrolment_draw.result is 'the file as it is published';
create index enrolment_draw_frozen_by on enrolment_draw (frozen_by);
create index enrolment_draw_drawn_by on enrolment_draw (drawn_by);

create function enrolment_draw_in_time() returns trigger language plpgsql as $$
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
create trigger enrolment_draw_in_time before insert or update on enrolment_draw
    for each row execute function enrolment_draw_in_time();

create function enrolment_draw_guard() returns trigger language plpgsql as $$
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
create trigger enrolment_draw_guard before update or delete on enrolment_draw
    for each row execute function enrolment_draw_guard();
create trigger enrolment_draw_no_truncate before truncate on enrolment_draw
    for each statement execute function refuse_change();

-- Offers of seats.

create table enrolment_offer (
    id uuid primary key,
    enrolment_id uuid not null references enrolment,
    seat_id uuid not null references programme_seat,
    way text not null check (way in ('draw', 'queue')),
    status text not null default 'live' check (status in (
        'live', 'accepted', 'declined', 'lapsed', 'withdrawn', 'given_up', 'exchanged')),
    offered_at timestamptz not null,
    answer_by timestamptz not null,
    answered_at timestamptz,
    answered_by uuid references account,
    check ((status = 'live') = (answered_at is null))
);
comment on column enrolment_offer.status is
    'given_up: accepted first and given back later; exchanged: accepted first and left for a better one';
create unique index enrolment_offer_seat on enrolment_offer (seat_id) where status in ('live', 'accepted');
create unique index enrolment_offer_accepted on enrolment_offer (enrolment_id) where status = 'accepted';
create index enrolment_offer_enrolment on enrolment_offer (enrolment_id, id);
create index enrolment_offer_of_seat on enrolment_offer (seat_id);
create index enrolment_offer_due on enrolment_offer (answer_by) where status = 'live';
create index enrolment_offer_answered_by on enrolment_offer (answered_by);

create function claim_tier(tiers text[], groups text[]) returns integer language plpgsql immutable parallel safe as $$
begin
    for tier in 1..cardinality(tiers) loop
        if tiers[tier] = '' or tiers[tier] = any(groups) then
            return tier;
        end if;
    end loop;
    return null;
end $$;
comment on function claim_tier is
    'how early a seat takes a child of some groups: 1 before 2; null: it does not take it at all';

create function granted_groups(of_enrolment uuid) returns text[] language sql stable as $$
    select coalesce(array_agg(priority_group.code order by priority_group.code), '{}')
    from enrolment_claim
    join priority_group on priority_group.id = enrolment_claim.group_id
    where enrolment_claim.enrolment_id = of_enrolment and enrolment_claim.status = 'granted'
$$;
comment on function granted_groups is 'codes of the groups to which a child belongs';

create function enrolment_waiting(wanted uuid)
returns table (enrolment_id uuid, late boolean, number text, submitted_at timestamptz, groups text[])
language sql stable as $$
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
comment on function enrolment_waiting is
    'who waits for a seat of a programme: wants it more than all that is held or offered, and has not let go one of it';

-- Children in classes.

create table nursery_place (
    id uuid primary key,
    person_id uuid not null references person,
    class_id uuid not null references nursery_class,
    enrolment_id uuid references enrolment,
    moved_from uuid references nursery_place,
    status text not null default 'planned' check (status in ('planned', 'confirmed', 'ended', 'cancelled')),
    starts_on date not null,
    ends_on date,
    agreement_on date,
    agreement_file_id uuid,
    health_check_on date,
    vaccination_on date,
    end_reason text not null default '',
    papers_told_at timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    changed_by uuid references account,
    check (ends_on >= starts_on),
    constraint nursery_place_papers check (
        status not in ('confirmed', 'ended') or num_nulls(agreement_on, health_check_on, vaccination_on) = 0),
    constraint nursery_place_once exclude using gist (
        person_id with =, daterange(starts_on, ends_on, '[]') with &&) where (status in ('confirmed', 'ended')),
    constraint nursery_place_planned_once exclude using gist (
        person_id with =, daterange(starts_on, ends_on, '[]') with &&) where (status = 'planned')
);
comment on table nursery_place is
    'a child''s time in one class; days include the first and the last. A place may be planned while the child is in another class';
comment on column nursery_place.status is
    'planned: papers are missing or the day is not fixed; ended: its last day is settled, be it over or still to come; cancelled: the child never came';
comment on column nursery_place.papers_told_at is 'when the family was told which papers are missing';
comment on column nursery_place.moved_from is 'the place from which the child was transferred';
create index nursery_place_class on nursery_place (class_id, starts_on) where status <> 'cancelled';
create index nursery_place_papers_due on nursery_place (starts_on) where status = 'planned' and papers_told_at is null;
create index nursery_place_enrolment on nursery_place (enrolment_id);
create index nursery_place_agreement on nursery_place (agreement_file_id);
create index nursery_place_moved_from on nursery_place (moved_from);
create index nursery_place_changed_by on nursery_place (changed_by);

create table nursery_leave (
    id uuid primary key,
    place_id uuid not null references nursery_place,
    first_day date not null,
    last_day date,
    rechecked_on date,
    words text not null default '',
    recorded_by uuid references account,
    check (last_day >= first_day),
    constraint nursery_leave_apart exclude using gist (
        place_id with =, daterange(first_day, last_day, '[]') with &&)
);
comment on table nursery_leave is 'days on which a child is away and keeps its place; last_day null: until it returns';
comment on column nursery_leave.rechecked_on is 'the new health check, where the absence was longer than the norm allows';
create index nursery_leave_recorded_by on nursery_leave (recorded_by);

create function nursery_class_days(of_class uuid, from_day date, until_day date, of_enrolment uuid default null)
returns table (day date, taken bigint) language sql stable as $$
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
comment on function nursery_class_days is
    'how many seats of a class are taken in a span of days, from each day on which that changes: by children, also while they are on leave, and by seats that a round has announced and no child has yet, but for the one that an enrolment has accepted';

create function nursery_class_full() returns trigger language plpgsql as $$
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
comment on function nursery_class_full is
    'no day has more children in a class than seats, and none takes what a round has promised; only days that a change adds are counted, so that what stands can always be shortened';
create trigger nursery_place_seats after insert or update of class_id, status, starts_on, ends_on on nursery_place
    for each row when (new.status <> 'cancelled') execute function nursery_class_full();

create function nursery_class_shrunk() returns trigger language plpgsql as $$
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
comment on function nursery_class_shrunk is 'a class keeps a seat for everybody who is or will be in it, and what rounds have promised; days that are over do not count';
create trigger nursery_class_seats after update of seats on nursery_class
    for each row when (new.seats < old.seats) execute function nursery_class_shrunk();

alter table consent drop constraint consent_kind_check;
alter table consent add constraint consent_kind_check check (kind in (
    'privacy', 'sensitive_data', 'child_guardian', 'child_enrolment'));

alter table notice drop constraint notice_kind_check;
alter table notice add constraint notice_kind_check check (kind in (
    'mandate_requested', 'mandate_given', 'mandate_revoked', 'mandate_used', 'mandate_use_cancelled',
    'mandate_queued', 'care_requested', 'care_joined',
    'booking_moved', 'booking_cancelled', 'booking_stands', 'rebooking_offered', 'rebooking_lapsed',
    'rebooking_by_phone',
    'place_offered', 'offer_lapsed', 'waitlist_ended',
    'no_show', 'no_show_corrected', 'suspended', 'suspension_lifted', 'appeal_decided',
    'help_asked', 'help_offered', 'help_withdrawn', 'help_accepted', 'help_handed_back', 'help_booked', 'help_moved',
    'help_started', 'help_completed', 'help_cancelled', 'help_expired', 'help_alarmed', 'help_thanked',
    'help_hours_corrected', 'complaint_answered', 'volunteer_applied', 'volunteer_approved', 'volunteer_suspended',
    'volunteer_reinstated', 'volunteer_dismissed', 'emergency_contact_changed',
    'enrolment_submitted', 'enrolment_withdrawn', 'enrolment_returned', 'enrolment_accepted', 'enrolment_refused',
    'enrolment_round_changed', 'enrolment_drawn', 'enrolment_offered', 'enrolment_offer_lapsed',
    'nursery_place_changed', 'nursery_papers_due'));
