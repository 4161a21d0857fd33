"""A database with many old bookings, and what a statement touches in it."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import orjson

import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncpg import Connection

    Plan = dict[str, Any]

BOOKINGS = int(os.environ.get("OLD_BOOKINGS", "200000"))
"""`make plans` asks for five million."""
PEOPLE = 20_000 if BOOKINGS < 1_000_000 else 100_000
"""Ten bookings a person; with five million fifty, over fourteen years."""
SLOTS = BOOKINGS // 5
SERVICES = 200
ENTRIES = SLOTS // 10
"""Of waitlists, old and live."""
REQUESTS = BOOKINGS // 10
"""For help, nearly all of them completed; two hundred are sought and as many are in somebody's hands."""
STEP = 7919
"""A prime, so that each person's bookings are spread over all days."""

GROWING = {"booking", "audit", "person", "care", "account", "mandate", "notice", "help_request"}
BIG = GROWING | {
    "slot",
    "slot_pool",
    "place_kept_back",
    "place_offer",
    "waitlist_entry",
    "waitlist_member",
    "clinic_day",
    "suspension",
    "queue_ticket",
    "help_event",
    "help_offer",
    "help_work",
    "help_hours",
}

MOST_ROWS = 1_500
"""Rows or entries that a statement may look at. The most are 200 live offers, 200 places kept back and 400 who wait,
with their slots, and twenty mandates of a volunteer with 25 bookings each, which count twice by a bitmap."""
SMALL = 500
"""A table that has no more rows may be read from end to end."""
MOST_BUFFERS = 4_000
"""Pages of 8 kB that a statement may look at: each row above by its own way down an index."""

