"""Staff of zone and nursery review applications; nothing is taken from a family by one of them alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from domain import enrolment_review
from domain.context import Context
from domain.identifiers import new_id
from domain.vocabulary import Role
from handlers.request import VAULT
from tests import make
from tests.nursery_world import NOW, SPANS

CLOSED_REVIEW_UNTIL = NOW + timedelta(days=SPANS["closed"][2])


class Review:
    """One application in a closed round, and what staff do with it."""

    def __init__(self, zone, within, family, enrolment_id):
        self.zone, self.within, self.family, self.id = zone, within, family, enrolment_id

    @property
    def path(self):
        return f"/v1/staff/enrolments/{self.id}"

    async def act(self, what, who, body=None):
        return await self.zone.post(f"{self.path}/{what}", who, body)

    async def taken(self, who):
        status, answer = await self.act("take", who)
        assert status == 200, answer
        return answer

    async def row(self):
        return await self.zone.conn.fetchrow("select * from enrolment where id = $1", self.id)

    async def told(self):
        rows = await self.zone.conn.fetch(
            "select kind, facts from notice where subject_id = $1 order by created_at, id", self.id
        )
        return [(row["kind"], row["facts"]) for row in rows]

    async def claims(self):
        rows = await self.zone.conn.fetch(
            """select code, status, words from enrolment_claim join priority_group on id = group_id
               where enrolment_id = $1 order by position""",
            self.id,
        )
        return [tuple(row) for row in rows]

    async def proposed(self, who, **verdict):
        await self.taken(who)
        status, answer = await self.act("verdict", who, verdict)
        assert status == 200, answer
        return answer["verdicts"][-1]["id"]

    async def causes(self):
        rows = await self.zone.conn.fetch(
            "select because from enrolment_event where enrolment_id = $1 order by n", self.id
        )
        return [row["because"] for row in rows]


@pytest.fixture
async def review(zone):
    within = await zone.round("closed")
    family, enrolment_id = await zone.application(within, claims={"resettled": "claimed", "sibling": "claimed"})
    return Review(zone, within, family, enrolment_id)


def chore(zone, clock):
    return Context(None, clock.now, zone.app[VAULT])


async def later(zone, clock, **delta):
    """Let time pass, and the clerk sign in again."""
    clock.move(**delta)
    token = await make.session(zone.conn, zone.app, zone.clerk.account_id, [Role.CLERK])
    zone.clerk = replace(zone.clerk, token=token)


async def queue(zone, within, who, **query):
    asked = "&".join(f"{name}={value}" for name, value in {"round": within.round_id, **query}.items())
    status, answer = await zone.get(f"/v1/staff/enrolments?{asked}", who)
    assert status == 200, answer
    return [item["id"] for item in answer["items"]]


async def test_the_zone_sees_all_and_a_nursery_those_that_wish_it_first(zone):
    within = await zone.round("closed")
    star, moon = (each.programme_id for each in within.programmes)
    _, first = await zone.application(within, choices=[star, moon])
    _, second = await zone.application(within, choices=[moon, star], at=NOW - timedelta(days=1))
    elsewhere = await make.staff(zone.conn, zone.app, Role.MANAGER, area_id=await make.area(zone.conn))
    assert await queue(zone, within, zone.clerk) == [str(first), str(second)]
    assert await queue(zone, within, zone.carer) == [str(first)]
    assert await queue(zone, within, zone.other_head) == [str(second)]
    assert await queue(zone, within, zone.clerk, provider=zone.moon) == [str(second)]
    assert await queue(zone, within, elsewhere) == []
    assert (await zone.get(f"/v1/staff/enrolments/{second}", zone.carer))[0] == 404
    assert (await zone.post(f"/v1/staff/enrolments/{second}/take", zone.carer))[0] == 404


async def test_a_queue_is_read_in_pages_and_names_nobody(zone):
    within = await zone.round("closed")
    at = [NOW - timedelta(days=3), NOW - timedelta(days=3), NOW - timedelta(days=5)]
    made = [(await zone.application(within, at=moment))[1] for moment in at]
    path = f"/v1/staff/enrolments?round={within.round_id}&limit=2"
    _, page = await zone.get(path, zone.clerk)
    _, rest = await zone.get(f"{path}&after={page['next']}", zone.clerk)
    assert [item["id"] for item in page["items"] + rest["items"]] == [str(made[n]) for n in (2, 0, 1)]
    assert rest["next"] is None
    assert "孩子甲" not in str(page)
    assert page["items"][0]["months"] == 29


async def test_a_reader_sees_the_child_behind_masks_and_is_recorded(review, zone, conn):
    status, shown = await zone.get(review.path, zone.clerk)
    assert status == 200
    assert shown["person"]["name"] == "孩子甲"
    assert "*" in shown["person"]["id_number"]
    assert shown["applicant"]["name"] == "家长甲"
    assert (shown["relation"], shown["months"], shown["state"]) == ("child", 29, "submitted")
    assert [choice["rank"] for choice in shown["choices"]] == [1, 2]
    assert [claim["code"] for claim in shown["claims"]] == ["resettled", "sibling"]
    salt = (await review.row())["salt"]
    assert salt not in str(shown)
    read = await conn.fetch(
        "select actor_id from audit where action = 'enrolments.shown' and subject_id = $1", review.id
    )
    assert [row["actor_id"] for row in read] == [zone.clerk.account_id]


async def test_nothing_is_reviewed_before_the_deadline(zone, clock):
    within = await zone.round("open")
    _, enrolment_id = await zone.application(within)
    take = f"/v1/staff/enrolments/{enrolment_id}/take"
    status, refusal = await zone.post(take, zone.clerk)
    assert (status, refusal["code"], refusal["round_state"]) == (409, "review_not_open", "open")
    await later(zone, clock, days=SPANS["open"][1])
    assert (await zone.post(take, zone.clerk))[0] == 200


@pytest.mark.parametrize("stage", ["ended", "cancelled"])
async def test_nothing_is_reviewed_after_the_end(zone, stage):
    within = await zone.round(stage)
    _, enrolment_id = await zone.application(within)
    status, refusal = await zone.post(f"/v1/staff/enrolments/{enrolment_id}/take", zone.clerk)
    assert (status, refusal["code"], refusal["round_state"]) == (409, "review_not_open", stage)


async def test_one_reviewer_has_it_at_a_time(review, zone):
    shown = await review.taken(zone.clerk)
    assert (shown["state"], shown["reviewer_id"]) == ("in_review", str(zone.clerk.account_id))
    await review.taken(zone.clerk)
    status, refusal = await review.act("take", zone.carer)
    assert (status, refusal["code"], refusal["enrolment_state"]) == (409, "enrolment_in_other_state", "in_review")
    for what, body in (("verdict", {"kind": "accept"}), ("return", {"words": "补材料"})):
        status, refusal = await review.act(what, zone.carer, body)
        assert (status, refusal["code"]) == (409, "enrolment_with_other_reviewer")
    assert await queue(zone, review.within, zone.clerk, view="mine") == [str(review.id)]
    assert await queue(zone, review.within, zone.carer, view="mine") == []
    assert await queue(zone, review.within, zone.carer, view="in_review") == [str(review.id)]
    assert (await review.causes())[-1] == "review_begun"


async def test_its_reviewer_or_a_manager_puts_it_back(review, zone):
    await review.taken(zone.clerk)
    assert (await review.act("leave", zone.carer))[0] == 404
    assert (await review.act("leave", zone.clerk))[0] == 204
    assert await queue(zone, review.within, zone.clerk) == [str(review.id)]
    await review.taken(zone.clerk)
    assert (await review.act("leave", zone.head))[0] == 204
    row = await review.row()
    assert (row["state"], row["reviewer_id"]) == ("submitted", None)


async def test_an_application_is_returned_with_words_and_a_deadline(review, zone, clock):
    await review.taken(zone.clerk)
    status, shown = await review.act("return", zone.clerk, {"words": "请补户口本"})
    assert (status, shown["state"], shown["repair_words"]) == (200, "returned", "请补户口本")
    row = await review.row()
    assert row["repair_by"] == clock.now + timedelta(hours=72)
    ((kind, facts),) = await review.told()
    assert (kind, facts["reason"]) == ("enrolment_returned", "请补户口本")
    _, notices = await zone.get("/v1/notices", review.family)
    assert "请补户口本" in notices["items"][0]["text"]
    assert "2026年11月26日06:30" in notices["items"][0]["text"]


async def test_a_repair_ends_no_later_than_the_review(review, zone, clock):
    await later(zone, clock, days=SPANS["closed"][2], hours=-5)
    await review.taken(zone.clerk)
    _, shown = await review.act("return", zone.clerk, {"words": "请补户口本"})
    assert (await review.row())["repair_by"] == CLOSED_REVIEW_UNTIL
    assert shown["repair_by"].startswith("2026-11-29T06:30")


async def test_nothing_is_returned_after_the_review(review, zone, clock):
    await review.taken(zone.clerk)
    await later(zone, clock, days=SPANS["closed"][2])
    status, refusal = await review.act("return", zone.clerk, {"words": "请补户口本"})
    assert (status, refusal["code"]) == (409, "review_over")
    assert (await review.row())["state"] == "in_review"


async def test_a_repair_that_was_not_made_goes_back_into_the_queue_marked(review, zone, conn, clock):
    await review.taken(zone.clerk)
    await review.act("return", zone.clerk, {"words": "请补户口本"})
    clock.move(hours=72, seconds=-1)
    assert await enrolment_review.end_repairs(conn, chore(zone, clock)) == 0
    await later(zone, clock, seconds=1)
    assert await enrolment_review.end_repairs(conn, chore(zone, clock)) == 1
    assert await enrolment_review.end_repairs(conn, chore(zone, clock)) == 0
    _, page = await zone.get(f"/v1/staff/enrolments?round={review.within.round_id}", zone.clerk)
    (item,) = page["items"]
    assert (item["state"], item["repair"], item["repair_by"]) == ("submitted", "repair_late", None)
    assert (await review.row())["repair_words"] == "请补户口本"


async def test_one_person_accepts_with_all_that_is_claimed(review, zone):
    await review.taken(zone.carer)
    status, shown = await review.act("verdict", zone.carer, {"kind": "accept"})
    assert (status, shown["state"], shown["reviewer_id"]) == (200, "accepted", None)
    assert await review.claims() == [("resettled", "granted", ""), ("sibling", "granted", "")]
    assert await review.told() == [("enrolment_accepted", {})]
    (verdict,) = shown["verdicts"]
    assert (verdict["confirmed"], verdict["decided_by"]) == (True, str(zone.carer.account_id))
    status, refusal = await review.act("verdict", zone.carer, {"kind": "accept"})
    assert (status, refusal["code"]) == (409, "enrolment_in_other_state")


async def test_a_refusal_holds_once_another_person_has_confirmed_it(review, zone):
    verdict_id = await review.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    assert (await review.row())["state"] == "in_review"
    assert await review.told() == []
    status, refusal = await review.act(f"verdicts/{verdict_id}/confirm", zone.clerk)
    assert (status, refusal["code"]) == (403, "second_reviewer_needed")
    assert await queue(zone, review.within, zone.clerk, view="to_confirm") == []
    assert await queue(zone, review.within, zone.head, view="to_confirm") == [str(review.id)]
    status, shown = await review.act(f"verdicts/{verdict_id}/confirm", zone.head)
    assert (status, shown["state"]) == (200, "refused")
    assert await review.told() == [("enrolment_refused", {"reason": "不在招生范围"})]
    assert (await review.causes())[-2:] == ["refusal_proposed", "refused"]
    status, refusal = await review.act(f"verdicts/{verdict_id}/confirm", zone.head)
    assert (status, refusal["code"]) == (409, "verdict_decided")


async def test_a_denied_priority_holds_once_another_person_has_confirmed_it(review, zone):
    denied = str(review.within.groups["sibling"])
    verdict_id = await review.proposed(zone.carer, kind="accept", denied=[denied], reason="没有哥哥姐姐在园")
    assert [status for _, status, _ in await review.claims()] == ["claimed", "claimed"]
    status, shown = await review.act(f"verdicts/{verdict_id}/confirm", zone.clerk)
    assert (status, shown["state"]) == (200, "accepted")
    assert await review.claims() == [("resettled", "granted", ""), ("sibling", "denied", "没有哥哥姐姐在园")]
    assert await review.told() == [("enrolment_accepted", {"reason": "没有哥哥姐姐在园", "way": "denied"})]
    _, notices = await zone.get("/v1/notices", review.family)
    assert "没有哥哥姐姐在园" in notices["items"][0]["text"]


async def test_what_is_rejected_does_not_hold_and_the_reviewer_goes_on(review, zone):
    verdict_id = await review.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    reject = f"verdicts/{verdict_id}/reject"
    status, shown = await review.act(reject, zone.head, {"words": "地址在范围内"})
    assert (status, shown["state"], shown["reviewer_id"]) == (200, "in_review", str(zone.clerk.account_id))
    assert (shown["verdicts"][0]["confirmed"], shown["verdicts"][0]["words"]) == (False, "地址在范围内")
    assert (await review.act(f"verdicts/{verdict_id}/confirm", zone.manager))[1]["code"] == "verdict_decided"
    status, shown = await review.act("verdict", zone.clerk, {"kind": "accept"})
    assert (status, shown["state"]) == (200, "accepted")
    assert await review.told() == [("enrolment_accepted", {})]


async def test_who_proposed_takes_it_back_alone(review, zone):
    verdict_id = await review.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    assert (await review.act(f"verdicts/{verdict_id}/reject", zone.clerk, {"words": "看错了"}))[0] == 200
    assert (await review.act("leave", zone.clerk))[0] == 204


async def test_while_a_verdict_waits_nothing_else_is_done(review, zone):
    await review.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    for what, body in (("leave", None), ("return", {"words": "补"}), ("verdict", {"kind": "accept"})):
        status, refusal = await review.act(what, zone.clerk, body)
        assert (status, refusal["code"]) == (409, "verdict_pending")


async def test_what_was_withdrawn_meanwhile_is_not_refused(review, zone, conn):
    verdict_id = await review.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    await conn.execute("update enrolment set state = 'withdrawn' where id = $1", review.id)
    status, refusal = await review.act(f"verdicts/{verdict_id}/confirm", zone.head)
    assert (status, refusal["code"], refusal["enrolment_state"]) == (409, "enrolment_in_other_state", "withdrawn")
    assert await queue(zone, review.within, zone.head, view="to_confirm") == []


async def test_a_verdict_of_another_application_is_not_found(review, zone):
    await review.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    _, other = await zone.application(review.within)
    other = Review(zone, review.within, None, other)
    elsewhere = await other.proposed(zone.clerk, kind="refuse", reason="不在招生范围")
    status, refusal = await review.act(f"verdicts/{elsewhere}/confirm", zone.head)
    assert (status, refusal["code"]) == (404, "verdict_not_found")


@pytest.mark.parametrize(
    ("verdict", "field", "why"),
    [
        ({"kind": "refuse"}, "reason", None),
        ({"kind": "accept", "denied": ["sibling"]}, "reason", None),
        ({"kind": "accept", "denied": ["other"], "reason": "不符"}, "denied", "没有申请"),
        ({"kind": "refuse", "denied": ["sibling"], "reason": "不符"}, "denied", "不用再填"),
    ],
)
async def test_a_verdict_without_sense_is_refused_and_nothing_is_stored(review, zone, conn, verdict, field, why):
    await review.taken(zone.clerk)
    groups = {code: str(group_id) for code, group_id in review.within.groups.items()} | {"other": str(new_id())}
    body = verdict | ({"denied": [groups[code] for code in verdict["denied"]]} if "denied" in verdict else {})
    status, refusal = await review.act("verdict", zone.clerk, body)
    assert (status, refusal["code"], list(refusal["errors"])) == (400, "invalid_input", [field])
    assert why is None or why in refusal["errors"][field][0]
    assert await conn.fetchval("select count(*) from enrolment_verdict") == 0


@pytest.mark.parametrize(("kind", "denied"), [("refuse", []), ("accept", [new_id()])])
async def test_no_row_lets_one_person_take_something_from_a_family(review, zone, conn, kind, denied):
    with pytest.raises(asyncpg.CheckViolationError) as broken:
        await conn.execute(
            """insert into enrolment_verdict (id, enrolment_id, kind, denied, reason, proposed_by, proposed_at,
                                              decided_by, decided_at, confirmed)
               values ($1, $2, $3, $4, '不符', $5, $6, $5, $6, true)""",
            new_id(),
            review.id,
            kind,
            denied,
            zone.clerk.account_id,
            NOW,
        )
    assert broken.value.constraint_name == "enrolment_verdict_two_persons"


async def test_who_came_late_is_reviewed_alike_and_offered_what_is_free(zone, conn):
    within = await zone.round("offers")
    _, enrolment_id = await zone.application(within, late=True)
    late = Review(zone, within, None, enrolment_id)
    await late.taken(zone.clerk)
    _, shown = await late.act("return", zone.clerk, {"words": "请补户口本"})
    assert shown["repair_by"].startswith("2026-11-26T06:30")
    await conn.execute("update enrolment set state = 'submitted', repair_by = null where id = $1", late.id)
    await late.taken(zone.clerk)
    status, shown = await late.act("verdict", zone.clerk, {"kind": "accept"})
    assert (status, shown["state"]) == (200, "accepted")
    offers = await conn.fetch("select status, way from enrolment_offer where enrolment_id = $1", late.id)
    assert [tuple(offer) for offer in offers] == [("live", "queue")]
    assert [kind for kind, _ in await late.told()] == [
        "enrolment_returned",
        "enrolment_accepted",
        "enrolment_offered",
    ]


async def test_a_late_one_offered_nothing_before_the_offers(zone, conn):
    within = await zone.round("reviewed")
    _, enrolment_id = await zone.application(within, late=True)
    late = Review(zone, within, None, enrolment_id)
    await late.taken(zone.clerk)
    assert (await late.act("verdict", zone.clerk, {"kind": "accept"}))[0] == 200
    assert await conn.fetchval("select count(*) from enrolment_offer") == 0


async def test_a_draft_is_the_familys_alone(zone):
    within = await zone.round("closed")
    _, enrolment_id = await zone.application(within, state="draft")
    assert await queue(zone, within, zone.clerk) == []
    assert (await zone.get(f"/v1/staff/enrolments/{enrolment_id}", zone.clerk))[0] == 404
