\set slot random(1, :slots)
\set person random(1, 1000000000)
with place as (update bare_slot set taken = taken + 1 where id = :slot and taken < capacity returning id)
insert into bare_booking (slot_id, person_id) select id, :person from place;
