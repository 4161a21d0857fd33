"""A slot that staff open again: its free places go to who waits first, and the rest to everybody."""

from __future__ import annotations

import pytest

from domain.vocabulary import Role
from tests import make
from tests.booking_world import book, loose_slot, post
from tests.books import assert_balanced
from tests.waiting import accept, join, turn


@pytest.fixture
async def service_id(conn):
    return await make.service(conn)


@pytest.mark.parametrize("span", [False, True], ids=["one", "span"])
async def test_who_waits_is_first_when_a_slot_is_opened_again(client, conn, app, service_id, span):
    slot_id = await loose_slot(conn, service_id)
    provider_id = await conn.fetchval("select provider_id from service where id = $1", service_id)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    waits, quick = [await make.resident(conn, app, name=name) for name in ("等候者", "手快者")]
    day = str(await conn.fetchval("select day from slot where id = $1", slot_id))
    days = {"service_id": str(service_id), "from": day, "to": day}
    body = (days if span else {}) | {"reason": "停诊"}
    path = "/v1/staff/slots" if span else f"/v1/staff/slots/{slot_id}"
    assert (await post(client, f"{path}/close", manager, body)).status == 200
    entry = await join(client, waits, service_id)
    assert entry.status == 201, entry.body
    assert (await post(client, f"{path}/reopen", manager, days if span else {})).status == 200
    assert (await book(client, quick, slot_id)).body["code"] == "slot_full"
    assert await turn(conn, app) == {"offered": 1}
    assert (await accept(client, waits, entry.body["id"])).status == 201
    await assert_balanced(conn)


async def test_what_nobody_waits_for_is_free_at_once(client, conn, app, service_id):
    slot_id = await loose_slot(conn, service_id)
    provider_id = await conn.fetchval("select provider_id from service where id = $1", service_id)
    manager = await make.staff(conn, app, Role.MANAGER, provider_id=provider_id)
    anybody = await make.resident(conn, app)
    path = f"/v1/staff/slots/{slot_id}"
    assert (await post(client, f"{path}/close", manager, {"reason": "停诊"})).status == 200
    assert (await post(client, f"{path}/reopen", manager, {})).status == 200
    assert (await book(client, anybody, slot_id)).status == 201
    await assert_balanced(conn)
