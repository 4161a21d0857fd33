"""A consent taken back ends what it was given for; an erased child leaves no words behind."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta

import pytest

import sql
from domain import files
from domain.vocabulary import Role
from handlers.files import FILE_STORE
from tests import make, nursery_world
from tests.nursery_world import NOW
from tests.test_files import stored, upload

WORDS = {
    "enrolment.repair_words",
    "enrolment_claim.words",
    "enrolment_event.facts",
    "enrolment_verdict.reason",
    "enrolment_verdict.words",
    "nursery_leave.words",
    "nursery_place.end_reason",
}
"""What can say something of a child, and is gone once the child is erased."""
SAYING_NOTHING = {
    "enrolment.number",
    "enrolment.public_id",
    "enrolment.salt",
    "enrolment.state",
    "enrolment_claim.status",
    "enrolment_document.kind",
    "enrolment_document.media_type",
    "enrolment_event.because",
    "enrolment_event.state",
    "enrolment_event.was",
    "enrolment_offer.status",
    "enrolment_offer.way",
    "enrolment_verdict.denied",
    "enrolment_verdict.kind",
    "nursery_place.status",
}
"""Words of ours and what is drawn with."""
OF_NO_CHILD = {
    "enrolment_draw",
    "enrolment_round",
    "nursery_class",
    "nursery_norm",
    "priority_group",
    "programme",
    "programme_reserve",
    "programme_seat",
}


async def test_erasure_knows_every_word_of_enrolment(conn):
    """A column that is added to the nursery's tables is decided on here, and erased where it has to be."""
    declared = (sql.MIGRATIONS / "0006_nursery.sql").read_text(encoding="utf-8")
    tables = set(re.findall(r"^create table (\w+)", declared, re.MULTILINE)) - OF_NO_CHILD
    rows = await conn.fetch(
        """select table_name || '.' || column_name as place from information_schema.columns
           where table_name = any($1) and data_type in ('text', 'bytea', 'jsonb', 'ARRAY', 'USER-DEFINED')""",
        tables,
    )
    assert {row["place"] for row in rows} == WORDS | SAYING_NOTHING


async def state_of(conn, enrolment_id):
    return await conn.fetchval("select state from enrolment where id = $1", enrolment_id)


async def take_back(zone, who):
    return await zone.call("DELETE", f"/v1/me/consents/child_enrolment?person={who.child_id}", who)


async def test_without_the_consent_the_application_ends_and_the_care_goes_on(zone, conn):
    who, enrolment_id = await zone.application(await zone.round())
    status, answer = await take_back(zone, who)
    assert (status, answer["people"]) == (200, [])
    assert await state_of(conn, enrolment_id) == "withdrawn"
    assert (await zone.get(f"/v1/people/{who.child_id}", who))[0] == 200
    kinds = await conn.fetch("select kind from consent where person_id = $1 and withdrawn_at is null", who.child_id)
    assert [row["kind"] for row in kinds] == ["child_guardian"]


async def test_what_is_frozen_stands_when_the_consent_is_taken_back(zone, conn):
    within = await zone.round("reviewed")
    who, enrolment_id = await zone.application(within, state="accepted")
    await conn.execute("update enrolment set listed_at = $2 where id = $1", enrolment_id, NOW)
    assert (await take_back(zone, who))[0] == 200
    assert await state_of(conn, enrolment_id) == "accepted"


async def test_another_parents_consent_keeps_the_application(zone, conn):
    who, enrolment_id = await zone.application(await zone.round())
    other = await make.resident(conn, zone.app, name="家长乙")
    await make.care(conn, other.account_id, who.child_id, "child")
    await nursery_world.consent(conn, other.account_id, who.child_id)
    assert (await take_back(zone, who))[0] == 200
    assert await state_of(conn, enrolment_id) == "submitted"


