-- name: one(id)^
-- A mandate by paper, for the second person to judge.
select mandate.id, mandate.person_id, mandate.volunteer_id, mandate.team_id, mandate.matters, mandate.expires_at,
    mandate.max_uses, mandate.status, mandate.consent_way, mandate.requested_by, mandate.created_at,
    mandate.attempts_left, mandate.file_id, coalesce(mandate.team_id, volunteer.team_id) as of_team
from mandate left join volunteer on volunteer.id = mandate.volunteer_id
where mandate.id = :id and mandate.consent_way = 'desk';

-- name: has_read(account_id, file_id, since)$
-- Whether an account has looked at a paper since its mandate was entered.
select exists (
    select from audit
    where subject_id = :file_id and at >= :since and actor_id = :account_id and action = 'files.read'
);

-- name: waiting_for_staff(account_id, roles, since, now, after, limit)
-- Papers that wait for a second person in the areas of staff, but for those that the account has entered itself.
select mandate.id
from mandate
left join volunteer on volunteer.id = mandate.volunteer_id
join team on team.id = coalesce(mandate.team_id, volunteer.team_id)
where mandate.status = 'pending' and mandate.consent_way = 'desk' and mandate.created_at > :since
  and mandate.expires_at > :now and mandate.requested_by <> :account_id
  and team.area_id in (select staff_areas(:account_id, :roles))
  and (:after::uuid is null or mandate.id > :after)
order by mandate.id
limit :limit;

-- name: waiting_of_team(account_id, team_id, since, now, after, limit)
-- Papers of a team that wait for a second person, but for those that the account has entered or would be empowered by.
select mandate.id
from mandate
left join volunteer on volunteer.id = mandate.volunteer_id
where mandate.status = 'pending' and mandate.consent_way = 'desk' and mandate.created_at > :since
  and mandate.expires_at > :now and mandate.requested_by <> :account_id
  and coalesce(mandate.team_id, volunteer.team_id) = :team_id
  and volunteer.account_id is distinct from :account_id
  and not exists (
      select from volunteer as member
      where member.account_id = :account_id and member.team_id = mandate.team_id and member.status <> 'left')
  and (:after::uuid is null or mandate.id > :after)
order by mandate.id
limit :limit;
