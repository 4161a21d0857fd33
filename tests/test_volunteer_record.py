"""Everything that one volunteer did, for who answers for the team; nothing of what the volunteer does in private."""

from __future__ import annotations

import csv
import io

import pytest

from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make
from tests.booking_world import GENEROUS, book, cancel, elder
from tests.help_world import event, help_request, helper, leads, offered, taken

SPAN = {"from": "2026-11-23", "to": "2026-11-30"}


class World:
    def __init__(self, client, conn, app, clock):
        self.client, self.conn, self.app, self.clock = client, conn, app, clock

    async def build(self):
        conn, app = self.conn, self.app
        self.area_id = await make.area(conn)
        self.team_id = await make.team(conn, area_id=self.area_id)
        self.leader = await helper(conn, app, team_id=self.team_id, name="队长甲")
        await leads(conn, self.leader.volunteer_id, self.team_id)
        self.busy = await helper(conn, app, team_id=self.team_id, name="苏和")
        self.old = await elder(conn, app, self.busy.volunteer_id)
        await conn.execute("update mandate set created_at = $1, consented_at = $1", self.clock.now)
        service_id = await make.service(conn)
        policy_id = await make.policy(conn, service_id=service_id, **GENEROUS)
        self.slot_id = await make.slot(conn, service_id, policy_id=policy_id, assisted=9, public=9)
        return self

    async def read(self, who=None, suffix="", team_id=None, volunteer_id=None, **query):
        of, whose = team_id or self.team_id, volunteer_id or self.busy.volunteer_id
        path = f"/v1/teams/{of}/volunteers/{whose}/record{suffix}"
        headers = (who or self.leader).headers
        async with self.client.get(path, params=SPAN | query, headers=headers) as response:
            if response.content_type == "text/csv":
                return response.status, await response.text(encoding="utf-8-sig")
            is_json = response.content_type.endswith("json")
            return response.status, await (response.json() if is_json else response.read())

    async def acts(self, **query):
        status, body = await self.read(**query)
        assert status == 200, body
        return [act["what"] for act in body["items"]]


@pytest.fixture
async def world(client, conn, app, clock):
    return await World(client, conn, app, clock).build()


async def test_bookings_tasks_offers_and_mandates_stand_in_order_of_time(world, client, conn, app, clock):
    busy, old = world.busy, world.old
    made = await book(client, busy.resident, world.slot_id, old.person_id, mandate_id=old.mandate_id)
    request_id = await help_request(conn, app[VAULT], old.person_id, team_id=world.team_id)
    clock.move(minutes=1)
    await offered(conn, request_id, busy.volunteer_id, at=clock.now)
    clock.move(minutes=1)
    await taken(conn, request_id, busy.volunteer_id, at=clock.now)
    clock.move(minutes=1)
    await cancel(client, busy.resident, made.body["id"])
    clock.move(minutes=1)
    async with client.post(
        f"/v1/mandates/{old.mandate_id}/revoke", json={"reason": "够了"}, headers=old.family.headers
    ) as response:
        assert response.status == 200
    status, body = await world.read()
    assert status == 200
    told = [(act["what"], act["subject_id"]) for act in body["items"]]
    assert sorted(told[:2]) == [
        ("bookings.booked", made.body["id"]),
        ("mandates.given", str(old.mandate_id)),
    ]
    assert told[2] == ("help_offers.asked", str(request_id))
    assert sorted(told[3:5]) == [
        ("help_offers.accepted", str(request_id)),
        ("help_requests.accepted", str(request_id)),
    ]
    assert told[5:] == [
        ("bookings.cancelled", made.body["id"]),
        ("mandates.ended", str(old.mandate_id)),
        ("help_requests.mandate_revoked", str(request_id)),
    ]
    booked = next(act for act in body["items"] if act["what"] == "bookings.booked")
    assert (booked["person_id"], booked["person_name"]) == (str(old.person_id), "测**")
    assert booked["facts"]["mandate_id"] == str(old.mandate_id)


async def test_reads_of_personal_data_are_in_it(world, conn, app, clock):
    request_id = await help_request(conn, app[VAULT], world.old.person_id, team_id=world.team_id)
    await taken(conn, request_id, world.busy.volunteer_id, at=clock.now)
    path = f"/v1/volunteers/me/help-requests/{request_id}"
    async with world.client.get(path, headers=world.busy.headers) as seen:
        assert seen.status == 200, await seen.text()
    assert "help_requests.read_by_volunteer" in await world.acts()


