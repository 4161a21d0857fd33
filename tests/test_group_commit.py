"""Group commit without a database: `run` is a stand-in whose batches the test lets go one by one."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from domain.errors import Unavailable
from server import group_commit
from server.group_commit import MOST_IN_FLIGHT, MOST_ITEMS, RETRY_SECONDS, GroupCommit


class LostError(Exception):
    """The connection went, and nobody knows whether the batch was committed."""


class Runs:
    """Stands in for `run`: holds every batch until the test lets it go; an item's outcome is its negative."""

    def __init__(self):
        self.batches = []
        self.gates = []
        self.held = True
        self.fail = lambda _items: None
        self.running = 0
        self.most_running = 0
        self.came = asyncio.Condition()

    async def __call__(self, items):
        items = list(items)
        self.batches.append(items)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        gate = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        async with self.came:
            self.came.notify_all()
        if self.held:
            await gate
        self.running -= 1
        error = self.fail(items)
        if error is not None:
            raise error
        return [-item for item in items]

    async def until(self, batches):
        async with self.came:
            await self.came.wait_for(lambda: len(self.batches) >= batches)

    def let_go(self, batch):
        self.gates[batch].set_result(None)


@pytest.fixture
def runs():
    return Runs()


@pytest.fixture
def observed():
    return []


@pytest.fixture
async def group(runs, observed):
    made = GroupCommit(runs, (LostError,), observed.append)
    with structlog.testing.capture_logs():
        yield made
    runs.held = False
    for gate in runs.gates:
        if not gate.done():
            gate.set_result(None)
    await made.close()


@pytest.fixture
def naps(monkeypatch):
    """How long was to be slept; nobody does."""
    slept = []
    sleep = asyncio.sleep

    async def nap(seconds):
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr("server.group_commit.asyncio.sleep", nap)
    return slept


def submit(group, *items):
    return [asyncio.create_task(group.submit(item)) for item in items]


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_single_item_runs_at_once_and_alone(group, runs):
    """No timer: the batch is under way before the loop has waited for anything."""
    (answer,) = submit(group, 1)
    for _ in range(3):  # the caller's step, the drainer's step, and the batch's own
        await asyncio.sleep(0)
    assert runs.batches == [[1]]
    runs.let_go(0)
    assert await answer == -1


async def test_what_comes_while_batches_run_gathers_into_one(group, runs, observed):
    answers = submit(group, 1)
    await runs.until(1)
    answers += submit(group, 2)
    await runs.until(2)
    answers += submit(group, *range(3, 53))
    await settle()
    assert (runs.batches, group.waiting) == ([[1], [2]], 50)
    runs.let_go(0)
    await runs.until(3)
    assert runs.batches[2] == list(range(3, 53))
    runs.let_go(2)
    assert await asyncio.gather(answers[0], *answers[2:]) == [-1, *range(-3, -53, -1)]
    assert not answers[1].done()
    runs.let_go(1)
    assert await answers[1] == -2
    assert observed == [1, 1, 50]


async def test_a_batch_holds_200_items_and_two_are_in_flight(group, runs):
    answers = submit(group, *range(1000))
    await runs.until(2)
    await settle()
    assert [len(batch) for batch in runs.batches] == [MOST_ITEMS, MOST_ITEMS]
    runs.held = False
    runs.let_go(0)
    runs.let_go(1)
    assert await asyncio.gather(*answers) == [-item for item in range(1000)]
    assert [len(batch) for batch in runs.batches] == [MOST_ITEMS] * 5
    assert runs.most_running == MOST_IN_FLIGHT


async def test_an_item_that_comes_as_all_drainers_end_is_not_left_behind(group, runs):
    """Both drainers return in one turn of the loop, the item comes later in that turn."""
    first = submit(group, 1)
    await runs.until(1)
    second = submit(group, 2)
    await runs.until(2)
    runs.let_go(0)
    runs.let_go(1)
    third = submit(group, 3)  # its step stands in the loop's queue right behind those of the two drainers
    await asyncio.gather(*first, *second)
    async with asyncio.timeout(5):
        await runs.until(3)
        runs.let_go(2)
        assert await third[0] == -3


async def test_a_batch_that_raises_is_run_item_by_item(group, runs, observed):
    runs.held = False
    runs.fail = lambda items: ValueError("item 3 is bad") if 3 in items else None
    answers = await asyncio.gather(*submit(group, 1, 2, 3, 4, 5), return_exceptions=True)
    assert [answers[n] for n in (0, 1, 3, 4)] == [-1, -2, -4, -5]
    assert isinstance(answers[2], ValueError)
    assert runs.batches == [[1, 2, 3, 4, 5], [1], [2], [3], [4], [5]]


async def test_a_run_that_loses_count_is_treated_like_one_that_raises(runs):
    """Rather than leave the last caller waiting for ever."""

    async def run(items):
        await runs(items)
        return [-item for item in items][: 1 if len(items) == 1 else -1]

    runs.held = False
    group = GroupCommit(run, (LostError,), lambda _items: None)
    assert await asyncio.gather(*submit(group, 1, 2, 3)) == [-1, -2, -3]
    assert runs.batches == [[1, 2, 3], [1], [2], [3]]


