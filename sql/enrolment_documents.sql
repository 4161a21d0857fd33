-- name: lock_files(enrolment_id, file_ids)
-- Take the files that an application has or is to have, by id: none is pruned or handed in elsewhere meanwhile.
select id from file
where id = any(:file_ids::uuid[])
   or id in (select file_id from enrolment_document
             where enrolment_id = :enrolment_id and destroyed_at is null)
order by id for no key update;

-- name: usable(enrolment_id, account_id, purpose, file_ids)
-- Which of some files an account may hand in: its own that stand nowhere yet, and what the application has already.
select file.id from file
left join enrolment_document on enrolment_document.file_id = file.id
where file.id = any(:file_ids::uuid[])
  and (enrolment_document.enrolment_id = :enrolment_id
       or (enrolment_document.file_id is null and file.account_id = :account_id and file.purpose = :purpose));

-- name: claimed(enrolment_id)
-- The groups whose priority an application claims.
select group_id from enrolment_claim where enrolment_id = :enrolment_id;

-- name: destroy_others(enrolment_id, file_ids, now)!
-- Forget the files of an application but for some; that they were handed in stays.
with gone as (
    update enrolment_document set destroyed_at = :now
    where enrolment_id = :enrolment_id and destroyed_at is null and file_id <> all(:file_ids::uuid[])
    returning file_id
)
delete from file using gone where file.id = gone.file_id;

-- name: put(enrolment_id, file_ids, kinds, group_ids, now)!
-- Let files be documents of an application, or be other ones than before.
insert into enrolment_document (file_id, enrolment_id, group_id, kind, media_type, size, added_at)
select file.id, :enrolment_id, wanted.group_id, wanted.kind, file.media_type, file.size, :now
from unnest(:file_ids::uuid[], :kinds::text[], :group_ids::uuid[]) as wanted (file_id, kind, group_id)
join file on file.id = wanted.file_id
on conflict (file_id) do update set kind = excluded.kind, group_id = excluded.group_id;

-- name: claims_without(enrolment_id)
-- The groups that an application claims without a document that shows it.
select priority_group.id, priority_group.name
from enrolment_claim join priority_group on priority_group.id = enrolment_claim.group_id
where enrolment_claim.enrolment_id = :enrolment_id and not exists (
    select from enrolment_document
    where enrolment_document.enrolment_id = enrolment_claim.enrolment_id
      and enrolment_document.group_id = enrolment_claim.group_id and enrolment_document.destroyed_at is null)
order by priority_group.position;

-- name: standing(enrolment_id)
-- The documents of an application that are not destroyed.
select file_id, kind, group_id, media_type, size, added_at from enrolment_document
where enrolment_id = :enrolment_id and destroyed_at is null
order by added_at, file_id;

-- name: one(enrolment_id, file_id)^
-- A document of an application whose content is there, and whether staff may read it.
select enrolment_document.file_id as id, enrolment_document.media_type,
    enrolment.state not in ('draft', 'withdrawn') as open_to_staff
from enrolment_document join enrolment on enrolment.id = enrolment_document.enrolment_id
where enrolment_document.file_id = :file_id and enrolment_document.enrolment_id = :enrolment_id
  and enrolment_document.destroyed_at is null;

-- name: due(now, today, limit)
-- Take, by id, applications of who has no place whose round has been over for so long that their documents go; a round
-- that nobody has ended is over a year after its first day.
select enrolment.id from enrolment
join enrolment_round on enrolment_round.id = enrolment.round_id
where least(enrolment_round.ended_at, enrolment_round.starts_on + interval '1 year')
        + make_interval(days => enrolment_round.document_days) <= :now
  and exists (
      select from enrolment_document
      where enrolment_document.enrolment_id = enrolment.id and enrolment_document.destroyed_at is null)
  and not (enrolment.state = 'accepted' and exists (
      select from nursery_place
      where nursery_place.person_id = enrolment.person_id
        and (nursery_place.status in ('planned', 'confirmed')
             or (nursery_place.status = 'ended'
                 and nursery_place.ends_on + enrolment_round.document_days > :today::date))))
order by enrolment.id limit :limit
for no key update of enrolment skip locked;

-- name: destroy(enrolment_ids, now)
-- Forget all files of applications; that they were handed in stays.
with held as (
    select file.id from file join enrolment_document on enrolment_document.file_id = file.id
    where enrolment_document.enrolment_id = any(:enrolment_ids::uuid[])
    order by file.id for update of file
), forgotten as (
    delete from file where id in (select id from held)
)
update enrolment_document set destroyed_at = :now
where enrolment_id = any(:enrolment_ids::uuid[]) and destroyed_at is null
returning enrolment_id, file_id;
