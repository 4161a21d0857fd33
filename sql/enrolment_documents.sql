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
