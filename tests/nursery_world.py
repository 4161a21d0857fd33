"""Builds rows of nurseries and enrolment for tests: classes, rounds in every stage, families, applications, the draw.

What was announced does not change: a round is made as a draft with all that it offers, and then set to its stage.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from domain.consents import TEXTS
from domain.identifiers import new_id
from domain.vocabulary import ConsentKind
from handlers.request import VAULT
from tests import make

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
"""Where the clock of the tests stands."""
REFERENCE = STARTS = date(2027, 3, 1)
AGES = {"infant": (6, 12), "junior": (12, 24), "senior": (24, 36), "mixed": (18, 36)}
GROUPS = ("resettled", "sibling")
SPANS = {  # days from now: opens, closes, review until, value due
    "draft": (7, 21, 28, 30),
    "announced": (7, 21, 28, 30),
    "open": (-7, 7, 14, 16),
    "closed": (-14, -1, 6, 8),
    "reviewed": (-21, -10, -2, 1),
    "drawn": (-28, -14, -7, -1),
    "published": (-28, -14, -7, -1),
    "offers": (-28, -14, -7, -1),
    "ended": (-90, -70, -60, -58),
    "cancelled": (-14, -1, 6, 8),
}


@dataclass(frozen=True, slots=True)
class Offered:
    """What a round shall offer of a class. `reserves`: seats by the code of a group, in order."""

    class_id: UUID
    seats: int = 2
    reserves: Mapping[str, int] | None = None
    falls_to: Sequence[str] = ("",)
    months: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    programme_id: UUID
    class_id: UUID
    seats: list[UUID]
    """In the order of their numbers; a draft has none yet."""


@dataclass(frozen=True, slots=True)
class Round:
    round_id: UUID
    area_id: UUID
    groups: dict[str, UUID]
    programmes: list[Programme]


@dataclass(frozen=True, slots=True)
class Family:
    """A registered resident with a child in care, for whom the enrolment is consented to."""

    resident: make.Resident
    child_id: UUID

    @property
    def headers(self) -> dict[str, str]:
        return self.resident.headers

    @property
    def account_id(self) -> UUID:
        return self.resident.account_id


async def nursery(conn: Connection, area_id: UUID | None = None, name: str | None = None) -> UUID:
    return await make.provider(conn, area_id=area_id, kind="nursery", name=name)


async def nursery_class(
    conn: Connection,
    provider_id: UUID,
    *,
    name: str = "托大班",
    kind: str = "senior",
    months: tuple[int, int] | None = None,
    seats: int = 20,
    carers: int = 4,
    state: str = "active",
) -> UUID:
    class_id = new_id()
    await conn.execute(
        """insert into nursery_class (id, provider_id, name, kind, from_months, until_months, seats, carers, state,
                                      created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        class_id,
        provider_id,
        name,
        kind,
        *(months or AGES[kind]),
        seats,
        carers,
        state,
        make.EPOCH,
    )
    return class_id


async def enrolment_round(
    conn: Connection,
    area_id: UUID,
    offers: Iterable[Offered],
    *,
    stage: str = "open",
    groups: Sequence[str] = GROUPS,
    now: datetime = NOW,
    **columns: Any,
) -> Round:
    """Make a round as it is in a state (open and closed as well), seen from `now`; `columns` set any other one."""
    round_id = new_id()
    opens, closes, review, due = (now + timedelta(days=days) for days in SPANS[stage])
    given = {
        "id": round_id,
        "area_id": area_id,
        "name": "测试入托报名",
        "reference_date": REFERENCE,
        "starts_on": STARTS,
        "opens_at": opens,
        "closes_at": closes,
        "review_until": review,
        "value_source": "测试公开数",
        "value_due_at": due,
        "created_at": make.EPOCH,
    } | columns
    await conn.execute(
        f"""insert into enrolment_round ({", ".join(given)})
            values ({", ".join(f"${n}" for n in range(1, len(given) + 1))})""",
        *given.values(),
    )
    group_ids = {code: new_id() for code in groups}
    await conn.executemany(
        "insert into priority_group (id, round_id, code, position, name, proof) values ($1, $2, $3, $4, $3, '证明')",
        [(group_id, round_id, code, position) for position, (code, group_id) in enumerate(group_ids.items(), 1)],
    )
    programmes = [await _programme(conn, round_id, group_ids, offered, stage) for offered in offers]
    if stage != "draft":
        await conn.execute(
            """update enrolment_round set stage = $2::text, announced_at = least($3, opens_at),
                   stage_reason = case $2::text when 'cancelled' then '测试取消' else '' end,
                   ended_at = case when $2::text = 'ended' then $3::timestamptz end
               where id = $1""",
            round_id,
            "announced" if stage in ("open", "closed") else stage,
            now,
        )
    return Round(round_id, area_id, group_ids, programmes)


