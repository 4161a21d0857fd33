"""What families are told, in words, and who reads it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from domain import notices
from domain.help_vocabulary import Misfit
from domain.identifiers import new_id
from domain.notices import Notice
from domain.vocabulary import NoticeKind, Role, ServiceKind
from schemas import words
from schemas.notices import MOMENTS, SENTENCES
from tests import make
from tests.mandates import call


async def listed(world, who, query=""):
    status, found = await call(world.client, "GET", f"/v1/notices{query}", who)
    assert status == 200, found
    return found


async def test_the_story_of_a_mandate_reads_newest_first(world, clock):
    asked = await world.asked()
    await world.confirm(asked, await world.code())
    booking_id = await world.use(asked, clock.now)
    for kind in (NoticeKind.MANDATE_USED, NoticeKind.MANDATE_USE_CANCELLED):
        await asyncio.sleep(0.002)  # ids of one millisecond have no order
        await notices.tell_all(
            world.conn, clock.now, [Notice(world.person_id, kind, UUID(booking_id), {"mandate_id": asked["id"]})]
        )
    await world.revoke(asked, world.helper)
    items = (await listed(world, world.family))["items"]
    assert [item["kind"] for item in items] == [
        "mandate_revoked",
        "mandate_use_cancelled",
        "mandate_used",
        "mandate_given",
        "mandate_requested",
    ]
    assert {item["mandate_id"] for item in items} == {asked["id"]}
    assert [item["booking_id"] for item in items] == [None, booking_id, booking_id, None, None]
    for item in items:
        assert "苏和" in item["text"]
        assert "巴特尔" in item["text"]
        assert "测试志愿队" in item["text"]
        assert "{" not in item["text"]
        assert "None" not in item["text"]
    assert "看病就医" in items[3]["text"]
    assert "手机验证码" in items[3]["text"]
    assert "2027年3月1日" in items[4]["text"]
    used = items[2]["text"]
    assert "2026年11月25日08:30" in used
    assert "测试医院" in used
    assert "内科" in used
    assert items[0]["created_at"] == "2026-11-23T06:30:00+08:00"


async def test_a_booking_under_a_mandate_is_told_to_the_family(world):
    made = await world.given()
    slot_id = await make.slot(world.conn, public=1)
    body = {"slot_id": str(slot_id), "person_id": str(world.person_id), "mandate_id": made["id"]}
    status, booking = await call(world.client, "POST", "/v1/bookings", world.helper, body)
    assert status == 201, booking
    (item,) = [one for one in (await listed(world, world.family))["items"] if one["kind"] == "mandate_used"]
    assert (item["mandate_id"], item["booking_id"]) == (made["id"], booking["id"])
    assert "苏和" in item["text"]
    _, mandate = await call(world.client, "GET", f"/v1/mandates/{made['id']}", world.family)
    assert [one["booking_id"] for one in mandate["uses"]] == [booking["id"]]


async def test_each_way_of_giving_and_ending_has_its_words(world):
    made = await world.given()
    await world.revoke(made, world.family)
    texts = [item["text"] for item in (await listed(world, world.family))["items"]]
    assert texts[0].startswith("家里人撤销")
    assert texts[1].startswith("家里人同意")
    made = await world.given()
    await call(world.client, "POST", f"/v1/staff/mandates/{made['id']}/revoke", world.clerk, {})
    texts = [item["text"] for item in (await listed(world, world.family))["items"]]
    assert texts[0].startswith("窗口撤销")


async def test_a_volunteer_who_is_gone_has_no_name_any_more(world):
    await world.given()
    await world.conn.execute("update care set ended_at = now() where account_id = $1", world.helper.account_id)
    (item,) = (await listed(world, world.family))["items"]
    assert "苏和" not in item["text"]
    assert "已注销" in item["text"]


@pytest.mark.parametrize("kind", NoticeKind)
async def test_every_kind_can_be_said(world, clock, kind):
    facts = {"way": "new", "by": "x", **dict.fromkeys(MOMENTS, clock.now)}
    await notices.tell_all(world.conn, clock.now, [Notice(world.family.person_id, kind, new_id(), facts)])
    (item,) = (await listed(world, world.family))["items"]
    assert item["kind"] == kind
    assert item["text"]


def test_every_way_has_a_sentence_of_its_own():
    for kind, ways in (
        ("mandate_given", ("family", "sms", "desk")),
        ("mandate_revoked", ("family", "volunteer", "staff")),
    ):
        for way in ways:
            assert f"{kind}_{way}" in SENTENCES


@pytest.mark.parametrize(("said", "kinds"), [(words.MATTERS, ServiceKind), (words.MISFITS, Misfit)])
def test_every_kind_has_a_word(said, kinds):
    assert set(said) == set(kinds)


async def test_only_who_cares_reads_it(world):
    await world.given()
    stranger = await make.resident(world.conn, world.app)
    for who in (stranger, world.helper):
        assert (await listed(world, who))["items"] == []
    assert (await call(world.client, "GET", "/v1/notices", world.clerk))[1]["code"] == "residents_only"
    assert (await call(world.client, "GET", "/v1/notices"))[0] == 401
    elder = await make.account(world.conn)
    await make.care(world.conn, elder, world.person_id, "self")
    own = make.Resident(elder, world.person_id, await make.session(world.conn, world.app, elder, [Role.RESIDENT]))
    assert len((await listed(world, own))["items"]) == 1
    await world.conn.execute("update care set ended_at = now() where account_id = $1", world.family.account_id)
    assert (await listed(world, world.family))["items"] == []


async def test_what_a_volunteer_is_told_is_not_the_familys_to_read(world, clock):
    """Others may care for the volunteer's own person; what helping brings is not about that person."""
    carer = await make.resident(world.conn, world.app)
    await make.care(world.conn, carer.account_id, world.helper.person_id)
    for kind in (NoticeKind.HELP_OFFERED, NoticeKind.VOLUNTEER_SUSPENDED, NoticeKind.CARE_JOINED):
        await notices.tell_all(world.conn, clock.now, [Notice(world.helper.person_id, kind, new_id())])
    assert [item["kind"] for item in (await listed(world, carer))["items"]] == ["care_joined"]
    _, export = await call(world.client, "GET", "/v1/me/export", carer)
    assert [notice["kind"] for notice in export["notices"]] == ["care_joined"]
    assert len((await listed(world, world.helper))["items"]) == 3


async def test_pages(world, clock):
    ids = []
    for _ in range(5):
        await asyncio.sleep(0.002)
        await notices.tell_all(world.conn, clock.now, [Notice(world.person_id, NoticeKind.CARE_JOINED, new_id(), {})])
    found = await listed(world, world.family, "?limit=3")
    ids += [item["id"] for item in found["items"]]
    found = await listed(world, world.family, f"?limit=3&after={found['next']}")
    ids += [item["id"] for item in found["items"]]
    assert found["next"] is None
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 5


async def test_telling_nobody_writes_nothing(world, clock):
    await notices.tell_all(world.conn, clock.now, [])
    assert await world.notices() == []
