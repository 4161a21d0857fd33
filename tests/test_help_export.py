"""What one takes along of help: the family what it asked for, the volunteer what was done, and nobody the other's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from domain.identifiers import new_id
from handlers.request import VAULT
from tests import help_world, make
from tests.help_world import leads
from tests.visitors import call

SPAN = (help_world.local(help_world.TOMORROW, "09:00"), help_world.local(help_world.TOMORROW, "11:00"))
CONTACT = {"name": "测试女儿", "phone": "13812349999"}


@pytest.fixture
async def helped(conn, app, visit):
    """A family whose parent was helped, thanked and complained; the volunteer leads a team and was asked again."""
    vault = app[VAULT]
    carer = await visit("测试甲")
    _, parent = await carer.add("测试乙")
    await carer.call("PUT", f"/v1/people/{parent['id']}/emergency-contact", CONTACT)
    area_id = await make.area(conn, name="测试镇")
    team_id = await make.team(conn, area_id=area_id)
    helper = await help_world.helper(
        conn, app, team_id=team_id, areas=[area_id], hours={1: [(480, 720)]}, name="测试丙"
    )
    await leads(conn, helper.volunteer_id, team_id)
    await conn.execute("insert into volunteer_day_off values ($1, '2026-12-01', '2026-12-03')", helper.volunteer_id)
    done = await help_world.help_request(conn, vault, parent["id"], team_id=team_id, needs=("accompany",))
    await help_world.offered(conn, done, helper.volunteer_id)
    await help_world.taken(conn, done, helper.volunteer_id, state="completed", span=SPAN)
    await conn.execute(
        """insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way, ended_at, ended_way,
                                   minutes)
           values ($1, $2, $3, $4, 'code', $5, 'code', 90)""",
        done,
        helper.volunteer_id,
        team_id,
        *SPAN,
    )
    await conn.execute(
        "insert into help_hours_correction values ($1, $2, $3, now(), 120, 90, '多算了')",
        new_id(),
        done,
        carer.account_id,
    )
    await conn.execute(
        "insert into help_rating values ($1, $2, $3, now(), 5, '谢谢')", done, helper.volunteer_id, carer.account_id
    )
    complaint_id = new_id()
    await conn.execute(
        """insert into help_complaint (id, request_id, team_id, volunteer_id, made_by, made_at, words_sealed)
           values ($1, $2, $3, $4, $5, now(), $6)""",
        complaint_id,
        done,
        team_id,
        helper.volunteer_id,
        carer.account_id,
        vault.seal("help_complaint", "words_sealed", complaint_id, "来晚了".encode()),
    )
    return SimpleNamespace(carer=carer, parent_id=parent["id"], helper=helper, request_id=str(done), team_id=team_id)


async def test_the_family_takes_along_what_it_asked_for_in_full(helped):
    _, export = await helped.carer.call("GET", "/v1/me/export")
    assert export["emergency_contacts"] == [
        CONTACT | {"person_id": helped.parent_id, "set_at": "2026-11-23T06:30:00+08:00"}
    ]
    (asked,) = export["help_requests"]
    assert (asked["id"], asked["person_id"], asked["asked_by_me"]) == (helped.request_id, helped.parent_id, True)
    assert {name: asked[name] for name in ("need", "pickup", "mobility", "contact_phone", "stars", "minutes")} == {
        "need": "复诊拿药",
        "pickup": "测试镇一号院",
        "mobility": "走路慢",
        "contact_phone": "13900000001",
        "stars": 5,
        "minutes": 90,
    }
    assert [(one["state"], one["because"], one["by_me"]) for one in export["help_events"]] == [
        ("open", "asked", True),
        ("offered", "round", None),
        ("completed", "completed", None),
    ]
    assert [(one["request_id"], one["words"]) for one in export["help_complaints"]] == [(helped.request_id, "来晚了")]
    assert export["volunteer"] is None
    assert "测试丙" not in str(export)


async def test_a_volunteer_takes_along_hours_offers_and_thanks_and_nothing_of_the_helped(helped, client):
    _, export = await call(client, helped.helper, "GET", "/v1/me/export")
    volunteer = export["volunteer"]
    assert volunteer["abilities"] == ["accompany", "book", "drive"]
    assert volunteer["areas"] == ["测试镇"]
    assert volunteer["hours"] == [{"weekday": 1, "from_minute": 480, "until_minute": 720}]
    assert volunteer["days_off"] == [{"first_day": "2026-12-01", "last_day": "2026-12-03"}]
    assert [one["ended_at"] for one in volunteer["leads"]] == [None]
    assert [(one["request_id"], one["status"]) for one in volunteer["offers"]] == [(helped.request_id, "accepted")]
    (task,) = volunteer["tasks"]
    assert (task["minutes"], task["stars"], task["thanks"], task["started_at"]) == (
        90,
        5,
        "谢谢",
        "2026-11-24T09:00:00+08:00",
    )
    assert [(one["minutes_before"], one["minutes_after"], one["reason"]) for one in volunteer["corrections"]] == [
        (120, 90, "多算了")
    ]
    assert (export["help_requests"], export["help_complaints"], export["emergency_contacts"]) == ([], [], [])
    text = str(export)
    for word in ("测试乙", helped.parent_id, "测试镇一号院", "13900000001", "测试女儿", "来晚了", "走路慢"):
        assert word not in text, word


async def test_who_does_not_care_any_more_takes_along_nothing_of_the_helped(helped, conn):
    await conn.execute("update care set ended_at = now() where person_id = $1", helped.parent_id)
    _, export = await helped.carer.call("GET", "/v1/me/export")
    assert (export["help_requests"], export["emergency_contacts"]) == ([], [])
    assert "测试镇一号院" not in str(export)
