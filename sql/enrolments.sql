-- name: consents(account_id, person_id, kind, version)$
-- Whether an account agrees to a text for a person, as the text is in force.
select exists (
    select from consent
    where account_id = :account_id and person_id = :person_id and kind = :kind and document_version = :version
      and withdrawn_at is null);

-- name: begin(id, event_id, public_id, salt, round_id, person_id, account_id, now)$
-- A draft for a child in a round that is held; nothing where the child has a live application in it.
with begun as (
    insert into enrolment (id, public_id, salt, round_id, person_id, account_id, created_at, changed_at)
    values (:id, :public_id, :salt, :round_id, :person_id, :account_id, :now, :now)
    on conflict (round_id, person_id) where state not in ('refused', 'withdrawn') do nothing
    returning *
), told as (
    insert into enrolment_event (id, enrolment_id, at, actor_id, state, because)
    select :event_id, id, :now, :account_id, state, 'begun' from begun
)
select id from begun;

-- name: live_of(round_id, person_id)$
-- The live application of a child in a round.
select id from enrolment
where round_id = :round_id and person_id = :person_id and state not in ('refused', 'withdrawn');

-- name: offered(round_id, programmes)
-- Programmes of a round among some, with the ages they take.
select programme.id, programme.from_months, programme.until_months, class.name as class_name,
    provider.name as provider_name
from programme
join nursery_class as class on class.id = programme.class_id
join provider on provider.id = class.provider_id
where programme.round_id = :round_id and programme.id = any(:programmes::uuid[]);

-- name: months(person_id, round_id)$
-- A child's age in full months on the reference date of a round.
select full_months(person.birth_date, enrolment_round.reference_date)
from person, enrolment_round
where person.id = :person_id and enrolment_round.id = :round_id;

-- name: groups(round_id, groups)
-- Priority groups of a round among some.
select id, name, proof from priority_group where round_id = :round_id and id = any(:groups::uuid[]);

-- name: unrank(enrolment_id)!
-- Forget what an application ranks.
delete from enrolment_choice where enrolment_id = :enrolment_id;

-- name: rank(enrolment_id, programmes)!
-- Rank programmes in this order.
insert into enrolment_choice (enrolment_id, rank, programme_id)
select :enrolment_id, wanted.rank, wanted.programme_id
from unnest(:programmes::uuid[]) with ordinality as wanted (programme_id, rank);

-- name: unclaim(enrolment_id, groups)!
-- Let go of priorities that are not claimed any more.
delete from enrolment_claim where enrolment_id = :enrolment_id and group_id <> all(:groups::uuid[]);

-- name: claim(enrolment_id, groups)!
-- Claim priorities; those that are claimed already stay as they are.
insert into enrolment_claim (enrolment_id, group_id)
select :enrolment_id, group_id from unnest(:groups::uuid[]) as wanted (group_id)
on conflict (enrolment_id, group_id) do nothing;

-- name: choices(enrolment_id)
-- What an application ranks, in order.
select programme_id from enrolment_choice where enrolment_id = :enrolment_id order by rank;

-- name: one(id, now)^
-- An application with the state of its round by the clock.
select enrolment.*, round_state(round.stage, round.opens_at, round.closes_at, :now) as round_state,
    round.opens_at, round.closes_at
from enrolment join enrolment_round as round on round.id = enrolment.round_id
where enrolment.id = :id;

-- name: shown(ids, now)
-- Applications as the family sees them, newest first, without documents and events.
select enrolment.id, enrolment.public_id, enrolment.state, enrolment.late, enrolment.created_at, enrolment.changed_at,
    enrolment.submitted_at, enrolment.repair_by, enrolment.repair_words, enrolment.listed_at, enrolment.number,
    enrolment.settled, enrolment.version,
    jsonb_build_object('id', person.id, 'name', person.name) as person,
    full_months(person.birth_date, round.reference_date) as months,
    jsonb_build_object('id', round.id, 'name', round.name,
        'state', round_state(round.stage, round.opens_at, round.closes_at, :now)) as round,
    round.closes_at, round.reference_date, round.starts_on,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'rank', choice.rank, 'programme_id', programme.id, 'from_months', programme.from_months,
            'until_months', programme.until_months,
            'nursery_class', jsonb_build_object('id', class.id, 'name', class.name),
            'nursery', jsonb_build_object('id', provider.id, 'name', provider.name),
            'drawn', programme.id is not distinct from seat.programme_id) order by choice.rank)
        from enrolment_choice as choice
        join programme on programme.id = choice.programme_id
        join nursery_class as class on class.id = programme.class_id
        join provider on provider.id = class.provider_id
        where choice.enrolment_id = enrolment.id), '[]') as choices,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'group_id', claim.group_id, 'code', priority_group.code, 'name', priority_group.name,
            'proof', priority_group.proof, 'status', claim.status, 'words', claim.words)
            order by priority_group.position)
        from enrolment_claim as claim
        join priority_group on priority_group.id = claim.group_id
        where claim.enrolment_id = enrolment.id), '[]') as claims,
    case when enrolment.state = 'refused' then coalesce((
        select verdict.reason from enrolment_verdict as verdict
        where verdict.enrolment_id = enrolment.id and verdict.kind = 'refuse' and verdict.confirmed
        order by verdict.id desc limit 1), '') else '' end as reason
from enrolment
join enrolment_round as round on round.id = enrolment.round_id
join person on person.id = enrolment.person_id
left join programme_seat as seat on seat.id = enrolment.seat_id
where enrolment.id = any(:ids::uuid[])
order by enrolment.id desc;

-- name: of_account(account_id, person_id, round_id, state, before, most)
-- Applications of the children in an account's care, newest first.
select enrolment.id
from enrolment
join care on care.person_id = enrolment.person_id and care.account_id = :account_id and care.ended_at is null
where (:person_id::uuid is null or enrolment.person_id = :person_id)
  and (:round_id::uuid is null or enrolment.round_id = :round_id)
  and (:state::text is null or enrolment.state = :state)
  and (:before::uuid is null or enrolment.id < :before)
order by enrolment.id desc
limit :most;

-- name: documents(enrolment_id)
-- What was handed in with an application.
select file_id, group_id, kind, media_type, size, added_at, destroyed_at
from enrolment_document where enrolment_id = :enrolment_id order by file_id;

-- name: events(enrolment_id, account_id, hidden)
-- What the family is told of an application: not what staff only consider.
select at, was, state, because,
    case when actor_id is null then 'time'
         when actor_id = :account_id then 'self'
         when exists (select from account where account.id = actor_id and account.kind = 'staff') then 'staff'
         else 'family' end as by
from enrolment_event
where enrolment_id = :enrolment_id and because <> all(:hidden::text[])
order by n;
