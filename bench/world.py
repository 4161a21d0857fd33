"""A database of the bench's own with residents who want to book, and the service as a process on it."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import TYPE_CHECKING, Any

import asyncpg
from stdnum.cn import ric

from domain.identifiers import new_id
from domain.vault import Vault
from domain.vocabulary import LOCAL_ZONE
from server.auth import Authentication
from server.config import Keys
from server.database import prepare_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

PEOPLE_PER_ACCOUNT = 5
FIRST_DAY = date(2027, 1, 4)
DAYS_BETWEEN_RUNS = 100
"""Longer than the longest limit: each run's persons start with none of their limits used."""
SLOTS_PER_SERVICE = 50
BORN_FIRST = date(1980, 1, 1)
SERIALS = 999


@dataclass(frozen=True, slots=True)
class Secrets:
    token: bytes
    sealing: bytes
    passes: bytes
    blind: bytes
    audit: bytes

    @classmethod
    def new(cls) -> Secrets:
        return cls(*(secrets.token_bytes(32) for _ in range(5)))

    def environment(self) -> dict[str, str]:
        def text(key: bytes) -> str:
            return base64.b64encode(key).decode()

        return {
            "TOKEN_KEYS": f"bench1:{text(self.token)}",
            "SEALING_KEYS": f"bench1:{text(self.sealing)}",
            "PASS_KEYS": f"bench1:{text(self.passes)}",
            "BLIND_INDEX_KEY": text(self.blind),
            "AUDIT_KEY": text(self.audit),
        }


@dataclass(frozen=True, slots=True)
class Household:
    token: str
    people: list[UUID]


def id_number(serial: int) -> str:
    """Return a valid number of a birth place that does not exist, another for each serial."""
    born = BORN_FIRST + timedelta(days=serial // SERIALS)
    digits = f"999999{born:%Y%m%d}{serial % SERIALS + 1:03}"
    return digits + str(ric.calc_check_digit(f"{digits}0"))


class World:
    """The bench's rows; `households` can book at once."""

    def __init__(self, dsn: str, keys: Secrets) -> None:
        self.dsn = dsn
        self.keys = keys
        self.vault = Vault({"bench1": keys.sealing}, "bench1", keys.blind, keys.audit)
        self.households: list[Household] = []
        self.policy_id: UUID | None = None
        self.provider_id = new_id()

    async def connect(self) -> asyncpg.Connection:
        conn = await asyncpg.connect(self.dsn)
        await prepare_connection(conn)
        return conn

    async def settle(self, accounts: int) -> None:
        """Fill the tables with accounts, sessions, persons and their care; make each account's access token."""
        now = datetime.now(UTC)
        authentication = Authentication(Keys({"bench1": self.keys.token}), lambda: now)
        tables: dict[str, list[tuple[Any, ...]]] = {"account": [], "session": [], "person": [], "care": []}
        for number in range(accounts):
            account_id, session_id = new_id(), new_id()
            later = now + timedelta(days=1)
            tables["account"].append((account_id, "resident", now))
            tables["session"].append((session_id, account_id, "bench", now, now, later, later))
            members = [
                self._add_member(tables, account_id, number * PEOPLE_PER_ACCOUNT + member, now, own=member == 0)
                for member in range(PEOPLE_PER_ACCOUNT)
            ]
            token = authentication.issue(account_id, session_id, ["resident"], 1)
            self.households.append(Household(token, members))
        conn = await self.connect()
        for table, columns in (
            ("account", "id kind created_at"),
            ("session", "id account_id device created_at refreshed_at idle_until expires_at"),
            ("person", "id name document_kind document_sealed document_index birth_date sex created_at"),
            ("care", "id account_id person_id relation since"),
        ):
            await conn.copy_records_to_table(table, records=tables[table], columns=columns.split())
        area_id = new_id()
        await conn.execute("insert into area (id, level, code, name) values ($1, 'zone', 'bench', '测试区')", area_id)
        await conn.execute(
            """insert into provider (id, area_id, kind, name, address, phone, summary)
               values ($1, $2, 'hospital', '测试医院', '测试路', '0483-0000000', '')""",
            self.provider_id,
            area_id,
        )
        self.policy_id = await conn.fetchval("select id from policy where provider_id is null and service_id is null")
        await conn.execute("vacuum analyze account, session, person, care, provider")
        await conn.close()

    def _add_member(
        self, tables: dict[str, list[tuple[Any, ...]]], account_id: UUID, serial: int, now: datetime, *, own: bool
    ) -> UUID:
        person_id, document = new_id(), id_number(serial)
        sealed = self.vault.seal("person", "document_sealed", person_id, document.encode())
        index = self.vault.blind("resident_id", document)
        born = BORN_FIRST + timedelta(days=serial // SERIALS)
        tables["person"].append((person_id, "测试", "resident_id", sealed, index, born, "female", now))
        tables["care"].append((new_id(), account_id, person_id, "self" if own else "other", now))
        return person_id

    async def open_slots(self, run: int, slots: int, capacity: int) -> list[UUID]:
        """Open slots of one capacity on a day that no other run uses."""
        now = datetime.now(UTC)
        day = FIRST_DAY + timedelta(days=run * DAYS_BETWEEN_RUNS)
        begin = datetime.combine(day, clock_time(8), LOCAL_ZONE)
        services, rows, pools = [], [], []
        for number in range(slots):
            if number % SLOTS_PER_SERVICE == 0:
                service_id = new_id()
                department = f"科室 {run}-{number}"
                services.append((service_id, self.provider_id, department))
            starts = begin + timedelta(minutes=number % SLOTS_PER_SERVICE * 10)
            ends, released = starts + timedelta(minutes=10), now - timedelta(days=1)
            slot_id = new_id()
            rows.append((slot_id, service_id, self.policy_id, day, starts, ends, released, starts, starts))
            pools.append((slot_id, "public", capacity))
        conn = await self.connect()
        await conn.executemany(
            """insert into service (id, provider_id, department, name, kind, summary, duration_minutes, requirements,
                                    eligibility, questions)
               values ($1, $2, $3, '门诊', 'medical', '', 15, '{身份证}', '', '[]')""",
            services,
        )
        for table, records, columns in (
            ("slot", rows, "id service_id policy_id day starts_at ends_at release_at order_until cancel_until"),
            ("slot_pool", pools, "slot_id channel capacity"),
        ):
            await conn.copy_records_to_table(table, records=records, columns=columns.split())
        await conn.execute("vacuum analyze slot, slot_pool, service")
        await conn.execute("checkpoint")
        await conn.close()
        return [row[0] for row in rows]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(world: World, folder: Path, **environment: str) -> Iterator[str]:
    """Run the service as its users run it, in a process of its own with its access log on; yield its address."""
    port = free_port()
    settings = {"DATABASE_URL": world.dsn, "PORT": str(port), "VAR_DIR": str(folder), "METRICS_PORT": "0"}
    with (folder / "server.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            env=os.environ | world.keys.environment() | settings | environment,
            stdout=output,
            stderr=output,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(address)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310  # our own process
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{address} did not become ready within 30 s")
