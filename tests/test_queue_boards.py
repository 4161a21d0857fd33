"""Screens and residents follow a queue by long polls, through any process, and cost nothing while they wait."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import ClientSession, TCPConnector
from aiohttp.test_utils import TestClient

from domain import queue_boards
from handlers import queue_boards as polls
from handlers.queue_boards import QUEUE_BOARDS, Seat
from handlers.request import CLOCK, POOL
from server import listener
from server.app import build_app
from server.listener import APPLICATION_NAME
from tests import make
from tests.booking_world import LONG_ENOUGH, post
from tests.conftest import Served

SOON = 5.0
"""Far less than a poll waits, and far more than a wake-up takes."""


@pytest.fixture
def watch(clinic):
    return Watch(clinic)


class Watch:
    def __init__(self, clinic):
        self.clinic = clinic

    async def get(self, path, params, who=None, client=None):
        headers = who.headers if who else {}
        async with (client or self.clinic.client).get(path, params=params, headers=headers) as response:
            return response.status, await response.json(), response.headers

    async def screen(self, after=None, client=None, **query):
        params = {"resource": self.clinic.resource, **query} | ({} if after is None else {"after": str(after)})
        return await self.get(f"/v1/queues/{self.clinic.service_id}", params, client=client)

    async def place(self, booking_id, after=None, client=None, who=None):
        who = who or self.clinic.residents[booking_id]
        params = {} if after is None else {"after": str(after)}
        return await self.get(f"/v1/bookings/{booking_id}/queue", params, who, client)

    async def version(self):
        return (await self.screen())[1]["version"]

    def waiting(self, client=None):
        boards = (client or self.clinic.client).app[QUEUE_BOARDS]
        return sum(boards._seats.values())

    async def until_waiting(self, many, client=None):
        async with asyncio.timeout(LONG_ENOUGH):
            while self.waiting(client) != many:
                await self.clinic.conn.execute("select pg_sleep(0.005)")

    def nothing_left(self, client=None):
        boards = (client or self.clinic.client).app[QUEUE_BOARDS]
        return boards._watched == {} and not any(boards._seats.values())


async def test_a_screen_shows_numbers_and_no_names(watch, clinic, conn):
    first, second, third, fourth = [await clinic.arrived() for _ in range(4)]
    await clinic.call(counter="1 号诊室")
    await clinic.call(counter="2 号诊室")
    await clinic.act("skip", first)
    status, shown, _ = await watch.screen()
    assert status == 200
    assert [(each["number"], each["counter"], each["calls"]) for each in shown["called"]] == [(2, "2 号诊室", 1)]
    assert (shown["coming"], shown["waiting"], shown["missed"]) == ([3, 4], 2, [1])
    assert "测试" not in str(shown).replace(shown["provider_name"], "")
    for row in await conn.fetch("select id, person_id, booked_by from booking"):
        assert not any(str(value) in str(shown) for value in row.values())
    assert len({first, second, third, fourth}) == 4


async def test_a_clinic_to_which_nobody_has_come_is_empty_and_one_that_is_not_there_is_unknown(watch, clinic, conn):
    status, shown, _ = await watch.screen()
    assert (status, shown["version"], shown["waiting"], shown["called"]) == (200, 0, 0, [])
    clinic.service_id = clinic.provider_id
    status, refused, _ = await watch.screen()
    assert (status, refused["code"]) == (404, "service_not_found")
    assert watch.nothing_left()


async def test_a_resident_is_told_at_every_step_what_to_do(watch, clinic):
    ahead, own = await clinic.booking(30), await clinic.booking(60)

    async def told():
        status, place, _ = await watch.place(own)
        assert status == 200
        return place["status"], place["before"], place["title"]

    assert await told() == ("expected", None, "请先到窗口报到")
    await clinic.come(own)
    assert await told() == ("waiting", 0, "下一个就是您")
    await clinic.come(ahead)
    assert await told() == ("waiting", 1, "请等候叫号")
    await clinic.call()
    assert await told() == ("waiting", 0, "下一个就是您")
    await clinic.call(counter="3 号诊室")
    assert await told() == ("called", None, "轮到您了")
    assert "3 号诊室" in (await watch.place(own))[1]["detail"]
    await clinic.act("skip", own)
    assert await told() == ("skipped", None, "您过号了")
    await post(clinic.client, f"/v1/staff/bookings/{own}/complete", clinic.clerk)
    assert await told() == ("done", None, "今天已经办完")
    await clinic.conn.execute("delete from queue_ticket where booking_id = $1", own)
    await clinic.conn.execute("update booking set status = 'cancelled' where id = $1", own)
    assert await told() == ("over", None, "这个号不用来排队了")


async def test_every_place_is_the_one_in_which_they_are_called(watch, clinic):
    people = [await clinic.arrived(minutes) for minutes in (60, 30, 90, 30, 60)]
    places = {str(each): (await watch.place(each))[1]["position"] for each in people}
    assert sorted(places, key=places.__getitem__) == await clinic.called()
    assert sorted(places.values()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("way", [0, 1])
async def test_a_call_in_one_process_wakes_those_who_wait_in_the_other(watch, clinic, second_client, way):
    calling, waiting = (clinic.client, second_client)[:: 1 if way else -1]
    own = await clinic.arrived()
    version = await watch.version()
    screen = asyncio.create_task(watch.screen(version, waiting))
    place = asyncio.create_task(watch.place(own, version, waiting))
    await watch.until_waiting(2, waiting)
    began = time.monotonic()
    assert (await clinic.call(calling)).status == 201
    (_, shown, _), (_, told, _) = await asyncio.gather(screen, place)
    assert time.monotonic() - began < SOON
    assert (shown["version"], shown["called"][0]["number"]) == (version + 1, 1)
    assert (told["version"], told["status"]) == (version + 1, "called")
    assert watch.nothing_left(waiting)


async def test_checking_in_wakes_who_watched_the_telephone_on_the_way(watch, clinic):
    own = await clinic.booking()
    place = asyncio.create_task(watch.place(own, 0))
    await watch.until_waiting(1)
    await clinic.come(own)
    _, told, _ = await asyncio.wait_for(place, SOON)
    assert (told["status"], told["number"], told["version"]) == ("waiting", 1, 1)


async def test_an_old_or_odd_version_is_answered_at_once_and_another_clinics_change_wakes_nobody(
    watch, clinic, monkeypatch
):
    monkeypatch.setattr(polls, "WAIT_SECONDS", 0.5)
    await clinic.arrived()
    for after in (0, 7, 2**62):
        began = time.monotonic()
        assert (await watch.screen(after))[1]["version"] == 1
        assert time.monotonic() - began < 0.4
    waiting = asyncio.create_task(watch.screen(1))
    await watch.until_waiting(1)
    began, clinic.resource = time.monotonic(), "李医生"
    await clinic.arrived()
    status, shown, _ = await waiting
    assert (status, shown["version"]) == (200, 1)
    assert time.monotonic() - began > 0.2, "until the time was over"
    assert watch.nothing_left()


async def test_many_who_wait_cost_one_reading_a_change_and_none_meanwhile(watch, clinic, monkeypatch):
    readings = []
    board = queue_boards.board

    async def counted(conn, of):
        readings.append(of)
        return await board(conn, of)

    monkeypatch.setattr(queue_boards, "board", counted)
    people = [await clinic.arrived() for _ in range(10)]
    version = await watch.version()
    followers = [asyncio.create_task(watch.screen(version)) for _ in range(30)]
    followers += [asyncio.create_task(watch.place(each, version)) for each in people for _ in range(6)]
    await watch.until_waiting(90)
    readings.clear()
    await asyncio.sleep(0.2)
    pool = clinic.app[POOL]
    assert (readings, pool.get_idle_size()) == ([], pool.get_size())
    await clinic.call()
    answers = await asyncio.wait_for(asyncio.gather(*followers), LONG_ENOUGH)
    assert {answer["version"] for _, answer, _ in answers} == {version + 1}
    assert sorted(place["before"] for _, place, _ in answers[30:] if place["before"] is not None) == sorted(
        list(range(9)) * 6
    )
    assert 1 <= len(readings) <= 2
    assert watch.nothing_left()


async def test_who_follows_misses_no_change_however_they_come(watch, clinic, second_client):
    people = [await clinic.arrived() for _ in range(20)]
    both = [clinic.client, second_client]
    begin, end = len(people), 2 * len(people)

    async def follow(client):
        version = begin
        while version < end:
            _, shown, _ = await watch.screen(version, client)
            assert shown["version"] > version
            version = shown["version"]

    following = [asyncio.create_task(follow(both[n % 2])) for n in range(20)]
    began = time.monotonic()
    for n in range(len(people)):
        assert (await clinic.call(both[n % 2])).status == 201
    await asyncio.gather(*following)
    assert time.monotonic() - began < LONG_ENOUGH, "nobody slept through a change"


async def test_a_reading_that_was_begun_before_the_change_is_not_its_answer(watch, clinic, monkeypatch):
    """Someone looks just before the call, and what was seen then comes in just after the call was heard of."""
    board, begun, on = queue_boards.board, asyncio.Event(), asyncio.Event()

    async def slow(conn, of):
        seen = await board(conn, of)
        if not begun.is_set():
            begun.set()
            await on.wait()
        return seen

    await clinic.arrived()
    monkeypatch.setattr(queue_boards, "board", slow)
    looking = asyncio.create_task(watch.screen())
    await begun.wait()
    await clinic.call()
    (watched,) = clinic.app[QUEUE_BOARDS]._watched.values()
    async with asyncio.timeout(LONG_ENOUGH):
        while watched.heard < 2:
            await clinic.conn.execute("select pg_sleep(0.005)")
    on.set()
    assert (await looking)[1]["version"] == 2


async def test_who_hangs_up_leaves_nothing_behind(watch, clinic):
    await clinic.arrived()
    url = clinic.client.make_url(f"/v1/queues/{clinic.service_id}")
    session = ClientSession()
    polling = [
        asyncio.create_task(session.get(url, params={"resource": clinic.resource, "after": "1"})) for _ in range(20)
    ]
    await watch.until_waiting(20)
    for each in polling:
        each.cancel()
    await session.close()
    began = time.monotonic()
    await watch.until_waiting(0)
    assert time.monotonic() - began < SOON
    assert watch.nothing_left()


async def test_a_graceful_stop_answers_those_who_wait_at_once(watch, clinic, settings, clock):
    other = TestClient(Served(build_app(settings, clock)))
    await other.start_server()
    await clinic.arrived()
    waiting = [asyncio.create_task(watch.screen(1, other)) for _ in range(20)]
    await watch.until_waiting(20, other)
    began = time.monotonic()
    stopping = asyncio.create_task(other.server.close())
    answers = await asyncio.gather(*waiting)
    await stopping
    assert time.monotonic() - began < SOON
    assert {(status, shown["version"]) for status, shown, _ in answers} == {(200, 1)}
    await other.close()


async def test_too_many_are_told_to_come_back_and_screens_take_no_residents_seat(watch, clinic, monkeypatch):
    monkeypatch.setattr(polls, "WAIT_SECONDS", 0.1)
    boards = clinic.app[QUEUE_BOARDS]
    own = await clinic.arrived()
    boards._seats[Seat.SCREEN] = Seat.SCREEN.value
    status, refused, headers = await watch.screen(1)
    assert (status, refused["code"], headers["Retry-After"]) == (503, "too_many_wait", "5")
    assert (await watch.screen())[0] == 200, "who does not wait takes no seat"
    assert (await watch.place(own, 1))[0] == 200
    boards._seats = {Seat.SCREEN: 0, Seat.RESIDENT: Seat.RESIDENT.value}
    assert (await watch.place(own, 1))[0] == 503
    assert (await watch.screen(1))[0] == 200
    boards._seats[Seat.RESIDENT] = 0
    assert watch.nothing_left()


async def test_a_change_while_the_listener_was_away_is_seen_when_it_is_back(watch, clinic, conn, monkeypatch):
    own = await clinic.arrived()
    waiting = asyncio.create_task(watch.place(own, 1))
    await watch.until_waiting(1)
    monkeypatch.setattr(listener, "RECONNECT_SECONDS", 0.5)
    await conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 "
        "and datname = current_database()",
        APPLICATION_NAME,
    )
    boards = clinic.app[QUEUE_BOARDS]
    async with asyncio.timeout(LONG_ENOUGH):
        while boards._hears():
            await conn.execute("select pg_sleep(0.005)")
    await conn.execute("update queue_ticket set status = 'called', calls = 1, called_at = now()")
    await conn.execute("update clinic_day set version = version + 1")
    _, straight, _ = await watch.place(own)
    assert straight["status"] == "called", "who asks now is told from the database"
    _, told, _ = await asyncio.wait_for(waiting, LONG_ENOUGH)
    assert (told["status"], told["version"]) == ("called", 2)


async def test_words_on_the_channel_that_mean_nothing_do_no_harm(watch, clinic, conn):
    own = await clinic.arrived()
    waiting = asyncio.create_task(watch.place(own, 1))
    await watch.until_waiting(1)
    for words in ("", "x", "2026-11-23 1", "2026-11-23 x y z", f"2026-11-23 99 {clinic.provider_id} {clinic.resource}"):
        await conn.execute("select pg_notify('clinic', $1)", words)
    await conn.execute("select pg_notify('clinic', $1)", f"2026-11-23 99 {clinic.service_id} {clinic.resource}")
    await asyncio.sleep(0.2)
    assert not waiting.done(), "the version was announced, and is not there"
    await clinic.call()
    assert (await asyncio.wait_for(waiting, SOON))[1]["status"] == "called"


async def test_others_learn_nothing_of_a_place(watch, clinic, conn, app):
    own = await clinic.arrived()
    stranger = await make.resident(conn, app)
    status, refused, _ = await watch.place(own, who=stranger)
    assert (status, refused["code"]) == (404, "booking_not_found")
    helper = await make.resident(conn, app)
    volunteer_id = await make.volunteer(conn, helper.account_id)
    helper = await make.signed_in_again(conn, app, helper)
    family = clinic.residents[own]
    mandate_id = await make.mandate(conn, family.person_id, volunteer_id, family.account_id)
    await conn.execute("update booking set mandate_id = $1 where id = $2", mandate_id, own)
    assert (await watch.place(own, who=helper))[0] == 200
    await conn.execute("update mandate set status = 'revoked', revoked_at = now() where id = $1", mandate_id)
    assert (await watch.place(own, who=helper))[0] == 404


@pytest.mark.parametrize(
    "query",
    [
        {"after": "x"},
        {"after": "-1"},
        {"after": str(2**63)},
        {"after": "1.5"},
        {"resource": "王" * 41},
        {"resource": "王\u0000"},
        {"name": "测试"},
    ],
)
async def test_bad_input_is_refused_in_words(watch, clinic, query):
    status, refused, _ = await watch.get(f"/v1/queues/{clinic.service_id}", query)
    assert status == 400
    assert refused["code"] in {"invalid_input", "text_not_storable"}
    assert (await watch.get("/v1/queues/nonsense", {}))[0] == 404


async def test_a_process_that_is_told_to_stop_answers_hundreds_who_wait_and_ends(start, conn, parts):
    """Five hundred residents wait for one clinic; one call reaches them all; then the process stops."""
    process = await start("serve", DATABASE_CONNECTIONS="6")
    await process.says("Serving")
    now = parts[CLOCK]().replace(microsecond=0)
    service_id = await make.service(conn)
    slot_id = await make.slot(conn, service_id, starts_at=now, public=10, release_at=now, minutes=5)
    people = [await make.resident(conn, parts) for _ in range(10)]
    bookings = [await make.booking(conn, slot_id, each, status="checked_in") for each in people]
    for each in bookings:
        await make.ticket(conn, each, now)
    clerk = await make.staff(conn, parts)
    async with ClientSession(process.url, connector=TCPConnector(limit=0)) as session:

        async def place(n, after):
            url = f"/v1/bookings/{bookings[n % 10]}/queue?after={after}"
            async with session.get(url, headers=people[n % 10].headers) as response:
                return response.status, (await response.json())["version"]

        following = [asyncio.create_task(place(n, 10)) for n in range(500)]
        await asyncio.sleep(3)
        assert not any(each.done() for each in following)
        began = time.monotonic()
        url = f"/v1/staff/queues/{service_id}/call"
        async with session.post(url, json={}, headers=clerk.headers | make.key()) as response:
            assert response.status == 201
        assert set(await asyncio.gather(*following)) == {(200, 11)}
        assert time.monotonic() - began < SOON
        following = [asyncio.create_task(place(n, 11)) for n in range(200)]
        await asyncio.sleep(2)
        began = time.monotonic()
        process.process.terminate()
        assert set(await asyncio.gather(*following)) == {(200, 11)}
        assert await process.ended(10) == 0
        assert time.monotonic() - began < SOON
    assert "Traceback" not in process.said
