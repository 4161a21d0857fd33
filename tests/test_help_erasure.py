"""What goes, and what stays without words, when somebody who was helped or who has helped is erased."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace

import asyncpg
import pytest

import sql
from domain.identifiers import new_id
from domain.sealing_rotation import PLACES
from domain.vocabulary import Role
from handlers.request import VAULT
from tests import help_world, make
from tests.visitors import call

SPAN = (help_world.local(help_world.TOMORROW, "09:00"), help_world.local(help_world.TOMORROW, "11:00"))
CONTACT = {"name": "测试女儿", "phone": "13812349999"}
NOT_OF_PERSONS = {"care_request", "staff"}
WORDS = {
    "emergency_contact.name_sealed",
    "emergency_contact.phone_sealed",
    "help_request.need_sealed",
    "help_request.pickup_sealed",
    "help_request.pickup_index",
    "help_request.mobility_sealed",
    "help_request.contact_phone_sealed",
    "help_event.facts",
    "help_hours_correction.reason",
    "help_rating.thanks",
    "help_complaint.words_sealed",
    "help_complaint.answer",
    "help_alarm.outcome",
}
"""What can say something of somebody, and is gone once that person is erased."""
SAYING_NOTHING = {
    "help_request.asked_way",
    "help_request.matter",
    "help_request.language",
    "help_request.part_of_day",
    "help_request.state",
    "help_request.start_code",
    "help_request.end_code",
    "help_event.was",
    "help_event.state",
    "help_event.because",
    "help_offer.status",
    "help_offer.reasons",
    "help_work.state",
    "help_hours.started_way",
    "help_hours.ended_way",
    "help_alarm.kind",
    "help_alarm.facts",
}
"""Words of ours and numbers."""


async def test_erasure_knows_every_word_of_help(conn):
    """A column that is added to help's tables is decided on here, and erased where it has to be."""
    declared = (sql.MIGRATIONS / "0005_help.sql").read_text(encoding="utf-8")
    rows = await conn.fetch(
        """select table_name || '.' || column_name as place from information_schema.columns
           where table_name = any($1) and data_type in ('text', 'bytea', 'jsonb', 'ARRAY', 'USER-DEFINED')
             and not (table_name = 'help_request' and column_name = 'wished_days') and table_name <> 'help_policy'""",
        re.findall(r"^create table (\w+)", declared, re.MULTILINE),
    )
    assert {row["place"] for row in rows} == WORDS | SAYING_NOTHING


@pytest.fixture
async def town(conn, app, visit):
    """A family with a parent, and two volunteers of one team."""
    carer = await visit("测试甲")
    _, parent = await carer.add("测试乙")
    team_id = await make.team(conn)
    one, other = [await help_world.helper(conn, app, team_id=team_id) for _ in range(2)]

    async def asked(person_id=parent["id"], **more):
        return await help_world.help_request(conn, app[VAULT], person_id, team_id=team_id, **more)

    return SimpleNamespace(carer=carer, parent_id=parent["id"], team_id=team_id, one=one, other=other, asked=asked)


