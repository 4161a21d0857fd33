-- name: add(id, request_id, account_id, words_sealed, most, now)^
-- Complain of whoever has a help request or had it last; no row where enough was said of it.
with about as (
    select help_request.id as request_id, volunteer.id as volunteer_id,
           coalesce(volunteer.team_id, help_request.team_id) as team_id
    from help_request
    left join volunteer on volunteer.id = coalesce(help_request.volunteer_id, (
        select help_event.volunteer_id from help_event
        where help_event.request_id = help_request.id and help_event.was in ('accepted', 'booked', 'under_way')
          and help_event.volunteer_id is not null
        order by help_event.id desc
        limit 1))
    where help_request.id = :request_id
      and (select count(*) from help_complaint where help_complaint.request_id = :request_id) < :most
)
insert into help_complaint (id, request_id, team_id, volunteer_id, made_by, made_at, words_sealed)
select :id, request_id, team_id, volunteer_id, :account_id, :now, :words_sealed from about
returning id, request_id, team_id, volunteer_id, made_at, words_sealed, answered_at, answer;

-- name: of_account(request_id, account_id)
-- What an account has complained of in one request, oldest first.
select id, request_id, team_id, volunteer_id, made_at, words_sealed, answered_at, answer
from help_complaint
where request_id = :request_id and made_by = :account_id
order by id;

-- name: of_team(team_id, account_id, answered, after, limit)
-- Complaints to a team, but for those about whoever asks.
select complaint.id, complaint.request_id, complaint.team_id, complaint.volunteer_id, helper.name as volunteer_name,
       complaint.made_at, complaint.words_sealed, complaint.answered_at, complaint.answer
from help_complaint as complaint
left join volunteer on volunteer.id = complaint.volunteer_id
left join care as own
    on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person as helper on helper.id = own.person_id
where complaint.team_id = :team_id and volunteer.account_id is distinct from :account_id
  and (:answered::boolean is null or (complaint.answered_at is not null) = :answered)
  and (:after::uuid is null or complaint.id > :after)
order by complaint.id
limit :limit;

-- name: lock(id, team_id, account_id)^
-- Take a complaint to a team that is not about whoever asks.
select complaint.id, complaint.request_id, complaint.team_id, complaint.volunteer_id, helper.name as volunteer_name,
       complaint.made_at, complaint.words_sealed, complaint.answered_at, complaint.answer, help_request.person_id
from help_complaint as complaint
join help_request on help_request.id = complaint.request_id
left join volunteer on volunteer.id = complaint.volunteer_id
left join care as own
    on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
left join person as helper on helper.id = own.person_id
where complaint.id = :id and complaint.team_id = :team_id and volunteer.account_id is distinct from :account_id
for no key update of complaint;

-- name: answer(id, account_id, answer, now)^
-- Answer a complaint that is locked.
update help_complaint set answered_at = :now, answered_by = :account_id, answer = :answer
where id = :id
returning answered_at, answer;
