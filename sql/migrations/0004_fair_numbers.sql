-- Schedules, waiting, moving, closures and the day itself.

alter table policy
    add column limit_account_day integer not null default 6 check (limit_account_day > 0),
    add column limit_waitlist integer not null default 3 check (limit_waitlist > 0),
    add column return_minutes_min integer not null default 0 check (return_minutes_min >= 0),
    add column return_minutes_max integer not null default 0 check (return_minutes_max <= 1440),
    add column fallback_days integer check (fallback_days between 0 and 30),
    add column fallback_time time,
    add column offer_minutes integer not null default 30 check (offer_minutes between 1 and 1440),
    add column offers_missed integer not null default 2 check (offers_missed between 1 and 100),
    add column offer_quiet_from time,
    add column offer_quiet_until time,
    add column no_show_minutes integer not null default 120 check (no_show_minutes between 0 and 10080),
    add column no_show_count integer not null default 3 check (no_show_count > 0),
    add column no_show_window_days integer not null default 90 check (no_show_window_days between 1 and 366),
    add column suspension_days integer[] not null default '{30,60,90}' check (0 < all (suspension_days)),
    add column late_minutes integer not null default 15 check (late_minutes between 0 and 1440),
    add column late_rule text not null default 'requeue' check (late_rule in ('requeue', 'refuse')),
    add column pass_hours integer not null default 24 check (pass_hours between 1 and 168),
    add check (return_minutes_min <= return_minutes_max),
    add check ((fallback_days is null) = (fallback_time is null)),
    add check ((offer_quiet_from is null) = (offer_quiet_until is null));
comment on column policy.limit_account_day is 'bookings for one day that one account may make for others in its care';
comment on column policy.limit_waitlist is 'live waitlist entries of one person';
comment on column policy.return_minutes_min is
    'a returned place goes to the pool after a random time between return_minutes_min and return_minutes_max';
comment on column policy.fallback_time is
    'local time `fallback_days` before the slot''s day at which free assisted and counter places become public; null: never';
comment on column policy.offer_minutes is 'how long an offered place is kept';
comment on column policy.offers_missed is 'so many offers that ran out or were declined end a waitlist entry';
comment on column policy.offer_quiet_from is 'local time from which, until offer_quiet_until, no offer''s time runs';
comment on column policy.no_show_minutes is 'how long after a slot''s end who has not come is a no-show';
comment on column policy.no_show_count is 'so many no-shows within no_show_window_days suspend';
comment on column policy.suspension_days is 'for how long: the first time, the second, …; the last again and again; empty: never';
comment on column policy.late_minutes is 'how long after a slot''s start somebody is in time';
comment on column policy.late_rule is 'who comes later waits behind those in time (requeue), or is refused';
comment on column policy.pass_hours is 'how long a pass is good for';

-- Schedules.

create table calendar_day (
    day date primary key,
    kind text not null check (kind in ('holiday', 'workday')),
    follows_weekday integer check (follows_weekday between 1 and 7),
    name text not null check (name <> ''),
    set_by uuid not null references account,
    set_at timestamptz not null,
    check (kind = 'workday' or follows_weekday is null)
);
comment on table calendar_day is 'what staff know better than the library of holidays: a day off, or a make-up workday';
comment on column calendar_day.follows_weekday is 'whose sessions a make-up workday has; null: those of its own weekday';
create index calendar_day_set_by on calendar_day (set_by);

create table calendar_year (
    year integer primary key check (year between 2000 and 2200),
    confirmed_by uuid not null references account,
    confirmed_at timestamptz not null
);
comment on table calendar_year is 'years whose holidays and make-up workdays staff have compared with the official notice';
create index calendar_year_confirmed_by on calendar_year (confirmed_by);