async def done(conn, vault, town, request_id):
    """Bring a request to its end, with hours, thanks, a correction, a complaint that was answered, and an alarm."""
    await help_world.taken(conn, request_id, town.one.volunteer_id, state="completed", span=SPAN)
    volunteer_id, account_id = town.one.volunteer_id, town.carer.account_id
    await conn.execute(
        """insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way, ended_at, ended_way,
                                   minutes)
           values ($1, $2, $3, $4, 'code', $5, 'code', 120)""",
        request_id,
        volunteer_id,
        town.team_id,
        *SPAN,
    )
    await conn.execute(
        """insert into help_hours_correction values ($1, $2, $3, now(), 120, 90, '测试乙走得慢')""",
        new_id(),
        request_id,
        account_id,
    )
    await conn.execute(
        "insert into help_rating values ($1, $2, $3, now(), 5, '谢谢，测试乙很高兴')",
        request_id,
        volunteer_id,
        account_id,
    )
    complaint_id = new_id()
    await conn.execute(
        """insert into help_complaint (id, request_id, team_id, volunteer_id, made_by, made_at, words_sealed,
                                       answered_by, answered_at, answer)
           values ($1, $2, $3, $4, $5, now(), $6, $5, now(), '已向测试乙说明')""",
        complaint_id,
        request_id,
        town.team_id,
        volunteer_id,
        account_id,
        vault.seal("help_complaint", "words_sealed", complaint_id, "来晚了".encode()),
    )
    await conn.execute(
        """insert into help_event (id, request_id, at, state, because, facts)
           values ($1, $2, now(), 'completed', 'completed_by_leader', '{"reason": "测试乙没有手机"}')""",
        new_id(),
        request_id,
    )
    await conn.execute(
        """insert into notice (id, person_id, kind, subject_id, facts, created_at)
           values ($1, $2, 'help_hours_corrected', $3, '{"reason": "测试乙走得慢"}', now())""",
        new_id(),
        town.one.resident.person_id,
        request_id,
    )
    await conn.execute(
        """insert into help_alarm (id, kind, team_id, request_id, day, facts, raised_at, closed_at, closed_by, outcome)
           values ($1, 'unconfirmed', $2, $3, '2026-11-24', '{}', now(), now(), $4, '问过测试乙')""",
        new_id(),
        town.team_id,
        request_id,
        account_id,
    )


async def test_what_is_asked_for_somebody_who_goes_ends_and_the_volunteer_is_free(town, conn):
    taken, sought = await town.asked(needs=("accompany",)), await town.asked()
    await help_world.taken(conn, taken, town.one.volunteer_id, state="booked", span=SPAN)
    await help_world.offered(conn, sought, town.other.volunteer_id)
    assert (await town.carer.call("DELETE", f"/v1/people/{town.parent_id}"))[1]["fate"] == "erased"
    rows = await conn.fetch("select state, volunteer_id, next_round_at, start_code, end_code from help_request")
    assert {tuple(row) for row in rows} == {("cancelled", None, None, None, None)}
    events = await conn.fetch("select state, because, actor_id from help_event where because = 'person_erased'")
    assert [tuple(row) for row in events] == [("cancelled", "person_erased", town.carer.account_id)] * 2
    assert await conn.fetchval("select status from help_offer where request_id = $1", sought) == "withdrawn"
    assert await conn.fetchval("select state from help_work") == "released"
    told = await conn.fetch("select person_id, kind, subject_id from notice")
    assert {tuple(row) for row in told} == {
        (town.one.resident.person_id, "help_withdrawn", taken),
        (town.other.resident.person_id, "help_withdrawn", sought),
    }


async def test_what_was_said_goes_and_that_there_was_help_stays(town, conn, app):
    request_id = await town.asked(needs=("accompany", "drive"))
    await done(conn, app[VAULT], town, request_id)
    await town.carer.call("PUT", f"/v1/people/{town.parent_id}/emergency-contact", CONTACT)
    assert (await town.carer.call("DELETE", f"/v1/people/{town.parent_id}"))[0] == 200
    for place in PLACES:
        if place.table not in NOT_OF_PERSONS:
            whose = {"person": f"where id = '{town.parent_id}'"}.get(place.table, "")
            left = await conn.fetchval(f"select count({place.column}) from {place.table} {whose}")
            assert left == 0, place
    assert await conn.fetchval("select pickup_index from help_request") is None
    said = await conn.fetchrow(
        """select thanks, answer, outcome, reason, stars, minutes, minutes_after, ended_at - started_at as span
           from help_rating, help_complaint, help_alarm, help_hours_correction, help_hours"""
    )
    assert dict(said) == {
        "thanks": "",
        "answer": "",
        "outcome": "",
        "reason": "已注销",
        "stars": 5,
        "minutes": 120,
        "minutes_after": 90,
        "span": SPAN[1] - SPAN[0],
    }
    assert await conn.fetchval("select state from help_request") == "completed"
    left = await conn.fetch("select facts from help_event union all select facts from notice")
    assert [row["facts"] for row in left] == [{}] * len(left)


