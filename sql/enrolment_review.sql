-- name: queue(account_id, roles, round_id, provider_id, state, reviewer_id, to_confirm, after, limit)
-- Applications of a round in one state that the account may review, first handed in first, without names: all of the round for staff of its area, those with a first choice of theirs for staff of a nursery. Narrowed to a nursery's, a reviewer's, or those whose verdict waits for somebody else than its proposer.
with page as materialized (
    select enrolment.id
    from enrolment
    where enrolment.round_id = :round_id and enrolment.state = :state and enrolment.submitted_at is not null
      and (enrolment.submitted_at, enrolment.id)
          > (coalesce((select before.submitted_at from enrolment as before where before.id = :after), '-infinity'),
             coalesce(:after::uuid, '00000000-0000-0000-0000-000000000000'))
      and (:reviewer_id::uuid is null or enrolment.reviewer_id = :reviewer_id)
      and (not :to_confirm::boolean or exists (
          select from enrolment_verdict
          where enrolment_id = enrolment.id and decided_at is null and proposed_by <> :account_id))
      and ((:provider_id::uuid is null
            and (select area_id from enrolment_round where id = :round_id)
                in (select staff_areas(:account_id, :roles::text[])))
           or exists (
               select from enrolment_choice
               join programme on programme.id = enrolment_choice.programme_id
               join nursery_class on nursery_class.id = programme.class_id
               where enrolment_choice.enrolment_id = enrolment.id and enrolment_choice.rank = 1
                 and (:provider_id::uuid is null or nursery_class.provider_id = :provider_id)
                 and ((select area_id from enrolment_round where id = :round_id)
                      in (select staff_areas(:account_id, :roles::text[]))
                      or nursery_class.provider_id in (select staff_providers(:account_id, :roles::text[])))))
    order by enrolment.submitted_at, enrolment.id
    limit :limit
)
select enrolment.id, enrolment.public_id, enrolment.round_id, enrolment.state, enrolment.late, enrolment.submitted_at,
    enrolment.repair_by, enrolment.reviewer_id, reviewer.display_name as reviewer_name,
    full_months(person.birth_date, round.reference_date) as months,
    class.provider_id as nursery_id, provider.name as nursery_name, class.id as class_id, class.name as class_name,
    array(select priority_group.code from enrolment_claim
          join priority_group on priority_group.id = enrolment_claim.group_id
          where enrolment_claim.enrolment_id = enrolment.id order by priority_group.position) as claims,
    (select because from enrolment_event
     where enrolment_event.enrolment_id = enrolment.id and because in ('repaired', 'repair_late')
     order by n desc limit 1) as repair,
    verdict.kind as proposed
from page
join enrolment on enrolment.id = page.id
join enrolment_round as round on round.id = enrolment.round_id
join person on person.id = enrolment.person_id
left join enrolment_choice on enrolment_choice.enrolment_id = enrolment.id and enrolment_choice.rank = 1
left join programme on programme.id = enrolment_choice.programme_id
left join nursery_class as class on class.id = programme.class_id
left join provider on provider.id = class.provider_id
left join staff as reviewer on reviewer.account_id = enrolment.reviewer_id
left join enrolment_verdict as verdict
    on verdict.enrolment_id = enrolment.id and verdict.decided_at is null and enrolment.state = 'in_review'
order by enrolment.submitted_at, enrolment.id;

-- name: one(id, now)^
-- An application as its reviewers see it, with its round, the child and whoever applied; never its number or salt.
select enrolment.id, enrolment.public_id, enrolment.state, enrolment.late, enrolment.created_at,
    enrolment.submitted_at, enrolment.changed_at, enrolment.repair_by, enrolment.repair_words, enrolment.reviewer_id,
    reviewer.display_name as reviewer_name,
    round.id as round_id, round.name as round_name, round.closes_at, round.review_until, round.repair_hours,
    round_state(round.stage, round.opens_at, round.closes_at, :now) as round_state, round.reference_date,
    full_months(person.birth_date, round.reference_date) as months, enrolment.person_id,
    own.person_id as applicant_id,
    (select relation from care
     where care.account_id = enrolment.account_id and care.person_id = enrolment.person_id
     order by ended_at desc nulls first limit 1) as relation
