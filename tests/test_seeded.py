"""What is in a database of demo data, and what becomes of it when it is changed."""

from __future__ import annotations

import json
import stat
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from domain.nursery_norms import departures
from domain.vocabulary import LOCAL_ZONE
from server.database import prepare_connection
from server.seed import data, demo_accounts_exist, make_demo_staff, seed, write_demo_file
from tests.conftest import MovableClock, same_vault
from tests.database import copy_of, make_filled_template
from tests.test_seed import PRODUCTION, command, contents, slots_of_days


@pytest.fixture
async def database(database_server):
    """Yield a database with the demo data, which all tests here begin with."""

    async def fill(conn):
        await prepare_connection(conn)
        await seed(conn, same_vault(), MovableClock().now)

    template = database_server.template_of("seed")
    await make_filled_template(database_server, template, fill)
    async with copy_of(database_server, template) as dsn:
        yield dsn


async def test_a_round_of_the_zone_is_open_and_within_its_classes(conn, clock):
    assert await conn.fetchval("select count(*) from nursery_class") == 5
    (row,) = await conn.fetch(
        "select *, round_state(stage, opens_at, closes_at, $1) as state from enrolment_round", clock.now
    )
    assert (row["name"], row["state"]) == ("2027 年 2 月示范区入托报名", "open")
    assert row["starts_on"] > row["value_due_at"].date()
    offered = await conn.fetch(
        """select programme.seats <= nursery_class.seats as kept,
                  programme.seats = (select count(*) from programme_seat where programme_id = programme.id) as seats
           from programme join nursery_class on nursery_class.id = class_id"""
    )
    assert [tuple(each) for each in offered] == [(True, True)] * 3
    norms = {each["kind"]: each for each in await conn.fetch("select * from nursery_norm")}
    for each in await conn.fetch("select * from nursery_class"):
        assert departures(each, norms[each["kind"]]) == []


async def test_the_window_of_slots_begins_today_and_moves_on(conn, vault, clock):
    today = clock.now.astimezone(LOCAL_ZONE).date()
    first, last = await conn.fetchrow("select min(day), max(day) from slot")
    assert first == today
    assert last == today + timedelta(days=15)
    await conn.execute("update slot set state = 'closed', closed_reason = '停诊' where day = $1", today)
    before = await conn.fetchval("select count(*) from slot")
    days = await slots_of_days(conn)

    clock.move(days=3)
    counts = await seed(conn, vault, clock.now)
    assert await conn.fetchval("select max(day) from slot") == last + timedelta(days=3)
    assert await conn.fetchval("select count(*) from slot") == before + counts["slots"]
    assert days.items() <= (await slots_of_days(conn)).items()
    assert not await conn.fetchval("select count(*) from slot where day = $1 and state = 'open'", today)


async def test_slots_follow_the_opening_hours_and_the_policy_of_the_provider(conn, clock):
    slots = await conn.fetch(
        """select extract(isodow from day)::int as weekday, count(*) as slots,
                  min((starts_at at time zone 'Asia/Shanghai')::time)::text as opens,
                  max((ends_at at time zone 'Asia/Shanghai')::time)::text as closes
           from slot join service on service.id = slot.service_id join provider on provider.id = service.provider_id
           where provider.name = '阿拉善盟蒙医医院' and service.name = '正骨门诊' and day > $1
           group by day order by day limit 7""",
        clock.now.astimezone(LOCAL_ZONE).date(),
    )
    by_weekday = {row["weekday"]: (row["slots"], row["opens"], row["closes"]) for row in slots}
    assert by_weekday[1] == (14, "08:30:00", "18:00:00")
    assert by_weekday[6] == (3, "08:30:00", "11:30:00")
    assert by_weekday[7] == (2, "09:00:00", "11:00:00")

    wrong = await conn.fetchval(
        """select count(*) from slot join service on service.id = slot.service_id
           where slot.policy_id <> ruling_policy(service.id, slot.day)"""
    )
    assert wrong == 0
    assert await conn.fetchval("select count(distinct policy_id) from slot") == 3
    channels = await conn.fetch("select channel, sum(capacity) as places from slot_pool group by channel")
    assert all(row["places"] > 0 for row in channels)
    assert len(channels) == 3


async def test_personal_data_are_sealed(conn, vault):
    everything = await conn.fetchval("select string_agg(t::text, ' ') from person t")
    for person in data.read("people")["resident"]:
        assert person["id_number"].encode().hex() not in everything
        assert person["id_number"] not in everything
        assert person["phone"] not in everything
    row = await conn.fetchrow("select * from person where name = '马𬴂'")
    assert vault.unseal("person", "document_sealed", row["id"], row["document_sealed"]) == b"999999199207060174"
    assert vault.unseal("person", "phone_sealed", row["id"], row["phone_sealed"]) == b"15400000008"


