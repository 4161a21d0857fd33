-- name: lock(id, now)^
-- One round, that nobody acts in until the end of the transaction, with its state by the clock.
select enrolment_round.*, round_state(stage, opens_at, closes_at, :now) as state
from enrolment_round where id = :id for update;

-- name: rounds(area_id, now, after, limit)
-- Rounds that were announced, newest first; those of an area, of those above it and of all below it.
with recursive above as (
    select id, parent_id from area where id = :area_id
    union all
    select area.id, area.parent_id from area join above on area.id = above.parent_id
), within as (
    select id from area where id = :area_id
    union all
    select area.id from area join within on area.parent_id = within.id
)
select enrolment_round.id, area_id, area.name as area_name, enrolment_round.name, reference_date, starts_on, opens_at,
       closes_at, round_state(stage, opens_at, closes_at, :now) as state
from enrolment_round join area on area.id = enrolment_round.area_id
where stage <> 'draft'
  and (:area_id::uuid is null or area_id in (select id from above) or area_id in (select id from within))
  and (:after::uuid is null or enrolment_round.id < :after)
order by enrolment_round.id desc
limit :limit;

-- name: list_of_staff(account_id, roles, area_id, now, after, limit)
-- Rounds of areas in which a staff account holds one of the roles, and announced ones of classes of its nurseries.
select enrolment_round.id, area_id, area.name as area_name, enrolment_round.name, reference_date, starts_on, opens_at,
       closes_at, round_state(stage, opens_at, closes_at, :now) as state
from enrolment_round join area on area.id = enrolment_round.area_id
where (area_id in (select staff_areas(:account_id, :roles::text[]))
       or (stage <> 'draft' and exists (
           select from programme join nursery_class on nursery_class.id = programme.class_id
           where programme.round_id = enrolment_round.id
             and nursery_class.provider_id in (select staff_providers(:account_id, :roles::text[])))))
  and (:area_id::uuid is null or area_id = :area_id)
  and (:after::uuid is null or enrolment_round.id < :after)
order by enrolment_round.id desc
limit :limit;

-- name: seen_by_staff(id, account_id, roles)$
-- Whether a round is of an area in which a staff account holds one of the roles, or announced and of its nursery.
select exists (
    select from enrolment_round
    where id = :id
      and (area_id in (select staff_areas(:account_id, :roles::text[]))
           or (stage <> 'draft' and exists (
               select from programme join nursery_class on nursery_class.id = programme.class_id
               where programme.round_id = enrolment_round.id
                 and nursery_class.provider_id in (select staff_providers(:account_id, :roles::text[])))))
);

-- name: show(id, now)^
-- One round with its groups, its programmes and what they reserve, and what is published of its list.
select enrolment_round.*, area.name as area_name, round_state(stage, opens_at, closes_at, :now) as state,
       enrolment_draw.frozen_sha256, enrolment_draw.frozen_at, enrolment_draw.published_at,
       case when enrolment_draw.published_at is not null then enrolment_draw.public_value end as public_value,
       coalesce((select jsonb_agg(jsonb_build_object('id', id, 'code', code, 'name', name, 'proof', proof)
                                  order by position)
                 from priority_group where round_id = enrolment_round.id), '[]') as groups,
       coalesce((select jsonb_agg(jsonb_build_object(
                         'id', programme.id, 'class_id', class_id, 'class_name', nursery_class.name,
                         'kind', nursery_class.kind, 'nursery_id', provider.id, 'nursery_name', provider.name,
                         'from_months', programme.from_months, 'until_months', programme.until_months,
                         'seats', programme.seats,
                         'reserves', coalesce((
                             select jsonb_agg(jsonb_build_object(
                                     'group', priority_group.code, 'seats', programme_reserve.seats,
                                     'falls_to', falls_to) order by programme_reserve.position)
                             from programme_reserve
                             join priority_group on priority_group.id = programme_reserve.group_id
                             where programme_reserve.programme_id = programme.id), '[]'))
                     order by provider.name, programme.from_months, nursery_class.name, programme.id)
                 from programme
                 join nursery_class on nursery_class.id = programme.class_id
                 join provider on provider.id = nursery_class.provider_id
                 where programme.round_id = enrolment_round.id), '[]') as programmes
from enrolment_round
join area on area.id = enrolment_round.area_id
left join enrolment_draw on enrolment_draw.round_id = enrolment_round.id
where enrolment_round.id = :id;

-- name: create(id, area_id, name, notes, reference_date, starts_on, opens_at, closes_at, review_until, value_source, value_due_at, max_ranks, answer_hours, repair_hours, document_days, now, account_id)!
-- Draft a round.
insert into enrolment_round (id, area_id, name, notes, reference_date, starts_on, opens_at, closes_at, review_until,
                             value_source, value_due_at, max_ranks, answer_hours, repair_hours, document_days,
                             created_at, created_by)
values (:id, :area_id, :name, :notes, :reference_date, :starts_on, :opens_at, :closes_at, :review_until,
        :value_source, :value_due_at, :max_ranks, :answer_hours, :repair_hours, :document_days, :now, :account_id);

