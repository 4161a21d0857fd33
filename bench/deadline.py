"""`make bench-deadline`: 10,000 families hand in an application around the last moment, as fast as they can.

FAMILIES says how many. The round closes when some of them are still pressing. Each answer is held against its row: who
was told "handed in" is, who was told "too late" is not, and nobody is told anything else.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bench.booking import WrongRunError
from bench.world import Household, Secrets, World, serving
from domain.consents import TEXTS
from domain.identifiers import new_id
from domain.vocabulary import ConsentKind
from server import embedded, migrate

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Connection

CONNECTIONS = 64
WARM_UP = 500
"""Families that press long before the others: processes and plans are warm then."""
PART_IN_TIME = 0.8
"""The deadline is set where, at the speed of the warm-up, so many of all will have pressed."""
BORN = date(2024, 9, 10)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
RESULTS = Path(__file__).parent / "results"


async def offer_round(conn: Connection, world: World) -> tuple[UUID, list[UUID]]:
    """Announce a round of one nursery with ten classes; return it and its programmes."""
    now, round_id = datetime.now(UTC), new_id()
    await conn.execute("update provider set kind = 'nursery' where id = $1", world.provider_id)
    await conn.execute(
        """insert into enrolment_round (id, area_id, name, reference_date, starts_on, opens_at, closes_at, review_until,
                                        value_source, value_due_at, created_at)
           select $1, area_id, '测试入托报名', $2, $2, $3, $4, $4, '测试公开数', $4, $3 from provider where id = $5""",
        round_id,
        date(2027, 3, 1),
        now - timedelta(days=1),
        now + timedelta(days=1),
        world.provider_id,
    )
    programmes = []
    for number in range(10):
        class_id, programme_id = new_id(), new_id()
        await conn.execute(
            """insert into nursery_class (id, provider_id, name, kind, from_months, until_months, seats, carers,
                                          created_at)
               values ($1, $2, $3, 'senior', 24, 36, 20, 3, $4)""",
            class_id,
            world.provider_id,
            f"托大班 {number}",
            now,
        )
        await conn.execute(
            "insert into programme (id, round_id, class_id, from_months, until_months, seats) "
            "values ($1, $2, $3, 24, 36, 20)",
            programme_id,
            round_id,
            class_id,
        )
        programmes.append(programme_id)
    await conn.execute("update enrolment_round set stage = 'announced' where id = $1", round_id)
    return round_id, programmes


async def draft_all(
    conn: Connection, world: World, round_id: UUID, programmes: list[UUID]
) -> list[tuple[Household, UUID]]:
    """Give each household a child whose application is ready to be handed in."""
    now, drafts = datetime.now(UTC), []
    tables: dict[str, list[tuple[Any, ...]]] = {"consent": [], "enrolment": [], "enrolment_choice": []}
    children = [household.people[1] for household in world.households]
    await conn.execute("update person set birth_date = $2 where id = any($1::uuid[])", children, BORN)
    version = TEXTS[ConsentKind.CHILD_ENROLMENT].version
    cares = await conn.fetch("select person_id, account_id from care where person_id = any($1::uuid[])", children)
    account_of = {care["person_id"]: care["account_id"] for care in cares}
    for number, household in enumerate(world.households):
        child, enrolment_id = household.people[1], new_id()
        account_id = account_of[child]
        public_id = "".join(secrets.choice(ALPHABET) for _ in range(10))
        tables["consent"].append((new_id(), account_id, child, "child_enrolment", version, now))
        tables["enrolment"].append(
            (enrolment_id, public_id, secrets.token_hex(16), round_id, child, account_id, now, now)
        )
        tables["enrolment_choice"] += [
            (enrolment_id, rank, programmes[(number + rank) % len(programmes)]) for rank in range(1, 6)
        ]
        drafts.append((household, enrolment_id))
    for table, columns in (
        ("consent", "id account_id person_id kind document_version given_at"),
        ("enrolment", "id public_id salt round_id person_id account_id created_at changed_at"),
        ("enrolment_choice", "enrolment_id rank programme_id"),
    ):
        await conn.copy_records_to_table(table, records=tables[table], columns=columns.split())
    await conn.execute("vacuum analyze consent, enrolment, enrolment_choice, person")
    return drafts


async def press(
    session: aiohttp.ClientSession, drafts: list[tuple[Household, UUID]]
) -> tuple[float, dict[UUID, str], list[float]]:
    """Hand all in, CONNECTIONS at a time; return seconds in all, each answer, and the seconds that each took."""
    waiting, answers, took = iter(drafts), {}, []

    async def family() -> None:
        for household, enrolment_id in waiting:
            begun = time.perf_counter()
            async with session.post(
                f"/v1/enrolments/{enrolment_id}/submit", json={}, headers={"Authorization": f"Bearer {household.token}"}
            ) as response:
                body = await response.json(content_type=None)
            took.append(time.perf_counter() - begun)
            answers[enrolment_id] = body.get("code", body.get("state", ""))

    begun = time.perf_counter()
    await asyncio.gather(*(family() for _ in range(CONNECTIONS)))
    return time.perf_counter() - begun, answers, took


async def measure(world: World, folder: Path, families: int) -> dict[str, Any]:
    conn = await world.connect()
    await migrate.migrate(conn)
    await world.settle(families + WARM_UP)
    round_id, programmes = await offer_round(conn, world)
    drafts = await draft_all(conn, world, round_id, programmes)
    with serving(world, folder) as address:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(address, connector=connector) as session:
            warm, answers, _ = await press(session, drafts[:WARM_UP])
            closes_at = datetime.now(UTC) + timedelta(seconds=warm / WARM_UP * families * PART_IN_TIME)
            # only the bench may bring a deadline forward: a round's own can be moved later, never earlier
            await conn.execute("alter table enrolment_round disable trigger enrolment_round_guard")
            await conn.execute("update enrolment_round set closes_at = $2 where id = $1", round_id, closes_at)
            await conn.execute("alter table enrolment_round enable trigger enrolment_round_guard")
            seconds, more, took = await press(session, drafts[WARM_UP:])
    told = answers | more
    await check(conn, round_id, told, closes_at)
    await conn.close()
    took.sort()
    counted = Counter(more.values())
    return {
        "families": families,
        "connections": CONNECTIONS,
        "handed_in": counted["submitted"],
        "told_too_late": counted["enrolment_closed"],
        "answers_a_second": round(families / seconds),
        "p50_ms": round(took[len(took) // 2] * 1000, 1),
        "p99_ms": round(took[len(took) * 99 // 100] * 1000, 1),
    }


async def check(conn: Connection, round_id: UUID, told: dict[UUID, str], closes_at: datetime) -> None:
    """Raise unless every answer is what the rows say."""
    rows = await conn.fetch("select id, state, submitted_at from enrolment where round_id = $1", round_id)
    fits = {"submitted": "submitted", "enrolment_closed": "draft"}
    wrong = [row["id"] for row in rows if fits.get(told[row["id"]]) != row["state"]]
    late = [row["id"] for row in rows if row["submitted_at"] and row["submitted_at"] >= closes_at]
    if wrong or late:
        raise WrongRunError(
            f"{len(wrong)} answers are not what the rows say, {len(late)} handed in late; {Counter(told.values())}"
        )


def main() -> int:
    families = int(os.environ.get("FAMILIES", "10000"))
    with tempfile.TemporaryDirectory(prefix="xiaotuo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another account, which has to reach its data
        with embedded.start(folder) as postgres:
            found = asyncio.run(measure(World(postgres.dsn, Secrets.new()), folder, families))
    for name, value in found.items():
        print(f"{name:>18}: {value:,}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "deadline.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
