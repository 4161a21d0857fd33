"""Bookings as spreadsheets: whole, of one moment, masked, without formulas, and never unrecorded."""

from __future__ import annotations

import csv
import io
import tempfile
import tracemalloc
import zipfile
from datetime import date, datetime
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from domain import booking_exports
from domain.booking_exports import Wanted, export
from domain.callers import Caller
from domain.context import Context
from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE, ExportFormat, Role, ShownNames
from handlers.exports import EXPORTS, MOST_EXPORTS
from handlers.request import VAULT
from handlers.spreadsheets import harmless, spreadsheet
from schemas.booking_exports import COLUMNS
from server.database import prepare_connection
from tests import make

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DAYS = {"from": "2026-11-01", "to": "2026-11-30"}


def at(day, hour=9):
    return datetime(2026, 11, day, hour, tzinfo=LOCAL_ZONE)


@pytest.fixture
async def place(conn):
    return await make.provider(conn)


@pytest.fixture
async def clerk(conn, app, place):
    return await make.staff(conn, app, Role.CLERK, provider_id=place)


@pytest.fixture
async def manager(conn, app, place):
    return await make.staff(conn, app, Role.MANAGER, provider_id=place)


@pytest.fixture
async def booked(conn, app, place):
    """Three bookings on two days, one of them cancelled, and one of another provider."""
    service_id = await make.service(conn, provider_id=place, name="门诊", department="=内科")
    first = await make.slot(conn, service_id, starts_at=at(3), resource="巴图医生", public=9)
    second = await make.slot(conn, service_id, starts_at=at(4, 23), minutes=30, public=9)
    family = await make.resident(conn, app, name="乌兰其其格")
    other = await make.resident(conn, app, name="王小二")
    volunteer_id = await make.volunteer(conn, other.account_id)
    mandate_id = await make.mandate(conn, family.person_id, volunteer_id, family.account_id)
    made = [
        await make.booking(conn, first, family, status="cancelled"),
        await make.booking(conn, first, other, person_id=family.person_id, mandate_id=mandate_id),
        await make.booking(conn, second, other),
    ]
    await make.booking(conn, await make.slot(conn, starts_at=at(3)), other)
    return made


async def fetch(client, who, provider_id, status=200, **query):
    params = DAYS | {"provider": str(provider_id)} | query
    async with client.get("/v1/staff/exports/bookings", params=params, headers=who.headers) as response:
        raw = await response.read()
        assert response.status == status, raw
        return (await response.json(content_type=None))["code"] if status >= 400 else (response.headers, raw)


def rows_of_csv(raw):
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def rows_of_xlsx(raw):
    """Read what is shown, and fail where anything is a formula."""
    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert list(sheet.iter(f"{SPACE}f")) == []
    rows = [
        ["".join(part.text or "" for part in (*cell.iter(f"{SPACE}t"), *cell.iter(f"{SPACE}v"))) for cell in row]
        for row in sheet.iter(f"{SPACE}row")
    ]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


async def audited(conn):
    rows = await conn.fetch("select actor_id, subject_id, facts from audit where action = 'bookings.exported'")
    return [(row["actor_id"], row["subject_id"], row["facts"]) for row in rows]


@pytest.mark.parametrize(
    ("kind", "parse", "department"), [("csv", rows_of_csv, "'=内科"), ("xlsx", rows_of_xlsx, "=内科")]
)
async def test_all_bookings_of_the_days_are_there_in_order(client, clerk, place, booked, kind, parse, department):
    headers, raw = await fetch(client, clerk, place, format=kind)
    assert headers["Content-Disposition"] == f'attachment; filename="bookings-2026-11-01-2026-11-30.{kind}"'
    assert headers["Cache-Control"] == "private, no-store"
    assert int(headers["Content-Length"]) == len(raw)
    rows = parse(raw)
    assert [row["预约编号"] for row in rows] == [str(booking_id) for booking_id in booked]
    assert list(rows[0]) == list(COLUMNS)
    assert list(rows[1].values())[:-2] == [
        "2026-11-03", "09:00", "09:30", department, "门诊", "巴图医生", "公开", "2", "已预约", "乌**", "志愿者",
    ]  # fmt: skip
    assert [row["状态"] for row in rows] == ["已取消", "已预约", "已预约"]
    assert (rows[2]["日期"], rows[2]["开始"]) == ("2026-11-04", "23:00")


async def test_a_range_ends_with_its_last_day(client, clerk, place, booked):
    _, raw = await fetch(client, clerk, place, **{"from": "2026-11-04", "to": "2026-11-04"})
    assert [row["预约编号"] for row in rows_of_csv(raw)] == [str(booked[2])]


