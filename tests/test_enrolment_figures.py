"""Figures of a round for staff of its area, and the report to the authority: by area, age, group and rank."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from tests.nursery_world import drawn, place, seat_offer

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NO_OFFERS = dict.fromkeys(("offered", "open", "accepted", "declined", "lapsed", "withdrawn"), 0)


class Told:
    """Two programmes of two seats each; of five applications one is seated, one moved up, one offered, one refused."""

    def __init__(self, zone):
        self.zone = zone

    async def settle(self):
        zone, conn = self.zone, self.zone.conn
        self.round = await zone.round("offers")
        self.star, self.moon = self.round.programmes
        backwards = [self.moon.programme_id, self.star.programme_id]
        accepted = {"state": "accepted"}
        who, self.first = await zone.application(self.round, None, None, {"resettled": "granted"}, **accepted)
        _, self.second = await zone.application(self.round, None, backwards, {"sibling": "denied"}, **accepted)
        young = await zone.family(born=date(2025, 8, 2))
        _, self.third = await zone.application(self.round, young, [self.star.programme_id], **accepted)
        await zone.application(self.round, None, None, {"resettled": "claimed"}, state="refused", late=True)
        await zone.application(self.round, None, None, {"sibling": "claimed"}, state="draft")
        given = {self.first: self.star.seats[0], self.second: self.star.seats[1]}
        await drawn(conn, self.round, [self.first, self.second, self.third], given)
        await seat_offer(conn, self.first, self.star.seats[0], status="accepted")
        await seat_offer(conn, self.second, self.star.seats[1], status="exchanged")
        await seat_offer(conn, self.second, self.moon.seats[0], way="queue", status="accepted")
        await seat_offer(conn, self.third, self.star.seats[1], way="queue")
        await place(conn, who.child_id, zone.star_class, enrolment_id=self.first, starts_on=date(2027, 3, 1))
        await place(conn, (await zone.family()).child_id, zone.star_class)
        return self

    async def figures(self, who=None):
        return await self.zone.get(self.path("figures"), who or self.zone.clerk)

    def path(self, what):
        return f"/v1/staff/enrolment-rounds/{self.round.round_id}/{what}"


@pytest.fixture
async def told(zone):
    return await Told(zone).settle()


async def test_applications_by_state_area_age_and_group(zone, told):
    status, answer = await told.figures()
    assert status == 200, answer
    states = dict.fromkeys(("submitted", "in_review", "returned", "withdrawn"), 0) | {"accepted": 3, "refused": 1}
    assert answer["applications"] == {"handed_in": 4, "late": 1, "states": states}
    assert answer["areas"] == [
        {"id": str(zone.area_id), "name": "测试示范区", "applications": 4, "accepted": 3, "seated": 2}
    ]
    assert answer["ages"] == [
        {"from_months": 18, "until_months": 24, "applications": 1, "accepted": 1, "seated": 0},
        {"from_months": 24, "until_months": 30, "applications": 3, "accepted": 2, "seated": 2},
    ]
    groups = [[each[name] for name in ("code", "claimed", "granted", "denied", "seated")] for each in answer["groups"]]
    assert groups == [["resettled", 2, 1, 0, 1], ["sibling", 1, 0, 1, 0]]


async def test_ranks_programmes_and_empty_seats(told):
    _, answer = await told.figures()
    assert answer["ranks"] == [
        {"rank": 1, "wishes": 4, "drawn": 1} | NO_OFFERS | {"offered": 3, "open": 1, "accepted": 2},
        {"rank": 2, "wishes": 3, "drawn": 1} | NO_OFFERS | {"offered": 1, "accepted": 1},
    ]
    counted = ("seats", "first_wishes", "wishes", "drawn", "offered", "taken", "empty", "confirmed", "children")
    lines = {each["id"]: [each[name] for name in counted] for each in answer["programmes"]}
    assert lines == {
        str(told.star.programme_id): [2, 3, 4, 2, 1, 1, 0, 1, 1],
        str(told.moon.programme_id): [2, 1, 3, 0, 0, 1, 1, 0, 0],
    }
    assert answer["seats"] == {"seats": 4, "offered": 1, "taken": 2, "empty": 1}


async def test_an_erased_child_still_counts_without_an_age(conn, told):
    await conn.execute(
        """update person set name = '已注销', document_sealed = null, birth_date = null, sex = null, erased_at = now()
           where id = (select person_id from enrolment where id = $1)""",
        told.third,
    )
    _, answer = await told.figures()
    assert answer["ages"][-1] == {
        "from_months": None, "until_months": None, "applications": 1, "accepted": 1, "seated": 0
    }  # fmt: skip


async def test_what_was_drawn_does_not_show_before_it_is_published(zone, conn):
    made = await zone.round("drawn")
    _, enrolment_id = await zone.application(made, state="accepted")
    await drawn(conn, made, [], published=False)
    _, answer = await zone.get(f"/v1/staff/enrolment-rounds/{made.round_id}/figures", zone.clerk)
    assert [each["drawn"] for each in answer["ranks"]] == [0, 0], enrolment_id


async def test_a_nursery_and_a_family_see_no_figures_and_a_clerk_files_no_report(zone, told):
    family = await zone.family()
    for who, expected in ((zone.head, 404), (zone.carer, 404), (family, 403), (None, 401)):
        assert (await zone.get(told.path("figures"), who))[0] == expected
        assert (await zone.get(told.path("report"), who))[0] == expected
    assert (await zone.get(told.path("report"), zone.clerk))[0] == 404


def sheets(raw):
    """Read what is shown on each sheet, and fail where anything is a formula."""
    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        names = [sheet.get("name") for sheet in ET.fromstring(book.read("xl/workbook.xml")).iter(f"{SPACE}sheet")]
        found = {}
        for number, name in enumerate(names, 1):
            sheet = ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            assert list(sheet.iter(f"{SPACE}f")) == []
            found[name] = [[shown(cell) for cell in row] for row in sheet.iter(f"{SPACE}row")]
    return found


def shown(cell):
    return "".join(part.text or "" for part in (*cell.iter(f"{SPACE}t"), *cell.iter(f"{SPACE}v")))


async def test_the_report_is_a_workbook_without_a_child_and_each_download_is_recorded(client, conn, zone, told):
    await conn.execute("update provider set name = '=1+1' where id = $1", zone.moon)
    async with client.get(told.path("report"), headers=zone.manager.headers) as response:
        raw = await response.read()
        assert response.status == 200, raw
        assert response.headers["Content-Disposition"].endswith('.xlsx"')
        assert response.headers["Cache-Control"] == "private, no-store"
    found = sheets(raw)
    assert list(found) == ["概况", "机构和班级", "学位", "按志愿顺序", "按第一志愿所在地区", "按月龄", "按优先类别"]
    summary = dict(found["概况"][1:])
    assert (summary["阶段"], summary["收到申请"], summary["空余学位"]) == ("发放学位中", "4", "1")
    assert [row[0] for row in found["机构和班级"][1:]] == ["=1+1", "星星托育园"]
    assert dict(zip(*(found["机构和班级"][n] for n in (0, 2)), strict=True)) | {
        "班型": "托大班", "月龄": "满 24 个月、不满 36 个月", "班级学位": "20", "标准最多学位": "20", "保育人员": "4",
        "标准师幼比": "1:7", "今日在托": "1",
    } == dict(zip(*(found["机构和班级"][n] for n in (0, 2)), strict=True))  # fmt: skip
    assert found["按志愿顺序"][1] == ["1", "4", "1", "3", "1", "2", "0", "0", "0"]
    assert found["按优先类别"][1] == ["resettled", "2", "1", "0", "1"]
    assert "孩子甲" not in str(found)
    rows = await conn.fetch("select actor_id, subject_id, facts from audit where action = 'enrolment_figures.reported'")
    assert [tuple(row) for row in rows] == [
        (zone.manager.account_id, told.round.round_id, {"applications": 4, "programmes": 2})
    ]
