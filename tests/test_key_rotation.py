from __future__ import annotations

import asyncio
import base64
import os
import re
import subprocess
from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace

import asyncpg
import pytest

import sql
from domain import sealing_rotation
from domain.file_store import FileStore
from domain.identifiers import new_id
from domain.sealing_rotation import PLACES
from domain.vault import Vault, VaultError
from handlers.request import VAULT
from server import key_commands
from server.app import build_vault
from server.config import Keys
from server.embedded_home import wheel_binaries
from tests import make
from tests.conftest import key
from tests.visitors import phone_number

EMERGENCY = ("name_sealed", "phone_sealed")
OTHER_SEALED = {"refresh_token.successor_sealed"}
"""Sealed under a key that is derived from the token before: no key of ours opens it, and it lives for seconds."""


def test_rotation_knows_every_sealed_column():
    declared = {str(place) for place in PLACES} | OTHER_SEALED
    sealed = set()
    for file in sorted(sql.MIGRATIONS.glob("*.sql")):
        table = None
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(("create table ", "alter table ")):
                table = line.split()[2].rstrip(";")
            elif found := re.match(r"\s+(?:add column )?([a-z_]+_sealed) bytea\b", line):
                sealed.add(f"{table}.{found[1]}")
    assert sealed == declared


@pytest.fixture
def rotated(settings):
    """The settings with a newer key behind the old one."""
    return replace(settings, sealing_keys=Keys({**settings.sealing_keys.by_id, "test2": key("newer sealing")}))


@pytest.fixture
def only_new(settings):
    return replace(settings, sealing_keys=Keys({"test2": key("newer sealing")}))


async def sealed_rows(conn, vault, count=25):
    people = []
    for _ in range(count):
        number, phone = make.id_number(), phone_number()
        people.append((await make.person(conn, vault, number=number, phone=phone), number, phone))
    return sorted(people)


async def rotate(conn, vault, batch=10):
    return [progress async for progress in sealing_rotation.rotate(conn, vault, batch)]


async def opened(conn, vault):
    rows = await conn.fetch("select * from person where document_sealed is not null order by id")
    return [
        (
            row["id"],
            vault.unseal("person", "document_sealed", row["id"], row["document_sealed"]).decode(),
            vault.unseal("person", "phone_sealed", row["id"], row["phone_sealed"]).decode(),
        )
        for row in rows
    ]


async def test_everything_comes_under_the_newest_key(conn, app, vault, rotated, only_new):
    people = await sealed_rows(conn, vault)
    staff = await make.staff(conn, app)
    request_id = new_id()
    await conn.execute(
        """insert into care_request (id, account_id, person_id, relation, name_matches, consents, phone_sealed,
                                     created_at, expires_at)
           values ($1, $2, $3, 'self', true, '{}'::jsonb, $4, now(), now())""",
        request_id,
        await make.account(conn),
        people[0][0],
        vault.seal("care_request", "phone_sealed", request_id, b"13812340000"),
    )
    progress = await rotate(conn, build_vault(rotated))
    assert sum(step.resealed for step in progress) == 25 + 25 + 1 + 1
    assert max(step.resealed for step in progress) == 10
    assert not any(step.broken or step.overtaken for step in progress)
    new = build_vault(only_new)
    assert await opened(conn, new) == people
    row = await conn.fetchrow("select account_id, otp_secret_sealed from staff")
    assert new.unseal("staff", "otp_secret_sealed", staff.account_id, row["otp_secret_sealed"])
    row = await conn.fetchrow("select phone_sealed from care_request")
    assert new.unseal("care_request", "phone_sealed", request_id, row["phone_sealed"]) == b"13812340000"
    assert {row["key_id"] for row in await sealing_rotation.keys_in_use(conn)} == {"test2"}
    assert await rotate(conn, build_vault(rotated)) == []