async def test_what_became_of_a_request_is_not_rewritten(town, conn):
    request_id = await town.asked()
    for change in (
        "update help_event set state = 'cancelled'",
        "update help_event set at = now(), facts = '{}'",
        """update help_event set facts = '{"reason": "x"}'""",
        "delete from help_event",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(change)
    assert await conn.fetchval("select state from help_event where request_id = $1", request_id) == "open"


async def test_while_a_volunteer_is_with_somebody_nobody_is_erased(town, conn, app, client):
    await help_world.taken(conn, await town.asked(), town.one.volunteer_id, state="under_way", span=SPAN)
    for path in (f"/v1/people/{town.parent_id}", "/v1/me", "/v1/me/consents/privacy"):
        status, problem = await town.carer.call("DELETE", path)
        assert (status, problem["code"]) == (409, "live_help"), path
    assert len(problem["help_requests"]) == 1
    for path in ("/v1/me", "/v1/me/consents/privacy"):
        await conn.execute(
            """insert into consent (id, account_id, person_id, kind, document_version, given_at)
               values ($1, $2, $3, 'privacy', '2026-11', now()) on conflict do nothing""",
            new_id(),
            town.one.resident.account_id,
            town.one.resident.person_id,
        )
        status, problem = await call(client, town.one, "DELETE", path)
        assert (status, problem["code"]) == (409, "live_help"), path
    manager = await make.staff(conn, app, Role.MANAGER)
    await conn.execute("update care set ended_at = now() where person_id = $1", town.parent_id)
    status, problem = await call(client, manager, "POST", f"/v1/staff/people/{town.parent_id}/erase")
    assert (status, problem["code"]) == (409, "live_help")
    assert await conn.fetchval("select state from help_request") == "under_way"
    assert await conn.fetchval("select status from volunteer where id = $1", town.one.volunteer_id) == "approved"


async def test_a_volunteer_who_goes_leaves_hours_and_stars_and_no_habits(town, conn, app, client):
    await done(conn, app[VAULT], town, await town.asked(needs=("accompany",)))
    volunteer_id = town.one.volunteer_id
    area_id = await conn.fetchval("select area_id from team where id = $1", town.team_id)
    await conn.execute("insert into volunteer_area values ($1, $2)", volunteer_id, area_id)
    await conn.execute("insert into volunteer_day_off values ($1, '2026-12-01', '2026-12-03')", volunteer_id)
    await conn.execute("update volunteer set decision_reason = '迟到太多' where id = $1", volunteer_id)
    handed_back, asked = await town.asked(), await town.asked()
    await help_world.taken(conn, handed_back, volunteer_id)
    await help_world.offered(conn, asked, volunteer_id)
    await help_world.leads(conn, volunteer_id, town.team_id)
    assert (await call(client, town.one, "DELETE", "/v1/me"))[0] == 200
    assert await conn.fetchval("select state from help_request where id = $1", handed_back) == "open"
    assert await conn.fetchval("select status from help_offer where request_id = $1", asked) == "withdrawn"
    assert await conn.fetchval("select ended_at is not null from team_leader")
    for table in ("volunteer_hours", "volunteer_area", "volunteer_day_off"):
        assert await conn.fetchval(f"select count(*) from {table} where volunteer_id = $1", volunteer_id) == 0, table
    row = await conn.fetchrow(
        "select status, abilities, languages, decision_reason from volunteer where id = $1", volunteer_id
    )
    assert tuple(row) == ("left", ["book"], ["zh"], "")
    kept = await conn.fetchrow("select thanks, stars, minutes from help_rating join help_hours using (request_id)")
    assert tuple(kept) == ("", 5, 120)
    assert await conn.fetchval("select words_sealed is not null from help_complaint"), "it is the family's"
    name = await conn.fetchval("select name from person where id = $1", town.one.resident.person_id)
    assert name == "已注销"


@pytest.mark.parametrize("path", ["/v1/me", "/v1/me/consents/privacy"])
async def test_mandates_are_locked_before_help_and_all_help_at_once(town, conn, path):
    """Who helps each other and leaves at once would else wait for each other for ever."""
    volunteer_id = await make.volunteer(conn, town.carer.account_id, team_id=town.team_id)
    await town.carer.renew(conn)
    mandate_id = await make.mandate(conn, town.parent_id, town.one.volunteer_id, town.carer.account_id)
    stranger_id = await make.person(conn, town.carer.client.app[VAULT])
    for_parent, by_carer = await town.asked(), await town.asked(stranger_id)
    await help_world.taken(conn, by_carer, volunteer_id)
    async with conn.transaction():
        await conn.execute("select from mandate where id = $1 for no key update", mandate_id)
        leaving = asyncio.create_task(town.carer.call("DELETE", path))
        await asyncio.sleep(0.3)
        assert not leaving.done()
        for request_id in (for_parent, by_carer):
            await conn.execute("select from help_request where id = $1 for no key update nowait", request_id)
    assert (await leaving)[0] == 200


async def test_whoever_asks_while_the_person_goes_meets_nobody(town, conn):
    """An answer to an offer and the erasure at once: either the volunteer has it and loses it, or never had it."""
    request_id = await town.asked()
    async with conn.transaction():
        await conn.execute("select from help_request where id = $1 for no key update", request_id)
        leaving = asyncio.create_task(town.carer.call("DELETE", f"/v1/people/{town.parent_id}"))
        await asyncio.sleep(0.3)
        await help_world.taken(conn, request_id, town.one.volunteer_id)
    assert (await leaving)[1]["fate"] == "erased"
    row = await conn.fetchrow("select state, volunteer_id, need_sealed from help_request")
    assert tuple(row) == ("cancelled", None, None)
    assert await conn.fetchval("select count(*) from notice where kind = 'help_withdrawn'") == 1


async def test_a_volunteer_leaves_behind_the_booking_of_a_help_request(town, conn, client):
    """The elder keeps the number, and whoever takes the request next goes on with it."""
    service_id = await make.service(conn)
    slot_id = await make.slot(conn, service_id)
    mandate_id = await make.mandate(conn, town.parent_id, town.one.volunteer_id, town.carer.account_id)
    booking_id = await make.booking(conn, slot_id, town.one.resident, person_id=town.parent_id, mandate_id=mandate_id)
    request_id = await town.asked(service_id=service_id)
    await help_world.taken(conn, request_id, town.one.volunteer_id, state="booked", span=SPAN, booking_id=booking_id)
    assert (await call(client, town.one, "DELETE", "/v1/me"))[0] == 200
    row = await conn.fetchrow("select state, booking_id, volunteer_id from help_request")
    assert tuple(row) == ("open", booking_id, None)
    assert await conn.fetchval("select status from booking") == "booked"


async def test_a_booking_of_a_mandate_that_is_over_holds_nobody_and_is_not_shown(town, conn, client):
    mandate_id = await make.mandate(conn, town.parent_id, town.one.volunteer_id, town.carer.account_id)
    await make.booking(conn, await make.slot(conn), town.one.resident, person_id=town.parent_id, mandate_id=mandate_id)
    assert (await call(client, town.one, "DELETE", "/v1/me"))[1]["code"] == "live_bookings"
    await town.carer.call("POST", f"/v1/mandates/{mandate_id}/revoke", {"reason": ""})
    await conn.execute("update mandate set revoked_at = revoked_at - interval '1 second'")
    assert (await call(client, town.one, "DELETE", "/v1/me"))[0] == 200
    assert await conn.fetchval("select status from booking") == "booked"


async def test_accepting_and_erasing_at_once_leave_nobody_with_a_task_of_nobody(town, conn, client):
    for _ in range(4):
        _, parent = await town.carer.add("测试丁")
        request_id = await town.asked(parent["id"])
        await help_world.offered(conn, request_id, town.one.volunteer_id)
        accept = f"/v1/help-requests/{request_id}/accept"
        accepted, erased = await asyncio.gather(
            call(client, town.one, "POST", accept), town.carer.call("DELETE", f"/v1/people/{parent['id']}")
        )
        assert erased[1]["fate"] == "erased"
        assert accepted[0] in (200, 201, 404, 409), accepted
        row = await conn.fetchrow(
            "select state, volunteer_id, need_sealed, start_code from help_request where id = $1", request_id
        )
        assert tuple(row) == ("cancelled", None, None, None)
    assert await conn.fetchval("select count(*) from help_work where state = 'held'") == 0
    assert await conn.fetchval("select count(*) from help_offer where status = 'live'") == 0
