-- name: list_of_staff(account_id, roles, provider_id, state, words, after, limit)
-- Services of providers at which a staff account holds one of the roles, hidden ones too.
select id, provider_id, department, name, kind, summary, duration_minutes, requirements, min_age, max_age, sex,
       assurance, eligibility, questions, state, version
from service
where provider_id in (select staff_providers(:account_id, :roles::text[]))
  and (:provider_id::uuid is null or provider_id = :provider_id)
  and (:state::text is null or state = :state)
  and not exists (
      select from unnest(:words::text[]) as word
      where strpos(lower(concat_ws(' ', name, department, summary)), word) = 0)
  and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: show(id)^
-- One service.
select id, provider_id, department, name, kind, summary, duration_minutes, requirements, min_age, max_age, sex,
       assurance, eligibility, questions, state, version
from service
where id = :id;

-- name: create(id, provider_id, department, name, kind, summary, duration_minutes, requirements, min_age, max_age, sex, assurance, eligibility, questions, state)^
-- Make a service.
insert into service (id, provider_id, department, name, kind, summary, duration_minutes, requirements, min_age,
                     max_age, sex, assurance, eligibility, questions, state)
values (:id, :provider_id, :department, :name, :kind, :summary, :duration_minutes, :requirements, :min_age,
        :max_age, :sex, :assurance, :eligibility, :questions, :state)
returning id, provider_id, department, name, kind, summary, duration_minutes, requirements, min_age, max_age, sex,
          assurance, eligibility, questions, state, version;

-- name: change(id, version, department, name, kind, summary, duration_minutes, requirements, min_age, max_age, sex, assurance, eligibility, questions, state)^
-- Change a service that is still as the caller saw it.
update service
set department = :department, name = :name, kind = :kind, summary = :summary,
    duration_minutes = :duration_minutes, requirements = :requirements, min_age = :min_age, max_age = :max_age,
    sex = :sex, assurance = :assurance, eligibility = :eligibility, questions = :questions, state = :state,
    version = version + 1
where id = :id and version = :version
returning id, provider_id, department, name, kind, summary, duration_minutes, requirements, min_age, max_age, sex,
          assurance, eligibility, questions, state, version;