async def test_what_help_needs_comes_under_the_newest_key_too(conn, vault, rotated, only_new):
    person_id, account_id, team_id = await make.person(conn, vault), await make.account(conn), await make.team(conn)
    request_id, complaint_id = new_id(), new_id()
    words = ("need_sealed", "pickup_sealed", "mobility_sealed", "contact_phone_sealed")
    await conn.execute(
        """insert into emergency_contact (person_id, name_sealed, phone_sealed, set_by, set_at)
           values ($1, $2, $3, $4, now())""",
        person_id,
        *(vault.seal("emergency_contact", column, person_id, column.encode()) for column in EMERGENCY),
        account_id,
    )
    await conn.execute(
        f"""insert into help_request (id, person_id, team_id, area_id, asked_by, asked_way, matter, needs_booking,
                needs_companion, needs_ride, language, wished_days, part_of_day, expires_at, created_at, changed_at,
                {", ".join(words)})
            select $1, $2, team.id, team.area_id, $4, 'family', 'medical', false, true, true, 'zh', '{{2026-12-01}}',
                'any', now(), now(), now(), $5, $6, $7, $8
            from team where team.id = $3""",
        request_id,
        person_id,
        team_id,
        account_id,
        *(vault.seal("help_request", column, request_id, column.encode()) for column in words),
    )
    await conn.execute(
        """insert into help_complaint (id, request_id, team_id, made_by, made_at, words_sealed)
           values ($1, $2, $3, $4, now(), $5)""",
        complaint_id,
        request_id,
        team_id,
        account_id,
        vault.seal("help_complaint", "words_sealed", complaint_id, b"words_sealed"),
    )
    progress = await rotate(conn, build_vault(rotated))
    assert sum(step.resealed for step in progress) == 1 + 2 + 4 + 1
    new = build_vault(only_new)
    for table, row_id, columns in (
        ("emergency_contact", person_id, EMERGENCY),
        ("help_request", request_id, words),
        ("help_complaint", complaint_id, ("words_sealed",)),
    ):
        row = await conn.fetchrow(f"select * from {table}")
        assert [new.unseal(table, column, row_id, row[column]).decode() for column in columns] == list(columns)
    assert {row["key_id"] for row in await sealing_rotation.keys_in_use(conn)} == {"test2"}


async def test_a_run_that_was_killed_goes_on_where_it_was(conn, vault, rotated, only_new):
    people = await sealed_rows(conn, vault)
    async with aclosing(sealing_rotation.rotate(conn, build_vault(rotated), 10)) as steps:
        await anext(steps)
    in_use = {(row["place"], row["key_id"]): row["count"] for row in await sealing_rotation.keys_in_use(conn)}
    assert in_use["person.document_sealed", "test2"] == 10
    assert in_use["person.document_sealed", "test1"] == 15
    assert await opened(conn, build_vault(rotated)) == people
    again = await rotate(conn, build_vault(rotated))
    assert sum(step.resealed for step in again) == 15 + 25
    assert await opened(conn, build_vault(only_new)) == people


async def test_what_changes_meanwhile_is_left_alone(conn, vault, rotated, monkeypatch):
    """Between reading and writing, somebody gets another phone: the old one must not come back."""
    ((person_id, _, _),) = await sealed_rows(conn, vault, 1)
    new = build_vault(rotated)
    reseal = sealing_rotation._reseal

    def meanwhile(vault_, place, rows):
        result = reseal(vault_, place, rows)
        if place.column == "phone_sealed" and place.table == "person":
            changes.append(new.seal("person", "phone_sealed", person_id, b"13899999999"))
        return result

    changes: list[bytes] = []
    monkeypatch.setattr(sealing_rotation, "_reseal", meanwhile)
    put = sql.sealing_rotation.person_phone_reseal

    async def put_late(conn_, **values):
        await conn_.execute("update person set phone_sealed = $1", changes.pop())
        return await put(conn_, **values)

    monkeypatch.setattr(sql.sealing_rotation, "person_phone_reseal", put_late)
    progress = [step for step in await rotate(conn, new) if step.place.column == "phone_sealed"]
    assert [(step.resealed, step.overtaken) for step in progress] == [(0, 1)]
    ((_, _, phone),) = await opened(conn, new)
    assert phone == "13899999999"


async def test_the_service_works_on_while_keys_rotate(visit, conn, rotated, database):
    """A process of each setting, and the rotation, at once; nothing is lost and nobody sees an error."""
    visitors = [await visit() for _ in range(5)]
    number = {visitor: (await visitor.call("GET", "/v1/me/id-number"))[1]["id_number"] for visitor in visitors}
    other = await asyncpg.connect(database)
    try:

        async def work(visitor):
            for _ in range(4):
                _, shown = await visitor.call("GET", "/v1/me/id-number")
                assert shown["id_number"] == number[visitor]
                assert (await visitor.add(phone=phone_number()))[0] == 201

        # The process under test runs with the old settings still, so it could not read what the new key sealed:
        # that is why the new key is named to every process first. Here it knows both, and seals with the old one.
        visitors[0].client.app[VAULT]._ciphers |= build_vault(rotated)._ciphers

        async def rotations():
            for _ in range(10):
                await rotate(other, build_vault(rotated), 3)
                await asyncio.sleep(0.01)

        await asyncio.gather(rotations(), *(work(visitor) for visitor in visitors))
        await rotate(other, build_vault(rotated))
    finally:
        await other.close()
    assert {row["key_id"] for row in await sealing_rotation.keys_in_use(conn)} == {"test2"}
    assert await conn.fetchval("select count(*) from person") == 25


@pytest.fixture
def told():
    lines: list[str] = []
    return SimpleNamespace(say=lines.append, lines=lines)


