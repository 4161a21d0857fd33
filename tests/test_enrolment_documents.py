"""Documents of applications: who hands in what, who reads it, and when it is destroyed."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from domain import enrolment_documents, files
from domain.callers import Caller
from domain.context import Context
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.nursery_vocabulary import MAX_DOCUMENTS, MAX_UNUSED_FILES, DocumentKind
from domain.vocabulary import Role
from handlers.files import FILE_STORE
from handlers.request import VAULT
from server.database import prepare_connection
from tests import make
from tests import nursery_world as world
from tests.pictures import jpeg, pdf, png
from tests.test_files import stored, upload

PURPOSE = "enrolment_document"


@pytest.fixture
async def town(conn, app):
    """A round with one nursery, and a family that has begun an application with a claim."""
    area_id = await make.area(conn)
    class_id = await world.nursery_class(conn, await world.nursery(conn, area_id))
    within = await world.enrolment_round(conn, area_id, [world.Offered(class_id)])
    who = await world.family(conn, app)
    enrolment_id = await world.application(conn, who, within, claims={"sibling": "claimed"}, state="draft")
    return Town(conn, app, within, who, enrolment_id)


class Town:
    def __init__(self, conn, app, within, who, enrolment_id):
        self.conn, self.app, self.within, self.who, self.enrolment_id = conn, app, within, who, enrolment_id

    def context(self, who=None):
        caller = Caller((who or self.who).account_id, new_id(), frozenset(), 1)
        return Context(caller, world.NOW, self.app[VAULT])

    async def file(self, who=None, purpose=PURPOSE, at=world.NOW):
        file_id = new_id()
        await self.conn.execute(
            """insert into file (id, account_id, purpose, media_type, size, created_at)
               values ($1, $2, $3, 'image/png', 70, $4)""",
            file_id,
            (who or self.who).account_id,
            purpose,
            at,
        )
        return file_id

    async def attach(self, *wanted, who=None, enrolment_id=None):
        async with self.conn.transaction():
            row = await self.conn.fetchrow(
                "select * from enrolment where id = $1 for no key update", enrolment_id or self.enrolment_id
            )
            return await enrolment_documents.attach(self.conn, self.context(who), row, wanted)

    async def files(self):
        return {row["id"] for row in await self.conn.fetch("select id from file")}


def identity(file_id):
    return {"file_id": file_id, "kind": DocumentKind.IDENTITY, "group_id": None}


async def test_the_set_of_documents_is_replaced_and_what_falls_out_is_destroyed(town, conn):
    one, other, spare = await town.file(), await town.file(), await town.file()
    claim = {"file_id": other, "kind": DocumentKind.CLAIM, "group_id": town.within.groups["sibling"]}
    shown = await town.attach(identity(one), claim)
    assert {(row["file_id"], row["kind"], row["group_id"]) for row in shown} == {
        (one, "identity", None),
        (other, "claim", town.within.groups["sibling"]),
    }
    as_home = {"file_id": one, "kind": DocumentKind.HOUSEHOLD, "group_id": None}
    shown = await town.attach(as_home)
    assert [(row["file_id"], row["kind"]) for row in shown] == [(one, "household")]
    assert await town.files() == {one, spare}
    gone = await conn.fetchrow("select * from enrolment_document where destroyed_at is not null")
    assert (gone["file_id"], gone["destroyed_at"]) == (other, world.NOW)
    with pytest.raises(NotFound) as refused:
        await town.attach(claim)
    assert refused.value.facts["file_ids"] == [other]
    assert await town.attach() == []
    assert await town.files() == {spare}


async def test_only_files_of_ones_own_for_this_are_taken(town, conn, app):
    stranger = await world.family(conn, app, name="家长乙")
    theirs = await world.application(conn, stranger, town.within)
    foreign, paper = await town.file(stranger), await town.file(purpose="mandate_paper")
    used = await town.file(stranger)
    await town.attach(identity(used), who=stranger, enrolment_id=theirs)
    for odd in (foreign, paper, used, new_id()):
        with pytest.raises(NotFound) as refused:
            await town.attach(identity(odd))
        assert refused.value.code == "document_file_not_found"
    with pytest.raises(NotFound) as refused:
        await town.attach(who=stranger)
    assert refused.value.code == "enrolment_not_found"
    sibling = await world.child(conn, app, town.who.resident)
    second = await world.application(conn, world.Family(town.who.resident, sibling), town.within)
    once = await town.file()
    await town.attach(identity(once))
    with pytest.raises(NotFound):
        await town.attach(identity(once), enrolment_id=second)


async def test_another_carer_keeps_what_the_first_has_handed_in(town, conn, app):
    other = await make.resident(conn, app)
    await make.care(conn, other.account_id, town.who.child_id, "child")
    first, second = await town.file(), await town.file(other)
    await town.attach(identity(first))
    shown = await town.attach(identity(first), identity(second), who=other)
    assert {row["file_id"] for row in shown} == {first, second}


async def test_what_makes_no_sense_is_refused(town):
    one = await town.file()
    claim = {"file_id": one, "kind": DocumentKind.CLAIM, "group_id": town.within.groups["resettled"]}
    many = [identity(await town.file()) for _ in range(MAX_DOCUMENTS + 1)]
    for wanted, code in (
        ([identity(one)] * 2, "document_repeated"),
        ([claim], "document_without_claim"),
        (many, "documents_too_many"),
    ):
        with pytest.raises(Invalid) as refused:
            await town.attach(*wanted)
        assert refused.value.code == code
    assert len(await town.attach(*many[1:])) == MAX_DOCUMENTS


async def test_a_claim_needs_its_document(town, conn):
    row = await conn.fetchrow("select * from enrolment where id = $1", town.enrolment_id)
    await town.attach(identity(await town.file()))
    with pytest.raises(Conflict) as refused:
        await enrolment_documents.require_whole(conn, row)
    assert refused.value.facts == {"groups": ["sibling"], "group_ids": [town.within.groups["sibling"]]}
    claim = {"file_id": await town.file(), "kind": DocumentKind.CLAIM, "group_id": town.within.groups["sibling"]}
    await town.attach(claim)
    await enrolment_documents.require_whole(conn, row)


async def test_a_family_stores_documents_so_many_at_a_time(client, conn, app, settings):
    who = await world.family(conn, app)
    staff = await make.staff(conn, app, Role.MANAGER)
    assert (await upload(client, staff, purpose=PURPOSE))[1]["code"] == "registration_required"
    for content in (png(), jpeg(), pdf()):
        status, made = await upload(client, who, content, purpose=PURPOSE)
        assert (status, made["size"]) == (201, len(content))
    response = await client.get(f"/v1/files/{made['id']}", headers=who.headers)
    assert response.status == 403
    await conn.execute(
        """insert into file (id, account_id, purpose, media_type, size, created_at)
           select gen_random_uuid(), $1, $2, 'image/png', 70, now() from generate_series(1, $3)""",
        who.account_id,
        PURPOSE,
        MAX_UNUSED_FILES - 4,
    )
    answers = await asyncio.gather(*(upload(client, who, purpose=PURPOSE) for _ in range(4)))
    codes = sorted((status, body.get("code")) for status, body in answers)
    assert codes == [(201, None)] + [(409, "files_unused")] * 3
    assert len(stored(settings)) == 4


async def test_pruning_keeps_what_is_handed_in(town, app, clock):
    store, old = app[FILE_STORE], world.NOW - timedelta(days=files.UNUSED_DAYS + 1)
    kept, unused = await town.file(at=old), await town.file(at=old)
    await town.attach(identity(kept))
    await files.prune(town.conn, store, world.NOW)
    assert await town.files() == {kept}
    assert unused not in await town.files()


async def test_a_file_is_not_pruned_while_it_is_handed_in(town, conn, app, database):
    file_id = await town.file(at=world.NOW - timedelta(days=files.UNUSED_DAYS + 1))
    row = await conn.fetchrow("select * from enrolment where id = $1", town.enrolment_id)
    other = await asyncpg.connect(database)
    try:
        await prepare_connection(other)
        async with conn.transaction():
            await enrolment_documents.attach(conn, town.context(), row, [identity(file_id)])
            pruning = asyncio.create_task(files.prune(other, app[FILE_STORE], world.NOW))
            await asyncio.sleep(0.3)
        await pruning
    finally:
        await other.close()
    assert await town.files() == {file_id}


async def uploaded(client, town, content=None):
    _, made = await upload(client, town.who, content, purpose=PURPOSE)
    return UUID(made["id"])


async def test_staff_of_the_round_and_of_the_first_choice_read_and_each_reading_is_recorded(client, conn, town):
    file_id = await uploaded(client, town, pdf())
    await town.attach(identity(file_id))
    nursery = await conn.fetchval("select provider_id from nursery_class")
    clerk = await make.staff(conn, town.app, Role.CLERK, area_id=town.within.area_id)
    carer = await make.staff(conn, town.app, Role.CLERK, provider_id=nursery)
    auditor = await make.staff(conn, town.app, Role.AUDITOR, area_id=town.within.area_id)
    elsewhere = await make.staff(conn, town.app, Role.ADMIN, area_id=await make.area(conn))
    stranger = await world.family(conn, town.app, name="家长乙")
    path = f"enrolments/{town.enrolment_id}/documents/{file_id}"

    async def statuses():
        staff = [
            (await client.get(f"/v1/staff/{path}", headers=who.headers)).status
            for who in (clerk, carer, auditor, elsewhere)
        ]
        return staff, [(await client.get(f"/v1/{path}", headers=who.headers)).status for who in (town.who, stranger)]

    assert await statuses() == ([404] * 4, [200, 404])
    await conn.execute("update enrolment set state = 'submitted', submitted_at = $1", world.NOW)
    assert await statuses() == ([200, 200, 404, 404], [200, 404])
    response = await client.get(f"/v1/staff/{path}", headers=clerk.headers)
    assert (await response.read(), response.headers["Content-Disposition"]) == (pdf(), "attachment")
    rows = await conn.fetch(
        "select actor_id from audit where action = 'enrolment_documents.read' and subject_id = $1", file_id
    )
    assert [row["actor_id"] for row in rows].count(clerk.account_id) == 2
    assert {row["actor_id"] for row in rows} == {clerk.account_id, carer.account_id}
    by_file = await client.get(f"/v1/files/{file_id}", headers=clerk.headers)
    assert by_file.status == 404
    await conn.execute("update enrolment set state = 'withdrawn'")
    assert await statuses() == ([404] * 4, [200, 404])


@pytest.mark.parametrize(
    ("state", "place", "goes"),
    [
        ("refused", None, True),
        ("withdrawn", None, True),
        ("accepted", None, True),
        ("accepted", {"status": "planned"}, False),
        ("accepted", {"status": "confirmed"}, False),
        ("accepted", {"status": "cancelled"}, True),
        ("accepted", {"status": "ended", "ends_on": date(2026, 9, 2)}, False),
        ("accepted", {"status": "ended", "starts_on": date(2026, 7, 1), "ends_on": date(2026, 7, 2)}, True),
    ],
)
async def test_documents_go_when_their_days_are_over(client, conn, settings, town, state, place, goes):
    file_id = await uploaded(client, town)
    await town.attach(identity(file_id))
    await conn.execute("update enrolment set state = $1, submitted_at = $2", state, world.NOW)
    if place is not None:
        class_id = await conn.fetchval("select id from nursery_class")
        await world.place(conn, town.who.child_id, class_id, enrolment_id=town.enrolment_id, **place)
    ended = world.NOW - timedelta(days=90)
    await conn.execute("update enrolment_round set stage = 'ended', ended_at = $1", ended + timedelta(seconds=1))
    now = world.NOW

    async def act():
        return await enrolment_documents.destroy_due(
            conn, town.app[FILE_STORE], lambda: Context(None, now, town.app[VAULT]), lambda: False
        )

    assert await act() == 0
    now += timedelta(seconds=1)
    assert await act() == goes
    assert (await town.files() == set()) == goes
    assert (stored(settings) == []) == goes
    rows = await conn.fetch("select subject_id, facts from audit where action = 'enrolment_documents.destroyed'")
    assert [(row["subject_id"], row["facts"]) for row in rows] == [
        (town.enrolment_id, {"files": [str(file_id)]})
    ] * goes
    assert await act() == 0
    if goes:
        assert await conn.fetchval("select destroyed_at from enrolment_document") == now
        path = f"/v1/enrolments/{town.enrolment_id}/documents/{file_id}"
        response = await client.get(path, headers=town.who.headers)
        assert (await response.json())["code"] == "document_not_found"


@pytest.mark.parametrize(("days", "gone"), [(400, 0), (600, 1)])
async def test_documents_stay_while_a_round_goes_on_but_not_for_ever(conn, town, days, gone):
    await town.attach(identity(await town.file()))
    later = Context(None, world.NOW + timedelta(days=days), town.app[VAULT])
    assert await enrolment_documents.destroy_due(conn, town.app[FILE_STORE], lambda: later, lambda: False) == gone