FILL = f"""
set session_replication_role = replica;
set maintenance_work_mem = '1GB';
set jit = off;
create function pg_temp.id(kind integer, n bigint) returns uuid language sql immutable as $$
    select (lpad(kind::text, 8, '0') || '-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;

insert into account (id, kind, created_at)
select pg_temp.id(1, n), 'resident', now() from generate_series(1, {PEOPLE}) n;
insert into person (id, name, document_kind, document_sealed, document_index, birth_date, sex, created_at)
select pg_temp.id(2, n), '测试', 'resident_id', '\\x00', int8send(n), '1990-01-01', 'female', now()
from generate_series(1, {PEOPLE}) n;
insert into care (id, account_id, person_id, relation, since)
select pg_temp.id(3, n), pg_temp.id(1, n), pg_temp.id(2, n), case when n % 2 = 0 then 'child' else 'self' end, now()
from generate_series(1, {PEOPLE}) n;
insert into area (id, level, code, name) values (pg_temp.id(4, 1), 'zone', 'test', '测试区');
insert into provider (id, area_id, kind, name, address, phone, summary)
select pg_temp.id(5, n), pg_temp.id(4, 1), 'hospital', '测试医院 ' || n, '', '', '' from generate_series(1, 20) n;
insert into service (id, provider_id, department, name, kind, summary, duration_minutes, requirements, eligibility,
                     questions)
select pg_temp.id(6, n), pg_temp.id(5, n % 20 + 1), '科室 ' || n, '门诊', 'medical', '', 15, '{{}}', '', '[]'
from generate_series(1, {SERVICES}) n;
insert into waitlist (service_id) select id from service;
-- A slot a day for each service, the last day first, five bookings in each.
insert into slot (id, service_id, policy_id, day, starts_at, ends_at, release_at, order_until, cancel_until, settled,
                  fall_back_at)
select pg_temp.id(7, n), pg_temp.id(6, n % {SERVICES} + 1), '00000000-0000-7000-8000-000000000001', day,
       day + time '09:00' at time zone 'Asia/Shanghai', day + time '10:00' at time zone 'Asia/Shanghai',
       day - 14 + time '07:00' at time zone 'Asia/Shanghai', day + time '09:00' at time zone 'Asia/Shanghai',
       day + time '09:00' at time zone 'Asia/Shanghai', day < '2026-11-22',
       day - 1 + time '16:00' at time zone 'Asia/Shanghai'
from generate_series(1, {SLOTS}) n
cross join lateral (select date '2026-12-01' - (n / {SERVICES})::integer as day) as at;
insert into slot_pool (slot_id, channel, capacity, taken, issued)
select pg_temp.id(7, n), channel, 10,
       case channel when 'public' then 5 - ((5 * n + 6) / 7 - (5 * n + 1) / 7) else 0 end, 5  -- each seventh cancelled
from generate_series(1, {SLOTS}) n cross join unnest(array['public', 'assisted', 'counter']) as channel;
insert into volunteer (id, account_id, team_id, languages, status, applied_at)
select pg_temp.id(8, n), pg_temp.id(1, n), pg_temp.id(9, 1), '{{zh}}', 'approved', now() from generate_series(1, 50) n;
insert into mandate (id, person_id, volunteer_id, matters, consent_way, status, expires_at, requested_by, created_at,
                     consented_at)
select pg_temp.id(10, n), pg_temp.id(2, n), pg_temp.id(8, n % 50 + 1), '{{medical}}', 'family', 'active',
       '2027-06-01', pg_temp.id(1, n), '2026-06-01', '2026-06-01'
from generate_series(1, 1000) n;
insert into booking (id, slot_id, channel, number, code, person_id, booked_by, mandate_id, day, status, answers,
                     idempotency_key, created_at, changed_at, changed_by)
select pg_temp.id(11, {BOOKINGS} - n), pg_temp.id(7, slot), 'public', n % 5 + 1, lpad((n % 1000000)::text, 6, '0'),
       pg_temp.id(2, person), pg_temp.id(1, case when by_mandate then person % 50 + 1 else person end),
       case when by_mandate then pg_temp.id(10, person) end,
       date '2026-12-01' - (slot / {SERVICES})::integer,
       case when n % 7 = 0 then 'cancelled' when slot > {SERVICES} * 8 then 'completed' else 'booked' end, '{{}}',
       'key ' || n, now(), now(), pg_temp.id(1, person)
from generate_series(0, {BOOKINGS} - 1) n
cross join lateral (select n / 5 + 1 as slot, n::bigint * {STEP} % {PEOPLE} + 1 as person) as who
cross join lateral (select person <= 1000 and n / 3 % 2 = 0 as by_mandate) as how;
insert into audit (chain, seq, at, actor_id, action, subject_id, facts, mac)
select n % 16, n / 16 + 1, now(), pg_temp.id(1, n % {PEOPLE} + 1), 'bookings.booked', pg_temp.id(11, n), '{{}}',
       sha256(int8send(n))
from generate_series(0, {BOOKINGS} - 1) n;
-- Waiting that is over, mostly; two entries of each service wait, and one has an offer. Three tickets a clinic's day.
insert into waitlist_entry (id, service_id, place, first_day, last_day, party, booked_by, status, ended_because,
                            idempotency_key, created_at, ended_at)
select pg_temp.id(13, n), pg_temp.id(6, n % {SERVICES} + 1), n / {SERVICES} + 1, day - 7, day, 1, pg_temp.id(1, n),
       how.status, case how.status when 'ended' then 'days_over' end, 'key ' || n, day - 30,
       case how.status when 'ended' then now() end
from generate_series(0, {ENTRIES} - 1) n
cross join lateral (select {ENTRIES} - n as age) as since
cross join lateral (
    select date '2026-12-01' - age / {SERVICES} as day,
           case when age <= {SERVICES} then 'offered'
                when age <= {SERVICES} * 3 then 'waiting' else 'ended' end as status
) as how;
insert into waitlist_member (entry_id, person_id)
select pg_temp.id(13, n), pg_temp.id(2, n % {PEOPLE} + 1) from generate_series(0, {ENTRIES} - 1) n;
update waitlist set last_place = {ENTRIES} / {SERVICES};
insert into place_offer (id, slot_id, channel, places, entry_id, status, created_at, expires_at, ended_at)
select pg_temp.id(14, n), pg_temp.id(7, {ENTRIES} - n), 'assisted', 1, pg_temp.id(13, n), how.status, now(), now(),
       case how.status when 'lapsed' then now() end
from generate_series(0, {ENTRIES} - 1) n
cross join lateral (
    select case when {ENTRIES} - n <= {SERVICES} then 'live' else 'lapsed' end as status
) as how;
insert into place_kept_back (id, slot_id, channel, cause, free_at, created_at)
select pg_temp.id(15, n), pg_temp.id(7, n), 'counter', 'cancelled', now(), now() from generate_series(1, {SERVICES}) n;
update slot_pool set taken = 1 where channel in ('assisted', 'counter') and slot_id <= pg_temp.id(7, {SERVICES});
insert into clinic_day (service_id, resource, day, last_number)
select service_id, '', day, 3 from slot where id <= pg_temp.id(7, {ENTRIES});
insert into queue_ticket (booking_id, service_id, resource, day, number, status, order_at, late, checked_in_at)
select booking.id, slot.service_id, '', slot.day, booking.number,
       case when booking.status = 'booked' then 'waiting' else 'done' end, now(), false, now()
from booking join slot on slot.id = slot_id
where slot.id <= pg_temp.id(7, {ENTRIES}) and booking.number <= 3;
insert into suspension (id, person_id, provider_id, policy_id, step, booking_ids, starts_at, ends_at)
select pg_temp.id(16, n), pg_temp.id(2, n), pg_temp.id(5, n % 20 + 1), '00000000-0000-7000-8000-000000000001', 1,
       array[pg_temp.id(11, n), pg_temp.id(11, n + 1)], '2026-01-01', '2026-02-01'
from generate_series(1, {PEOPLE}) n;
insert into staff_grant (id, account_id, role, area_id, granted_at)
values (pg_temp.id(21, 1), pg_temp.id(1, 1), 'clerk', pg_temp.id(4, 1), now());
-- Requests for help, the oldest first; each was offered to three and taken by one.
insert into team (id, area_id, name, organisation)
select pg_temp.id(9, n), pg_temp.id(4, 1), '测试队 ' || n, '' from generate_series(1, 20) n;
insert into help_request (id, person_id, team_id, area_id, asked_by, asked_way, matter, needs_booking, needs_companion,
                          needs_ride, need_sealed, language, wished_days, part_of_day, state, volunteer_id,
                          booking_id, starts_at, ends_at, next_round_at, expires_at, created_at, changed_at)
select pg_temp.id(17, n), pg_temp.id(2, n % {PEOPLE} + 1), pg_temp.id(9, n % 20 + 1), pg_temp.id(4, 1),
       pg_temp.id(1, n % {PEOPLE} + 1), 'family', 'medical', false, true, false, '\\x00', 'zh',
       array[day::date + 7], 'any', how.state,
       case when how.state in ('booked', 'completed') then pg_temp.id(8, n % 50 + 1) end,
       case when how.state in ('booked', 'completed') then pg_temp.id(11, n) end,
       day::date + time '09:00' at time zone 'Asia/Shanghai', day::date + time '11:00' at time zone 'Asia/Shanghai',
       case how.state when 'open' then day end, day + interval '8 days', day, day
from generate_series(1, {REQUESTS}) n
cross join lateral (select timestamptz '2026-12-05' - interval '1 hour' * ({REQUESTS} - n) as day) as at
cross join lateral (
    select case when {REQUESTS} - n < 200 then 'open'
                when {REQUESTS} - n < 400 then 'booked' else 'completed' end as state
) as how;
insert into help_event (id, request_id, at, actor_id, volunteer_id, was, state, because)
select pg_temp.id(18, 4 * n + step), pg_temp.id(17, n), now(), pg_temp.id(1, n % {PEOPLE} + 1),
       pg_temp.id(8, n % 50 + 1), null, 'open', 'asked'
from generate_series(1, {REQUESTS}) n cross join generate_series(0, 3) as step;
insert into help_offer (id, request_id, volunteer_id, round, status, reasons, offered_at, answer_by)
select pg_temp.id(19, 3 * n + step), pg_temp.id(17, n), pg_temp.id(8, (n + step) % 50 + 1), 1,
       case when {REQUESTS} - n < 20 then 'live' else 'withdrawn' end, '{{}}', now(), now()
from generate_series(1, {REQUESTS}) n cross join generate_series(0, 2) as step;
insert into help_work (id, request_id, volunteer_id, starts_at, ends_at, state)
select pg_temp.id(20, 3 * n), id, volunteer_id, starts_at, ends_at,
       case state when 'booked' then 'held' else 'done' end
from help_request cross join lateral (select right(id::text, 12)::bigint as n) as number where volunteer_id is not null;
insert into help_hours (request_id, volunteer_id, team_id, started_at, started_way, ended_at, ended_way, minutes)
select id, volunteer_id, team_id, starts_at, 'code', ends_at, 'code', 120 from help_request where state = 'completed';
set session_replication_role = origin;
"""