-- name: change(id, version, area_id, name, notes, reference_date, starts_on, opens_at, closes_at, review_until, value_source, value_due_at, max_ranks, answer_hours, repair_hours, document_days)^
-- Change a draft that is still as the caller saw it.
update enrolment_round
set area_id = :area_id, name = :name, notes = :notes, reference_date = :reference_date, starts_on = :starts_on,
    opens_at = :opens_at, closes_at = :closes_at, review_until = :review_until, value_source = :value_source,
    value_due_at = :value_due_at, max_ranks = :max_ranks, answer_hours = :answer_hours, repair_hours = :repair_hours,
    document_days = :document_days, version = version + 1
where id = :id and stage = 'draft' and version = :version
returning version;

-- name: empty(id)!
-- Take a draft's groups and programmes away.
with programmes as (delete from programme where round_id = :id)
delete from priority_group where round_id = :id;

-- name: remove(id)!
-- Throw a draft away.
delete from enrolment_round where id = :id and stage = 'draft';

-- name: add_groups(round_id, rows)!
-- Add a draft's groups, in their order.
insert into priority_group (id, round_id, code, position, name, proof)
select (row.value ->> 'id')::uuid, :round_id, row.value ->> 'code', row.position, row.value ->> 'name',
    row.value ->> 'proof'
from jsonb_array_elements(:rows::jsonb) with ordinality as row (value, position);

-- name: add_programmes(round_id, rows)
-- Add those of a draft's programmes whose class stands in the round's area; the ages are the class's unless told.
with recursive within as (
    select area_id as id from enrolment_round where id = :round_id
    union all
    select area.id from area join within on area.parent_id = within.id
)
insert into programme (id, round_id, class_id, from_months, until_months, seats)
select row.id, :round_id, row.class_id, coalesce(row.from_months, nursery_class.from_months),
    coalesce(row.until_months, nursery_class.until_months), row.seats
from jsonb_to_recordset(:rows::jsonb) as row (
    id uuid, class_id uuid, from_months integer, until_months integer, seats integer)
join nursery_class on nursery_class.id = row.class_id and nursery_class.state = 'active'
join provider on provider.id = nursery_class.provider_id and provider.area_id in (select id from within)
returning class_id;

-- name: add_reserves(rows)!
-- Add what a draft's programmes reserve.
insert into programme_reserve (programme_id, position, group_id, seats, falls_to)
select programme_id, position, group_id, seats, falls_to
from jsonb_to_recordset(:rows::jsonb) as row (
    programme_id uuid, position integer, group_id uuid, seats integer, falls_to text[]);

-- name: lock_classes(id)
-- The classes of a round's programmes, that nobody else changes or fills until the end of the transaction.
select id from nursery_class
where id in (select class_id from programme where round_id = :id)
order by id
for no key update;

-- name: feasibility(id)
-- What a round's programmes offer, beside what their classes are and what is free in them on the busiest day from the first one.
select programme.class_id, nursery_class.name as class_name, nursery_class.kind, nursery_class.state,
       nursery_class.from_months, nursery_class.until_months, nursery_class.seats, nursery_class.carers,
       nursery_class.override_reason, provider.state = 'active' as shown,
       programme.from_months as offered_from, programme.until_months as offered_until,
       programme.seats as seats_offered, nursery_class.seats - coalesce(busiest.taken, 0) as free
from programme
join enrolment_round on enrolment_round.id = programme.round_id
join nursery_class on nursery_class.id = programme.class_id
join provider on provider.id = nursery_class.provider_id
cross join lateral (
    select max(taken) as taken from nursery_class_days(programme.class_id, enrolment_round.starts_on, null)) as busiest
where programme.round_id = :id
order by programme.id;

-- name: add_seats(rows)!
-- Make each seat of a round a row.
insert into programme_seat (id, programme_id, number, tiers)
select id, programme_id, number, tiers
from jsonb_to_recordset(:rows::jsonb) as row (id uuid, programme_id uuid, number integer, tiers text[]);

-- name: announce(id, now)!
-- Announce a draft.
update enrolment_round set stage = 'announced', announced_at = :now, version = version + 1
where id = :id and stage = 'draft';

-- name: postpone(id, closes_at, review_until, value_due_at, reason)!
-- Move the times of an announced round.
update enrolment_round
set closes_at = :closes_at, review_until = :review_until, value_due_at = :value_due_at, stage_reason = :reason,
    version = version + 1
where id = :id and stage = 'announced';

-- name: cancel(id, reason, now)!
-- Cancel an announced round.
update enrolment_round
set stage = 'cancelled', stage_reason = :reason, ended_at = :now, version = version + 1
where id = :id and stage = 'announced';

-- name: end(id, now)!
-- End a round whose result is published.
update enrolment_round set stage = 'ended', ended_at = :now, version = version + 1
where id = :id and stage in ('published', 'offers');

-- name: undecided(id, states)$
-- How many applications of a round wait for a decision.
select count(*) from enrolment where round_id = :id and state = any(:states::text[]);

-- name: applicants(id)
-- Who has an application in a round, begun or handed in.
select id, person_id from enrolment where round_id = :id and state not in ('refused', 'withdrawn');