async def test_a_lost_connection_runs_the_same_batch_again(group, runs, naps):
    runs.held = False
    errors = [LostError(), LostError()]
    runs.fail = lambda _items: errors.pop() if errors else None
    assert await asyncio.gather(*submit(group, 1, 2, 3)) == [-1, -2, -3]
    assert runs.batches == [[1, 2, 3]] * 3
    assert naps == list(RETRY_SECONDS[:2])


async def test_a_connection_that_stays_lost_is_told_to_every_caller(group, runs, naps):
    runs.held = False
    runs.fail = lambda _items: LostError()
    answers = await asyncio.gather(*submit(group, 1, 2, 3), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LostError] * 3
    assert runs.batches == [[1, 2, 3]] * (len(RETRY_SECONDS) + 1)
    runs.fail = lambda _items: None
    assert await group.submit(4) == -4


async def test_a_lost_batch_is_not_tried_again_for_longer_than_callers_wait(group, runs, naps, monkeypatch):
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 30.0)
    monkeypatch.setattr(group_commit, "RETRY_SECONDS", (0.0, 60.0, 60.0))
    runs.held = False
    runs.fail = lambda _items: LostError()
    (answer,) = await asyncio.gather(*submit(group, 1), return_exceptions=True)
    assert isinstance(answer, LostError)
    assert naps == [0.0]
    assert len(runs.batches) == 2


async def test_a_connection_lost_in_the_fallback_is_tried_again_too(group, runs, naps):
    runs.held = False
    lost = [LostError()]

    def fail(items):
        if len(items) > 1:
            return ValueError("the batch is bad")
        return lost.pop() if lost and items == [2] else None

    runs.fail = fail
    assert await asyncio.gather(*submit(group, 1, 2, 3)) == [-1, -2, -3]
    assert runs.batches == [[1, 2, 3], [1], [2], [2], [3]]


async def test_a_caller_that_goes_away_cancels_neither_its_item_nor_others(group, runs):
    answers = submit(group, 1, 2, 3)
    await runs.until(1)
    waiting = submit(group, 4, 5)
    await settle()
    answers[1].cancel()
    waiting[0].cancel()
    await settle()
    assert answers[1].cancelled()
    assert waiting[0].cancelled()
    runs.held = False
    for gate in runs.gates:
        gate.set_result(None)
    assert [await answer for answer in (answers[0], answers[2], waiting[1])] == [-1, -3, -5]
    assert sorted(item for batch in runs.batches for item in batch) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("error", [ValueError("bad"), LostError()])
async def test_an_error_for_a_caller_that_went_away_is_told_to_nobody(group, runs, naps, error):
    """Neither raises inside the drainer nor is reported as an exception that nobody retrieved."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, facts: reported.append(facts))
    answers = submit(group, 1, 2)
    await runs.until(1)
    for answer in answers:
        answer.cancel()
    await settle()
    runs.held = False
    runs.fail = lambda _items: error
    runs.let_go(0)
    await group.close()
    del answers
    assert reported == []
    runs.fail = lambda _items: None
    assert await group.submit(3) == -3


async def test_a_full_queue_refuses_and_says_when_to_come_again(group, runs, monkeypatch):
    monkeypatch.setattr(group_commit, "MOST_WAITING", 3)
    running = submit(group, 1)
    await runs.until(1)
    running += submit(group, 2)
    await runs.until(2)
    waiting = submit(group, 3, 4, 5)
    await settle()
    with pytest.raises(Unavailable) as refused:
        await group.submit(6)
    assert (refused.value.code, refused.value.facts) == ("busy", {"retry_after": 2})
    runs.held = False
    for gate in runs.gates:
        gate.set_result(None)
    assert await asyncio.gather(*running, *waiting) == [-1, -2, -3, -4, -5]
    assert await group.submit(7) == -7


async def test_an_item_that_waited_too_long_is_refused_unrun(group, runs, monkeypatch):
    first = submit(group, 1)
    await runs.until(1)
    second = submit(group, 2)
    await runs.until(2)
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", -1)
    late = submit(group, 3)
    await settle()
    monkeypatch.undo()
    in_time = submit(group, 4)
    await settle()
    runs.held = False
    runs.let_go(0)
    runs.let_go(1)
    assert await asyncio.gather(*first, *second, *in_time) == [-1, -2, -4]
    with pytest.raises(Unavailable, match="busy"):
        await late[0]
    assert runs.batches == [[1], [2], [4]]


async def test_close_waits_for_all_that_was_submitted(group, runs):
    answers = submit(group, *range(500))
    await runs.until(2)
    closing = asyncio.create_task(group.close())
    await settle()
    assert not closing.done()
    runs.held = False
    runs.let_go(0)
    runs.let_go(1)
    await closing
    assert [answer.result() for answer in answers if answer.done()] == [-item for item in range(500)]


async def test_close_of_an_idle_group_returns(group):
    await group.close()


async def test_outcomes_find_their_callers_under_load(group, runs):
    """Ten thousand items from a hundred callers in turn, batches ending in any order."""
    runs.held = False

    async def caller(number):
        return [await group.submit(number * 1000 + turn) for turn in range(100)]

    answers = await asyncio.gather(*(caller(number) for number in range(100)))
    assert answers == [[-(number * 1000 + turn) for turn in range(100)] for number in range(100)]
    assert sum(map(len, runs.batches)) == 10_000
    assert len(runs.batches) < 1000
