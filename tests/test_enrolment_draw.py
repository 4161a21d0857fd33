"""The draw of a round over the wire: frozen, drawn, published, each once, and recomputed from what was published."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from datetime import timedelta

import asyncpg
import pytest

from domain.draw import Applicant, canonical, commitment, number_of
from handlers.enrolment_draw import VERIFIER
from tests.drawing import PUBLIC_VALUE
from tests.nursery_world import NOW

DUE_SOON = {"review_until": NOW, "value_due_at": NOW + timedelta(minutes=5)}


@pytest.fixture
async def closed(zone):
    """Close a round of two nurseries with two seats each, one of them for resettled families; six have applied.

    Five of them are accepted, two as resettled; one was refused.
    """
    within = await zone.round("closed", **DUE_SOON)
    first, second = [programme.programme_id for programme in within.programmes]
    zone.round_id, zone.within = within.round_id, within
    zone.wanting = {}
    for choices, claims in (
        ([first, second], {"resettled": "granted", "sibling": "denied"}),
        ([first], {"resettled": "granted"}),
        ([first], {}),
        ([first, second], {"sibling": "granted"}),
        ([second, first], {}),
    ):
        who, enrolment_id = await zone.application(within, None, choices, claims, state="accepted")
        zone.wanting[enrolment_id] = who
    await zone.application(within, None, [first], state="refused")
    return zone


def staff(zone, step=""):
    return f"/v1/staff/enrolment-rounds/{zone.round_id}/{step}"


def public(zone, step):
    return f"/v1/enrolment-rounds/{zone.round_id}/{step}"


async def freeze(zone, who=None):
    return await zone.post(staff(zone, "freeze"), who or zone.manager)


async def draw(zone, who=None, value=PUBLIC_VALUE):
    typed = {"public_value": value, "public_value_again": value}
    return await zone.post(staff(zone, "draw"), who or zone.second_manager, typed)


async def publish(zone, who=None):
    return await zone.post(staff(zone, "publish"), who or zone.second_manager)


async def to_drawn(zone, clock):
    assert (await freeze(zone))[0] == 200
    clock.move(minutes=5)
    status, shown = await draw(zone)
    assert status == 200, shown
    return shown


async def download(zone, step, folder):
    """Fetch a file as anybody may, without signing in; keep its very bytes."""
    answer = await zone.client.get(public(zone, step))
    assert answer.status == 200, await answer.text()
    file = folder / answer.content_disposition.filename
    file.write_bytes(await answer.read())
    return file


def verify(*arguments):
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", *arguments], capture_output=True, check=False, timeout=60
    )
    return done.returncode, done.stdout.decode()


async def test_from_the_frozen_list_to_a_result_that_anybody_recomputes(closed, clock, conn, tmp_path):
    status, shown = await freeze(closed)
    assert (status, shown["applicants"], shown["public_value"], shown["drawn_at"]) == (200, 5, None, None)
    _, told = await closed.get(public(closed, "draw"))
    assert (told["frozen_sha256"], told["value_source"]) == (shown["frozen_sha256"], "测试公开数")
    saved = await download(closed, "frozen", tmp_path)
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == told["frozen_sha256"]
    clock.move(minutes=5)
    assert (await draw(closed))[0] == 200
    assert (await publish(closed))[0] == 200
    result, program = await download(closed, "result", tmp_path), await download(closed, "verifier", tmp_path)
    assert program.name == "verify_draw.py"
    for saved_before in (saved, told["frozen_sha256"]):
        status, said = verify(program, result, saved_before)
        assert (status, said.count("✗")) == (0, 0), said
    assert "5 名儿童全部核对无误" in said
    _, told = await closed.get(public(closed, "draw"))
    assert told["public_value"] == PUBLIC_VALUE
    rows = await conn.fetch(
        """select public_id, enrolment.number, seat_id, programme_id, tiers[1] as kind
           from enrolment
           left join programme_seat on programme_seat.id = seat_id where listed_at is not null
           order by enrolment.number"""
    )
    assert [
        (row["public_id"], row["number"], row["programme_id"] and str(row["programme_id"]), row["kind"]) for row in rows
    ] == [(one["id"], one["number"], one["outcome"], one["seat"]) for one in json.loads(result.read_bytes())["results"]]
    assert sum(row["seat_id"] is not None for row in rows) >= 3


async def test_the_published_files_name_no_child(closed, clock, tmp_path):
    await to_drawn(closed, clock)
    await publish(closed)
    text = (await download(closed, "result", tmp_path)).read_text(encoding="utf-8")
    for enrolment_id, family in closed.wanting.items():
        for private in (enrolment_id, family.child_id, family.account_id, "孩子", "家长"):
            assert str(private) not in text


async def test_a_family_finds_its_own_line_before_the_draw_and_its_number_after(closed, clock, tmp_path):
    enrolment_id, family = next(iter(closed.wanting.items()))
    path = f"/v1/enrolments/{enrolment_id}/line"
    status, refused = await closed.get(path, family)
    assert (status, refused["code"]) == (404, "draw_not_listed")
    await freeze(closed)
    _, line = await closed.get(path, family)
    opened = Applicant(line["public_id"], line["salt"], frozenset(line["groups"]), tuple(line["ranks"]))
    assert line["groups"] == ["resettled"], "a priority that was denied is none"
    assert line["ranks"] == [str(one.programme_id) for one in closed.within.programmes]
    assert line["commitment"] == commitment(opened)
    frozen = json.loads((await download(closed, "frozen", tmp_path)).read_bytes())
    assert [line["public_id"], line["commitment"]] in frozen["applicants"]
    assert line["number"] is None
    clock.move(minutes=5)
    _, shown = await draw(closed)
    assert (await closed.get(path, family))[1]["number"] is None
    await publish(closed)
    assert (await closed.get(path, family))[1]["number"] == number_of(shown["seed"], line["public_id"])


async def test_nobody_but_staff_of_the_zone_sees_a_result_before_it_is_published(closed, clock, conn):
    for path, code in (
        ("draw", "draw_list_not_frozen"),
        ("frozen", "draw_list_not_frozen"),
        ("result", "draw_result_not_there"),
    ):
        status, refused = await closed.get(public(closed, path))
        assert (status, refused["code"]) == (404, code)
    await to_drawn(closed, clock)
    status, refused = await closed.get(public(closed, "result"))
    assert (status, refused["code"]) == (404, "draw_result_not_there")
    _, told = await closed.get(public(closed, "draw"))
    assert (told["seed"], told["public_value"], told["published_at"]) == (None, None, None)
    assert (await closed.get(staff(closed, "result"), closed.head))[0] == 404
    status, result = await closed.get(staff(closed, "result"), closed.clerk)
    assert (status, len(result["results"])) == (200, 5)
    assert await conn.fetchval("select count(number) from enrolment") == 0
    await publish(closed)
    assert (await closed.get(public(closed, "result")))[1] == result


async def test_each_step_is_done_once_and_in_its_order(closed, clock):
    for act in (draw, publish):
        assert await refusal(act(closed)) == (409, "enrolment_round_in_other_state", "closed")
    await freeze(closed)
    for act in (freeze, publish):
        assert await refusal(act(closed)) == (409, "enrolment_round_in_other_state", "reviewed")
    clock.move(minutes=5)
    await draw(closed)
    for act in (freeze, draw):
        assert await refusal(act(closed)) == (409, "enrolment_round_in_other_state", "drawn")
    await publish(closed)
    for act in (freeze, draw, publish):
        assert await refusal(act(closed)) == (409, "enrolment_round_in_other_state", "published")


async def refusal(call):
    status, answer = await call
    return status, answer["code"], answer.get("round_state")


async def test_a_round_that_is_open_is_not_frozen(zone):
    zone.round_id = (await zone.round("open")).round_id
    assert await refusal(freeze(zone)) == (409, "enrolment_round_in_other_state", "open")


@pytest.mark.parametrize("state", ["submitted", "in_review", "returned"])
async def test_nothing_is_frozen_while_one_in_time_is_undecided(closed, state):
    await closed.application(closed.within, state="submitted", late=True)
    await closed.application(closed.within, state="draft")
    assert (await freeze(closed))[0] == 200, "late ones and drafts are not waited for"
    closed.round_id = (await closed.round("closed")).round_id


@pytest.mark.parametrize("state", ["submitted", "in_review", "returned"])
async def test_who_is_undecided_is_waited_for(closed, state, conn):
    await closed.application(closed.within, state=state)
    status, refused = await freeze(closed)
    assert (status, refused["code"], refused["waiting"]) == (409, "draw_round_not_decided", 1)
    assert await conn.fetchval("select count(listed_at) from enrolment") == 0


async def test_late_applications_and_refused_ones_are_not_on_the_list(closed, conn):
    _, late = await closed.application(closed.within, state="accepted", late=True)
    _, shown = await freeze(closed)
    assert shown["applicants"] == 5
    assert await conn.fetchval("select listed_at from enrolment where id = $1", late) is None


async def test_a_list_is_frozen_before_its_value_is_due_and_drawn_after(closed, clock):
    clock.move(minutes=5)
    status, refused = await freeze(closed)
    assert (status, refused["code"]) == (409, "draw_value_due_passed")
    clock.move(seconds=-1)
    assert (await freeze(closed))[0] == 200
    status, refused = await draw(closed)
    assert (status, refused["code"]) == (409, "draw_value_not_due")
    clock.move(seconds=1)
    assert (await draw(closed))[0] == 200


async def test_somebody_else_draws_than_froze(closed, clock):
    await freeze(closed)
    clock.move(minutes=5)
    status, refused = await draw(closed, closed.manager)
    assert (status, refused["code"]) == (403, "draw_by_another")
    assert (await draw(closed))[0] == 200


@pytest.mark.parametrize("value", ["", "4 0 7", "4-0-7", "ABC", "４０７", "1" * 513, 407, None, "7\n"])
async def test_a_public_value_has_one_way_of_being_written(closed, clock, value):
    await freeze(closed)
    clock.move(minutes=5)
    status, refused = await draw(closed, value=value)
    assert (status, "public_value" in refused["errors"]) == (400, True)


async def test_a_public_value_is_typed_twice_before_anything_is_drawn(closed, clock, conn):
    await freeze(closed)
    clock.move(minutes=5)
    typed = {"public_value": PUBLIC_VALUE, "public_value_again": f"{PUBLIC_VALUE}1"}
    status, refused = await closed.post(staff(closed, "draw"), closed.second_manager, typed)
    assert (status, list(refused["errors"])) == (400, ["public_value_again"])
    assert "什么都没有发生" in refused["errors"]["public_value_again"][0]
    assert await conn.fetchval("select seed from enrolment_draw") is None
    assert (await draw(closed))[0] == 200


async def test_families_are_told_and_each_application_keeps_what_happened(closed, clock, conn):
    gone = next(iter(closed.wanting))
    await freeze(closed)
    await conn.execute("update enrolment set state = 'withdrawn' where id = $1", gone)
    clock.move(minutes=5)
    await draw(closed)
    await publish(closed)
    told = await conn.fetch("select subject_id from notice where kind = 'enrolment_drawn'")
    assert {row["subject_id"] for row in told} == set(closed.wanting) - {gone}
    for enrolment_id in closed.wanting:
        causes = await conn.fetch(
            "select because, state, was from enrolment_event where enrolment_id = $1 order by n", enrolment_id
        )
        assert [row["because"] for row in causes][-2:] == ["listed", "drawn"]
        assert all(row["was"] == row["state"] for row in causes[-2:])
    assert await conn.fetchval("select count(number) from enrolment") == 5, "who withdrew stays in the draw"
    family = next(reversed(closed.wanting.values()))
    _, found = await closed.get("/v1/notices", family)
    (notice,) = [one for one in found["items"] if one["kind"] == "enrolment_drawn"]
    assert "派位结果已经公布" in notice["text"]


async def test_each_step_is_in_the_audit(closed, clock, conn):
    shown = await to_drawn(closed, clock)
    await publish(closed)
    rows = await conn.fetch(
        "select action, actor_id, facts from audit where subject_id = $1 order by at, seq", closed.round_id
    )
    assert [row["action"] for row in rows] == [
        "enrolment_draw.frozen",
        "enrolment_draw.drawn",
        "enrolment_draw.published",
    ]
    assert rows[0]["facts"]["sha256"] == shown["frozen_sha256"]
    assert rows[1]["facts"] == {"public_value": PUBLIC_VALUE, "seed": shown["seed"]}
    assert [row["actor_id"] for row in rows] == [
        closed.manager.account_id,
        closed.second_manager.account_id,
        closed.second_manager.account_id,
    ]


async def test_a_round_without_a_child_is_drawn_as_well(zone, clock, tmp_path):
    zone.round_id = (await zone.round("closed", **DUE_SOON)).round_id
    await to_drawn(zone, clock)
    await publish(zone)
    status, said = verify(VERIFIER, await download(zone, "result", tmp_path))
    assert (status, "0 名儿童" in said) == (0, True)


async def test_who_has_a_file_already_is_sent_it_no_more(closed, clock):
    await to_drawn(closed, clock)
    await publish(closed)
    for step in ("draw", "frozen", "result", "verifier"):
        answer = await closed.client.get(public(closed, step))
        again = await closed.client.get(public(closed, step), headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304


# ---- races: the lock of the round


async def test_freezing_waits_for_a_reviewer_who_is_just_deciding(closed, conn, app, database):
    _, enrolment_id = await closed.application(closed.within, state="in_review")
    other = await asyncpg.connect(database)
    try:
        async with other.transaction():
            await other.execute("select from enrolment_round where id = $1 for key share", closed.round_id)
            await other.execute("update enrolment set state = 'accepted' where id = $1", enrolment_id)
            freezing = asyncio.create_task(freeze(closed))
            await asyncio.sleep(0.3)
            assert not freezing.done()
        status, shown = await freezing
    finally:
        await other.close()
    assert (status, shown["applicants"]) == (200, 6)


async def test_two_who_draw_at_once_draw_one_lot(closed, clock, conn, app):
    await freeze(closed)
    clock.move(minutes=5)
    values = [f"{value:06}" for value in range(6)]
    answers = await asyncio.gather(*(draw(closed, value=value) for value in values))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409, 409]
    (won,) = [answer for status, answer in answers if status == 200]
    assert won["public_value"] == await conn.fetchval("select public_value from enrolment_draw")
    await drawing_is_right(conn, won)


async def drawing_is_right(conn, shown):
    result = json.loads(await conn.fetchval("select result from enrolment_draw"))
    assert (result["seed"], result["public_value"]) == (shown["seed"], shown["public_value"])
    assert canonical(result["frozen"]) == await conn.fetchval("select frozen from enrolment_draw")


# ---- what no code can do either


A_DRAW = "set public_value = '1', seed = repeat('0', 64), result = '{}', drawn_at"
SOMEBODY_ELSE = "(select id from account where id <> frozen_by limit 1)"
CHANGES_OF_A_FROZEN_LIST = {
    "another list": "update enrolment_draw set frozen = '{}', frozen_sha256 = encode(sha256('{}'), 'hex')",
    "another hash": "update enrolment_draw set frozen_sha256 = repeat('0', 64)",
    "an earlier freeze": "update enrolment_draw set frozen_at = frozen_at - interval '1 hour'",
    "by somebody else": f"update enrolment_draw set frozen_by = {SOMEBODY_ELSE}",
    "no list": "delete from enrolment_draw",
    "none at all": "truncate enrolment_draw",
    "one more child": "update enrolment set listed_at = now() where listed_at is null",
    "one child less": "update enrolment set listed_at = null",
    "a late child": "update enrolment set late = true where listed_at is not null",
    "another child": "update enrolment set public_id = upper(substr(md5(id::text), 1, 10))",
    "another salt": "update enrolment set salt = repeat('0', 32)",
    "another rank": "update enrolment_choice set rank = rank + 9",
    "a choice less": "delete from enrolment_choice where rank = 2",
    "a choice more": """insert into enrolment_choice
        select enrolment.id, 9, programme.id from enrolment, programme
        where listed_at is not null and not exists (
            select from enrolment_choice where enrolment_id = enrolment.id and programme_id = programme.id)""",
    "a priority more": "update enrolment_claim set status = 'granted' where status = 'denied'",
    "a priority less": "delete from enrolment_claim",
    "another seat": "update programme set seats = seats + 1",
    "another reserve": "update programme_reserve set seats = seats + 1",
    "no reserve": "delete from programme_reserve",
    "other tiers": """update programme_seat set tiers = '{""}'""",
    "another group": "update priority_group set code = code || 'x'",
    "another source": "update enrolment_round set value_source = 'x'",
    "a later value": "update enrolment_round set value_due_at = value_due_at + interval '1 day'",
    "back to the review": "update enrolment_round set stage = 'announced'",
    "cancelled": "update enrolment_round set stage = 'cancelled'",
    "a number before the draw": "update enrolment set number = repeat('0', 64) where listed_at is not null",
    "drawn by who froze": f"update enrolment_draw {A_DRAW} = 'infinity', drawn_by = frozen_by",
    "drawn early": f"update enrolment_draw {A_DRAW} = frozen_at + interval '1 second', drawn_by = {SOMEBODY_ELSE}",
    "half a draw": "update enrolment_draw set public_value = '1'",
    "published before it is drawn": "update enrolment_draw set published_at = now()",
}
ANOTHER_DRAW = f"update enrolment_draw {A_DRAW} = drawn_at, drawn_by = drawn_by"
NO_DRAW = "update enrolment_draw set (public_value, seed, result, drawn_at, drawn_by) = (null, null, null, null, null)"
CHANGES_OF_A_PUBLISHED_RESULT = {
    "another value": "update enrolment_draw set public_value = '1'",
    "another seed": "update enrolment_draw set seed = repeat('0', 64)",
    "another result": "update enrolment_draw set result = '{}'",
    "drawn again": ANOTHER_DRAW,
    "not drawn": NO_DRAW,
    "not published": "update enrolment_draw set published_at = null",
    "another number": "update enrolment set number = reverse(number) where listed_at is not null",
    "no number": "update enrolment set number = null, seat_id = null where listed_at is not null",
    "nobody's seat": "update enrolment set seat_id = null where seat_id is not null",
}


GUARDS = (
    "enrolment_frozen",
    "enrolment_round_announced",
    "enrolment_round_forward",
    "enrolment_draw_in_time",
    "enrolment_draw_two_persons",
    "enrolment_draw_check",
    "enrolment_draw_check2",
)


async def refused_by_constraint(conn, statement):
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)) as refused:
        await conn.execute(statement)
    if isinstance(refused.value, asyncpg.CheckViolationError):
        assert refused.value.constraint_name in GUARDS


@pytest.mark.parametrize("change", CHANGES_OF_A_FROZEN_LIST)
async def test_what_was_frozen_does_not_change_by_any_statement(closed, conn, change):
    await freeze(closed)
    await refused_by_constraint(conn, CHANGES_OF_A_FROZEN_LIST[change])


@pytest.mark.parametrize("change", CHANGES_OF_A_PUBLISHED_RESULT)
async def test_what_was_drawn_does_not_change_by_any_statement(closed, clock, conn, change):
    await to_drawn(closed, clock)
    await publish(closed)
    await refused_by_constraint(conn, CHANGES_OF_A_PUBLISHED_RESULT[change])


async def test_a_list_is_never_frozen_after_its_value_was_due_nor_together_with_a_draw(closed, conn):
    late = "value_due_at", "null, null, null, null::timestamptz, null::uuid"
    at_once = "value_due_at - interval '1 hour'", "'1', repeat('0', 64), 'x'::bytea, value_due_at, gen_random_uuid()"
    for frozen_at, drawn in (late, at_once):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await conn.execute(
                f"""insert into enrolment_draw (round_id, frozen, frozen_sha256, frozen_at, frozen_by,
                                                public_value, seed, result, drawn_at, drawn_by)
                    select id, 'x', encode(sha256('x'), 'hex'), {frozen_at}, $2, {drawn}
                    from enrolment_round where id = $1""",
                closed.round_id,
                closed.manager.account_id,
            )
        assert refused.value.constraint_name == "enrolment_draw_in_time"
