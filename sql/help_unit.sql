-- name: hold(bookings)
-- Take the requests that are not over of bookings, in id order.
select id, volunteer_id from help_request
where booking_id = any(:bookings::uuid[]) and state in ('open', 'offered', 'accepted', 'booked', 'under_way')
order by id
for no key update;

-- name: lock_work(volunteers)
-- Let one transaction at a time bind these volunteers; always all that it will bind at once.
select pg_advisory_xact_lock(hashtextextended('help work of volunteer ' || id, 0))
from (select distinct id from unnest(:volunteers::uuid[]) as volunteer (id) order by id offset 0) as volunteer;

-- name: of_bookings(bookings)
-- The requests that are not over of bookings; one that was asked since they were held is taken here.
select * from help_request
where booking_id = any(:bookings::uuid[]) and state in ('open', 'offered', 'accepted', 'booked', 'under_way')
order by id
for no key update;

-- name: times(requests, slots)
-- When the help of requests is needed for slots: who comes along meets the person before, and brings the person home.
select help_request.id,
    slot.starts_at - margin.before * (needs_companion or needs_ride)::integer as starts_at,
    slot.ends_at + margin.after * (needs_companion or needs_ride)::integer as ends_at
from unnest(:requests::uuid[], :slots::uuid[]) as wanted (request_id, slot_id)
join help_request on help_request.id = wanted.request_id
join slot on slot.id = wanted.slot_id
join help_policy on help_policy.id = ruling_help_policy(help_request.area_id)
cross join lateral (
    select make_interval(mins => before_minutes) as before, make_interval(mins => after_minutes) as after
) as margin;

-- name: set_time(id, booking_id, starts_at, ends_at)!
-- Say when the help is needed, and by which booking, if by one.
update help_request
set booking_id = :booking_id, starts_at = :starts_at, ends_at = :ends_at,
    expires_at = greatest(expires_at, :ends_at::timestamptz)
where id = :id;

-- name: lose_booking(id)!
-- The booking stands no more, and its time says nothing any more; of what is under way it was the time.
update help_request
set booking_id = null,
    starts_at = case when state = 'under_way' then starts_at end,
    ends_at = case when state = 'under_way' then ends_at end
where id = :id;

-- name: release_work(ids)!
-- Let the volunteers of requests be free again.
update help_work set state = 'released' where request_id = any(:ids::uuid[]) and state = 'held';

-- name: work_of_days(volunteer_id, begins, ends)
-- When a volunteer was and is bound between two moments.
select starts_at, ends_at from help_work
where volunteer_id = :volunteer_id and state <> 'released'
  and tstzrange(starts_at, ends_at) && tstzrange(:begins, :ends);

-- name: limit_minutes_day(area_id)$
-- How long one volunteer is bound on a day at most, by the rules of an area.
select limit_minutes_day from help_policy where id = ruling_help_policy(:area_id);

-- name: bind(id, request_id, volunteer_id, starts_at, ends_at)$
-- Bind a volunteer for a time; no row where the volunteer is bound by something else then.
insert into help_work (id, request_id, volunteer_id, starts_at, ends_at)
select :id, :request_id, :volunteer_id, :starts_at, :ends_at
where not exists (
    select from help_work
    where volunteer_id = :volunteer_id and state <> 'released'
      and tstzrange(starts_at, ends_at) && tstzrange(:starts_at, :ends_at))
returning id;
