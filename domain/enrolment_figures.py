"""What became of a round, in numbers for staff of its area and for the authority that nurseries file with.

Only applications that were handed in count. Nothing here names a child. Before the draw is published nothing of it
shows, since seats stand with the applications only from then on.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.nursery_vocabulary import SeatOfferStatus
from domain.permissions import require_staff_of_round
from domain.vocabulary import CLERKS, LOCAL_ZONE, MANAGERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

AGE_BANDS = ((0, 6), (6, 12), (12, 18), (18, 24), (24, 30), (30, 36), (36, 48), (48, None))
"""Full months, from and until; the classes of the norm begin and end at their borders."""
TAKEN = (SeatOfferStatus.ACCEPTED, SeatOfferStatus.GIVEN_UP, SeatOfferStatus.EXCHANGED)
"""Offers that the family said yes to, whatever came later."""
HELD = (SeatOfferStatus.LIVE, SeatOfferStatus.ACCEPTED)
COUNTED = ("applications", "accepted", "seated")


async def show(conn: Connection, ctx: Context, round_id: UUID) -> Mapping[str, Any]:
    """Count a round's applications, wishes, offers and seats; needs a transaction that sees one moment."""
    await require_staff_of_round(conn, ctx, round_id, *CLERKS)
    return await _counted(conn, ctx, round_id)


async def report(conn: Connection, ctx: Context, round_id: UUID) -> Mapping[str, Any]:
    """Return what is filed with the authority, and record that it was told.

    Needs a connection outside any transaction: what is counted is of one moment, the record follows.
    """
    await require_staff_of_round(conn, ctx, round_id, *MANAGERS)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        counted = await _counted(conn, ctx, round_id)
    async with conn.transaction():
        await audit.record(
            conn,
            ctx,
            "enrolment_figures.reported",
            round_id,
            applications=counted["applications"]["handed_in"],
            programmes=len(counted["programmes"]),
        )
    return counted


async def _counted(conn: Connection, ctx: Context, round_id: UUID) -> dict[str, Any]:
    wishes = await sql.enrolment_figures.wishes(conn, round_id=round_id)
    offers = await sql.enrolment_figures.offers(conn, round_id=round_id)
    today = ctx.now.astimezone(LOCAL_ZONE).date()
    programmes = [
        dict(row) | _of_programme(row, wishes, offers)
        for row in await sql.enrolment_figures.programmes(conn, round_id=round_id, today=today)
    ]
    return {
        "round": await sql.enrolment_figures.round(conn, round_id=round_id, now=ctx.now),
        "counted_at": ctx.now,
        "applications": _applications(await sql.enrolment_figures.applications(conn, round_id=round_id)),
        "areas": await sql.enrolment_figures.areas(conn, round_id=round_id),
        "ages": _ages(await sql.enrolment_figures.ages(conn, round_id=round_id)),
        "groups": await sql.enrolment_figures.groups(conn, round_id=round_id),
        "ranks": [_of_rank(rank, wishes, offers) for rank in sorted({row["rank"] for row in wishes})],
        "programmes": programmes,
        "seats": {name: sum(one[name] for one in programmes) for name in ("seats", "offered", "taken", "empty")},
    }


def _applications(rows: Iterable[Row]) -> dict[str, Any]:
    states: Counter[str] = Counter()
    late = 0
    for row in rows:
        states[row["state"]] += row["applications"]
        late += row["applications"] if row["late"] else 0
    return {"handed_in": states.total(), "late": late, "states": states}


def _ages(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Gather months into bands, those without any application left out; the last is of children that were erased."""
    counted: dict[tuple[int | None, int | None], Counter[str]] = {band: Counter() for band in AGE_BANDS}
    counted[None, None] = Counter()
    for row in rows:
        counted[_band(row["months"])].update({name: row[name] for name in COUNTED})
    return [
        {"from_months": band[0], "until_months": band[1], **{name: numbers[name] for name in COUNTED}}
        for band, numbers in counted.items()
        if numbers.total()
    ]


def _band(months: int | None) -> tuple[int | None, int | None]:
    if months is None:
        return None, None
    return next(band for band in AGE_BANDS if band[1] is None or months < band[1])


def _of_rank(rank: int, wishes: Iterable[Row], offers: Iterable[Row]) -> dict[str, Any]:
    return {
        "rank": rank,
        "wishes": sum(row["wishes"] for row in wishes if row["rank"] == rank),
        "drawn": sum(row["drawn"] for row in wishes if row["rank"] == rank),
        **_offered([row for row in offers if row["rank"] == rank]),
    }


def _of_programme(programme: Row, wishes: Iterable[Row], offers: Iterable[Row]) -> dict[str, Any]:
    own = [row for row in wishes if row["programme_id"] == programme["id"]]
    answers = _statuses(row for row in offers if row["programme_id"] == programme["id"])
    held = sum(answers[status] for status in HELD)
    return {
        "wishes": sum(row["wishes"] for row in own),
        "first_wishes": sum(row["wishes"] for row in own if row["rank"] == 1),
        "drawn": sum(row["drawn"] for row in own),
        "offered": answers[SeatOfferStatus.LIVE],
        "taken": answers[SeatOfferStatus.ACCEPTED],
        "empty": programme["seats"] - held,
    }


def _offered(offers: Iterable[Row]) -> dict[str, int]:
    answers = _statuses(offers)
    return {
        "offered": answers.total(),
        "open": answers[SeatOfferStatus.LIVE],
        "accepted": sum(answers[status] for status in TAKEN),
        "declined": answers[SeatOfferStatus.DECLINED],
        "lapsed": answers[SeatOfferStatus.LAPSED],
        "withdrawn": answers[SeatOfferStatus.WITHDRAWN],
    }


def _statuses(offers: Iterable[Row]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for row in offers:
        counted[row["status"]] += row["offers"]
    return counted
