-- Volunteers and mandates in full; help requests, their dispatch, hours, thanks and alarms.

alter table provider
    add column latitude double precision check (latitude between -90 and 90),
    add column longitude double precision check (longitude between -180 and 180),
    add constraint provider_position check ((latitude is null) = (longitude is null));
comment on column provider.latitude is 'WGS 84 degrees, where a volunteer''s start or end can be confirmed by position';

-- Volunteers: what they can do and when.

alter table volunteer drop constraint volunteer_languages_check;
alter table volunteer
    add constraint volunteer_languages_check
        check (languages <@ array['zh', 'mn', 'csl'] and cardinality(languages) > 0),
    add column abilities text[] not null default '{book}'
        check (abilities <@ array['book', 'accompany', 'drive'] and cardinality(abilities) > 0),
    add column decision_reason text not null default '',
    add column suspended_at timestamptz;
comment on column volunteer.decision_reason is 'why suspended, dismissed or reinstated; for the team''s leader and staff';
comment on column volunteer.suspended_at is
    'when last suspended, dismissed or refused; stays when the account goes, for whoever decides about the person anew';
update volunteer set suspended_at = decided_at where status = 'suspended';

create table volunteer_hours (
    volunteer_id uuid not null references volunteer,
    weekday integer not null check (weekday between 1 and 7),
    from_minute integer not null check (from_minute between 0 and 1439),
    until_minute integer not null check (until_minute <= 1440),
    primary key (volunteer_id, weekday, from_minute),
    check (until_minute > from_minute),
    constraint volunteer_hours_apart exclude using gist (
        volunteer_id with =, weekday with =, int4range(from_minute, until_minute) with &&)
);
comment on table volunteer_hours is 'when a volunteer can be asked, week by week; no row: never';
comment on column volunteer_hours.from_minute is 'minutes of the local day';

insert into volunteer_hours (volunteer_id, weekday, from_minute, until_minute)
select volunteer.id, weekday, 480, 1080 from volunteer cross join generate_series(1, 7) as weekday
where volunteer.status <> 'left';

create table volunteer_day_off (
    volunteer_id uuid not null references volunteer,
    first_day date not null,
    last_day date not null,
    primary key (volunteer_id, first_day),
    check (last_day between first_day and first_day + 366),
    constraint volunteer_days_off_apart exclude using gist (
        volunteer_id with =, daterange(first_day, last_day, '[]') with &&)
);

create table team_leader (
    id uuid primary key,
    team_id uuid not null references team,
    volunteer_id uuid not null references volunteer,
    since timestamptz not null,
    appointed_by uuid references account,
    ended_at timestamptz,
    ended_by uuid references account,
    check ((ended_at is null) = (ended_by is null))
);
comment on column team_leader.appointed_by is 'null: as the demo data have it';
comment on table team_leader is 'leads only while an approved volunteer of the same team; see the function leads_team';
create unique index team_leader_live on team_leader (team_id, volunteer_id) where ended_at is null;
create index team_leader_volunteer on team_leader (volunteer_id);
create index team_leader_appointed_by on team_leader (appointed_by);
create index team_leader_ended_by on team_leader (ended_by);

create function leads_team(leading_account uuid, of_team uuid) returns boolean language sql stable as $$
    select exists (
        select from team_leader
        join volunteer on volunteer.id = team_leader.volunteer_id
        where team_leader.team_id = of_team and team_leader.ended_at is null
          and volunteer.account_id = leading_account and volunteer.team_id = of_team
          and volunteer.status = 'approved')
$$;
comment on function leads_team is 'whether an account leads a team now: appointed, and still serving in it';

-- Rules of help, as versions.

