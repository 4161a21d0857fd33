"""Papers of mandates: what is taken, what is refused, where it lies and who may read it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest

from domain import file_types, files
from domain.errors import Unavailable
from domain.file_store import FileStore, FileStoreError
from domain.identifiers import new_id
from domain.vault import VaultError
from domain.vocabulary import MAX_FILE_BYTES, Role
from handlers import uploads
from handlers.files import FILE_STORE, MOST_UPLOADS, UPLOADS
from server.app import build_vault
from server.config import Keys
from tests import make
from tests.conftest import key
from tests.pictures import jpeg, pdf, png


def form(content=None, purpose="mandate_paper", name="paper.png"):
    data = aiohttp.FormData()
    data.add_field("purpose", purpose)
    data.add_field("file", io.BytesIO(png() if content is None else content), filename=name, content_type="image/png")
    return data


async def upload(client, staff, content=None, **options):
    headers = {**staff.headers, **make.key(), **options.pop("headers", {})}
    response = await client.post("/v1/files", data=form(content, **options), headers=headers)
    return response.status, await response.json()


async def send_raw(client, staff, body, content_type="multipart/form-data; boundary=here"):
    headers = {**staff.headers, **make.key(), "Content-Type": content_type}
    response = await client.post("/v1/files", data=body, headers=headers)
    return response.status, await response.json()


def part(name, content, *headers):
    lines = [f'Content-Disposition: form-data; name="{name}"'.encode(), *headers]
    return b"--here\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + content + b"\r\n"


END = b"--here--\r\n"
PURPOSE = part("purpose", b"mandate_paper")


def stored(settings):
    folder = Path(settings.files_url.removeprefix("file://")) / "files"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture
async def clerk(conn, app):
    return await make.staff(conn, app, Role.CLERK)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(png(), "image/png"), (jpeg(), "image/jpeg"), (jpeg(appended=b"more"), "image/jpeg"), (pdf(), "application/pdf")],
)
async def test_a_paper_is_stored_sealed_and_read_again(client, conn, settings, clerk, content, media_type):
    status, made = await upload(client, clerk, content, name="李四的委托书.exe")
    assert status == 201, made
    assert made["media_type"] == media_type
    assert made["size"] == len(content)
    assert made["created_at"].endswith("+08:00")
    (place,) = stored(settings)
    assert place.name == made["id"]
    assert content[8:40] not in place.read_bytes()
    response = await client.get(f"/v1/files/{made['id']}", headers=clerk.headers)
    assert response.status == 200
    assert await response.read() == content
    assert response.content_type == media_type
    assert response.headers["Content-Disposition"] == "attachment"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store"
    rows = await conn.fetch("select action from audit where subject_id = $1 order by action", UUID(made["id"]))
    assert [row["action"] for row in rows] == ["files.added", "files.read"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"MZ" + png(),
        png()[:-1],
        png() + b"x",
        png()[:40],
        png().replace(b"IDAT", b"IDAX"),
        png(width=0),
        png(width=2**16, height=2**16),
        jpeg()[:-2],
        jpeg()[:30],
        jpeg(width=0),
        b"\xff\xd8\xff\xd9",
        b"\xff" * 3000,
        pdf()[:-8],
        b"%PDF-1.4\n%%EOF",
        pdf().replace(b"startxref\n", b"startxref\n9999"),
        b"<html>" + pdf(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
async def test_what_is_no_whole_paper_is_refused(client, settings, clerk, content):
    status, problem = await upload(client, clerk, content)
    assert (status, problem["code"]) == (415, "file_type_refused")
    assert stored(settings) == []


def packed_pdf(unpacked, filters=b"/FlateDecode", head=b""):
    body = zlib.compress(unpacked, 9)
    stream = b"3 0 obj\n<< /Filter [%s] /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (filters, len(body), body)
    whole = pdf()
    start = whole.index(b"xref\n")
    tail = whole[start : whole.index(b"startxref")]
    before = whole[:start] + head + stream
    return before + tail + b"startxref\n%d\n%%%%EOF\n" % len(before)


async def test_what_a_viewer_would_choke_on_is_refused(client, settings, clerk):
    half = b"\0" * (file_types.MOST_UNPACKED_BYTES // 2 + 1)
    assert file_types.media_type_of(packed_pdf(half)) == "application/pdf"
    scan = b"\xff\xda\x00\x08\x01\x01\0\0\x3f\0\x7f"
    many = jpeg()[:-2] + scan * file_types.MOST_SCANS + b"\xff\xd9"
    assert file_types.media_type_of(many.replace(scan + b"\xff\xd9", b"\xff\xd9")) == "image/jpeg"
    for bomb in (
        packed_pdf(half + half),
        packed_pdf(b"x", filters=b"/FlateDecode /FlateDecode"),
        packed_pdf(b"x", head=b"2 0 obj\n<< /Encrypt 4 0 R >>\nendobj\n"),
        many,
    ):
        status, problem = await upload(client, clerk, bomb)
        assert (status, problem["code"]) == (415, "file_type_refused")
    assert stored(settings) == []


def test_every_cut_of_a_whole_file_is_known_as_cut():
    for whole in (png(), jpeg(), pdf().rstrip()):
        assert all(file_types.media_type_of(whole[:length]) is None for length in range(len(whole)))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "multipart_malformed"),
        (b"no boundary at all", "multipart_malformed"),
        (b"--elsewhere\r\n\r\n--elsewhere--\r\n", "multipart_malformed"),
        (END, "multipart_part_missing"),
        (PURPOSE + END, "multipart_part_missing"),
        (part("file", png()) + END, "multipart_part_missing"),
        (PURPOSE + part("file", png()) + part("file", png()) + END, "multipart_part_repeated"),
        (PURPOSE + PURPOSE + part("file", png()) + END, "multipart_part_repeated"),
        (PURPOSE + part("file", png()) + part("more", b"x") + END, "multipart_part_unexpected"),
        (b"--here\r\n\r\nnameless\r\n" + END, "multipart_malformed"),
        (b"--here\r\nContent-Disposition: form-data; name=\r\n\r\nx\r\n" + END, "multipart_malformed"),
        (b"--here\r\nno header\r\n\r\nx\r\n" + END, "multipart_malformed"),
        (b"--here\r\nX: " + b"x" * 20_000 + b"\r\n\r\nx\r\n" + END, "multipart_malformed"),
        (PURPOSE + part("file", png()), "multipart_malformed"),
        (PURPOSE + part("file", png())[:-20], "multipart_malformed"),
        (PURPOSE + part("file", b"aGVsbG8=", b"Content-Transfer-Encoding: base64") + END, "multipart_malformed"),
        (PURPOSE + part("file", b"x", b"Content-Type: multipart/mixed; boundary=in") + END, "multipart_malformed"),
        (part("purpose", b"x" * 101) + part("file", png()) + END, "file_too_large"),
        (part("purpose", b"holiday") + part("file", png()) + END, "invalid_input"),
        (part("purpose", b"\xff\0") + part("file", png()) + END, "invalid_input"),
        (PURPOSE + b"--here\r\n" + b"A: b\r\n" * 1000 + b"\r\n", "multipart_malformed"),
    ],
)
async def test_malformed_forms_are_refused(client, settings, clerk, body, code):
    status, problem = await send_raw(client, clerk, body)
    assert problem["code"] == code
    assert 400 <= status < 500
    assert problem["detail"]
    assert stored(settings) == []


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/json", "content_type_not_multipart"),
        ("multipart/mixed; boundary=here", "content_type_not_multipart"),
        ("multipart/form-data", "multipart_malformed"),
        (f"multipart/form-data; boundary={'x' * 71}", "multipart_malformed"),
        ("multipart/form-data; boundary=other", "multipart_malformed"),
    ],
)
async def test_other_content_types_are_refused(client, clerk, content_type, code):
    _, problem = await send_raw(client, clerk, PURPOSE + part("file", png()) + END, content_type)
    assert problem["code"] == code


async def test_the_largest_file_is_taken_and_one_byte_more_is_not(client, settings, clerk):
    largest = png(padding=MAX_FILE_BYTES - len(png()))
    assert len(largest) == MAX_FILE_BYTES
    status, made = await upload(client, clerk, largest)
    assert (status, made.get("size")) == (201, MAX_FILE_BYTES)
    status, problem = await upload(client, clerk, png(padding=MAX_FILE_BYTES - len(png()) + 1))
    assert (status, problem["code"], problem["limit"]) == (413, "file_too_large", MAX_FILE_BYTES)
    assert len(stored(settings)) == 1


async def test_an_endless_body_without_a_length_is_cut_off_at_the_limit(client, clerk):
    sent = 0

    async def endless():
        nonlocal sent
        yield PURPOSE + b'--here\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        while sent < 3 * MAX_FILE_BYTES:
            sent += 65536
            yield b"x" * 65536

    headers = {**clerk.headers, **make.key(), "Content-Type": "multipart/form-data; boundary=here"}
    try:
        async with client.post("/v1/files", data=endless(), headers=headers) as response:
            assert response.status == 413
            assert (await response.json())["code"] == "file_too_large"
    except aiohttp.ClientOSError:
        pass  # the server hung up while we were still sending
    assert sent < 3 * MAX_FILE_BYTES


async def test_a_dripped_body_is_given_up(client, clerk, monkeypatch):
    monkeypatch.setattr(uploads, "SECONDS", 0.2)

    async def dripping():
        yield PURPOSE + b'--here\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        for _ in range(20):
            await asyncio.sleep(0.1)
            yield b"x"

    headers = {**clerk.headers, **make.key(), "Content-Type": "multipart/form-data; boundary=here"}
    async with client.post("/v1/files", data=dripping(), headers=headers) as response:
        assert response.status == 408
        assert (await response.json())["code"] == "body_too_slow"


async def test_only_a_few_are_read_at_once(client, app, clerk):
    async with contextlib.AsyncExitStack() as held:
        while not app[UPLOADS].locked():
            await held.enter_async_context(app[UPLOADS])
        status, problem = await upload(client, clerk)
    assert (status, problem["code"]) == (503, "busy")
    assert (await upload(client, clerk))[0] == 201


async def test_a_repeat_gives_the_same_file_and_leaves_no_second_content(client, conn, settings, clerk):
    headers = make.key()
    first = await upload(client, clerk, headers=headers)
    second = await upload(client, clerk, headers=headers)
    assert first == second
    assert first[0] == 201
    assert len(stored(settings)) == await conn.fetchval("select count(*) from file") == 1
    status, problem = await upload(client, clerk, pdf(), headers=headers)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert len(stored(settings)) == 1


async def test_a_key_is_required(client, clerk):
    response = await client.post("/v1/files", data=form(), headers=clerk.headers)
    assert (await response.json())["code"] == "idempotency_key_required"


async def test_residents_and_auditors_store_no_papers(client, conn, app, settings):
    resident = await make.resident(conn, app)
    auditor = await make.staff(conn, app, Role.AUDITOR)
    assert (await upload(client, resident))[1]["code"] == "role_required"
    assert (await upload(client, auditor))[1]["code"] == "role_required"
    assert stored(settings) == []


async def test_who_may_read_a_paper(client, conn, app):
    here, elsewhere = await make.area(conn), await make.area(conn)
    below = await make.area(conn, parent_id=here, level="community")
    uploader = await make.staff(conn, app, Role.CLERK, area_id=below)
    colleague = await make.staff(conn, app, Role.CLERK, area_id=here)
    stranger = await make.staff(conn, app, Role.ADMIN, area_id=elsewhere)
    auditor = await make.staff(conn, app, Role.AUDITOR)
    _, made = await upload(client, uploader)
    path = f"/v1/files/{made['id']}"

    async def statuses():
        return [
            (await client.get(path, headers=who.headers)).status for who in (uploader, colleague, stranger, auditor)
        ]

    assert await statuses() == [200, 404, 404, 404]
    elder, helper = await make.resident(conn, app), await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id, team_id=await make.team(conn, area_id=below))
    mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, uploader.account_id)
    await conn.execute("update mandate set file_id = $1 where id = $2", UUID(made["id"]), mandate_id)
    assert await statuses() == [200, 200, 404, 404]
    response = await client.get(path, headers=helper.headers)
    assert (await response.json())["code"] == "staff_only"
    for odd in (new_id(), "nothing"):
        assert (await client.get(f"/v1/files/{odd}", headers=colleague.headers)).status == 404


async def test_a_store_that_fails_leaves_no_row(client, conn, app, clerk, monkeypatch):
    async def fail(*_):
        raise Unavailable("files_unavailable", retry_after=30)

    monkeypatch.setattr(app[FILE_STORE], "put", fail)
    response = await client.post("/v1/files", data=form(), headers={**clerk.headers, **make.key()})
    assert response.status == 503
    assert response.headers["Retry-After"] == "30"
    assert await conn.fetchval("select count(*) from file") == 0


async def test_a_lost_content_is_unavailable_not_a_crash(client, settings, clerk):
    _, made = await upload(client, clerk)
    stored(settings)[0].unlink()
    response = await client.get(f"/v1/files/{made['id']}", headers=clerk.headers)
    assert (response.status, (await response.json())["code"]) == (503, "files_unavailable")


async def test_a_content_moved_to_another_id_does_not_open(vault, tmp_path):
    store = FileStore(tmp_path.as_uri(), vault)
    one, other = new_id(), new_id()
    await store.put(one, png())
    await store.put(other, pdf())
    (tmp_path / "files" / str(one)).replace(tmp_path / "files" / str(other))
    with pytest.raises(VaultError):
        await store.get(other)


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://here/there", "file:///proc/nowhere"])
def test_an_address_that_is_none_is_refused_at_the_start(vault, url):
    with pytest.raises(FileStoreError):
        FileStore(url, vault)


async def test_pruning_removes_what_has_no_row_and_papers_nobody_used(client, conn, app, settings, clerk, clock):
    store = app[FILE_STORE]
    _, used = await upload(client, clerk)
    _, unused = await upload(client, clerk)
    elder, helper = await make.resident(conn, app), await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id)
    mandate_id = await make.mandate(conn, elder.person_id, volunteer_id, clerk.account_id)
    await conn.execute("update mandate set file_id = $1 where id = $2", UUID(used["id"]), mandate_id)
    orphan = new_id()
    await store.put(orphan, png())
    now = datetime.now(UTC)
    clock.now = now

    def names():
        return {place.name for place in stored(settings)}

    assert await files.prune(conn, store, now) == 0
    assert names() == {used["id"], unused["id"], str(orphan)}
    clock.move(days=2)
    await conn.execute("update file set created_at = $1", now)
    assert await files.prune(conn, store, clock.now) == 1
    assert names() == {used["id"], unused["id"]}
    clock.move(days=6)
    assert await files.prune(conn, store, clock.now) == 1
    assert names() == {used["id"]}
    assert [str(row["id"]) for row in await conn.fetch("select id from file")] == [used["id"]]


async def test_contents_come_under_a_new_key_and_the_old_one_may_go(client, conn, settings, clerk):
    made = [(await upload(client, clerk))[1]["id"] for _ in range(3)]
    keys = settings.sealing_keys.by_id
    both = replace(settings, sealing_keys=Keys({**keys, "test2": key("newer")}))
    new_only = replace(settings, sealing_keys=Keys({"test2": key("newer")}))
    store, later = (FileStore(settings.files_url, build_vault(told)) for told in (both, new_only))
    with pytest.raises(VaultError):
        await later.get(UUID(made[0]))
    stored(settings)[2].write_bytes(b"not sealed at all")
    done = await files.reseal(conn, store, batch=2)
    assert (done.resealed, len(done.broken)) == (2, 1)
    assert (await files.reseal(conn, store)).resealed == 0
    opened = [await later.get(UUID(one)) for one in made if UUID(one) not in done.broken]
    assert opened == [png(), png()]


async def test_a_client_that_hangs_up_leaves_nothing_and_frees_its_place(client, app, settings, clerk, capsys):
    body = PURPOSE + part("file", png())
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: here\r\nAuthorization: {clerk.headers['Authorization']}\r\n"
        f"Idempotency-Key: {make.key()['Idempotency-Key']}\r\nContent-Length: {len(body) + 1000}\r\n"
        "Content-Type: multipart/form-data; boundary=here\r\n\r\n"
    )
    for _ in range(8):
        _, writer = await asyncio.open_connection(client.server.host, client.server.port)
        writer.write(head.encode() + body)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(5), contextlib.AsyncExitStack() as held:
        for _ in range(MOST_UPLOADS):
            await held.enter_async_context(app[UPLOADS])
    assert (await upload(client, clerk))[0] == 201
    assert len(stored(settings)) == 1
    assert "unexpected error" not in capsys.readouterr().out
