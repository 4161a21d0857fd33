"""Mandates by a code to the person's phone: what is sent, what a guess costs, what nobody learns."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import Unavailable
from domain.identifiers import new_id
from handlers.ports import SMS
from handlers.request import VAULT
from tests import make
from tests.mandates import PHONE, call


async def test_a_volunteer_asks_with_the_card_and_the_elder_reads_out_the_code(world):
    asked = await world.asked()
    assert (asked["status"], asked["person"], asked["attempts_left"]) == ("pending", None, 5)
    assert asked["code_expires_at"] == "2026-11-23T06:40:00+08:00"
    (message,) = await world.outside.messages(PHONE)
    for words in ("苏和", "看病就医", "2027年3月1日", "10分钟", await world.code()):
        assert words in message["text"]
    assert message["data"]["code"] not in str(asked)
    row = await world.row(asked)
    assert message["data"]["code"].encode() not in row["code_hash"]
    status, made = await world.confirm(asked, await world.code())
    assert (status, made["status"], made["consent"]) == (200, "active", "sms")
    assert made["person"]["name"] == "巴特尔"
    row = await world.row(made)
    assert (row["code_hash"], row["consented_by"]) == (None, None)
    assert await world.notices() == ["mandate_requested", "mandate_given"]
    assert await world.actions(made) == ["mandates.asked", "mandates.confirmed"]
    assert (await world.confirm(asked, "000000"))[1]["status"] == "active"
    assert await world.notices() == ["mandate_requested", "mandate_given"]


async def test_a_carer_and_a_clerk_ask_too(world):
    for who in (world.family, world.clerk):
        status, asked = await world.create(who, world.body("sms"))
        assert status == 201, asked
        status, made = await world.confirm(asked, await world.code(), who)
        assert (status, made["status"], made["person"]["name"]) == (200, "active", "巴特尔")
        assert (await world.revoke(made, world.family))[0] == 200


async def test_everything_that_hides_a_person_gets_the_same_refusal(world):
    silent = make.id_number()
    await make.person(world.conn, world.app[VAULT], name="无电话", number=silent)
    gone = make.id_number()
    gone_id = await make.person(world.conn, world.app[VAULT], name="已注销", number=gone, phone="13900002222")
    await world.conn.execute(
        """update person set document_sealed = null, erased_at = now(), phone_sealed = null, phone_index = null,
                  birth_date = null, sex = null where id = $1""",
        gone_id,
    )
    bodies = [
        world.by_card(id_number=make.id_number()),
        world.by_card(name="别人"),
        world.by_card(id_number=silent, name="无电话"),
        world.by_card(id_number=gone, name="已注销"),
        world.body("sms", person_id=str(new_id())),
    ]
    answers = [await world.create(world.helper, body) for body in bodies]
    shapes = {(status, *sorted({**body, "request_id": ""}.items())) for status, body in answers}
    assert len(shapes) == 1
    assert (answers[0][0], answers[0][1]["code"]) == (404, "person_not_reachable")
    assert await world.conn.fetchval("select count(*) from audit where action = 'mandates.person_refused'") == 5
    status, problem = await world.create(world.helper, world.by_card())
    assert (status, problem["code"], problem["retry_after"]) == (429, "wrong_persons_too_often", 3600)


async def test_guessing_persons_at_once_is_counted_too(world, clock):
    answers = await asyncio.gather(
        *(world.create(world.helper, world.by_card(id_number=make.id_number())) for _ in range(20))
    )
    codes = [body["code"] for _, body in answers]
    assert sorted(codes) == ["person_not_reachable"] * 5 + ["wrong_persons_too_often"] * 15
    await world.later(clock, hours=1, seconds=1)
    assert (await world.create(world.helper, world.by_card()))[0] == 201


async def test_a_bad_number_says_so_and_tells_nothing(world):
    status, problem = await world.create(world.helper, world.by_card(id_number="999999199005170001"))
    assert status == 400
    assert problem["code"].startswith("id_number")


async def test_a_wrong_code_costs_an_attempt_although_it_is_refused(world):
    asked, wrong = await world.asked(), await world.wrong_code()
    for left in (4, 3, 2, 1, 0):
        status, problem = await world.confirm(asked, wrong)
        assert (status, problem["code"], problem["attempts_left"]) == (409, "code_wrong", left)
    assert (await world.confirm(asked, await world.code()))[1]["code"] == "code_spent"
    assert (await world.row(asked))["status"] == "pending"
    assert (await world.actions(asked)).count("mandates.code_failed") == 5


async def test_fifty_guesses_at_once_use_five_attempts(world, second_client):
    asked = await world.asked()
    right = int(await world.code())
    path = f"/v1/mandates/{asked['id']}/confirm"
    guesses = [f"{(right + 1 + n) % 1_000_000:06}" for n in range(50)]
    answers = await asyncio.gather(
        *(
            call(client, "POST", path, world.helper, {"code": guess})
            for guess, client in zip(guesses, [world.client, second_client] * 25, strict=True)
        )
    )
    codes = [body["code"] for _, body in answers]
    assert sorted(codes) == ["code_spent"] * 45 + ["code_wrong"] * 5
    assert sorted(body["attempts_left"] for _, body in answers if "attempts_left" in body) == [0, 1, 2, 3, 4]
    assert (await world.row(asked))["attempts_left"] == 0


async def test_a_code_is_good_for_ten_minutes(world, clock):
    asked = await world.asked()
    code = await world.code()
    await world.later(clock, minutes=10)
    assert (await world.confirm(asked, code))[1]["code"] == "code_expired"


@pytest.mark.parametrize("code", ["12345", "1234567", "12345６", "abcdef", "", 123456, None])
async def test_what_is_no_code_costs_nothing(world, code):
    asked = await world.asked()
    assert (await world.confirm(asked, code))[0] == 400
    assert (await world.row(asked))["attempts_left"] == 5


async def test_only_whoever_asked_confirms(world):
    asked = await world.asked()
    code = await world.code()
    for who in (world.family, world.clerk, await make.resident(world.conn, world.app)):
        assert (await world.confirm(asked, code, who))[1]["code"] == "mandate_not_found"
    given = await make.mandate(
        world.conn, await make.person(world.conn, world.app[VAULT]), world.volunteer_id, world.helper.account_id
    )
    assert (await world.confirm({"id": str(given)}, code))[0] == 404
    assert (await world.confirm(asked, code))[0] == 200


async def test_a_volunteer_suspended_meanwhile_confirms_nothing(world):
    asked = await world.asked()
    await world.conn.execute("update volunteer set status = 'suspended'")
    world.helper = await make.signed_in_again(world.conn, world.app, world.helper)
    assert (await world.confirm(asked, await world.code()))[1]["code"] == "volunteer_not_serving"
    assert (await world.row(asked))["status"] == "pending"


async def test_a_code_is_sent_again_after_a_minute_and_three_times_at_most(world, clock):
    asked = await world.asked()
    path = f"/v1/mandates/{asked['id']}/code"
    first = await world.code()
    status, problem = await call(world.client, "POST", path, world.helper)
    assert (status, problem["code"], problem["retry_after"]) == (429, "code_too_soon", 60)
    for _ in range(2):
        clock.move(minutes=1)
        status, shown = await call(world.client, "POST", path, world.helper)
        assert (status, shown["status"]) == (200, "pending")
    clock.move(minutes=1)
    assert (await call(world.client, "POST", path, world.helper))[1]["code"] == "code_spent"
    assert len(await world.outside.messages(PHONE)) == 3
    second = await world.code()
    if first != second:
        assert (await world.confirm(asked, first))[1]["code"] == "code_wrong"
    assert (await world.confirm(asked, second))[0] == 200
    assert (await call(world.client, "POST", path, world.helper))[1]["code"] == "mandate_not_pending"
    assert (await call(world.client, "POST", path, world.family))[0] == 404


async def test_sending_again_at_once_sends_once(world, clock):
    asked = await world.asked()
    clock.move(minutes=1)
    answers = await asyncio.gather(
        *(call(world.client, "POST", f"/v1/mandates/{asked['id']}/code", world.helper) for _ in range(8))
    )
    assert sorted(status for status, _ in answers) == [200] + [429] * 7
    assert len(await world.outside.messages(PHONE)) == 2


async def test_an_old_request_lapses_and_may_be_made_anew(world, clock):
    asked = await world.asked()
    status, problem = await world.create(world.helper, world.by_card())
    assert (status, problem["code"], problem["mandate_id"]) == (409, "mandate_pending", asked["id"])
    await world.later(clock, hours=1)
    assert (await call(world.client, "POST", f"/v1/mandates/{asked['id']}/code", world.helper))[1][
        "code"
    ] == "code_spent"
    _, shown = await call(world.client, "GET", f"/v1/mandates/{asked['id']}", world.family)
    assert shown["status"] == "expired"
    assert (await world.create(world.helper, world.by_card()))[0] == 201


async def test_a_person_is_asked_a_few_times_a_day(world, clock):
    for _ in range(5):
        await world.asked()
        await world.later(clock, hours=1)
    status, problem = await world.create(world.helper, world.by_card())
    assert (status, problem["code"]) == (429, "asked_too_often")
    await world.later(clock, hours=20)
    await world.asked()


async def test_a_gateway_that_fails_is_told_and_a_repeat_sends(world, monkeypatch):
    gateway = world.app[SMS]
    real = gateway.send

    async def fail(*_):
        raise Unavailable("sms_unavailable", retry_after=60)

    key = make.key()
    monkeypatch.setattr(gateway, "send", fail)
    status, problem = await world.create(world.helper, world.by_card(), key)
    assert (status, problem["code"]) == (503, "sms_unavailable")
    row = await world.conn.fetchrow("select code_hash, codes_sent, status from mandate")
    assert tuple(row) == (None, 0, "pending")
    monkeypatch.setattr(gateway, "send", real)
    status, asked = await world.create(world.helper, world.by_card(), key)
    assert (status, asked["status"]) == (201, "pending")
    assert (await world.create(world.helper, world.by_card(), key))[0] == 201
    assert len(await world.outside.messages(PHONE)) == 1
    assert (await world.confirm(asked, await world.code()))[1]["status"] == "active"


async def test_asking_at_once_asks_once(world):
    answers = await asyncio.gather(*(world.create(world.helper, world.by_card()) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 7
    assert len(await world.outside.messages(PHONE)) == 1


async def test_a_mandate_given_meanwhile_stops_the_confirmation(world):
    asked = await world.asked()
    await world.given()
    assert (await world.confirm(asked, await world.code()))[1]["code"] == "mandate_exists"
    assert (await world.row(asked))["status"] == "pending"
