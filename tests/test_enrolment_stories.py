"""The queues behind a draw, told on at random: whatever families do, nobody is passed over."""

from __future__ import annotations

import random

import pytest

from domain import enrolment_answers
from tests.nursery_story import make_story

SEEDS = range(12)
ACTS = ("accept", "accept", "accept", "decline", "give up", "settle", "withdraw", "lapse", "admit")


def live(offers):
    return [row for row in offers if row["status"] == "live"]


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_families_do_nobody_who_waits_is_passed_over(conn, app, clock, seed):
    chance = random.Random(seed)
    story = await make_story(conn, app, clock, chance)
    await story.begin()
    await story.look()
    late = [one for one in story.applicants if story.applicants[one].late]
    standing = [one for one in story.applicants if one not in late]
    for _ in range(40):
        offers = await story.offers()
        accepted = [row for row in offers if row["status"] == "accepted"]
        act = chance.choice(
            ["accept", "accept", "accept", "decline", "give up", "settle", "withdraw", "lapse", "admit"]
        )
        if act == "accept" and live(offers):
            await story.answer(enrolment_answers.accept, chance.choice(live(offers)))
        elif act == "decline" and live(offers):
            await story.answer(enrolment_answers.decline, chance.choice(live(offers)))
        elif act == "give up" and accepted:
            await story.answer(enrolment_answers.decline, chance.choice(accepted))
        elif act == "settle" and accepted:
            await story.settle(chance.choice(accepted)["enrolment_id"])
        elif act == "withdraw" and len(standing) > 2:
            await story.withdraw(standing.pop(chance.randrange(len(standing))))
        elif act == "lapse" and live(offers):
            clock.now = chance.choice(live(offers))["answer_by"]
            await story.lapse()
        elif act == "admit" and late:
            standing.append(late.pop(chance.randrange(len(late))))
            await story.admit(standing[-1])
        await story.look()


@pytest.mark.parametrize("seed", SEEDS)
async def test_where_all_take_what_they_get_nobody_would_change_places_by_right(conn, app, clock, seed):
    """Some leave for good; when nothing is open any more, the round is as stable as the draw was."""
    chance = random.Random(1000 + seed)
    story = await make_story(conn, app, clock, chance)
    late = [one for one in story.applicants if story.applicants[one].late]
    for enrolment_id in late:
        await story.admit(enrolment_id)
    await story.begin()
    standing = list(story.applicants)
    while offers := live(await story.offers()):
        if chance.random() < 0.25 and len(standing) > 2:
            await story.withdraw(standing.pop(chance.randrange(len(standing))))
        else:
            await story.answer(enrolment_answers.accept, chance.choice(offers))
        await story.look(promises=False)
