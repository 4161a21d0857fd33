-- name: overrides(first, last)
-- What staff have set of the days of a range.
select day, kind, follows_weekday, name, set_by, set_at
from calendar_day
where day between :first and :last
order by day;

-- name: set_day(day, kind, follows_weekday, name, account_id, now)
-- Say what a day is.
insert into calendar_day (day, kind, follows_weekday, name, set_by, set_at)
values (:day, :kind, :follows_weekday, :name, :account_id, :now)
on conflict (day) do update
set kind = excluded.kind, follows_weekday = excluded.follows_weekday, name = excluded.name,
    set_by = excluded.set_by, set_at = excluded.set_at
returning day;

-- name: unset_day(day)^
-- Forget what staff said of a day.
delete from calendar_day where day = :day returning day;

-- name: confirmed(year)^
-- Who confirmed a year's days, and when.
select confirmed_by, confirmed_at from calendar_year where year = :year;

-- name: confirm_year(year, account_id, now)
-- Note that a year's days were compared with the official notice.
insert into calendar_year (year, confirmed_by, confirmed_at) values (:year, :account_id, :now)
on conflict (year) do update set confirmed_by = excluded.confirmed_by, confirmed_at = excluded.confirmed_at
returning year;

-- name: unconfirmed_years(today)
-- Years from today's to that of the last slots of a schedule that nobody has confirmed.
select year
from (
    select extract(year from max(least(valid_to, generated_to)))::integer as last
    from schedule where state = 'active' and coalesce(valid_to, :today) >= :today
) as used,
     generate_series(extract(year from :today::date)::integer, used.last) as year
where year not in (select year from calendar_year)
order by year;
