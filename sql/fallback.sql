-- name: due(since, now, most)
-- Pools of slots to come that are past their time to fall back and have free places left, with their services.
select slot_pool.slot_id, slot_pool.channel, slot.service_id
from slot
join slot_pool on slot_pool.slot_id = slot.id
where slot.fall_back_at > :since and slot.fall_back_at <= :now and slot.starts_at > :now and slot.state = 'open'
  and slot_pool.channel <> 'public' and slot_pool.capacity > slot_pool.taken
order by slot.fall_back_at, slot_pool.slot_id, slot_pool.channel
limit :most;

-- name: add_public(slots)!
-- Give slots that never had one a public pool, for what falls back to it.
insert into slot_pool (slot_id, channel, capacity, open)
select slot.id, 'public', 0, slot.state = 'open'
from slot
where slot.id = any(:slots::uuid[])
on conflict (slot_id, channel) do nothing;

-- name: fall_back(slots, channels, places)!
-- Take free places out of their pools, and remember how many.
update slot_pool
set capacity = capacity - given.places, fallen_back = fallen_back + given.places
from unnest(:slots::uuid[], :channels::text[], :places::integer[]) as given (slot_id, channel, places)
where slot_pool.slot_id = given.slot_id and slot_pool.channel = given.channel;

-- name: give_public(slots, places)!
-- Put them into the public pools.
update slot_pool
set capacity = capacity + given.places
from unnest(:slots::uuid[], :places::integer[]) as given (slot_id, places)
where slot_pool.slot_id = given.slot_id and slot_pool.channel = 'public';
