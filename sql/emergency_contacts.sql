-- name: one(person_id)^
-- Whom to call for a person.
select person_id, name_sealed, phone_sealed, set_at from emergency_contact where person_id = :person_id;

-- name: of_people(person_ids)
-- Whom to call for each of some persons.
select person_id, name_sealed, phone_sealed, set_at from emergency_contact
where person_id = any(:person_ids::uuid[]) order by person_id;

-- name: put(person_id, name_sealed, phone_sealed, set_by, now)!
-- Write down whom to call, in the place of whoever was called before.
insert into emergency_contact (person_id, name_sealed, phone_sealed, set_by, set_at)
values (:person_id, :name_sealed, :phone_sealed, :set_by, :now)
on conflict (person_id) do update
set name_sealed = excluded.name_sealed, phone_sealed = excluded.phone_sealed, set_by = excluded.set_by,
    set_at = excluded.set_at;

-- name: remove(person_ids)$
-- Forget whom to call; how many were forgotten.
with removed as (delete from emergency_contact where person_id = any(:person_ids::uuid[]) returning person_id)
select count(*) from removed;

-- name: in_hands_of_team(team_id, person_id, live)$
-- Whether a team helps a person now, or its leader has registered the person and nobody cares for it.
select exists (
    select from help_request
    where person_id = :person_id and team_id = :team_id and state = any(:live::text[])
) or exists (
    select from person
    where id = :person_id and team_id = :team_id
      and not exists (select from care where care.person_id = person.id and care.ended_at is null)
);
