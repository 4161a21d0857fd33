"""What the seed puts into a database, and that a second run changes nothing but the window of slots."""

from __future__ import annotations

import json

from server.seed import data, seed
from tests.command_line import environment, run_here

TABLES = (
    "account", "area", "care", "consent", "enrolment_round", "nursery_class", "person", "priority_group", "programme",
    "programme_reserve", "programme_seat", "policy", "provider", "schedule", "schedule_session", "service",
    "slot", "slot_pool", "staff",
    "staff_grant", "team", "team_leader", "volunteer", "volunteer_area", "volunteer_hours", "wechat_identity",
)  # fmt: skip


async def counted(conn):
    return {table: await conn.fetchval(f"select count(*) from {table}") for table in TABLES}


async def slots_of_days(conn):
    rows = await conn.fetch("select service_id, day, count(*) as slots from slot group by 1, 2")
    return {(row["service_id"], row["day"]): row["slots"] for row in rows}


async def contents(conn):
    return {table: await conn.fetchval(f"select md5(array_agg(t order by t::text)::text) from {table} t")
            for table in TABLES}  # fmt: skip


async def test_a_second_run_changes_nothing(conn, vault, clock):
    first = await seed(conn, vault, clock.now)
    before = await contents(conn)
    assert await seed(conn, vault, clock.now) == dict.fromkeys(first, 0)
    assert await contents(conn) == before


async def test_everything_in_the_files_arrives(conn, vault, clock):
    counts = await seed(conn, vault, clock.now)
    rows = await counted(conn)
    providers = data.providers()
    assert counts["areas"] == rows["area"] == len(data.areas())
    assert counts["providers"] == rows["provider"] == len(providers)
    assert counts["services"] == rows["service"] == sum(len(provider["service"]) for provider in providers)
    assert rows["policy"] == 1 + counts["policies"]
    assert counts["volunteers"] == rows["volunteer"] == 3
    assert (rows["team_leader"], rows["volunteer_hours"]) == (2, 17)
    led = "select count(*) from volunteer where leads_team(account_id, team_id)"
    assert await conn.fetchval(led) == 2
    assert counts["slots"] == rows["slot"] > 5_000
    assert not await conn.fetchval("select count(*) from area where parent_id is null and level <> 'league'")


def command(database, tmp_path, *words, **settings):
    """Run `python -m server …` to its end and return its exit status and what it wrote."""
    ended = run_here(words, environment(database, tmp_path, **settings))
    return ended.returncode, ended.stdout + ended.stderr


PRODUCTION = {
    "ENVIRONMENT": "production",
    "WECHAT_APPID": "wx0000000000000000",
    "WECHAT_SECRET": "not-a-real-one",
    "SMS_URL": "http://127.0.0.1:9",
    "PORT": "0",
}


def test_the_command_seeds_and_says_what_it_added(database, tmp_path):
    status, written = command(database, tmp_path, "seed")
    assert status == 0, written
    assert "25 providers" in written
    assert len(json.loads((tmp_path / "demo.json").read_text())["staff"]) == 8
    status, written = command(database, tmp_path, "seed")
    assert (status, "up to date" in written) == (0, True), written


async def test_production_gets_no_demo_data(database, tmp_path, conn):
    status, written = command(database, tmp_path, "seed", **PRODUCTION)
    assert (status, written) == (1, "ENVIRONMENT is production: it gets no demo data.\n")
    assert not await conn.fetchval("select count(*) from area")