async def test_an_erased_child_gives_back_its_seat_and_leaves_no_words(zone, conn):
    within = await zone.round("offers", seats=1, reserves={})
    who, enrolment_id = await zone.application(within, state="accepted", repair_words="请补户口簿")
    _, waiting_id = await zone.application(within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await nursery_world.drawn(conn, within, [enrolment_id, waiting_id], {enrolment_id: seat_id})
    await nursery_world.seat_offer(conn, enrolment_id, seat_id)
    status, answer = await zone.call("DELETE", f"/v1/people/{who.child_id}", who)
    assert status == 200, answer
    assert await state_of(conn, enrolment_id) == "withdrawn"
    assert await conn.fetchval("select repair_words from enrolment where id = $1", enrolment_id) == ""
    following = "select enrolment_id from enrolment_offer where seat_id = $1 and status = 'live'"
    assert await conn.fetchval(following, seat_id) == waiting_id


async def test_a_child_that_should_have_begun_and_never_did_keeps_no_seat(zone, conn):
    who = await zone.family()
    await nursery_world.place(conn, who.child_id, zone.star_class, status="planned", starts_on=date(2026, 11, 1))
    assert (await zone.call("DELETE", f"/v1/people/{who.child_id}", who))[0] == 200
    assert await conn.fetchval("select status from nursery_place") == "cancelled"


async def test_nobody_is_erased_before_the_last_day_in_a_nursery(zone, conn):
    who = await zone.family()
    place_id = await nursery_world.place(conn, who.child_id, zone.star_class)
    await conn.execute("update nursery_place set status = 'ended', ends_on = '2026-12-31' where id = $1", place_id)
    status, refusal = await zone.call("DELETE", f"/v1/people/{who.child_id}", who)
    assert (status, refusal["code"]) == (409, "live_nursery_places")


@pytest.mark.parametrize("path", ["/v1/me", "/v1/people/{child}"])
async def test_nobody_is_erased_who_is_in_a_nursery(zone, conn, path):
    who = await zone.family()
    await nursery_world.place(conn, who.child_id, zone.star_class)
    status, refusal = await zone.call("DELETE", path.format(child=who.child_id), who)
    assert (status, refusal["code"]) == (409, "live_nursery_places")


async def test_the_export_holds_all_of_the_enrolment_and_nobody_elses(zone, conn):
    within = await zone.round("offers", seats=1, reserves={})
    who, enrolment_id = await zone.application(within, None, None, {"sibling": "granted"}, state="accepted")
    await zone.application(within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await nursery_world.drawn(conn, within, [enrolment_id], {enrolment_id: seat_id})
    await nursery_world.seat_offer(conn, enrolment_id, seat_id)
    await nursery_world.place(conn, who.child_id, zone.star_class, enrolment_id=enrolment_id)
    status, exported = await zone.get("/v1/me/export", who)
    assert status == 200, exported
    (enrolment,) = exported["enrolments"]
    assert (enrolment["id"], len(enrolment["choices"])) == (str(enrolment_id), 2)
    assert [claim["status"] for claim in enrolment["claims"]] == ["granted"]
    assert [event["because"] for event in exported["enrolment_events"]] == ["begun", "submitted"]
    assert [len(exported[name]) for name in ("enrolment_offers", "nursery_places", "nursery_leaves")] == [1, 1, 0]


async def test_an_erased_child_leaves_no_paper_behind(zone, conn, app, client, settings):
    """The row of the file goes at once, its content with the next sweep; that something was handed in stays."""
    within, who = await zone.round(), await zone.family()
    _, made = await upload(client, who, purpose="enrolment_document")
    body = {"round_id": str(within.round_id), "person_id": str(who.child_id), "choices": []}
    paper = {"file_id": made["id"], "kind": "identity"}
    status, answer = await zone.post("/v1/enrolments", who, body | {"documents": [paper]})
    assert status == 201, answer
    assert len(stored(settings)) == 1
    status, answer = await zone.call("DELETE", f"/v1/people/{who.child_id}", who)
    assert status == 200, answer
    assert await conn.fetchval("select count(*) from file") == 0
    assert await conn.fetchval("select destroyed_at is not null from enrolment_document")
    await files.prune(conn, app[FILE_STORE], NOW + timedelta(days=3650))
    assert stored(settings) == []


async def test_who_is_put_out_at_the_desk_has_no_application_there_any_more(zone, conn):
    """Whoever took a stranger's child into care must not apply for it; who else agrees keeps the application."""
    who, enrolment_id = await zone.application(await zone.round())
    care_id = await conn.fetchval("select id from care where person_id = $1", who.child_id)
    status, answer = await zone.call("DELETE", f"/v1/staff/people/{who.child_id}/care/{care_id}", zone.manager)
    assert status == 204, answer
    assert await state_of(conn, enrolment_id) == "withdrawn"


async def test_the_desk_erases_a_child_that_is_on_a_frozen_list(zone, conn):
    """Nobody cares any more, the list stands: the application ends, its words go, and the seat goes to the next."""
    within = await zone.round("offers", seats=1, reserves={})
    who, enrolment_id = await zone.application(within, None, None, {"sibling": "denied"}, state="accepted")
    words = "update enrolment_claim set words = '同胞已经离园' where enrolment_id = $1"
    await conn.execute(words, enrolment_id)
    _, waiting_id = await zone.application(within, state="accepted")
    seat_id = within.programmes[0].seats[0]
    await nursery_world.drawn(conn, within, [enrolment_id, waiting_id], {enrolment_id: seat_id})
    await nursery_world.seat_offer(conn, enrolment_id, seat_id)
    manager = await make.staff(conn, zone.app, Role.MANAGER)
    await conn.execute("update care set ended_at = now() where person_id = $1", who.child_id)
    status, answer = await zone.post(f"/v1/staff/people/{who.child_id}/erase", manager)
    assert status == 204, answer
    assert await state_of(conn, enrolment_id) == "withdrawn"
    claim = await conn.fetchrow("select status, words from enrolment_claim where enrolment_id = $1", enrolment_id)
    assert tuple(claim) == ("denied", "")
    following = "select enrolment_id from enrolment_offer where seat_id = $1 and status = 'live'"
    assert await conn.fetchval(following, seat_id) == waiting_id


async def test_beginning_and_erasing_at_once_leave_nobody_with_an_application_of_nobody(zone, conn):
    within = await zone.round()
    for _ in range(4):
        who = await zone.family()
        body = {"round_id": str(within.round_id), "person_id": str(who.child_id), "choices": []}
        begun, erased = await asyncio.gather(
            zone.post("/v1/enrolments", who, body), zone.call("DELETE", f"/v1/people/{who.child_id}", who)
        )
        assert erased[0] == 200, erased
        assert begun[0] in (201, 400, 404), begun
    assert await conn.fetchval("select count(*) from enrolment where state <> 'withdrawn'") == 0


async def test_who_begins_while_the_child_is_being_erased_meets_nobody(zone, conn):
    within, who = await zone.round(), await zone.family()
    body = {"round_id": str(within.round_id), "person_id": str(who.child_id), "choices": []}
    async with conn.transaction():
        await conn.execute("select from person where id = $1 for update", who.child_id)
        beginning = asyncio.create_task(zone.post("/v1/enrolments", who, body))
        await asyncio.sleep(0.2)
        assert not beginning.done()
        await sql.erasure.erase_persons(conn, person_ids=[who.child_id], now=NOW)
    status, refusal = await beginning
    assert (status, refusal["code"]) == (404, "person_not_found")
    assert await conn.fetchval("select count(*) from enrolment") == 0