async def test_the_command_says_what_it_did_and_what_remains(conn, vault, settings, rotated, told, tmp_path):
    await sealed_rows(conn, vault, 3)
    store = FileStore(settings.files_url, vault)
    file_id = new_id()
    await store.put(file_id, b"a photo")
    await conn.execute(
        """insert into file (id, account_id, purpose, media_type, size, created_at)
           values ($1, $2, 'mandate_paper', 'image/png', 7, now())""",
        file_id,
        await make.account(conn),
    )
    new_vault = build_vault(rotated)
    new_store = FileStore(settings.files_url, new_vault)
    assert await key_commands.rotate(conn, new_vault, new_store, told.say) == 0
    assert told.lines == [
        "person.document_sealed               3 resealed",
        "person.phone_sealed                  3 resealed",
        "files                                1 resealed",
        "person.document_sealed               3 under test2",
        "person.phone_sealed                  3 under test2",
        "Everything is sealed under test2. Keep older keys as long as backups need them.",
    ]
    assert await new_store.get(file_id) == b"a photo"


async def test_the_command_names_what_does_not_open(conn, vault, settings, rotated, told):
    people = await sealed_rows(conn, vault, 2)
    await conn.execute(
        """update person set document_sealed = (select document_sealed from person where id = $2) where id = $1""",
        people[0][0],
        people[1][0],
    )
    store = FileStore(settings.files_url, build_vault(rotated))
    assert await key_commands.rotate(conn, build_vault(rotated), store, told.say) == 1
    assert f"1 values do not open with any key of SEALING_KEYS: person.document_sealed of {people[0][0]}." in told.lines
    assert told.lines[-1] == "Keep all keys, mend what is said above, and run this again."
    assert not any(number in line for line in told.lines for _, number, _ in people)


def pg_dump(database):
    """Dump the database as a thief of a backup would have it."""
    return subprocess.run([wheel_binaries() / "pg_dump", database], capture_output=True, check=True).stdout


async def test_a_dump_shows_no_number_and_no_phone(visit, database):
    number, parents_number = make.id_number(), make.id_number()
    carer, asker = await visit("测试甲", number=number, phone="13812341111"), await visit("测试丙", phone="13812342222")
    await carer.add("测试乙", parents_number, phone="13812343333")
    await asker.add("测试乙", parents_number)
    other = await visit(registered=False)
    await other.register("测试乙", parents_number, "13812344444")
    await carer.call("GET", "/v1/me/id-number")
    await carer.call("GET", "/v1/me/export")
    dump = await asyncio.to_thread(pg_dump, database)
    assert "测试乙".encode() in dump  # it is the dump, and names stand in clear
    secrets = [number, parents_number, *(f"1381234{n}" for n in ("1111", "2222", "3333", "4444"))]
    for secret in secrets:
        forms = (secret.encode(), secret.encode().hex().encode(), base64.b64encode(secret.encode()).rstrip(b"="))
        for form in forms:
            assert form not in dump, form
    for name in ("测试甲", "测试乙"):
        assert name.encode() not in b"".join(line for line in dump.splitlines() if b"audit" in line)


async def test_nothing_is_found_without_the_key(visit, conn):
    """Whoever has the dump and a number cannot tell whether the number is in it."""
    number = make.id_number()
    await visit("测试甲", number=number, phone="13812341111")
    row = await conn.fetchrow("select document_index, phone_index, document_sealed, id from person")
    without_key = Vault({"test1": os.urandom(32)}, "test1", os.urandom(32), os.urandom(32))
    assert row["document_index"] != without_key.blind("resident_id", number)
    assert row["phone_index"] != without_key.blind("phone", "13812341111")
    with pytest.raises(VaultError):
        without_key.unseal("person", "document_sealed", row["id"], row["document_sealed"])


async def test_a_repeated_request_is_known_by_a_keyed_hash(visit, conn, monkeypatch):
    """A bare hash over a name and a number lets whoever has the dump try numbers out."""
    one, other = (Vault({"k": os.urandom(32)}, "k", os.urandom(32), b"") for _ in range(2))
    assert one.fingerprint(b"request") != other.fingerprint(b"request")
    carer = await visit()
    monkeypatch.setattr(Vault, "fingerprint", lambda _vault, _request: b"f" * 32)
    assert (await carer.add())[0] == 201
    assert await conn.fetchval("select fingerprint from idempotency_key") == b"f" * 32


async def test_values_swapped_between_rows_or_columns_do_not_open(visit, conn):
    one, other = await visit("测试甲"), await visit("测试乙")
    await conn.execute(
        """update person set document_sealed = (select document_sealed from person where id = $2) where id = $1""",
        one.person_id,
        other.person_id,
    )
    status, problem = await one.call("GET", "/v1/me/id-number")
    assert (status, problem["code"]) == (500, "internal_error")
    await conn.execute("update person set document_sealed = phone_sealed where id = $1", other.person_id)
    assert (await other.call("GET", "/v1/me/id-number"))[0] == 500
