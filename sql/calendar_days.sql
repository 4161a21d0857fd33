-- name: overrides(first, last)
-- What staff have set of the days of a range.
select day, kind, follows_weekday, name, set_by, set_at
from calendar_day
where day between :first and :last
order by day;
