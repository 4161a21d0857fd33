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


async def assert_nobody_was_passed_over(conn: Connection) -> None:
    """Assert that no place was offered to anybody while somebody waited longer whom it fitted just as well.

    By the rows alone, and so for persons whom no suspension and no limit keeps from the place but that of the day and
    department: who ever booked there is left out. An offer is written a moment after the time that it is of, as its id
    tells; who came to wait, or did so no more, from a second before until a second after may have been too late for it.
    """
    passed_over = await conn.fetch("""
        with offer as (
            select *, to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0)
                          + interval '1 second' as written_at
            from place_offer
        )
        select earlier.id, earlier.place, offer.id as offer_id, entry.place as offered_to
        from offer
        join waitlist_entry as entry on entry.id = offer.entry_id
        join slot on slot.id = offer.slot_id
        join waitlist_entry as earlier on earlier.service_id = entry.service_id and earlier.place < entry.place
        where earlier.created_at < offer.created_at - interval '1 second'
          and (earlier.ended_at is null or earlier.ended_at > offer.written_at)
          and slot.day between earlier.first_day and earlier.last_day
          and earlier.party <= offer.places
          and (offer.channel = 'public' or offer.channel = 'assisted' and earlier.mandate_id is not null)
          and not exists (
              select from place_offer as own
              where own.entry_id = earlier.id
                and (own.created_at <= offer.written_at
                         and (own.ended_at is null or own.ended_at > offer.created_at - interval '1 second')
                     or own.slot_id = offer.slot_id and own.created_at <= offer.written_at))
          and not exists (
              select from waitlist_member as member
              join booking on booking.person_id = member.person_id and booking.day = slot.day
              join slot as booked on booked.id = booking.slot_id
              join service as there on there.id = booked.service_id
              join service as here on here.id = slot.service_id
              where member.entry_id = earlier.id and there.provider_id = here.provider_id
                and there.department = here.department
                and booking.created_at < offer.written_at)
    """)
    assert passed_over == [], "\n".join(str(dict(row)) for row in passed_over)
