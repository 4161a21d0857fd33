-- name: lock_due(now, most)
-- Take requests whose time is over and that nobody has, or somebody without a time, in id order; those that others are
-- changing just now are left for later.
select * from help_request
where id in (
    select id from help_request
    where state in ('open', 'offered', 'accepted') and least(expires_at, starts_at) <= :now
    order by least(expires_at, starts_at)
    limit :most)
  and state in ('open', 'offered', 'accepted') and least(expires_at, starts_at) <= :now
order by id
for no key update skip locked;