async def _programme(
    conn: Connection, round_id: UUID, groups: Mapping[str, UUID], offered: Offered, stage: str
) -> Programme:
    programme_id, reserves = new_id(), offered.reserves or {}
    found = await conn.fetchrow("select from_months, until_months from nursery_class where id = $1", offered.class_id)
    assert found is not None
    await conn.execute(
        """insert into programme (id, round_id, class_id, from_months, until_months, seats)
           values ($1, $2, $3, $4, $5, $6)""",
        programme_id,
        round_id,
        offered.class_id,
        *(offered.months or found),
        offered.seats,
    )
    await conn.executemany(
        """insert into programme_reserve (programme_id, position, group_id, seats, falls_to)
           values ($1, $2, $3, $4, $5)""",
        [
            (programme_id, position, groups[code], seats, list(offered.falls_to))
            for position, (code, seats) in enumerate(reserves.items(), 1)
        ],
    )
    tiers = [[code, *offered.falls_to] for code, seats in reserves.items() for _ in range(seats)]
    tiers += [[""]] * (offered.seats - len(tiers))
    seats = [] if stage == "draft" else [new_id() for _ in tiers]
    await conn.executemany(
        "insert into programme_seat (id, programme_id, number, tiers) values ($1, $2, $3, $4)",
        [(seat_id, programme_id, number, tiers[number - 1]) for number, seat_id in enumerate(seats, 1)],
    )
    return Programme(programme_id, offered.class_id, seats)


async def consent(conn: Connection, account_id: UUID, person_id: UUID, kind: str = "child_enrolment") -> None:
    await conn.execute(
        """insert into consent (id, account_id, person_id, kind, document_version, given_at)
           values ($1, $2, $3, $4, $5, $6)""",
        new_id(),
        account_id,
        person_id,
        kind,
        TEXTS[ConsentKind(kind)].version,
        make.EPOCH,
    )


async def child(
    conn: Connection,
    app: web.Application,
    parent: make.Resident,
    *,
    name: str = "孩子甲",
    born: date = date(2024, 9, 10),
    consented: bool = True,
) -> UUID:
    """Make a child in the care of a resident, by default 29 months old at the reference date."""
    child_id = await make.person(conn, app[VAULT], name=name, born=born)
    await make.care(conn, parent.account_id, child_id, "child")
    await consent(conn, parent.account_id, child_id, "child_guardian")
    if consented:
        await consent(conn, parent.account_id, child_id)
    return child_id


async def family(conn: Connection, app: web.Application, *, name: str = "家长甲", **of_child: Any) -> Family:
    parent = await make.resident(conn, app, name=name)
    return Family(parent, await child(conn, app, parent, **of_child))


