-- name: areas()
-- Every area: a league has some hundred, and a client draws the whole tree.
select id, parent_id, level, code, name from area order by id;

-- name: providers(kind, area_id, words, after, limit)
-- Providers that residents see; those of an area with all below it, those that hold all words.
with recursive within as (
    select id from area where id = :area_id
    union all
    select area.id from area join within on area.parent_id = within.id
)
select provider.id, provider.kind, provider.name, provider.address, provider.phone, provider.summary,
       provider.area_id, area.name as area_name
from provider join area on area.id = provider.area_id
where provider.state = 'active'
  and (:kind::text is null or provider.kind = :kind)
  and (:area_id::uuid is null or provider.area_id in (select id from within))
  and not exists (
      select from unnest(:words::text[]) as word
      where strpos(lower(concat_ws(' ', provider.name, area.name, provider.summary)), word) = 0)
  and (:after::uuid is null or provider.id > :after)
order by provider.id
limit :limit;

-- name: provider(id)^
-- One provider that residents see.
select provider.id, provider.kind, provider.name, provider.address, provider.phone, provider.summary,
       provider.area_id, area.name as area_name
from provider join area on area.id = provider.area_id
where provider.id = :id and provider.state = 'active';

-- name: services(provider_id, kind, words, after, limit)
-- Services that residents see, of one provider or a kind, those that hold all words.
select service.id, service.provider_id, provider.name as provider_name, service.department, service.name,
       service.kind, service.summary, service.duration_minutes
from service join provider on provider.id = service.provider_id
where service.state = 'active' and provider.state = 'active'
  and (:provider_id::uuid is null or service.provider_id = :provider_id)
  and (:kind::text is null or service.kind = :kind)
  and not exists (
      select from unnest(:words::text[]) as word
      where strpos(lower(concat_ws(' ', service.name, service.department, provider.name, service.summary)), word) = 0)
  and (:after::uuid is null or service.id > :after)
order by service.id
limit :limit;

-- name: service(id, day)^
-- One service that residents see, with the policy that rules it on a day.
select service.id, service.provider_id, provider.name as provider_name, provider.address, provider.phone,
       service.department, service.name, service.kind, service.summary, service.duration_minutes,
       service.requirements, service.eligibility, service.min_age, service.max_age, service.sex,
       service.assurance, service.questions, policy
from service
join provider on provider.id = service.provider_id
join policy on policy.id = ruling_policy(service.id, :day)
where service.id = :id and service.state = 'active' and provider.state = 'active';