async def test_what_is_done_in_private_is_left_out(world, client, conn, app, clock):
    """Else a leader could read where a volunteer's own family goes."""
    busy = world.busy.resident
    mother = await make.person(conn, app[VAULT], name="母亲")
    await make.care(conn, busy.account_id, mother)
    for person_id in (busy.person_id, mother):
        booked = await book(client, busy, world.slot_id, person_id)
        assert booked.status == 201
        assert (await cancel(client, busy, booked.body["id"])).status == 200
        request_id = await help_request(
            conn, app[VAULT], person_id, asked_by=busy.account_id, team_id=world.team_id, created_at=clock.now
        )
        await event(conn, request_id, "cancelled", "cancelled_by_family", actor_id=busy.account_id, at=clock.now)
    assert await world.acts() == ["mandates.given"]
    await conn.execute("update care set ended_at = $1 where person_id = $2", clock.now, mother)
    assert await world.acts() == ["mandates.given"], "nor once the care has ended"


async def test_pages_and_the_spreadsheet_tell_the_same(world, client):
    busy, old = world.busy, world.old
    for _ in range(4):
        made = await book(client, busy.resident, world.slot_id, old.person_id, mandate_id=old.mandate_id)
        assert made.status == 201
        await cancel(client, busy.resident, made.body["id"])
    paged: list[dict[str, str]] = []
    after: dict[str, str] = {}
    while not paged or after:
        status, body = await world.read(limit="4", **after)
        assert status == 200, body
        paged += body["items"]
        after = {"after": body["next"]} if body["next"] else {}
    whole = (await world.read(limit="100"))[1]["items"]
    assert len(whole) == 9
    assert paged == whole
    status, text = await world.read(suffix="/export")
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["事项"], row["对象编号"]) for row in rows] == [(act["what"], act["subject_id"]) for act in whole]
    assert {row["老人"] for row in rows} == {"测**"}
    assert (await world.read(suffix="/export", format="xlsx", who=world.leader))[0] == 200


async def test_only_the_days_asked_for(world, client, clock, conn, app):
    assert await world.acts(**{"from": "2026-11-24"}) == []
    clock.move(days=1)
    world.leader = await _again(conn, app, world.leader)
    assert await world.acts(to="2026-11-23") == ["mandates.given"]
    for wrong in ({"to": "2026-11-01"}, {"from": "2026-01-01"}, {"after": "???"}, {"after": "fAA"}):
        assert (await world.read(**wrong))[0] == 400, wrong


async def test_each_reading_is_in_the_audit(world, conn):
    await world.read()
    await world.read(suffix="/export")
    rows = await conn.fetch("select * from audit where action = 'volunteers.record_read' order by facts ->> 'format'")
    assert [row["facts"]["format"] for row in rows] == ["csv", None]
    for row in rows:
        assert row["actor_id"] == world.leader.resident.account_id
        assert row["subject_id"] == world.busy.volunteer_id
        assert (row["facts"]["first"], row["facts"]["last"], row["facts"]["rows"]) == ("2026-11-23", "2026-11-30", 1)


async def test_only_who_answers_for_the_team_reads_it(world, conn, app):
    member = await helper(conn, app, team_id=world.team_id)
    elsewhere = await helper(conn, app)
    await leads(conn, elsewhere.volunteer_id, await make.team(conn))
    manager = await make.staff(conn, app, Role.MANAGER, area_id=world.area_id)
    far = await make.staff(conn, app, Role.MANAGER, area_id=await make.area(conn))
    clerk = await make.staff(conn, app, Role.CLERK, area_id=world.area_id)
    for suffix in ("", "/export"):
        for who in (member, elsewhere, world.busy, far, clerk, world.old.family):
            status, body = await world.read(who, suffix)
            assert (status, body["code"]) == (404, "team_not_found")
        assert (await world.read(manager, suffix))[0] == 200
        status, body = await world.read(suffix=suffix, volunteer_id=elsewhere.volunteer_id)
        assert (status, body["code"]) == (404, "volunteer_not_found")
    assert await conn.fetchval("select count(*) from audit where action = 'volunteers.record_read'") == 2


async def test_more_than_fits_is_refused_and_not_cut_off(world, client, monkeypatch):
    monkeypatch.setattr("domain.volunteer_record.MOST_EXPORTED", 2)
    monkeypatch.setattr("domain.volunteer_record.PAGE", 1)
    assert (await world.read(suffix="/export"))[0] == 200
    for slot_id in [world.slot_id] * 2:
        await book(client, world.busy.resident, slot_id, world.old.person_id, mandate_id=world.old.mandate_id)
    status, body = await world.read(suffix="/export")
    assert (status, body["code"], body["limit"]) == (400, "export_too_large", 2)


async def _again(conn, app, who):
    again = await make.signed_in_again(conn, app, who.resident)
    return type(who)(who.volunteer_id, again)