async def application(
    conn: Connection,
    who: Family,
    within: Round,
    choices: Sequence[UUID] | None = None,
    claims: Mapping[str, str] | None = None,
    *,
    state: str = "submitted",
    late: bool = False,
    at: datetime | None = None,
    **columns: Any,
) -> UUID:
    """Let a family apply: for all programmes in their order unless told, claiming groups (code: status)."""
    enrolment_id = new_id()
    at = at or NOW - timedelta(days=2)
    given = {
        "id": enrolment_id,
        "public_id": "".join(secrets.choice("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(10)),
        "salt": secrets.token_hex(16),
        "round_id": within.round_id,
        "person_id": who.child_id,
        "account_id": who.account_id,
        "state": state,
        "late": late,
        "created_at": at,
        "changed_at": at,
        "submitted_at": None if state == "draft" else at,
    } | columns
    if state == "returned":
        given = {"repair_by": NOW + timedelta(days=2), "repair_words": "请补充材料"} | given
    await conn.execute(
        f"""insert into enrolment ({", ".join(given)})
            values ({", ".join(f"${n}" for n in range(1, len(given) + 1))})""",
        *given.values(),
    )
    wanted = [each.programme_id for each in within.programmes] if choices is None else choices
    await conn.executemany(
        "insert into enrolment_choice (enrolment_id, rank, programme_id) values ($1, $2, $3)",
        [(enrolment_id, rank, programme_id) for rank, programme_id in enumerate(wanted, 1)],
    )
    await conn.executemany(
        "insert into enrolment_claim (enrolment_id, group_id, status) values ($1, $2, $3)",
        [(enrolment_id, within.groups[code], status) for code, status in (claims or {}).items()],
    )
    await conn.execute(
        """insert into enrolment_event (id, enrolment_id, at, actor_id, was, state, because)
           values ($1, $2, $3, $4, null, 'draft', 'begun')""",
        new_id(),
        enrolment_id,
        at,
        who.account_id,
    )
    if state != "draft":
        await conn.execute(
            """insert into enrolment_event (id, enrolment_id, at, actor_id, was, state, because)
               values ($1, $2, $3, $4, 'draft', $5, 'submitted')""",
            new_id(),
            enrolment_id,
            at,
            who.account_id,
            state,
        )
    return enrolment_id


async def drawn(
    conn: Connection,
    within: Round,
    order: Sequence[UUID],
    seats: Mapping[UUID, UUID] | None = None,
    *,
    actor_id: UUID | None = None,
    published: bool = True,
) -> None:
    """List applications and give them rising numbers in `order` and the `seats` (by enrolment), as a draw would.

    Sets the round's stage no further than it is; the frozen bytes are no real list.
    """
    actor_id = actor_id or await make.account(conn, "staff")
    frozen = b'{"made": "by a test"}'
    due = await conn.fetchval("select value_due_at from enrolment_round where id = $1", within.round_id)
    await conn.executemany(
        "update enrolment set listed_at = $2 where id = $1",
        [(enrolment_id, due - timedelta(days=1)) for enrolment_id in order],
    )
    await conn.execute(
        """insert into enrolment_draw (round_id, frozen, frozen_sha256, frozen_at, frozen_by)
           values ($1, $2, $3, $4, $5)""",
        within.round_id,
        frozen,
        hashlib.sha256(frozen).hexdigest(),
        due - timedelta(days=1),
        await make.account(conn, "staff"),
    )
    await conn.execute(
        """update enrolment_draw
           set public_value = '12345', seed = $2, result = frozen, drawn_at = $3, drawn_by = $4, published_at = $5
           where round_id = $1""",
        within.round_id,
        "0" * 64,
        due,
        actor_id,
        due + timedelta(hours=6) if published else None,
    )
    await conn.executemany(
        "update enrolment set number = $2, seat_id = $3 where id = $1",
        [
            (enrolment_id, f"{place:064x}", (seats or {}).get(enrolment_id))
            for place, enrolment_id in enumerate(order, 1)
        ],
    )


async def seat_offer(
    conn: Connection,
    enrolment_id: UUID,
    seat_id: UUID,
    *,
    status: str = "live",
    way: str = "draw",
    at: datetime = NOW - timedelta(hours=3),
    answer_by: datetime = NOW + timedelta(days=3),
) -> UUID:
    offer_id = new_id()
    await conn.execute(
        """insert into enrolment_offer (id, enrolment_id, seat_id, way, status, offered_at, answer_by, answered_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        offer_id,
        enrolment_id,
        seat_id,
        way,
        status,
        at,
        answer_by,
        None if status == "live" else at,
    )
    return offer_id


async def place(
    conn: Connection,
    person_id: UUID,
    class_id: UUID,
    *,
    status: str = "confirmed",
    starts_on: date = date(2026, 9, 1),
    ends_on: date | None = None,
    enrolment_id: UUID | None = None,
    **columns: Any,
) -> UUID:
    """Let a child have a place in a class; with its papers where it is confirmed."""
    place_id = new_id()
    papers = dict.fromkeys(("agreement_on", "health_check_on", "vaccination_on"), starts_on - timedelta(days=7))
    given = {
        "id": place_id,
        "person_id": person_id,
        "class_id": class_id,
        "enrolment_id": enrolment_id,
        "status": status,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "created_at": make.EPOCH,
        "changed_at": make.EPOCH,
    }
    given |= (papers if status in ("confirmed", "ended") else {}) | columns
    await conn.execute(
        f"""insert into nursery_place ({", ".join(given)})
            values ({", ".join(f"${n}" for n in range(1, len(given) + 1))})""",
        *given.values(),
    )
    return place_id
