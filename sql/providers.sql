-- name: list_of_staff(account_id, roles, state, after, limit)
-- Providers at which a staff account holds one of the roles, hidden ones too.
select id, area_id, kind, name, address, phone, summary, state, version,
       case when latitude is not null then jsonb_build_object('latitude', latitude, 'longitude', longitude) end
           as position
from provider
where id in (select staff_providers(:account_id, :roles::text[]))
  and (:state::text is null or state = :state)
  and (:after::uuid is null or id > :after)
order by id
limit :limit;

-- name: show(id)^
-- One provider.
select id, area_id, kind, name, address, phone, summary, state, version,
       case when latitude is not null then jsonb_build_object('latitude', latitude, 'longitude', longitude) end
           as position
from provider
where id = :id;

-- name: create(id, area_id, kind, name, address, phone, summary, state, latitude, longitude)^
-- Make a provider.
insert into provider (id, area_id, kind, name, address, phone, summary, state, latitude, longitude)
values (:id, :area_id, :kind, :name, :address, :phone, :summary, :state, :latitude, :longitude)
returning id, area_id, kind, name, address, phone, summary, state, version,
       case when latitude is not null then jsonb_build_object('latitude', latitude, 'longitude', longitude) end
           as position;

-- name: change(id, version, area_id, kind, name, address, phone, summary, state, latitude, longitude)^
-- Change a provider that is still as the caller saw it.
update provider
set area_id = :area_id, kind = :kind, name = :name, address = :address, phone = :phone, summary = :summary,
    state = :state, latitude = :latitude, longitude = :longitude, version = version + 1
where id = :id and version = :version
returning id, area_id, kind, name, address, phone, summary, state, version,
       case when latitude is not null then jsonb_build_object('latitude', latitude, 'longitude', longitude) end
           as position;