create table help_policy (
    id uuid primary key,
    area_id uuid references area,
    version integer not null,
    round_sizes integer[] not null default '{3,5,8}'
        check (0 < all (round_sizes) and cardinality(round_sizes) between 1 and 10),
    round_minutes integer not null default 30 check (round_minutes between 1 and 1440),
    quiet_from time default '21:00',
    quiet_until time default '07:00',
    alarm_hours integer not null default 24 check (alarm_hours between 0 and 336),
    load_days integer not null default 28 check (load_days between 1 and 366),
    limit_tasks integer not null default 5 check (limit_tasks > 0),
    limit_persons_day integer not null default 5 check (limit_persons_day > 0),
    limit_uses_day integer not null default 10 check (limit_uses_day > 0),
    limit_minutes_day integer not null default 480 check (limit_minutes_day between 1 and 1440),
    before_minutes integer not null default 60 check (before_minutes between 0 and 720),
    after_minutes integer not null default 60 check (after_minutes between 0 and 720),
    position_metres integer not null default 300 check (position_metres between 10 and 10000),
    unconfirmed_hours integer not null default 24 check (unconfirmed_hours between 1 and 720),
    odd_days integer not null default 7 check (odd_days between 1 and 90),
    odd_persons integer not null default 10 check (odd_persons > 1),
    odd_same_address integer not null default 3 check (odd_same_address > 1),
    odd_retaken integer not null default 3 check (odd_retaken > 1),
    night_from time not null default '22:00',
    night_until time not null default '06:00',
    created_at timestamptz not null,
    created_by uuid references account,
    check ((quiet_from is null) = (quiet_until is null)),
    unique nulls not distinct (area_id, version)
);
comment on table help_policy is
    'versions of the rules of help of one area and all below it, or (null) everywhere; see the function ruling_help_policy';
comment on column help_policy.round_sizes is 'how many are asked in the first round, the second, …';
comment on column help_policy.round_minutes is 'how long a round waits, quiet hours not counted';
comment on column help_policy.alarm_hours is 'so long before its first possible time a request that nobody has taken alarms the leader';
comment on column help_policy.load_days is 'tasks of so many days back count as a volunteer''s load';
comment on column help_policy.limit_tasks is 'requests that one volunteer may have accepted at a time';
comment on column help_policy.limit_persons_day is 'persons for whom one volunteer may act on one day, by the day of the act';
comment on column help_policy.limit_uses_day is 'uses of mandates by one volunteer on one day, by the day of the act';
comment on column help_policy.limit_minutes_day is 'work claimed by one volunteer on one day';
comment on column help_policy.before_minutes is 'how long before a booked slot a companion or driver is bound';
comment on column help_policy.position_metres is 'how near to the provider counts as there';
comment on column help_policy.unconfirmed_hours is 'so long after its end a task that was not completed alarms the leader';
comment on column help_policy.odd_days is 'odd patterns are looked for in so many days back';
create index help_policy_created_by on help_policy (created_by);
insert into help_policy (id, version, created_at) values ('00000000-0000-7000-8000-000000000002', 1, '2000-01-01T00:00:00Z');

create function ruling_help_policy(of_area uuid) returns uuid language sql stable as $$
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
comment on function ruling_help_policy is 'the newest rules of the nearest area upwards that has its own, else of everywhere';

-- Mandates in full.

alter table mandate
    alter column volunteer_id drop not null,
    add column team_id uuid references team,
    add column max_uses integer check (max_uses between 1 and 1000),
    add constraint mandate_holder check (num_nonnulls(volunteer_id, team_id) = 1),
    drop constraint mandate_one_live,
    add constraint mandate_one_live exclude using gist (
        person_id with =, volunteer_id with =, tstzrange(consented_at, expires_at) with &&)
        where (status = 'active' and max_uses is null),
    add constraint mandate_one_live_of_team exclude using gist (
        person_id with =, team_id with =, tstzrange(consented_at, expires_at) with &&)
        where (status = 'active' and max_uses is null),
    add constraint mandate_second_person check (
        consent_way <> 'desk' or status <> 'active' or (consented_by is not null and consented_by <> requested_by))
        not valid;
comment on constraint mandate_second_person on mandate is
    'a paper holds once somebody else than whoever entered it has looked at it; older ones stay as they were';
comment on column mandate.max_uses is
    'bookings that may be made under it, also those cancelled later; null: as many as the period allows';
create index mandate_team on mandate (team_id);
create index mandate_paper_pending on mandate (created_at) where status = 'pending' and consent_way = 'desk';
create index booking_mandate_made on booking (booked_by, created_at) where mandate_id is not null;
create index waitlist_entry_mandate_made on waitlist_entry (booked_by, created_at) where mandate_id is not null;

-- Persons without an account.

alter table person add column team_id uuid references team;
comment on column person.team_id is 'whose leader registered the person on a visit; such a person stays when the last carer goes';
create index person_team on person (team_id, id) where team_id is not null;

