"""Clients that hang up in the middle of a booking: it is there whole and answered to a repeat, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter

import orjson
import pytest

from handlers.groups import BOOK
from tests import make
from tests.booking_world import book, check_books, loose_slot

ROUNDS = 25


def request_bytes(client, resident, slot_id, key):
    body = orjson.dumps({"slot_id": str(slot_id), "person_id": str(resident.person_id)})
    head = {
        "Host": f"{client.host}:{client.port}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **resident.headers,
        **key,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST /v1/bookings HTTP/1.1\r\n{lines}\r\n".encode() + body


async def connect(client):
    plain = socket.socket()
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (client.host, client.port))
    return plain


def reset(plain):
    """Close with RST rather than FIN, as a phone that lost its network does."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


@pytest.mark.parametrize("closing", [socket.socket.close, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("moment", ["at once", "while it is booked"])
async def test_a_hang_up_leaves_a_booking_whole_or_none(client, second_client, conn, app, closing, moment):
    loop = asyncio.get_running_loop()
    slot_id = await loose_slot(conn, public=ROUNDS)
    residents = [await make.resident(conn, app) for _ in range(ROUNDS)]
    keys = [make.key() for _ in residents]
    handed_in = asyncio.Event()
    submit = app[BOOK].submit

    async def notice(item):
        handed_in.set()
        return await submit(item)

    app[BOOK].submit = notice
    for resident, key in zip(residents, keys, strict=True):
        plain = await connect(client)
        handed_in.clear()
        await loop.sock_sendall(plain, request_bytes(client, resident, slot_id, key))
        if moment == "while it is booked":
            await handed_in.wait()
        closing(plain)
    answers = []
    for resident, key in zip(residents, keys, strict=True):  # through another process, which knows nothing of the first
        answers.append(await book(second_client, resident, slot_id, key=key))
    await app[BOOK].close()
    assert {answer.status for answer in answers} == {201}
    rows = {row["idempotency_key"]: str(row["id"]) for row in await conn.fetch("select * from booking")}
    assert rows == {key["Idempotency-Key"]: answer.body["id"] for key, answer in zip(keys, answers, strict=True)}
    seen = Counter(row["seen"] for row in await conn.fetch("select seen from booking"))
    if moment == "while it is booked":
        assert seen == {2: ROUNDS}  # each was made although nobody waited any more
    await check_books(conn, app)


async def test_half_a_request_books_nothing(client, conn, app):
    loop = asyncio.get_running_loop()
    slot_id = await loose_slot(conn, public=9)
    resident, key = await make.resident(conn, app), make.key()
    whole = request_bytes(client, resident, slot_id, key)
    for length in range(1, len(whole), len(whole) // 20):
        plain = await connect(client)
        await loop.sock_sendall(plain, whole[:length])
        plain.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(plain, 4096):  # until the service has given it up
            pass
        plain.close()
    assert await conn.fetchval("select count(*) from booking") == 0
    answer = await book(client, resident, slot_id, key=key)
    assert (answer.status, answer.body["number"]) == (201, 1)
    await check_books(conn, app)


async def test_an_answer_that_never_arrived_comes_again(client, conn, app):
    """The whole request was sent and answered, and the phone went away before it read."""
    loop = asyncio.get_running_loop()
    slot_id = await loose_slot(conn, public=9)
    resident, key = await make.resident(conn, app), make.key()
    plain = await connect(client)
    await loop.sock_sendall(plain, request_bytes(client, resident, slot_id, key))
    lost = await loop.sock_recv(plain, 65536)
    reset(plain)
    answer = await book(client, resident, slot_id, key=key)
    assert answer.status == 201
    assert answer.body == orjson.loads(lost.partition(b"\r\n\r\n")[2])
    assert await conn.fetchval("select count(*) from booking") == 1
