-- name: hold(lock)^
-- Keep every policy as it is until the end of the transaction: for whoever makes or changes slots.
select pg_advisory_xact_lock_shared(:lock);

-- name: take(lock)^
-- Wait until nobody makes or changes slots, and let nobody begin: for whoever publishes a policy or closes something.
select pg_advisory_xact_lock(:lock);

-- name: list_of_staff(account_id, roles, provider_id, service_id, after, limit)
-- Policies that rule at providers at which a staff account holds one of the roles, or everywhere.
select policy.*
from policy left join service on service.id = policy.service_id
where (coalesce(policy.provider_id, service.provider_id) is null
       or coalesce(policy.provider_id, service.provider_id) in (select staff_providers(:account_id, :roles::text[])))
  and (:provider_id::uuid is null or policy.provider_id = :provider_id)
  and (:service_id::uuid is null or policy.service_id = :service_id)
  and (:after::uuid is null or policy.id > :after)
order by policy.id
limit :limit;

-- name: show_to_staff(id, account_id, roles)^
-- One policy, if it rules everywhere or at a provider at which a staff account holds one of the roles.
select policy.*
from policy left join service on service.id = policy.service_id
where policy.id = :id
  and (coalesce(policy.provider_id, service.provider_id) is null
       or coalesce(policy.provider_id, service.provider_id) in (select staff_providers(:account_id, :roles::text[])));

-- name: ruling(service_id, days)
-- For each day the policy that rules a service on it.
select ruled.day, policy.*
from unnest(:days::date[]) as ruled (day)
join policy on policy.id = ruling_policy(:service_id, ruled.day);

-- name: publish(id, provider_id, service_id, effective_from, window_days, release_time, order_stop_days, order_stop_time, cancel_days, cancel_time, limit_department_day, limit_day, limit_7_days, limit_90_days, limit_volunteer_day, limit_account_day, limit_waitlist, return_minutes_min, return_minutes_max, fallback_days, fallback_time, offer_minutes, offers_missed, offer_quiet_from, offer_quiet_until, no_show_minutes, no_show_count, no_show_window_days, suspension_days, late_minutes, late_rule, pass_hours, now, account_id)^
-- Write the next version of a scope's policy.
insert into policy (id, provider_id, service_id, version, effective_from, window_days, release_time,
                    order_stop_days, order_stop_time, cancel_days, cancel_time, limit_department_day, limit_day,
                    limit_7_days, limit_90_days, limit_volunteer_day, limit_account_day,
                    limit_waitlist, return_minutes_min, return_minutes_max, fallback_days,
                    fallback_time, offer_minutes, offers_missed, offer_quiet_from, offer_quiet_until,
                    no_show_minutes, no_show_count, no_show_window_days, suspension_days,
                    late_minutes, late_rule, pass_hours, created_at, created_by)
select :id, :provider_id, :service_id, 1 + coalesce(max(version), 0), :effective_from, :window_days,
       :release_time, :order_stop_days, :order_stop_time, :cancel_days, :cancel_time, :limit_department_day,
       :limit_day, :limit_7_days, :limit_90_days, :limit_volunteer_day, :limit_account_day, :limit_waitlist,
       :return_minutes_min, :return_minutes_max, :fallback_days, :fallback_time, :offer_minutes, :offers_missed,
       :offer_quiet_from, :offer_quiet_until, :no_show_minutes, :no_show_count, :no_show_window_days,
       :suspension_days, :late_minutes, :late_rule, :pass_hours, :now, :account_id
from policy
where (provider_id, service_id) is not distinct from (:provider_id::uuid, :service_id::uuid)
returning id, version;

-- name: last_day(provider_id, service_id, now)$
-- The last day that has a slot to come in a scope.
select max(slot.day)
from slot join service on service.id = slot.service_id
where slot.starts_at > :now
  and (:provider_id::uuid is null or service.provider_id = :provider_id)
  and (:service_id::uuid is null or slot.service_id = :service_id);

-- name: repoint(id, provider_id, service_id, now, days, releases, order_stops, cancels, fall_backs)^
-- Put the slots to come on these days under a policy wherever it rules, with the times it gives each day.
with given as (
    select * from unnest(:days::date[], :releases::timestamptz[], :order_stops::timestamptz[], :cancels::timestamptz[],
                         :fall_backs::timestamptz[])
        as row (day, release_at, order_until, cancel_until, fall_back_at)
), standing as materialized (
    select slot.id, slot.service_id, slot.day
    from slot join service on service.id = slot.service_id join given on given.day = slot.day
    where slot.starts_at > :now
      and (:provider_id::uuid is null or service.provider_id = :provider_id)
      and (:service_id::uuid is null or slot.service_id = :service_id)
), service_day as materialized (
    select distinct service_id, day from standing
), ruled as materialized (
    select service_id, day from service_day where ruling_policy(service_id, day) = :id
), touched as (
    update slot
    set policy_id = :id,
        release_at = least(slot.starts_at, given.release_at),
        order_until = least(slot.starts_at, given.order_until),
        cancel_until = least(slot.starts_at, given.cancel_until),
        fall_back_at = case when given.fall_back_at is not null then least(slot.starts_at, given.fall_back_at) end
    from standing join ruled using (service_id, day) join given using (day)
    where slot.id = standing.id
    returning slot.id
), counted as (
    select count(*) as slots from touched
)
update policy set slots_touched = counted.slots from counted where id = :id
returning policy.*;