create table emergency_contact (
    person_id uuid primary key references person,
    name_sealed bytea not null,
    phone_sealed bytea not null,
    set_by uuid not null references account,
    set_at timestamptz not null
);
create index emergency_contact_set_by on emergency_contact (set_by);

-- Help requests.

create table help_request (
    id uuid primary key,
    person_id uuid not null references person,
    team_id uuid not null references team,
    area_id uuid not null references area,
    asked_by uuid not null references account,
    asked_way text not null check (asked_way in ('self', 'family', 'phone', 'visit')),
    matter text not null check (matter in (
        'medical', 'elder_care', 'insurance', 'employment', 'housing', 'assistance', 'nursery', 'education', 'other')),
    service_id uuid references service,
    needs_booking boolean not null,
    needs_companion boolean not null,
    needs_ride boolean not null,
    need_sealed bytea,
    language text not null check (language in ('zh', 'mn', 'csl')),
    pickup_sealed bytea,
    pickup_index bytea,
    mobility_sealed bytea,
    contact_phone_sealed bytea,
    wished_days date[] not null check (cardinality(wished_days) between 1 and 14),
    part_of_day text not null check (part_of_day in ('any', 'morning', 'afternoon')),
    starts_at timestamptz,
    ends_at timestamptz,
    booking_id uuid references booking,
    state text not null default 'open' check (state in (
        'open', 'offered', 'accepted', 'booked', 'under_way', 'completed', 'cancelled', 'expired')),
    volunteer_id uuid references volunteer,
    round integer not null default 0,
    next_round_at timestamptz,
    alarmed_at timestamptz,
    expires_at timestamptz not null,
    start_code text check (start_code ~ '^[0-9]{6}$'),
    end_code text check (end_code ~ '^[0-9]{6}$'),
    code_attempts_left integer not null default 10 check (code_attempts_left >= 0),
    codes_sent integer not null default 0 check (codes_sent >= 0),
    codes_sent_at timestamptz,
    seen integer not null default 1,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    check (needs_booking or needs_companion or needs_ride),
    check (service_id is not null or need_sealed is not null or state in ('completed', 'cancelled', 'expired')),
    check (not needs_ride or pickup_sealed is not null or state in ('completed', 'cancelled', 'expired')),
    check ((starts_at is null) = (ends_at is null)),
    check (ends_at > starts_at),
    constraint help_request_somebody check (
        (state in ('accepted', 'booked', 'under_way', 'completed')) = (volunteer_id is not null)),
    constraint help_request_time_known check (state not in ('booked', 'under_way') or starts_at is not null)
);
comment on table help_request is
    'somebody needs help; its state is changed by domain.help_states alone, which writes a help_event with it';
comment on column help_request.area_id is 'the township: where the person is met';
comment on column help_request.team_id is 'whose leader is answerable for it';
comment on column help_request.starts_at is 'when the help is needed, once that is known: by the booking, or agreed';
comment on column help_request.booking_id is 'the standing booking; a moved one is replaced, a cancelled one leaves null';
comment on column help_request.pickup_index is 'blind index of the normalised address: many persons at one address are noticed';
comment on column help_request.next_round_at is 'when the dispatch looks at it; null: not';
comment on column help_request.seen is 'raised by a repeat, so that its answer waits for the standby as the first one did';
comment on column help_request.start_code is 'family and elder have it; who says it was there';
comment on column help_request.codes_sent is 'texts with both codes since somebody took it, where no account cares for the person';
create index help_request_person on help_request (person_id, id);
create index help_request_team on help_request (team_id, state, id);
create index help_request_area on help_request (area_id, state, id);
create index help_request_asked_by on help_request (asked_by);
create index help_request_service on help_request (service_id);
create index help_request_volunteer on help_request (volunteer_id, id) where volunteer_id is not null;
create index help_request_held on help_request (volunteer_id)
    where state in ('accepted', 'booked', 'under_way');
create index help_request_done on help_request (volunteer_id, changed_at) where state = 'completed';
create index help_request_booking on help_request (booking_id) where booking_id is not null;
create unique index help_request_booking_live on help_request (booking_id)
    where booking_id is not null and state in ('open', 'offered', 'accepted', 'booked', 'under_way');
create index help_request_due on help_request (next_round_at) where next_round_at is not null;
create index help_request_unconfirmed on help_request (ends_at) where state in ('booked', 'under_way');
create index help_request_ends on help_request ((least(expires_at, starts_at)))
    where state in ('open', 'offered', 'accepted');

