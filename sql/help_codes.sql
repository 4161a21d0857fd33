-- name: give(id, start_code, end_code)!
-- Give a help request new codes, and all attempts at them.
update help_request
set start_code = :start_code, end_code = :end_code, code_attempts_left = 10, codes_sent = 0, codes_sent_at = null
where id = :id;

-- name: about(id)^
-- Who comes for a request, which codes to read out, and the numbers where they could be read: the person's, and the one
-- given with the request. A number that the volunteer has entered proves nothing and is left out.
select help_request.id, help_request.person_id, help_request.volunteer_id, help_request.start_code,
    help_request.end_code, help_request.needs_companion or help_request.needs_ride as comes_along,
    exists (
        select from care where care.person_id = help_request.person_id and care.ended_at is null) as cared_for,
    case when person.created_by is distinct from volunteer.account_id then person.phone_sealed end as person_phone_sealed,
    case when help_request.asked_by <> volunteer.account_id then contact_phone_sealed end as contact_phone_sealed,
    helper.name as volunteer_name, team.name as team_name
from help_request
join person on person.id = help_request.person_id
join volunteer on volunteer.id = help_request.volunteer_id
join team on team.id = volunteer.team_id
join care as own on own.account_id = volunteer.account_id and own.relation = 'self' and own.ended_at is null
join person as helper on helper.id = own.person_id
where help_request.id = :id;

-- name: is_of_volunteer(volunteer_id, phone_index)$
-- Whether a number is that of a volunteer, or of somebody in the volunteer's care.
select exists (
    select from volunteer
    join care on care.account_id = volunteer.account_id and care.ended_at is null
    join person on person.id = care.person_id
    where volunteer.id = :volunteer_id and person.phone_index = :phone_index);

-- name: count_text(id, now, sent_before, most)$
-- Count a text with the codes that is going to be sent; no row where that is too soon or too often.
update help_request set codes_sent = codes_sent + 1, codes_sent_at = :now
where id = :id and codes_sent < :most and (codes_sent_at is null or codes_sent_at <= :sent_before)
returning id;

-- name: take_text_back(id, start_code, sent_at)!
-- Forget a text that could not be sent, so that the next may be at once.
update help_request set codes_sent = codes_sent - 1, codes_sent_at = null
where id = :id and start_code = :start_code and codes_sent_at = :sent_at;
