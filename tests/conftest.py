"""Fixtures: a fresh database a test, the real application on it, and a clock that can be moved."""

from __future__ import annotations

import base64
import gc
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer

from domain.vault import Vault
from server import database as service_database
from server.app import build_app, build_vault
from server.config import Keys, Settings
from server.connection import Runner
from server.database import prepare_connection
from tests import contract, make

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from aiohttp import web

    from tests.outside import Outside

pytest_plugins = [
    "tests.database",
    "tests.mandates",
    "tests.outside",
    "tests.visitors",
    "tests.town",
    "tests.clinics",
    "tests.running",
    "tests.help_given",
    "tests.village",
    "tests.nursery_zone",
    "tests.nursery_offering",
]


class MovableClock:
    """Stands still until a test moves it. Starts on Monday 2026-11-23, 06:30 in Alxa."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def key(name: str) -> bytes:
    return hashlib.sha256(f"a test's key {name}".encode()).digest()


def encoded_key(name: str) -> str:
    return base64.b64encode(key(name)).decode()


def same_vault() -> Vault:
    """Return a vault with the keys of all tests, for rows that several of them begin with."""
    return Vault({"test1": key("sealing")}, "test1", key("blind"), key("audit"))


def pytest_collection_finish() -> None:
    """Look no more for garbage among what was collected, which stays to the end and is large."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _count_anew() -> None:
    """Let what a test makes not depend on how many tests its worker ran before."""
    make.count_anew()


@pytest.fixture(autouse=True)
def _open_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pool open its connections when they are wanted: most tests want one, and each costs milliseconds."""
    monkeypatch.setattr(service_database, "OPEN_AT_START", 0)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def settings(database: str, tmp_path: Path, outside: Outside) -> Settings:
    return Settings(
        environment="development",
        host="127.0.0.1",
        port=0,
        metrics_port=0,
        processes=1,
        worker=False,
        var_dir=tmp_path,
        database_url=database,
        database_connections=6,
        wechat_url=outside.wechat_url,
        wechat_appid=outside.appid,
        wechat_secret=outside.secret,
        sms_url=f"{outside.url}/sms",
        sandbox=True,
        token_keys=Keys({"test1": key("token")}),
        sealing_keys=Keys({"test1": key("sealing")}),
        pass_keys=Keys({"p1": key("pass")}),
        blind_index_key=key("blind"),
        audit_key=key("audit"),
        files_url=(tmp_path / "files").as_uri(),
        throttle_url="async+memory://",
        trusted_proxies=0,
        log_level="warning",
    )


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return build_vault(settings)


@pytest.fixture
async def conn(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    await prepare_connection(connection)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def app(settings: Settings, clock: MovableClock) -> Iterator[web.Application]:
    """The service; whatever it answers in a test has to be as its OpenAPI document says."""
    built = build_app(settings, clock)
    broken = contract.watch(built)
    yield built
    assert broken() == []


class Served(TestServer):
    """A test server that runs the service as it is run: aiohttp's own would cancel the handlers of who hangs up."""

    async def _make_runner(self, **_options: Any) -> Runner:
        return Runner(self.app, lingering_time=0.3)


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(Served(app)) as started:
        yield started


@pytest.fixture
async def second_client(
    settings: Settings, clock: MovableClock
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """The same service on the same database a second time, as another process would run it."""
    async with TestClient(Served(build_app(replace(settings), clock))) as started:
        yield started
