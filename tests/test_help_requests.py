"""Asking for help: who may ask for whom, what is kept, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain.help_vocabulary import MAX_LIVE_REQUESTS_OF_PERSON
from domain.help_wishes import normal_address, read_contact_phone
from domain.vocabulary import Role
from server.database import prepare_connection
from tests import make
from tests.booking_world import cancel, post, until_waiting
from tests.help_asking import DAY, World


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
