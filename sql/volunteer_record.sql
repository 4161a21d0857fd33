-- name: volunteer(team_id, id)$
-- The account of a volunteer of a team.
select account_id from volunteer where id = :id and team_id = :team_id;

-- name: page(volunteer_id, account_id, begins, ends, after_at, after_key, most)
-- What a volunteer did as a volunteer in a span of time, and what of help and mandates came to that volunteer, in order
-- of time. What concerns persons whom the account itself cares for, or did, is private and left out.
select done.at, done.what, done.key, done.subject_id, done.person_id, person.name as person_name,
    person.erased_at is not null as erased, done.facts
from (
    select audit.at, audit.action as what, 'audit ' || audit.chain || ' ' || lpad(audit.seq::text, 19, '0') as key,
        audit.subject_id,
        coalesce(booking.person_id, member.person_id, mandate.person_id, help_request.person_id, known.id) as person_id,
        audit.facts
    from audit
    left join booking on booking.id = audit.subject_id and audit.action like 'bookings.%'
    left join waitlist_member as member on member.entry_id = audit.subject_id and audit.action like 'waitlist.%'
    left join mandate on mandate.id = audit.subject_id and audit.action like 'mandates.%'
    left join help_request on help_request.id = audit.subject_id and audit.action like 'help_%'
    left join person as known on known.id = audit.subject_id and audit.action like 'people.%'
    where audit.actor_id = :account_id and audit.at >= :begins and audit.at < :ends
      and (audit.action like 'volunteers.%' or audit.action like 'teams.%'
           or coalesce(booking.id, member.entry_id, mandate.id, help_request.id, known.id) is not null)
      and (audit.action not like 'help_requests.%' or audit.action like 'help_requests.read%')
    union all
    select offered_at, 'help_offers.asked', 'asked ' || id, request_id, null, jsonb_build_object('round', round)
    from help_offer
    where volunteer_id = :volunteer_id and offered_at >= :begins and offered_at < :ends
    union all
    select answered_at, 'help_offers.' || status, 'answered ' || id, request_id, null,
        jsonb_build_object('round', round)
    from help_offer
    where volunteer_id = :volunteer_id and answered_at >= :begins and answered_at < :ends
    union all
    select event.at, 'help_requests.' || event.because, 'event ' || event.id, event.request_id,
        help_request.person_id, event.facts || jsonb_build_object('state', event.state)
    from help_event as event join help_request on help_request.id = event.request_id
    where (event.volunteer_id = :volunteer_id or event.actor_id = :account_id)
      and event.at >= :begins and event.at < :ends
    union all
    select consented_at, 'mandates.given', 'given ' || id, id, person_id,
        jsonb_build_object('way', consent_way, 'matters', matters)
    from mandate
    where volunteer_id = :volunteer_id and consented_at >= :begins and consented_at < :ends
    union all
    select revoked_at, 'mandates.ended', 'ended ' || id, id, person_id, '{}'
    from mandate
    where volunteer_id = :volunteer_id and revoked_at >= :begins and revoked_at < :ends
      and revoked_by <> :account_id
) as done
left join person on person.id = done.person_id
where (:after_at::timestamptz is null or (done.at, done.key) > (:after_at, :after_key))
  and (
      select care.id from care
      where care.account_id = :account_id and care.person_id = done.person_id
      limit 1
  ) is null
order by done.at, done.key
limit :most;
