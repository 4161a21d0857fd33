"""The store of files on a real S3 server: SeaweedFS as a process, over HTTP, with signed requests.

`make test-s3` installs the server by `tests/s3.txt` into an environment of its own: 48 MB that no other test needs.
Without it these tests are skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from obstore.exceptions import BaseError
from obstore.store import from_url

from domain.errors import Unavailable
from domain.file_store import FileStore
from domain.identifiers import new_id
from domain.vault import Vault
from tests.running import eventually

SERVER = shutil.which("weed", path=os.environ.get("S3_SERVER", "") or None)
pytestmark = pytest.mark.skipif(SERVER is None, reason="no S3 server here: make test-s3")

MEGABYTES_10 = 10 * 1024 * 1024
KEYS = {"old": secrets.token_bytes(32), "new": secrets.token_bytes(32)}


def vault(current):
    return Vault(KEYS, current, secrets.token_bytes(32), secrets.token_bytes(32))


def free_ports(many):
    """Return ports that are free together with those 10,000 above them, where the server's parts meet each other."""
    found: list[int] = []
    while len(found) < many:
        port = secrets.choice(range(12_000, 22_000))
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.create_server(("127.0.0.1", port + 10_000)),
        ):
            found.append(port)
    return found


async def answers():
    """Ask in one attempt of a second: by itself the client asks again for minutes."""
    try:
        async with asyncio.timeout(1):
            await from_url("s3://papers").put_async("probe", b"1")
    except (BaseError, OSError):
        return False
    return True


def started(folder, ports, secret):
    may = {"name": "papers", "actions": ["Admin", "Read", "Write", "List"]}
    access = folder / "access.json"
    access.write_text(
        json.dumps({"identities": [may | {"credentials": [{"accessKey": "papers", "secretKey": secret}]}]})
    )
    options = [f"-{part}.port={port}" for part, port in zip(("master", "volume", "filer", "s3"), ports, strict=True)]
    options += [
        f"-dir={folder}",
        f"-s3.config={access}",
        "-volume.max=5",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
    ]
    return subprocess.Popen(
        [str(SERVER), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
async def server(tmp_path, monkeypatch):
    ports, secret = free_ports(4), secrets.token_hex(20)
    for name, value in {
        "AWS_ENDPOINT": f"http://127.0.0.1:{ports[-1]}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "papers",
        "AWS_SECRET_ACCESS_KEY": secret,
    }.items():
        monkeypatch.setenv(name, value)
    process = started(tmp_path, ports, secret)
    try:
        await eventually(answers, limit=60)
        yield process
    finally:
        process.kill()
        process.wait(30)


async def stored(store):
    return [one async for ids in store.stored_before(datetime.now(UTC) + timedelta(hours=1)) for one in ids]


async def test_a_document_is_kept_sealed_resealed_listed_and_destroyed(server):
    file_id, content = new_id(), secrets.token_bytes(MEGABYTES_10)
    store = FileStore("s3://papers", vault("old"))
    await store.put(file_id, content)
    assert await store.get(file_id) == content
    lying = bytes(await (await from_url("s3://papers").get_async(f"files/{file_id}")).bytes_async())
    assert content[:64] not in lying
    rotated = FileStore("s3://papers", vault("new"))
    assert await rotated.reseal(file_id)
    assert not await rotated.reseal(file_id)
    assert await rotated.get(file_id) == content
    assert await stored(rotated) == [file_id]
    await rotated.delete(file_id)
    await rotated.delete(file_id)
    assert await stored(rotated) == []
    with pytest.raises(Unavailable):
        await rotated.get(file_id)


async def test_who_may_not_is_refused(server, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secrets.token_hex(20))
    with pytest.raises(Unavailable):
        await FileStore("s3://papers", vault("new")).put(new_id(), b"paper")


async def test_a_server_that_is_gone_is_unavailable(server):
    store, file_id = FileStore("s3://papers", vault("new")), new_id()
    await store.put(file_id, b"paper")
    server.kill()
    server.wait(30)
    with pytest.raises(Unavailable):
        await store.get(file_id)
