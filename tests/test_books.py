"""The check of the books sees each kind of drift; else every test that leans on it would prove nothing."""

from __future__ import annotations

import pytest

from domain.identifiers import new_id
from tests import make
from tests.books import assert_balanced


@pytest.fixture
async def slot_id(conn, app):
    resident = await make.resident(conn, app)
    made = await make.slot(conn, public=9)
    booking_id = await make.booking(conn, made, resident)
    await conn.execute(
        """insert into place_offer (id, slot_id, channel, places, booking_id, created_at, expires_at)
           values ($1, $2, 'public', 2, $3, now(), now())""",
        new_id(),
        made,
        booking_id,
    )
    await conn.execute(
        """insert into place_kept_back (id, slot_id, channel, cause, free_at, created_at)
           values ($1, $2, 'public', 'cancelled', now(), now())""",
        new_id(),
        made,
    )
    await conn.execute("update slot_pool set taken = 4 where slot_id = $1", made)
    return made


async def test_books_that_balance(conn, slot_id):
    del slot_id
    await assert_balanced(conn)


@pytest.mark.parametrize(
    "drift",
    [
        "update slot_pool set taken = 3",
        "update booking set status = 'cancelled'",
        "update booking set status = 'moved'",
        "update place_offer set status = 'lapsed', ended_at = now()",
        "update place_offer set places = 1",
        "delete from place_kept_back",
        "update slot_pool set taken = 0, issued = 0",
        "update booking set number = 2",
    ],
)
async def test_each_drift_is_seen(conn, slot_id, drift):
    del slot_id
    await conn.execute(drift)
    with pytest.raises(AssertionError):
        await assert_balanced(conn)
