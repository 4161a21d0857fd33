-- name: acted(accounts, begins)
-- How often and for whom volunteers have acted under mandates since the day began, and how far the rules of help of
-- their team's area let them: every booking counts, also a cancelled one, and every joining of a queue.
select volunteer.account_id, rules.limit_persons_day, rules.limit_uses_day, acts.uses, acts.persons
from volunteer
join team on team.id = volunteer.team_id
join help_policy as rules on rules.id = ruling_help_policy(team.area_id)
cross join lateral (
    select count(*) as uses, array_agg(distinct person_id) as persons
    from (
        select person_id from booking
        where booked_by = volunteer.account_id and created_at >= :begins and mandate_id is not null
        union all
        select waitlist_member.person_id
        from waitlist_entry
        join waitlist_member on waitlist_member.entry_id = waitlist_entry.id
        where booked_by = volunteer.account_id and created_at >= :begins and mandate_id is not null
    ) as act
) as acts
where volunteer.account_id = any(:accounts::uuid[]);