async def test_names_are_whole_for_managers_alone_and_that_is_recorded(client, conn, clerk, manager, place, booked):
    _, masked = await fetch(client, clerk, place)
    assert "其其格" not in masked.decode("utf-8-sig")
    assert await fetch(client, clerk, place, 403, names="full") == "role_required"
    _, whole = await fetch(client, manager, place, names="full", format="xlsx")
    assert {row["姓名"] for row in rows_of_xlsx(whole)} == {"乌兰其其格", "王小二"}
    extent = {"first": "2026-11-01", "last": "2026-11-30", "rows": 3}
    assert await audited(conn) == [
        (clerk.account_id, place, extent | {"format": "csv", "names": "masked"}),
        (manager.account_id, place, extent | {"format": "xlsx", "names": "full"}),
    ]


async def test_who_is_erased_is_called_so(client, conn, clerk, place, booked):
    await conn.execute(
        """update person set name = '已注销', document_sealed = null, birth_date = null, sex = null, erased_at = now()
           where name = '王小二'"""
    )
    _, raw = await fetch(client, clerk, place)
    assert rows_of_csv(raw)[2]["姓名"] == "已注销"


async def test_nothing_is_told_where_it_could_not_be_recorded(client, conn, clerk, place, booked):
    await conn.execute("alter table audit add check (action <> 'bookings.exported')")
    assert await fetch(client, clerk, place, 500) == "internal_error"


async def test_an_export_is_of_one_moment(conn, app, database, clock, manager, place, booked, monkeypatch):
    """What is booked and cancelled while the pages are read is not in it, not even by half."""
    monkeypatch.setattr(booking_exports, "PAGE", 1)
    told: list[tuple[str, str]] = []

    async def write(rows):
        if not told:
            late = await make.resident(conn, app, number=make.id_number(date(1960, 1, 1)))
            slot_id = await conn.fetchval("select slot_id from booking where id = $1", booked[2])
            await make.booking(conn, slot_id, late)
            await conn.execute("update booking set status = 'cancelled' where id = $1", booked[2])
        told.extend((str(row["id"]), row["status"]) for row in rows)

    other, ctx = await reading(app, database, clock, manager)
    wanted = Wanted(place, date(2026, 11, 1), date(2026, 11, 30), ShownNames.MASKED, ExportFormat.CSV)
    assert await export(other, ctx, wanted, write) == 3
    await other.close()
    assert told == [(str(booked[0]), "cancelled"), (str(booked[1]), "booked"), (str(booked[2]), "booked")]


async def reading(app, database, clock, who):
    other = await asyncpg.connect(database)
    await prepare_connection(other)
    return other, Context(Caller(who.account_id, new_id(), frozenset({Role.MANAGER}), 1), clock.now, app[VAULT])


async def test_too_many_days_or_bookings_are_refused_before_anything_is_told(
    client, conn, clerk, place, booked, monkeypatch
):
    assert await fetch(client, clerk, place, 400, **{"from": "2026-08-31", "to": "2026-12-01"}) == "invalid_input"
    await fetch(client, clerk, place, **{"from": "2026-09-01", "to": "2026-12-01"})
    assert await fetch(client, clerk, place, 400, **{"from": "2026-12-01", "to": "2026-11-30"}) == "invalid_input"
    assert await fetch(client, clerk, place, 400, format="pdf") == "invalid_input"
    monkeypatch.setattr(booking_exports, "MAX_BOOKINGS_EXPORTED", 2)
    assert await fetch(client, clerk, place, 400) == "export_too_large"
    assert len(await audited(conn)) == 1


async def test_few_run_at_once(client, app, clerk, place):
    for _ in range(MOST_EXPORTS):
        await app[EXPORTS].acquire()
    assert await fetch(client, clerk, place, 503) == "busy"
    app[EXPORTS].release()
    await fetch(client, clerk, place)


async def test_nothing_of_it_stays_on_the_disk(client, clerk, place, booked, monkeypatch, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for kind in ("csv", "xlsx"):
        await fetch(client, clerk, place, format=kind)
    monkeypatch.setattr(booking_exports, "MAX_BOOKINGS_EXPORTED", 2)
    await fetch(client, clerk, place, 400, format="xlsx")
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "  =1", "＝1", "\u3000=1"])
def test_text_that_a_spreadsheet_would_reckon_with_is_made_harmless(text):
    assert harmless(text) == f"'{text}"


def test_other_text_and_numbers_stay_as_they_are():
    assert [harmless(cell) for cell in ("内科", "a=b", "", -1)] == ["内科", "a=b", "", -1]


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_memory_is_bounded_however_many_rows_there_are(kind, tmp_path):
    """What is held at once is less than a page of the rows that pass through."""
    rows: list[list[str | int]] = [["一条很长的预约记录" * 4, *(["格子"] * 11), 7]] * 1_000
    with tempfile.TemporaryFile() as file:
        sheet = spreadsheet(kind, file, str(tmp_path), "预约", list(COLUMNS))
        sheet.add(rows)
        tracemalloc.start()
        for _ in range(9):
            sheet.add(rows)
        sheet.finish()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000