create table schedule (
    id uuid primary key,
    service_id uuid not null references service,
    resource text not null default '',
    valid_from date not null,
    valid_to date,
    on_holidays text not null default 'closed' check (on_holidays in ('closed', 'open')),
    state text not null default 'active' check (state in ('active', 'ended')),
    version integer not null default 1,
    generated_to date,
    created_by uuid references account,
    created_at timestamptz not null,
    check (valid_from <= valid_to),
    constraint schedule_not_overlapping exclude using gist (
        service_id with =, resource with =, daterange(valid_from, valid_to, '[]') with &&) where (state = 'active')
);
comment on column schedule.generated_to is 'the last day whose slots were made; null: none yet';
create index schedule_service on schedule (service_id);
create index schedule_created_by on schedule (created_by);

create table schedule_session (
    schedule_id uuid not null references schedule on delete cascade,
    weekday integer not null check (weekday between 1 and 7),
    starts time not null,
    ends time not null,
    slot_minutes integer not null check (slot_minutes between 1 and 1440),
    capacity integer not null check (capacity between 1 and 10000),
    assisted integer not null default 0 check (assisted >= 0),
    counter integer not null default 0 check (counter >= 0),
    primary key (schedule_id, weekday, starts),
    check (ends > starts),
    check (assisted + counter <= capacity)
);
comment on column schedule_session.weekday is 'Monday is 1';
comment on column schedule_session.capacity is 'places of each slot; assisted and counter are kept from them, the rest is public';

create table schedule_exception (
    id uuid primary key,
    schedule_id uuid not null references schedule,
    kind text not null check (kind in ('closed', 'changed', 'extra')),
    first_day date not null,
    last_day date not null,
    reason text not null,
    created_by uuid not null references account,
    created_at timestamptz not null,
    withdrawn_at timestamptz,
    check (first_day <= last_day),
    constraint schedule_exception_not_overlapping exclude using gist (
        schedule_id with =, kind with =, daterange(first_day, last_day, '[]') with &&) where (withdrawn_at is null)
);
comment on column schedule_exception.kind is
    'closed: no slots; changed: its own sessions instead of the template''s; extra: its own sessions beside them';
create index schedule_exception_schedule on schedule_exception (schedule_id);
create index schedule_exception_created_by on schedule_exception (created_by);

create table schedule_exception_session (
    exception_id uuid not null references schedule_exception on delete cascade,
    starts time not null,
    ends time not null,
    slot_minutes integer not null check (slot_minutes between 1 and 1440),
    capacity integer not null check (capacity between 1 and 10000),
    assisted integer not null default 0 check (assisted >= 0),
    counter integer not null default 0 check (counter >= 0),
    primary key (exception_id, starts),
    check (ends > starts),
    check (assisted + counter <= capacity)
);

create table closure (
    id uuid primary key,
    provider_id uuid not null references provider,
    service_id uuid references service,
    resource text,
    first_day date not null,
    last_day date not null,
    reason text not null check (reason <> ''),
    treatment text not null check (treatment in ('offer', 'move', 'cancel')),
    created_by uuid not null references account,
    created_at timestamptz not null,
    lifted_by uuid references account,
    lifted_at timestamptz,
    check (first_day <= last_day),
    check (service_id is not null or resource is null)
);
comment on table closure is 'a whole provider, a service, or one doctor or counter of it is shut on some days';
create index closure_provider on closure (provider_id);
create index closure_service on closure (service_id);
create index closure_created_by on closure (created_by);
create index closure_lifted_by on closure (lifted_by);

create function closure_on(of_service uuid, of_resource text, of_day date) returns uuid language sql stable as $$
    select closure.id
    from service join closure on closure.provider_id = service.provider_id
    where service.id = of_service and closure.lifted_at is null
      and (closure.service_id is null or closure.service_id = of_service)
      and (closure.resource is null or closure.resource = of_resource)
      and of_day between closure.first_day and closure.last_day
    order by closure.id
    limit 1
$$;
comment on function closure_on is 'the closure that holds a service, or its doctor or counter, shut on a day; or null';