from enrolment
join enrolment_round as round on round.id = enrolment.round_id
join person on person.id = enrolment.person_id
left join care as own
    on own.account_id = enrolment.account_id and own.relation = 'self' and own.ended_at is null
left join staff as reviewer on reviewer.account_id = enrolment.reviewer_id
where enrolment.id = :id and enrolment.submitted_at is not null;

-- name: is_late(id)$
-- Whether an application came after the deadline.
select late from enrolment where id = :id;

-- name: choices(id)
-- What an application wishes, in its order.
select enrolment_choice.rank, programme.id as programme_id, class.id as class_id, class.name as class_name,
    class.provider_id as nursery_id, provider.name as nursery_name, programme.from_months, programme.until_months
from enrolment_choice
join programme on programme.id = enrolment_choice.programme_id
join nursery_class as class on class.id = programme.class_id
join provider on provider.id = class.provider_id
where enrolment_choice.enrolment_id = :id
order by enrolment_choice.rank;

-- name: claims(id)
-- Which priorities an application claims, and what was found.
select enrolment_claim.group_id, priority_group.code, priority_group.name, priority_group.proof,
    enrolment_claim.status, enrolment_claim.words
from enrolment_claim join priority_group on priority_group.id = enrolment_claim.group_id
where enrolment_claim.enrolment_id = :id
order by priority_group.position;

-- name: verdicts(id)
-- What reviewers found of an application, and who confirmed it, oldest first.
select verdict.id, verdict.kind, verdict.denied, verdict.reason, verdict.words, verdict.proposed_by,
    proposer.display_name as proposed_by_name, verdict.proposed_at, verdict.decided_by,
    decider.display_name as decided_by_name, verdict.decided_at, verdict.confirmed
from enrolment_verdict as verdict
left join staff as proposer on proposer.account_id = verdict.proposed_by
left join staff as decider on decider.account_id = verdict.decided_by
where verdict.enrolment_id = :id
order by verdict.id;

-- name: events(id)
-- What happened to an application, oldest first.
select event.at, event.was, event.state, event.because, event.facts, staff.display_name as staff_name
from enrolment_event as event left join staff on staff.account_id = event.actor_id
where event.enrolment_id = :id
order by event.n;

-- name: is_proposed(id)$
-- Whether a verdict on an application waits for a second person.
select exists (select from enrolment_verdict where enrolment_id = :id and decided_at is null);

-- name: propose(id, enrolment_id, kind, denied, reason, account_id, confirmed, now)!
-- Write what a reviewer finds: standing at once, or (`confirmed` null) until a second person has confirmed it.
insert into enrolment_verdict (id, enrolment_id, kind, denied, reason, proposed_by, proposed_at,
                               decided_by, decided_at, confirmed)
select :id, :enrolment_id, :kind, :denied::uuid[], :reason, :account_id, :now,
    case when :confirmed::boolean then :account_id::uuid end,
    case when :confirmed::boolean then :now::timestamptz end, :confirmed;

-- name: decide(id, enrolment_id, account_id, confirmed, words, now)^
-- Confirm or reject a verdict that waits; no row where it does not.
update enrolment_verdict
set decided_by = :account_id, decided_at = :now, confirmed = :confirmed, words = :words
where id = :id and enrolment_id = :enrolment_id and decided_at is null
returning *;

-- name: verdict(id, enrolment_id)^
-- One verdict on an application.
select * from enrolment_verdict where id = :id and enrolment_id = :enrolment_id;

-- name: settle_claims(enrolment_id, denied, reason)!
-- Grant the claims of an application but for those that are denied.
update enrolment_claim
set status = case when group_id = any(:denied::uuid[]) then 'denied' else 'granted' end,
    words = case when group_id = any(:denied::uuid[]) then :reason else '' end
where enrolment_id = :enrolment_id;

-- name: overdue(now, limit)
-- Applications that were to be repaired by now and were not.
select id from enrolment where state = 'returned' and repair_by <= :now order by repair_by, id limit :limit;
