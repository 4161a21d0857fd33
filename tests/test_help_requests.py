"""Asking for help: who may ask for whom, what is kept, and what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from domain.help_vocabulary import MAX_LIVE_REQUESTS_OF_PERSON, MAX_UNKNOWN_CARDS_A_DAY
from domain.help_wishes import normal_address, read_contact_phone
from domain.vocabulary import Role
from handlers.request import VAULT
from server.database import prepare_connection
from tests import help_world, make
from tests.booking_world import cancel, post, until_waiting
from tests.teams import leader

DAY = "2026-11-26"


class World:
    """A zone with a township in it, a team of the zone, an elder and the daughter who asks."""

    def __init__(self, client, conn, app):
        self.client, self.conn, self.app = client, conn, app

    async def build(self):
        conn, app = self.conn, self.app
        self.zone_id = await make.area(conn)
        self.town_id = await make.area(conn, parent_id=self.zone_id, level="town", name="测试镇")
        self.team_id = await make.team(conn, area_id=self.zone_id)
        self.family = await make.resident(conn, app, name="女儿")
        self.number = make.id_number(date(1945, 5, 17))
        self.elder_id = await make.person(conn, app[VAULT], name="巴特尔", number=self.number, phone="13900001111")
        await make.care(conn, self.family.account_id, self.elder_id)
        return self

    def wish(self, **more):
        given = {
            "person_id": str(self.elder_id),
            "area_id": str(self.town_id),
            "matter": "medical",
            "needs_booking": True,
            "need": "腿疼，想看骨科",
            "wished_days": [DAY],
        }
        given |= more
        return {name: value for name, value in given.items() if value is not ...}

    async def ask(self, who=None, *, key=None, path="/v1/help-requests", **more):
        return await post(self.client, path, who or self.family, self.wish(**more), key or make.key())

    async def asked(self, **more):
        answer = await self.ask(**more)
        assert answer.status == 201, answer.body
        return answer.body

    async def row(self, made):
        return await self.conn.fetchrow("select * from help_request where id = $1::text::uuid", made["id"])

    async def booking(self, **slot):
        service_id = await make.service(self.conn)
        slot_id = await make.slot(self.conn, service_id, **slot)
        return await make.booking(self.conn, slot_id, self.family, person_id=self.elder_id), service_id


@pytest.fixture
async def world(client, conn, app):
    return await World(client, conn, app).build()


@pytest.fixture
async def holder(database):
    """A session that takes a lock and keeps it."""
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    yield connection
    await connection.close()


async def test_the_family_asks_and_sees_it_whole(world, clock):
    made = await world.asked(
        needs_companion=True,
        needs_ride=True,
        pickup="测试镇三组 2 号",
        mobility="要坐轮椅",
        contact_phone="0483-8222 333",
        language="mn",
        part_of_day="morning",
        wished_days=["2026-11-27", DAY, DAY],
    )
    assert (made["state"], made["asked_way"], made["matter"], made["language"]) == ("open", "family", "medical", "mn")
    assert (made["needs_booking"], made["needs_companion"], made["needs_ride"]) == (True, True, True)
    assert made["person"] == {"id": str(world.elder_id), "name": "巴特尔", "phone": None}
    assert (made["team"]["id"], made["area"]["name"]) == (str(world.team_id), "测试镇")
    assert (made["need"], made["pickup"]) == ("腿疼，想看骨科", "测试镇三组 2 号")
    assert (made["mobility"], made["contact_phone"]) == ("要坐轮椅", "04838222333")
    assert made["wished_days"] == [DAY, "2026-11-27"]
    assert made["expires_at"] == "2026-11-27T12:00:00+08:00"
    assert (made["service"], made["booking"], made["volunteer"], made["start_code"]) == (None, None, None, None)
    (event,) = made["events"]
    assert (event["was"], event["state"], event["because"], event["by"]) == (None, "open", "asked", "family")
    assert event["at"] == "2026-11-23T06:30:00+08:00"
    row = await world.row(made)
    assert (row["next_round_at"], row["round"]) == (clock.now, 0)
    async with world.client.get(f"/v1/help-requests/{made['id']}", headers=world.family.headers) as response:
        assert await response.json() == made


async def test_what_is_said_of_the_person_is_sealed(world, vault):
    words = {"pickup": "测试镇三组 2 号", "mobility": "要坐轮椅", "contact_phone": "13900002222"}
    made = await world.asked(needs_ride=True, **words)
    row = await world.row(made)
    words["need"] = "腿疼，想看骨科"
    for name, clear in words.items():
        sealed = row[f"{name}_sealed"]
        assert clear.encode() not in sealed
        assert vault.unseal("help_request", f"{name}_sealed", row["id"], sealed).decode() == clear
    assert row["pickup_index"] == vault.blind("pickup", normal_address("测试镇三组2号"))
    for table in ("help_event", "audit", "notice"):
        rows = str(await world.conn.fetch(f"select * from {table}"))
        assert not [clear for clear in words.values() if clear in rows]


async def test_it_is_told_and_recorded(world):
    made = await world.asked()
    async with world.client.get("/v1/notices", headers=world.family.headers) as response:
        (item,) = (await response.json())["items"]
    assert (item["kind"], item["help_request_id"]) == ("help_asked", made["id"])
    assert "巴特尔" in item["text"]
    assert "看病就医" in item["text"]
    assert "测试志愿队" in item["text"]
    entry = await world.conn.fetchrow("select * from audit where action = 'help_requests.asked'")
    assert entry["facts"] == {"person_id": str(world.elder_id), "team_id": str(world.team_id), "way": "family"}
    assert entry["actor_id"] == world.family.account_id


async def test_for_oneself_it_is_another_way(world):
    made = await world.asked(person_id=str(world.family.person_id))
    assert made["asked_way"] == "self"


async def test_a_repeat_asks_once(world):
    key = make.key()
    first = await world.ask(key=key)
    again = await world.ask(key=key)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert await world.conn.fetchval("select count(*) from help_request") == 1
    other = await world.ask(key=key, need="别的事")
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_a_service_says_what_it_is_about(world):
    service_id = await make.service(world.conn, kind="insurance", name="门诊慢病登记")
    made = await world.asked(service_id=str(service_id), matter=..., need=...)
    assert (made["matter"], made["need"]) == ("insurance", None)
    assert (made["service"]["name"], made["service"]["requirements"]) == ("门诊慢病登记", ["身份证"])
    refused = await world.ask(service_id=str(service_id), matter="medical")
    assert (refused.code, refused.body["matters"]) == ("help_other_matter", ["insurance"])


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"needs_booking": False}, 400, "help_nothing_needed"),
        ({"need": ...}, 400, "help_need_missing"),
        ({"need": "   "}, 400, "invalid_input"),
        ({"matter": ...}, 400, "help_matter_missing"),
        ({"needs_ride": True}, 400, "help_pickup_missing"),
        ({"wished_days": []}, 400, "help_days_missing"),
        ({"wished_days": ["2026-11-22"]}, 400, "help_day_over"),
        ({"wished_days": [DAY, "2026-11-22"]}, 400, "help_day_over"),
        ({"wished_days": ["2027-02-22"]}, 400, "help_day_too_far"),
        ({"wished_days": [f"2026-12-{day:02}" for day in range(1, 16)]}, 400, "invalid_input"),
        ({"wished_days": ["2026-13-01"]}, 400, "invalid_input"),
        ({"wished_days": DAY}, 400, "invalid_input"),
        ({"contact_phone": "12345"}, 400, "contact_phone_invalid"),
        ({"language": "en"}, 400, "invalid_input"),
        ({"part_of_day": "evening"}, 400, "invalid_input"),
        ({"matter": "fishing"}, 400, "invalid_input"),
        ({"needs_booking": "yes"}, 400, "invalid_input"),
        ({"need": "长" * 501}, 400, "invalid_input"),
        ({"pickup": "长" * 201}, 400, "invalid_input"),
        ({"state": "completed"}, 400, "invalid_input"),
        ({"area_id": "00000000-0000-7000-8000-000000000009"}, 404, "area_not_found"),
        ({"team_id": "00000000-0000-7000-8000-000000000009"}, 404, "team_not_found"),
        ({"service_id": "00000000-0000-7000-8000-000000000009"}, 404, "service_not_found"),
        ({"booking_id": "00000000-0000-7000-8000-000000000009"}, 400, "help_booked_already"),
        (
            {
                "booking_id": "00000000-0000-7000-8000-000000000009",
                "needs_booking": False,
                "needs_companion": True,
                "wished_days": [],
            },
            404,
            "booking_not_found",
        ),
        ({"person_id": "00000000-0000-7000-8000-000000000009"}, 404, "person_not_found"),
    ],
)
async def test_what_cannot_be_is_refused(world, more, status, code):
    answer = await world.ask(**more)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert await world.conn.fetchval("select count(*) from help_request") == 0


async def test_the_last_day_is_ninety_days_on(world):
    await world.asked(wished_days=["2027-02-21"])


async def test_a_morning_is_over_at_noon(world, clock, conn, app):
    clock.move(hours=6)
    world.family = make.Resident(
        world.family.account_id,
        world.family.person_id,
        await make.session(conn, app, world.family.account_id, [Role.RESIDENT]),
    )
    assert (await world.ask(wished_days=["2026-11-23"], part_of_day="morning")).code == "help_day_over"
    await world.asked(wished_days=["2026-11-23"], part_of_day="afternoon")


async def test_a_hidden_service_cannot_be_asked_for(world):
    service_id = await make.service(world.conn)
    await world.conn.execute("update service set state = 'hidden' where id = $1", service_id)
    assert (await world.ask(service_id=str(service_id))).code == "service_not_found"


async def test_only_who_cares_asks(world, conn, app):
    stranger = await make.resident(conn, app)
    assert (await world.ask(stranger)).code == "person_not_found"
    await conn.execute("update care set ended_at = now() where person_id = $1", world.elder_id)
    assert (await world.ask()).code == "person_not_found"


async def test_an_erased_person_is_asked_for_no_more(world, conn, app):
    clerk = await make.staff(conn, app, Role.CLERK, area_id=world.zone_id)
    await conn.execute(
        """update person set erased_at = now(), document_sealed = null, birth_date = null, sex = null,
               phone_sealed = null, phone_index = null where id = $1""",
        world.elder_id,
    )
    assert (await world.ask()).code == "person_unknown"
    assert (await world.ask(clerk, path="/v1/staff/help-requests")).code == "person_unknown"


async def test_a_person_has_five_at_most(world):
    made = [await world.asked() for _ in range(MAX_LIVE_REQUESTS_OF_PERSON)]
    refused = await world.ask()
    assert (refused.status, refused.code, refused.body["limit"]) == (409, "help_requests_enough", 5)
    await post(world.client, f"/v1/help-requests/{made[0]['id']}/cancel", world.family)
    await world.asked()


async def test_the_fifth_is_given_once(world, second_client, conn, holder):
    """Both would be the fifth if they did not wait for each other."""
    for _ in range(MAX_LIVE_REQUESTS_OF_PERSON - 1):
        await world.asked()
    async with holder.transaction():
        await holder.execute("select from team where id = $1 for update", world.team_id)
        first = asyncio.create_task(world.ask())
        await until_waiting(conn)
        second = asyncio.create_task(post(second_client, "/v1/help-requests", world.family, world.wish(), make.key()))
        await until_waiting(conn, 2, unless=second)
    answers = [await first, await second]
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert await conn.fetchval("select count(*) from help_request") == MAX_LIVE_REQUESTS_OF_PERSON


async def test_the_nearest_team_answers_and_of_several_the_least_burdened(world, conn):
    assert (await world.asked())["team"]["id"] == str(world.team_id)
    near = sorted([await make.team(conn, area_id=world.town_id) for _ in range(3)])
    chosen = [(await world.asked())["team"]["id"] for _ in range(4)]
    assert chosen == [str(team) for team in (*near, near[0])]


async def test_a_team_may_be_chosen_where_it_reaches(world, conn):
    near, elsewhere = await make.team(conn, area_id=world.town_id), await make.team(conn)
    assert (await world.asked(team_id=str(world.team_id)))["team"]["id"] == str(world.team_id)
    assert (await world.asked(team_id=None))["team"]["id"] == str(near)
    assert (await world.ask(team_id=str(elsewhere))).code == "team_not_found"


async def test_where_no_team_is_the_desk_helps(world, conn):
    assert (await world.ask(area_id=str(await make.area(conn)))).code == "help_no_team"


async def test_company_for_a_number_that_one_has(world, conn):
    booking_id, service_id = await world.booking()
    wished = {"booking_id": str(booking_id), "needs_booking": False, "needs_companion": True, "need": ...}
    made = await world.asked(**wished, wished_days=..., matter=...)
    slot = await conn.fetchrow("select starts_at, ends_at from slot join booking on slot_id = slot.id")
    row = await world.row(made)
    assert row["starts_at"] == slot["starts_at"] - timedelta(minutes=60)
    assert row["ends_at"] == slot["ends_at"] + timedelta(minutes=60)
    assert row["expires_at"] == row["starts_at"]
    assert (made["booking"]["id"], made["service"]["id"]) == (str(booking_id), str(service_id))
    assert made["wished_days"] == [made["booking"]["starts_at"][:10]]
    again = await world.ask(**wished, wished_days=..., matter=...)
    assert (again.status, again.code) == (409, "help_for_booking_exists")
    await post(world.client, f"/v1/help-requests/{made['id']}/cancel", world.family)
    await world.asked(**wished, wished_days=..., matter=...)


async def test_a_booking_says_day_and_service_itself(world, conn):
    booking_id, _ = await world.booking()
    wished = {"booking_id": str(booking_id), "needs_booking": False, "needs_companion": True}
    assert (await world.ask(**wished)).code == "help_days_of_booking"
    other = await make.service(conn)
    assert (await world.ask(**wished, wished_days=..., service_id=str(other))).code == "help_other_service"
    assert (await world.ask(**wished, wished_days=..., matter="insurance")).code == "help_other_matter"


async def test_nobody_comes_along_to_what_does_not_stand(world, conn, clock):
    wished = {"needs_booking": False, "needs_companion": True, "wished_days": ...}
    others = await make.booking(conn, await make.slot(conn), world.family)
    assert (await world.ask(**wished, booking_id=str(others))).code == "booking_not_found"
    booking_id, _ = await world.booking()
    await conn.execute("update booking set status = 'cancelled' where id = $1", booking_id)
    assert (await world.ask(**wished, booking_id=str(booking_id))).code == "help_booking_not_standing"
    gone, _ = await world.booking(starts_at=clock.now - timedelta(minutes=5))
    assert (await world.ask(**wished, booking_id=str(gone))).code == "help_booking_not_standing"


async def test_a_booking_that_is_just_being_cancelled_is_seen(world, conn, holder):
    """The booking stood when the request was judged; the lock behind it tells."""
    booking_id, _ = await world.booking()
    async with holder.transaction():
        await holder.execute("update booking set status = 'cancelled' where id = $1", booking_id)
        asking = asyncio.create_task(
            world.ask(booking_id=str(booking_id), needs_booking=False, needs_companion=True, wished_days=...)
        )
        await until_waiting(conn, unless=asking)
    assert (await asking).code == "help_booking_not_standing"
    assert await conn.fetchval("select count(*) from help_request") == 0


async def test_a_booking_cancelled_while_help_is_asked_takes_the_request_along(world, second_client, conn, holder):
    """Who cancels had looked for requests of the booking before this one was there."""
    booking_id, _ = await world.booking()
    wished = {"booking_id": str(booking_id), "needs_booking": False, "needs_companion": True, "wished_days": ...}
    async with holder.transaction():
        await holder.execute("select from audit_chain for update")
        asking = asyncio.create_task(world.ask(**wished))
        await until_waiting(conn)
        cancelling = asyncio.create_task(cancel(second_client, world.family, booking_id))
        await until_waiting(conn, 2, unless=cancelling)
    assert ((await asking).status, (await cancelling).status) == (201, 200)
    row = await conn.fetchrow("select state, booking_id from help_request")
    assert (row["state"], row["booking_id"]) == ("cancelled", None)


async def test_a_clerk_asks_for_who_phones(world, conn, app):
    clerk = await make.staff(conn, app, Role.CLERK, area_id=world.zone_id)
    path = "/v1/staff/help-requests"
    by_card = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    answer = await world.ask(clerk, path=path, **by_card)
    assert answer.status == 201, answer.body
    made = answer.body
    assert (made["asked_way"], made["person"]["id"]) == ("phone", str(world.elder_id))
    assert made["person"]["phone"] == "13900001111"
    assert made["events"][0]["by"] == "staff"
    assert (await world.ask(clerk, path=path)).status == 201
    for wrong in ({"name": "别人"}, {"id_number": make.id_number(date(1945, 5, 18))}):
        assert (await world.ask(clerk, path=path, **{**by_card, **wrong})).code == "person_unknown"
    for half in ({"name": ...}, {"id_number": ...}, {"person_id": str(world.elder_id)}):
        assert (await world.ask(clerk, path=path, **{**by_card, **half})).code == "invalid_input"


async def test_a_clerk_asks_only_where_the_clerk_works(world, conn, app):
    elsewhere = await make.staff(conn, app, Role.CLERK, area_id=await make.area(conn))
    auditor = await make.staff(conn, app, Role.AUDITOR)
    for who in (elsewhere, auditor):
        assert (await world.ask(who, path="/v1/staff/help-requests")).code == "area_not_found"


async def test_a_leader_asks_on_a_visit(world, conn, app):
    leading, _ = await leader(conn, app, world.team_id)
    path = f"/v1/teams/{world.team_id}/help-requests"
    by_card = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    assert (await world.ask(leading, path=path)).code == "person_unknown"
    answer = await world.ask(leading, path=path, **by_card)
    assert answer.status == 201, answer.body
    assert (answer.body["asked_way"], answer.body["events"][0]["by"]) == ("visit", "leader")
    assert answer.body["team"]["id"] == str(world.team_id)
    assert (await world.ask(leading, path=path)).status == 201  # known to the team by now
    assert (await world.ask(leading, path=path, team_id=str(world.team_id))).code == "invalid_input"


async def test_numbers_cannot_be_tried_out_on_visits(world, conn, app, clock):
    leading, _ = await leader(conn, app, world.team_id)
    path = f"/v1/teams/{world.team_id}/help-requests"
    right = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    for _ in range(MAX_UNKNOWN_CARDS_A_DAY):
        assert (await world.ask(leading, path=path, **{**right, "name": "巴特"})).code == "person_unknown"
    refused = await world.ask(leading, path=path, **right)
    assert (refused.status, refused.code) == (429, "help_unknown_cards")
    assert refused.retry_after == str(24 * 3600)
    clock.move(hours=24, seconds=1)
    token = await make.session(conn, app, leading.account_id, [Role.RESIDENT, Role.VOLUNTEER])
    assert (await world.ask(replace(leading, token=token), path=path, **right)).status == 201


async def test_wrong_cards_at_once_are_counted(world, second_client, conn, app, holder):
    """Both would be the last one allowed if they did not wait for each other."""
    leading, _ = await leader(conn, app, world.team_id)
    path = f"/v1/teams/{world.team_id}/help-requests"
    wrong = {"person_id": ..., "id_number": world.number, "name": "巴特"}
    for _ in range(MAX_UNKNOWN_CARDS_A_DAY - 1):
        await world.ask(leading, path=path, **wrong)
    async with holder.transaction():
        await holder.execute("select from audit_chain for update")
        first = asyncio.create_task(world.ask(leading, path=path, **wrong))
        await until_waiting(conn)
        second = asyncio.create_task(post(second_client, path, leading, world.wish(**wrong), make.key()))
        await until_waiting(conn, 2, unless=second)
    assert sorted([(await first).status, (await second).status]) == [404, 429]


async def test_a_leader_asks_for_who_was_registered_on_a_visit(world, conn, app):
    leading, _ = await leader(conn, app, world.team_id)
    registered = await make.person(conn, app[VAULT], name="其其格")
    path = f"/v1/teams/{world.team_id}/help-requests"
    assert (await world.ask(leading, path=path, person_id=str(registered))).code == "person_unknown"
    await conn.execute("update person set team_id = $2 where id = $1", registered, world.team_id)
    assert (await world.ask(leading, path=path, person_id=str(registered))).status == 201


async def test_only_the_teams_own_leader_asks_and_where_the_team_reaches(world, conn, app):
    other_team = await make.team(conn)
    leading, volunteer_id = await leader(conn, app, other_team)
    by_card = {"person_id": ..., "id_number": world.number, "name": "巴特尔"}
    path = f"/v1/teams/{world.team_id}/help-requests"
    assert (await world.ask(leading, path=path, **by_card)).code == "team_not_found"
    assert (await world.ask(leading, path=f"/v1/teams/{other_team}/help-requests", **by_card)).code == "team_not_found"
    helper = await help_world.helper(conn, app, team_id=world.team_id)
    assert (await world.ask(helper, path=path, **by_card)).code == "team_not_found"
    await conn.execute("update volunteer set status = 'suspended' where id = $1", volunteer_id)
    assert (await world.ask(leading, path=path, **by_card)).status in (401, 404)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("139 0000-2222", "13900002222"),
        ("+86 13900002222", "13900002222"),
        ("（0483）8222333", "04838222333"),
        ("010-62223333", "01062223333"),
    ],
)
def test_a_number_to_call_back(typed, read):
    assert read_contact_phone(typed) == read


def test_an_address_is_the_same_however_it_is_typed():
    assert normal_address("测试镇 三组，2 号") == normal_address("测试镇三组2号")
    assert normal_address("测试镇三组２号") == normal_address("测试镇三组2号")
    assert normal_address("测试镇三组 2 号") != normal_address("测试镇三组 3 号")
