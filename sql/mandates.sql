-- name: lock_for_use(ids)
-- Mandates to act under now; a revocation or suspension waits for this transaction, or was seen by it.
select mandate.id, mandate.person_id, mandate.volunteer_id, volunteer.account_id,
    volunteer.status as volunteer_status, mandate.matters, mandate.status, mandate.expires_at
from mandate join volunteer on volunteer.id = mandate.volunteer_id
where mandate.id = any(:ids::uuid[])
order by mandate.id
for share of mandate, volunteer;