async def test_what_staff_and_residents_changed_stays(conn, vault, clock):
    await conn.execute("update provider set name = '孪井滩医院' where name = '孪井滩示范区医院'")
    await conn.execute("delete from consent")
    await conn.execute("update care set ended_at = since")
    before = await contents(conn)
    await seed(conn, vault, clock.now)
    assert await contents(conn) == before


@pytest.fixture
def file(tmp_path):
    return tmp_path / "var" / "demo.json"


async def staffed(conn, vault, clock, file):
    write_demo_file(file, "http://127.0.0.1:8080", await make_demo_staff(conn, vault, clock.now, file))
    return json.loads(file.read_text())


async def test_demo_staff_are_marked_and_their_file_is_for_its_owner_alone(conn, vault, clock, file):
    assert not await demo_accounts_exist(conn)
    written = await staffed(conn, vault, clock, file)
    assert await demo_accounts_exist(conn)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert written["base_url"] == "http://127.0.0.1:8080"
    roles = [role for one in written["staff"] for role in one["roles"]]
    assert roles == ["admin", "manager", "clerk", "clerk", "clerk", "manager", "manager", "auditor"]
    for one in written["staff"]:
        row = await conn.fetchrow("select * from staff where login = $1", one["login"])
        assert row["demo"]
        assert PasswordHasher().verify(row["password_hash"], one["password"])
        sealed = vault.unseal("staff", "otp_secret_sealed", row["account_id"], row["otp_secret_sealed"])
        assert sealed.decode() == one["otp_secret"]


async def test_the_hospital_s_manager_and_clerk_are_of_one_provider_and_the_other_clerks_of_other_places(
    conn, vault, clock, file
):
    await staffed(conn, vault, clock, file)
    places = await conn.fetch(
        """select staff.login, coalesce(provider.name, area.name) from staff_grant join staff using (account_id)
           left join provider on provider.id = staff_grant.provider_id
           left join area on area.id = staff_grant.area_id"""
    )
    assert dict(map(tuple, places)) == {
        "demo.admin": None,
        "demo.auditor": None,
        "demo.manager": "孪井滩示范区医院",
        "demo.clerk": "孪井滩示范区医院",
        "demo.other": "阿拉善盟医疗保障服务窗口",
        "demo.hotline": "孪井滩生态移民示范区",
        "demo.zone": "孪井滩生态移民示范区",
        "demo.nursery": "孪井滩示范区托育园",
    }


async def test_secrets_last_as_long_as_file_and_database_belong_together(conn, vault, clock, file):
    first = await staffed(conn, vault, clock, file)
    before = await contents(conn)
    assert await staffed(conn, vault, clock, file) == first
    assert await contents(conn) == before

    file.unlink()
    second = await staffed(conn, vault, clock, file)
    assert all(new["password"] != old["password"] for new, old in zip(second["staff"], first["staff"], strict=True))
    assert await conn.fetchval("select count(*) from staff") == 8
    assert await conn.fetchval("select count(*) from staff_grant") == 8


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"staff": [{"login": "demo.admin"}]}'])
async def test_a_damaged_file_is_written_anew(conn, vault, clock, file, damage):
    file.parent.mkdir()
    file.write_text(damage)
    assert len((await staffed(conn, vault, clock, file))["staff"]) == 8


async def test_an_account_of_the_same_login_that_is_no_demo_keeps_its_password(conn, vault, clock, file):
    await staffed(conn, vault, clock, file)
    await conn.execute("update staff set demo = false, password_hash = 'own' where login = 'demo.admin'")
    file.unlink()
    await staffed(conn, vault, clock, file)
    assert await conn.fetchval("select password_hash from staff where login = 'demo.admin'") == "own"


async def test_a_suspended_demo_account_does_not_keep_production_from_starting(conn, vault, clock, file):
    await staffed(conn, vault, clock, file)
    await conn.execute("update account set status = 'suspended' where kind = 'staff'")
    assert not await demo_accounts_exist(conn)


async def test_production_does_not_start_with_a_demo_account(database, tmp_path, conn, vault, clock, file):
    await staffed(conn, vault, clock, file)
    status, written = command(database, tmp_path, "serve", **PRODUCTION)
    assert status == 1
    assert written == "DATABASE_URL names a database with demo accounts: production does not start on it.\n"