REFILLED = ("booking", "audit", "slot", "slot_pool", "waitlist_entry", "queue_ticket")
"""Tables whose indexes are made anew once they are full: several times quicker than row by row."""


def made(kind: int, n: int) -> UUID:
    """Return the id that `pg_temp.id` of FILL gives."""
    return UUID(f"{kind:08}-0000-7000-8000-{n:012}")


def turn_of(person: int) -> int:
    """Return the turn of FILL's loop that made the newest booking of a person."""
    return (person - 1) * pow(STEP, -1, PEOPLE) % PEOPLE


def booking_of(person: int) -> UUID:
    return made(11, BOOKINGS - turn_of(person))


async def fill(conn: Connection) -> None:
    """Fill an empty database; its indexes are there again afterwards, but it is not analyzed."""
    indexes = await conn.fetch(
        """select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
           from pg_index
           where indrelid::regclass::text = any($1::text[])
             and not exists (select from pg_constraint where conindid = indexrelid)""",
        REFILLED,
    )
    for index in indexes:
        await conn.execute(f"drop index {index['name']}")
    await conn.execute(FILL, timeout=3600)
    for index in indexes:
        await conn.execute(index["definition"], timeout=3600)


_count = itertools.count(1)


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return "'{" + ",".join(f'"{item}"' if item is not None else "null" for item in value) + "}'"
    return f"'{value}'"