alter table slot
    add column schedule_id uuid references schedule,
    add column closure_id uuid references closure,
    add column withdrawn boolean not null default false,
    add column fall_back_at timestamptz,
    add column settled boolean not null default false,
    add check (fall_back_at <= starts_at);
comment on column slot.schedule_id is 'the schedule that made it; null: made by hand';
comment on column slot.closure_id is 'the closure that closed it';
comment on column slot.withdrawn is 'closed because its schedule has it no more; the schedule may open it again';
comment on column slot.fall_back_at is 'from when its free assisted and counter places are public; null: never';
comment on column slot.settled is 'over, and everybody who had not come is marked as a no-show';
update slot set settled = true where ends_at < now();
create index slot_unsettled on slot (ends_at) where not settled;
create index slot_schedule on slot (schedule_id, day) where schedule_id is not null;
create index slot_closure on slot (closure_id) where closure_id is not null;
create index slot_fall_back on slot (fall_back_at) where fall_back_at is not null;

-- Places that nobody has yet: kept back, or offered.

alter table slot_pool
    drop constraint slot_pool_check,
    add column fallen_back integer not null default 0 check (fallen_back >= 0);
comment on column slot_pool.taken is 'live bookings, places of live offers and places kept back';
comment on column slot_pool.fallen_back is 'places that went over to the public pool; its capacity has them now';

create table place_kept_back (
    id uuid primary key,
    slot_id uuid not null,
    channel text not null,
    cause text not null check (cause in ('cancelled', 'moved', 'added', 'offer_ended', 'fallen_back')),
    free_at timestamptz not null,
    created_at timestamptz not null,
    foreign key (slot_id, channel) references slot_pool (slot_id, channel)
);
comment on table place_kept_back is
    'one row a place that is counted as taken though nobody has it: until free_at it is only for who waits';
create index place_kept_back_pool on place_kept_back (slot_id, channel);
create index place_kept_back_free_at on place_kept_back (free_at);

create table waitlist (
    service_id uuid primary key references service,
    last_place bigint not null default 0
);
comment on table waitlist is
    'the queue of a service: locked by whoever joins it, gives out of it, or returns a place of the service';
insert into waitlist (service_id) select id from service;

create function service_has_waitlist() returns trigger language plpgsql as $$
begin
    insert into waitlist (service_id) values (new.id);
    return null;
end $$;
create trigger service_has_waitlist after insert on service for each row execute function service_has_waitlist();

create table waitlist_entry (
    id uuid primary key,
    service_id uuid not null references waitlist,
    place bigint not null,
    first_day date not null,
    last_day date not null,
    party integer not null check (party between 1 and 5),
    booked_by uuid not null references account,
    mandate_id uuid references mandate,
    status text not null default 'waiting' check (status in ('waiting', 'offered', 'accepted', 'ended')),
    ended_because text check (ended_because in (
        'left', 'days_over', 'booked_elsewhere', 'mandate_over', 'care_over', 'service_hidden', 'suspended',
        'not_eligible', 'offers_missed')),
    missed integer not null default 0,
    idempotency_key text not null,
    seen integer not null default 1,
    created_at timestamptz not null,
    ended_at timestamptz,
    check (first_day <= last_day),
    check ((status = 'ended') = (ended_because is not null)),
    check ((status in ('accepted', 'ended')) = (ended_at is not null)),
    constraint waitlist_entry_place unique (service_id, place),
    constraint waitlist_entry_idempotency_key unique (booked_by, idempotency_key)
);
comment on column waitlist_entry.place is 'the order of arrival in the service''s queue; never given twice';
comment on column waitlist_entry.party is 'how many persons want places in one slot';
comment on column waitlist_entry.missed is 'offers that ran out or were declined';
create index waitlist_entry_waiting on waitlist_entry (service_id, place) where status = 'waiting';
create index waitlist_entry_live on waitlist_entry (last_day) where status in ('waiting', 'offered');
create index waitlist_entry_joined on waitlist_entry (created_at);
create index waitlist_entry_mandate on waitlist_entry (mandate_id) where mandate_id is not null;

