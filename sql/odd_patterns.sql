-- name: acting(after, begins, most)
-- The next volunteers who have used a mandate or taken a help request since a moment, with what is odd in their team's
-- area.
select volunteer.id, volunteer.account_id, volunteer.team_id, rules.odd_days, rules.odd_persons,
    rules.odd_same_address, rules.odd_retaken, rules.night_from, rules.night_until
from volunteer
join team on team.id = volunteer.team_id
join help_policy as rules on rules.id = ruling_help_policy(team.area_id)
where volunteer.id > :after
  and ((
          select booking.id from booking
          where booked_by = volunteer.account_id and created_at >= :begins and mandate_id is not null
          limit 1
      ) is not null or (
          select waitlist_entry.id from waitlist_entry
          where booked_by = volunteer.account_id and created_at >= :begins and mandate_id is not null
          limit 1
      ) is not null or (
          select help_event.id from help_event
          where help_event.volunteer_id = volunteer.id and at >= :begins and because in ('accepted', 'assigned')
          limit 1
      ) is not null)
order by volunteer.id
limit :most;

-- name: uses(volunteers, accounts, firsts)
-- What volunteers did under mandates from the first day of each on. (Whatever was made or let go since is of a slot
-- since: so the index of days finds it.)
select wanted.volunteer_id, booking.created_at as at, booking.person_id, slot.service_id, booking.day,
    case when booking.status = 'cancelled' and booking.changed_by = wanted.account_id then booking.changed_at end
        as let_go_at
from unnest(:volunteers::uuid[], :accounts::uuid[], :firsts::date[]) as wanted (volunteer_id, account_id, first)
join booking on booking.booked_by = wanted.account_id and booking.day >= wanted.first
    and booking.mandate_id is not null
join slot on slot.id = booking.slot_id
union all
select wanted.volunteer_id, entry.created_at, member.person_id, entry.service_id, null, null
from unnest(:volunteers::uuid[], :accounts::uuid[], :firsts::date[]) as wanted (volunteer_id, account_id, first)
join waitlist_entry as entry on entry.booked_by = wanted.account_id and entry.mandate_id is not null
    and entry.created_at >= wanted.first::timestamp at time zone 'Asia/Shanghai'
join waitlist_member as member on member.entry_id = entry.id;

-- name: visits(volunteers, firsts)
-- Which help requests volunteers took from the first day of each on, and at which addresses.
select wanted.volunteer_id, taken.at, help_request.person_id, help_request.pickup_index as address
from unnest(:volunteers::uuid[], :firsts::date[]) as wanted (volunteer_id, first)
join help_event as taken on taken.volunteer_id = wanted.volunteer_id
    and taken.at >= wanted.first::timestamp at time zone 'Asia/Shanghai' and taken.because in ('accepted', 'assigned')
join help_request on help_request.id = taken.request_id
where help_request.pickup_index is not null;