create function same_human(one_account uuid, other_account uuid) returns boolean language sql stable as $$
    select one_account = other_account or exists (
        select from care as one join care as other on other.person_id = one.person_id
        where one.account_id = one_account and one.relation = 'self'
          and other.account_id = other_account and other.relation = 'self')
$$;
comment on function same_human is
    'whether two accounts are, or were, the same person''s: who deletes one and registers again stays who it was';

create function mandates_in_hand(acting_account uuid, at timestamptz)
returns table (mandate_id uuid, person_id uuid) language sql stable as $$
    select mandate.id, mandate.person_id
    from volunteer
    join mandate on mandate.volunteer_id = volunteer.id
    where volunteer.account_id = acting_account and volunteer.status = 'approved'
      and mandate.status = 'active' and mandate.expires_at > at
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
    'what an account may act under now: mandates of its own, and its team''s for whom it helps at the moment';

create or replace function waitlist_visible(of_entry uuid, of_mandate uuid, by_account uuid, at timestamptz)
returns boolean language sql stable as $$
    select waitlist_cared(of_entry, by_account) or exists (
        select from mandates_in_hand(by_account, at) as held where held.mandate_id = of_mandate)
$$;

create table help_event (
    id uuid primary key,
    request_id uuid not null references help_request,
    at timestamptz not null,
    actor_id uuid references account,
    volunteer_id uuid references volunteer,
    was text,
    state text not null,
    because text not null,
    facts jsonb not null default '{}',
    n bigint not null generated always as identity
);
comment on table help_event is 'each change of a help request; append-only';
comment on column help_event.facts is 'a reason in words can be among them; emptied when the person is erased';
comment on column help_event.actor_id is 'null: time or the dispatch did it';
comment on column help_event.volunteer_id is 'whom it is about, where it is about one';
comment on column help_event.n is 'their order: ids and moments of one transaction have none';
create index help_event_request on help_event (request_id, n);
create index help_event_actor on help_event (actor_id, id);
create index help_event_volunteer on help_event (volunteer_id, id);
create index help_event_taken on help_event (request_id, volunteer_id) where because in ('accepted', 'assigned');
create trigger help_event_append_only
    before delete or update of id, request_id, at, actor_id, volunteer_id, was, state, because, n on help_event
    for each row execute function refuse_change();
create trigger help_event_facts_append_only before update of facts on help_event
    for each row when (new.facts <> '{}') execute function refuse_change();

create table help_offer (
    id uuid primary key,
    request_id uuid not null references help_request,
    volunteer_id uuid not null references volunteer,
    round integer not null,
    status text not null default 'live' check (status in ('live', 'accepted', 'declined', 'lapsed', 'withdrawn')),
    reasons jsonb not null,
    offered_at timestamptz not null,
    answer_by timestamptz not null,
    answered_at timestamptz
);
comment on table help_offer is 'who was asked for which request, and why';
comment on column help_offer.reasons is 'what spoke for this volunteer when asked: area, language, abilities, mandate, load';
create index help_offer_request on help_offer (request_id, offered_at);
create unique index help_offer_live on help_offer (volunteer_id, request_id) where status = 'live';
create index help_offer_volunteer on help_offer (volunteer_id, offered_at);
create index help_offer_lapsed on help_offer (volunteer_id, offered_at) where status = 'lapsed';

create table help_work (
    id uuid primary key,
    request_id uuid not null references help_request,
    volunteer_id uuid not null references volunteer,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    state text not null default 'held' check (state in ('held', 'done', 'released')),
    check (ends_at > starts_at),
    constraint help_work_apart exclude using gist (
        volunteer_id with =, tstzrange(starts_at, ends_at) with &&) where (state <> 'released')
);
comment on table help_work is 'when a volunteer is bound as companion or driver; two such times never overlap';
create unique index help_work_held on help_work (request_id) where state = 'held';
create index help_work_request on help_work (request_id);

-- Hours, thanks, complaints.