create table waitlist_member (
    entry_id uuid not null references waitlist_entry,
    person_id uuid not null references person,
    primary key (entry_id, person_id)
);
create index waitlist_member_person on waitlist_member (person_id);

create function waitlist_cared(of_entry uuid, by_account uuid) returns boolean language sql stable as $$
    select coalesce(bool_and(exists (
        select from care
        where care.account_id = by_account and care.person_id = member.person_id and care.ended_at is null)), false)
    from waitlist_member as member
    where member.entry_id = of_entry
$$;
comment on function waitlist_cared is 'whether an account cares for everybody who waits in an entry';

create function waitlist_visible(of_entry uuid, of_mandate uuid, by_account uuid, at timestamptz)
returns boolean language sql stable as $$
    select waitlist_cared(of_entry, by_account) or exists (
        select from mandate
        join volunteer on volunteer.id = mandate.volunteer_id
        where mandate.id = of_mandate and mandate.status = 'active' and mandate.expires_at > at
          and volunteer.account_id = by_account and volunteer.status = 'approved')
$$;
comment on function waitlist_visible is 'whether an account may see an entry: by its care, or under the live mandate it waits by';

create table place_offer (
    id uuid primary key,
    slot_id uuid not null,
    channel text not null,
    places integer not null check (places between 1 and 5),
    entry_id uuid references waitlist_entry,
    booking_id uuid references booking,
    status text not null default 'live' check (status in ('live', 'accepted', 'declined', 'lapsed', 'withdrawn')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    foreign key (slot_id, channel) references slot_pool (slot_id, channel),
    check (num_nonnulls(entry_id, booking_id) = 1),
    check ((status = 'live') = (ended_at is null))
);
comment on table place_offer is
    'places kept for whoever waits, or for whose booking was on a slot that was closed, until expires_at';
create unique index place_offer_one_of_entry on place_offer (entry_id) where status = 'live';
create unique index place_offer_one_of_booking on place_offer (booking_id) where status = 'live';
create index place_offer_entry on place_offer (entry_id);
create index place_offer_booking on place_offer (booking_id);
create index place_offer_pool on place_offer (slot_id, channel);
create index place_offer_expires on place_offer (expires_at) where status = 'live';

-- Bookings: whose they are never changes; where they were moved from; no-shows.

alter table booking
    add column moved_from uuid references booking;
comment on column booking.moved_from is 'the booking whose place was given back for this one';
create unique index booking_moved_from on booking (moved_from) where moved_from is not null;
create index booking_account_day on booking (booked_by, day);
create index booking_no_show on booking (person_id, day) where status = 'no_show';
drop index booking_mandate;
create index booking_mandate on booking (mandate_id, id) where mandate_id is not null;

create function booking_person_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the person of a booking never changes' using errcode = 'restrict_violation';
end $$;
create trigger booking_person_stays before update of person_id on booking
    for each row when (old.person_id <> new.person_id) execute function booking_person_stays();

create table suspension (
    id uuid primary key,
    person_id uuid not null references person,
    provider_id uuid not null references provider,
    policy_id uuid not null references policy,
    step integer not null check (step > 0),
    booking_ids uuid[] not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    lifted_at timestamptz,
    lifted_by uuid references account,
    lifted_because text,
    check (ends_at > starts_at),
    check (num_nonnulls(lifted_at, lifted_by, lifted_because) in (0, 3)),
    constraint suspension_not_overlapping exclude using gist (
        (person_id::text) with =, (provider_id::text) with =, tstzrange(starts_at, ends_at) with &&) where (lifted_at is null)
);
comment on table suspension is 'who missed too many numbers of a provider books none there for a time';
comment on column suspension.step is 'which step of the policy''s suspension_days; the first is 1';
comment on column suspension.booking_ids is 'the no-shows that it stands on';
create index suspension_person on suspension (person_id, provider_id);
comment on constraint suspension_not_overlapping on suspension is
    'of texts, so that nobody is looked up in it: the b-tree of persons is a fraction of it to walk';
create index suspension_provider on suspension (provider_id);
create index suspension_policy on suspension (policy_id);
create index suspension_lifted_by on suspension (lifted_by);

create table appeal (
    id uuid primary key,
    suspension_id uuid not null unique references suspension,
    account_id uuid not null references account,
    statement text not null check (statement <> ''),
    status text not null default 'open' check (status in ('open', 'granted', 'rejected')),
    decided_by uuid references account,
    decided_at timestamptz,
    reason text,
    created_at timestamptz not null,
    check ((status = 'open') = (num_nonnulls(decided_by, decided_at, reason) = 0)),
    check (num_nonnulls(decided_by, decided_at, reason) in (0, 3))
);
create index appeal_account on appeal (account_id);
create index appeal_decided_by on appeal (decided_by);

-- The day itself: a queue for each clinic, which is a service with one doctor or counter of it.

create table clinic_day (
    service_id uuid not null references service,
    resource text not null,
    day date not null,
    last_number integer not null default 0,
    version bigint not null default 0,
    primary key (service_id, day, resource)
);
create index clinic_day_day on clinic_day (day);
comment on column clinic_day.version is 'raised with every change of the queue: what a display waits for';

create function clinic_day_announce() returns trigger language plpgsql as $$
begin
    perform pg_notify('clinic', concat_ws(' ', new.day, new.version, new.service_id, new.resource));
    return null;
end $$;
comment on function clinic_day_announce() is 'wakes whoever waits in any process, from the commit on';
create trigger clinic_day_announce after insert or update of version on clinic_day
    for each row execute function clinic_day_announce();

create table queue_ticket (
    booking_id uuid primary key references booking,
    service_id uuid not null,
    resource text not null,
    day date not null,
    number integer not null check (number > 0),
    status text not null default 'waiting' check (status in ('waiting', 'called', 'skipped', 'done')),
    order_at timestamptz not null,
    late boolean not null,
    calls integer not null default 0,
    counter text not null default '',
    checked_in_at timestamptz not null,
    called_at timestamptz,
    done_at timestamptz,
    foreign key (service_id, resource, day) references clinic_day (service_id, resource, day),
    constraint queue_ticket_number unique (service_id, resource, day, number)
);
comment on column queue_ticket.order_at is
    'who is called first: the slot''s start; for who was late the check-in; for who missed the call the coming back';
comment on column queue_ticket.counter is 'where it was called to, if not simply to the clinic';
create index queue_ticket_waiting on queue_ticket (service_id, resource, day, order_at, number) where status = 'waiting';

-- The worker's chores.

create table chore_done (
    name text primary key,
    done_at timestamptz not null
);
comment on table chore_done is 'when each chore that is not done every second was last done, by whichever worker';

-- Comparing counters with rows.

create table reconciliation (
    id uuid primary key,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    pools integer not null,
    drifts integer not null,
    examples jsonb not null
);
comment on table reconciliation is 'each run of the nightly comparison; it reports and never repairs';

alter table notice drop constraint notice_kind_check;
alter table notice add constraint notice_kind_check check (kind in (
    'mandate_requested', 'mandate_given', 'mandate_revoked', 'mandate_used', 'mandate_use_cancelled',
    'care_requested', 'care_joined',
    'booking_moved', 'booking_cancelled', 'booking_stands', 'rebooking_offered', 'rebooking_lapsed',
    'rebooking_by_phone',
    'place_offered', 'offer_lapsed', 'waitlist_ended',
    'no_show', 'no_show_corrected', 'suspended', 'suspension_lifted', 'appeal_decided'));
