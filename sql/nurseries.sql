-- name: norms(day)
-- What a class may be on a day: of each kind the newest version that has come into effect.
select distinct on (kind) * from nursery_norm where effective_from <= :day
order by kind, effective_from desc;

-- name: list_norms(kind, after, limit)
-- Versions of the norms, of one kind or all.
select * from nursery_norm
where (:kind::text is null or kind = :kind) and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: show_norm(id)^
-- One version of a norm.
select * from nursery_norm where id = :id;

-- name: add_norm(id, kind, effective_from, from_months, until_months, most_seats, children_per_carer, recheck_days, source, now, account_id)^
-- Add a version of a norm.
insert into nursery_norm (id, kind, effective_from, from_months, until_months, most_seats, children_per_carer,
                          recheck_days, source, created_at, created_by)
values (:id, :kind, :effective_from, :from_months, :until_months, :most_seats, :children_per_carer,
        :recheck_days, :source, :now, :account_id)
returning *;

-- name: is_nursery(provider_id)$
-- Whether a provider is a nursery.
select exists (select from provider where id = :provider_id and kind = 'nursery');

-- name: list_classes(provider_id, state, after, limit)
-- The classes of a nursery, closed ones too.
select * from nursery_class
where provider_id = :provider_id and (:state::text is null or state = :state)
  and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: show_class(id)^
-- One class.
select * from nursery_class where id = :id;

-- name: lock_class(id)^
-- One class, that nobody else changes or fills until the end of the transaction.
select * from nursery_class where id = :id for no key update;

-- name: add_class(id, provider_id, name, kind, from_months, until_months, seats, carers, override_reason, now, account_id)^
-- Make a class.
insert into nursery_class (id, provider_id, name, kind, from_months, until_months, seats, carers, override_reason,
                           created_at, created_by)
values (:id, :provider_id, :name, :kind, :from_months, :until_months, :seats, :carers, :override_reason,
        :now, :account_id)
returning *;

-- name: change_class(id, version, name, kind, from_months, until_months, seats, carers, override_reason, state)^
-- Change a class that is still as the caller saw it.
update nursery_class
set name = :name, kind = :kind, from_months = :from_months, until_months = :until_months, seats = :seats,
    carers = :carers, override_reason = :override_reason, state = :state, version = version + 1
where id = :id and version = :version
returning *;

-- name: children_there(id, day)$
-- How many children have a place in a class on a day or later.
select count(*) from nursery_place
where class_id = :id and status in ('planned', 'confirmed') and (ends_on is null or ends_on >= :day);

-- name: promises(id)
-- What rounds that are not over have promised of a class: seats, and those that children stand on already on the first day.
select enrolment_round.id as round_id, enrolment_round.starts_on, programme.seats,
    (select count(*) from nursery_place
     where class_id = :id and status <> 'cancelled'
       and enrolment_round.starts_on <@ daterange(nursery_place.starts_on, nursery_place.ends_on, '[]')
       and not exists (select from enrolment where enrolment.id = nursery_place.enrolment_id
                       and enrolment.round_id = enrolment_round.id)) as standing
from programme join enrolment_round on enrolment_round.id = programme.round_id
where programme.class_id = :id
  and (enrolment_round.stage not in ('draft', 'ended', 'cancelled')
       or enrolment_round.stage = 'ended' and exists (
           select from programme_seat join enrolment_offer on enrolment_offer.seat_id = programme_seat.id
           where programme_seat.programme_id = programme.id and enrolment_offer.status = 'live'));

-- name: nurseries(area_id, words, after, limit)
-- Nurseries that residents see with their classes; those of an area with all below it, those that hold all words.
with recursive within as (
    select id from area where id = :area_id
    union all
    select area.id from area join within on area.parent_id = within.id
)
select provider.id, provider.name, provider.address, provider.phone, provider.summary,
       provider.area_id, area.name as area_name,
       coalesce((select jsonb_agg(to_jsonb(nursery_class) order by from_months, nursery_class.name)
                 from nursery_class where provider_id = provider.id and nursery_class.state = 'active'), '[]') as classes
from provider join area on area.id = provider.area_id
where provider.state = 'active' and provider.kind = 'nursery'
  and (:area_id::uuid is null or provider.area_id in (select id from within))
  and not exists (
      select from unnest(:words::text[]) as word
      where strpos(lower(concat_ws(' ', provider.name, area.name, provider.summary)), word) = 0)
  and (:after::uuid is null or provider.id > :after)
order by provider.id
limit :limit;

-- name: nursery(id)^
-- One nursery that residents see, with its classes.
select provider.id, provider.name, provider.address, provider.phone, provider.summary,
       provider.area_id, area.name as area_name,
       coalesce((select jsonb_agg(to_jsonb(nursery_class) order by from_months, nursery_class.name)
                 from nursery_class where provider_id = provider.id and nursery_class.state = 'active'), '[]') as classes
from provider join area on area.id = provider.area_id
where provider.id = :id and provider.state = 'active' and provider.kind = 'nursery';