create table help_hours (
    request_id uuid primary key references help_request,
    volunteer_id uuid not null references volunteer,
    team_id uuid not null references team,
    started_at timestamptz not null,
    started_way text not null check (started_way in ('code', 'position', 'leader')),
    ended_at timestamptz,
    ended_way text check (ended_way in ('code', 'position', 'leader', 'time')),
    travel_minutes integer not null default 0 check (travel_minutes >= 0),
    minutes integer check (minutes >= 0),
    check ((ended_at is null) = (ended_way is null)),
    check ((ended_at is null) = (minutes is null)),
    check (ended_at >= started_at),
    constraint help_hours_apart exclude using gist (
        (volunteer_id::text) with =, tstzrange(started_at, ended_at) with &&)
);
comment on table help_hours is 'truthful hours of one task; our own record, no official certificate';
comment on column help_hours.ended_way is 'time: nobody confirmed the end, and no minute counts unless the leader corrects it';
comment on column help_hours.minutes is
    'from start to end without travel, no more than the policy lets one claim on a day; or as corrected last';
create index help_hours_volunteer on help_hours (volunteer_id, started_at);
create index help_hours_team on help_hours (team_id, started_at);

create table help_hours_correction (
    id uuid primary key,
    request_id uuid not null references help_hours,
    corrected_by uuid not null references account,
    corrected_at timestamptz not null,
    minutes_before integer not null,
    minutes_after integer not null check (minutes_after between 0 and 1440),
    reason text not null check (reason <> '')
);
create index help_hours_correction_request on help_hours_correction (request_id, id);
create index help_hours_correction_by on help_hours_correction (corrected_by);

create table help_rating (
    request_id uuid primary key references help_request,
    volunteer_id uuid not null references volunteer,
    rated_by uuid not null references account,
    rated_at timestamptz not null,
    stars integer not null check (stars between 1 and 5),
    thanks text not null default ''
);
create index help_rating_volunteer on help_rating (volunteer_id, rated_at);
create index help_rating_rated_by on help_rating (rated_by);

create table help_complaint (
    id uuid primary key,
    request_id uuid not null references help_request,
    team_id uuid not null references team,
    volunteer_id uuid references volunteer,
    made_by uuid not null references account,
    made_at timestamptz not null,
    words_sealed bytea,
    answered_by uuid references account,
    answered_at timestamptz,
    answer text not null default '',
    check ((answered_at is null) = (answered_by is null))
);
comment on table help_complaint is 'for the team''s leader, unless about the leader, and staff; never public, never to the volunteer';
create index help_complaint_request on help_complaint (request_id);
create index help_complaint_team on help_complaint (team_id, id);
create index help_complaint_volunteer on help_complaint (volunteer_id);
create index help_complaint_made_by on help_complaint (made_by);
create index help_complaint_answered_by on help_complaint (answered_by);

-- Alarms of the team's leader and staff.

create table help_alarm (
    id uuid primary key,
    kind text not null check (kind in (
        'nobody_took', 'unconfirmed', 'many_persons', 'same_address', 'cancelled_and_retaken', 'night_use')),
    team_id uuid not null references team,
    request_id uuid references help_request,
    volunteer_id uuid references volunteer,
    day date not null,
    facts jsonb not null,
    raised_at timestamptz not null,
    closed_at timestamptz,
    closed_by uuid references account,
    outcome text not null default '',
    check (num_nonnulls(request_id, volunteer_id) > 0),
    check ((closed_at is null) = (closed_by is null)),
    constraint help_alarm_once unique nulls not distinct (kind, request_id, volunteer_id, day)
);
comment on table help_alarm is 'what the team''s leader and staff must look at; raised once a day at most for one cause';
create index help_alarm_open on help_alarm (team_id, id) where closed_at is null;
create index help_alarm_team on help_alarm (team_id, id);
create index help_alarm_request on help_alarm (request_id);
create index help_alarm_volunteer on help_alarm (volunteer_id);
create index help_alarm_closed_by on help_alarm (closed_by);

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
    'volunteer_reinstated', 'volunteer_dismissed', 'emergency_contact_changed'));

create function told_as_volunteer(kind text) returns boolean language sql immutable as $$
    select kind in (
        'help_offered', 'help_withdrawn', 'help_alarmed', 'help_thanked', 'help_hours_corrected',
        'volunteer_applied', 'volunteer_approved', 'volunteer_suspended', 'volunteer_reinstated',
        'volunteer_dismissed')
$$;
comment on function told_as_volunteer is
    'whether a notice tells a person what comes of helping others, which is not for who cares for that person to read';
