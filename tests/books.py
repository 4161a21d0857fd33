"""The books of the pools: whatever has happened, what is taken is what somebody has or is kept for somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg import Connection


async def assert_balanced(conn: Connection) -> None:
    """Assert for every pool: taken equals live bookings, places of live offers and places kept back.

    And that no pool is oversold, no number above those issued or given twice, and no offer of a place stands twice.
    """
    pools = await conn.fetch("""
        with counted as (
            select slot_id, channel, capacity, taken, issued,
                   (select count(*) from booking
                    where (booking.slot_id, booking.channel) = (slot_pool.slot_id, slot_pool.channel)
                      and status in ('booked', 'checked_in', 'completed', 'no_show')) as booked,
                   (select coalesce(sum(places), 0) from place_offer
                    where (place_offer.slot_id, place_offer.channel) = (slot_pool.slot_id, slot_pool.channel)
                      and status = 'live') as offered,
                   (select count(*) from place_kept_back as kept
                    where (kept.slot_id, kept.channel) = (slot_pool.slot_id, slot_pool.channel)) as kept_back,
                   (select coalesce(max(number), 0) from booking
                    where (booking.slot_id, booking.channel) = (slot_pool.slot_id, slot_pool.channel)) as newest
            from slot_pool
        )
        select * from counted
        where taken <> booked + offered + kept_back or taken > capacity or issued < newest
    """)
    assert pools == [], "\n".join(str(dict(pool)) for pool in pools)
    repeated = """
        select 'number' from booking group by slot_id, channel, number having count(*) > 1
        union all
        select 'moved twice' from booking where moved_from is not null group by moved_from having count(*) > 1
        union all
        select 'offered twice' from place_offer where status = 'live' group by entry_id, booking_id having count(*) > 1
    """
    assert await conn.fetch(repeated) == []