async def prepare(conn: Connection, statements: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return by name what runs each statement. A name is a query's, and what tells it from others of the query."""
    executions = {}
    for name, given in statements.items():
        feature, query = name.partition(" ")[0].split(".")
        queries = sql.queries(feature)
        text = getattr(queries, query).sql  # the parameters stand in it as $1, $2, … in the adapter's order
        adapter: Any = queries.driver_adapter
        values = ", ".join(map(literal, adapter._ordered(query, given)))
        own_name = f"explained_{next(_count)}"
        await conn.execute(f"prepare {own_name} as {text}")
        executions[name] = f"execute {own_name}({values})" if values else f"execute {own_name}"
    return executions


async def explain(conn: Connection, execution: str) -> Plan:
    """Run a prepared statement, undo what it did, and return its plan with what really happened."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        plan = await conn.fetchval(f"explain (analyze, buffers, format json) {execution}")
    finally:
        await transaction.rollback()
    explained: Plan = orjson.loads(plan)[0]["Plan"]
    return explained


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


class Touched(NamedTuple):
    """What a statement looked at: rows or index entries by table, pages, and tables read from end to end."""

    rows: dict[str, int]
    buffers: int
    scans: set[str]
    milliseconds: float

    @property
    def too_much(self) -> bool:
        return sum(self.rows.values()) > MOST_ROWS or self.buffers > MOST_BUFFERS or bool(self.scans)


def touched(plan: Plan, table_of: Mapping[str, str], tables: set[str]) -> Touched:
    rows: Counter[str] = Counter()
    scans = set()
    for node in nodes(plan):
        table = node.get("Relation Name") or table_of.get(node.get("Index Name", ""))
        if table in tables and node["Node Type"] != "ModifyTable":
            rows[table] += round(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))
            if node["Node Type"] == "Seq Scan" and rows[table] > SMALL:
                scans.add(table)
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return Touched(dict(rows), buffers, scans, plan["Actual Total Time"])


async def explain_all(conn: Connection, executions: Mapping[str, str], tables: set[str]) -> dict[str, Touched]:
    table_of = {row["indexname"]: row["tablename"] for row in await conn.fetch("select * from pg_indexes")}
    return {name: touched(await explain(conn, text), table_of, tables) for name, text in executions.items()}


def too_much(found: Mapping[str, Touched]) -> dict[str, Touched]:
    """Return the statements that look at more than they should, or at whole tables."""
    return {name: each for name, each in found.items() if each.too_much}


async def settle(conn: Connection, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        await conn.execute(f"set {name} = {value}")
