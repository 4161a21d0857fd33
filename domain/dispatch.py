"""Asking volunteers for help requests, in rounds: what lapses, who is asked next, and when a leader is alarmed.

All requests that are due are chosen for together (`domain.dispatch_choice`) and written in parts, each in a transaction
of its own: volunteers, then requests, both by id, are held while their offers are written, and what changed since it
was read is left for the next turn. So two dispatchers at once do no harm, and nobody is asked for what has been taken.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import asyncpg
import orjson

import sql
from domain import help_alarms, help_states
from domain.dispatch_choice import Turn, choose, reasons
from domain.dispatch_facts import read_helpers, read_places, read_rules, sought
from domain.dispatch_plan import first_moment
from domain.help_alarms import Alarm
from domain.help_states import Common, Part
from domain.help_vocabulary import AlarmKind, Because, HelpState
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.offer_times import offer_until
from domain.vocabulary import NoticeKind, local_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.dispatch_choice import Asked
    from domain.dispatch_facts import Rules
    from domain.dispatch_plan import Helper, Sought
    from domain.rows import Row

MOST = 10_000
"""Requests chosen for together: no more are held in memory."""
AT_A_TIME = 250
"""Requests written in one transaction."""

UNANSWERED = Common(HelpState.OFFERED, HelpState.OPEN, Because.ROUND_UNANSWERED)
ROUND = Common(HelpState.OPEN, HelpState.OFFERED, Because.ROUND)

T = TypeVar("T")


async def dispatch(conn: Connection, now: datetime, enough: Callable[[], bool] = lambda: False) -> Mapping[str, int]:
    """Do what is due; opens its own transactions, and begins no further one once `enough` says so.

    A part that fails stops no other; its error is raised at the end.
    """
    due = await sql.dispatch.due(conn, now=now, most=MOST)
    done: Counter[str] = Counter()
    if not due:
        return done
    failed = None
    for ids in _parts(sorted(row["id"] for row in due if row["state"] == HelpState.OFFERED), enough):
        try:
            async with conn.transaction():
                done["lapsed"] += await _lapse(conn, ids, now)
        except asyncpg.PostgresError as error:
            failed = error
    for looks in _parts(await _look(conn, sorted(row["id"] for row in due), now, enough), enough):
        try:
            async with conn.transaction():
                done.update(await _write(conn, looks, now))
        except asyncpg.PostgresError as error:
            failed = error
    if failed is not None:
        raise failed
    return done


async def _lapse(conn: Connection, ids: Sequence[UUID], now: datetime) -> int:
    """Open requests again whose round is over without an acceptance."""
    locked: list[Row] = await sql.dispatch.hold(conn, ids=ids)
    waited = [row["id"] for row in locked if row["state"] == HelpState.OFFERED and _is_due(row, now)]
    if not waited:
        return 0
    over = await sql.dispatch.lapse(conn, ids=waited, now=now)
    await help_states.take_together(conn, UNANSWERED, [Part(row["id"]) for row in over], now)
    return len(over)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one request as it was read. `asked` None: nobody is asked, as its round lasts or it is too late."""

    row: Row
    rules: Rules
    turn: Turn
    asked: Asked | None
    helpers: tuple[Helper, ...]
    now: datetime

    @property
    def alarm(self) -> str | None:
        """Say why the leader is alarmed now, if so."""
        if self.row["alarmed_at"] is not None:
            return None
        if self.alarm_at <= self.now:
            return "time"
        return "nobody_fits" if self.asked and not self.asked.fitting and not self.asked.later else None

    @property
    def alarm_at(self) -> datetime:
        """Some hours before the help, but not before who is asked first has had time to answer, quiet hours or not."""
        asked_in_vain: datetime = self.row["created_at"] + timedelta(minutes=self.rules.round_minutes)
        return max(first_moment(self.turn.request) - timedelta(hours=self.rules.alarm_hours), asked_in_vain)

    @property
    def answer_by(self) -> datetime:
        """When the round is over that lasts or begins now; where there is none, when to look for people again."""
        lasts_until: datetime | None = self.row["answer_by"]
        if lasts_until is not None:
            return lasts_until
        latest = _latest(self.row) if self.helpers else self.now + timedelta(days=1)
        return offer_until(self.now, self.rules.round_minutes, self.rules.quiet, latest)

    @property
    def next_look(self) -> datetime:
        if self.alarm is not None or self.row["alarmed_at"] is not None:
            return self.answer_by
        return min(self.answer_by, self.alarm_at)


async def _look(conn: Connection, ids: Sequence[UUID], now: datetime, enough: Callable[[], bool]) -> list[_Look]:
    """Read what is due and choose for all of it that is open; in a thread, for many take seconds."""
    read: list[Row] = [
        row for part in _parts(ids, enough) for row in await sql.dispatch.requests(conn, ids=part, now=now)
    ]
    rows = [row for row in read if row["state"] in (HelpState.OPEN, HelpState.OFFERED) and _is_due(row, now)]
    places, rules = await read_places(conn), await read_rules(conn, (row["area_id"] for row in rows))
    turns = {row["id"]: _turn(row, rules[row["area_id"]], sought(row, places, rules)) for row in rows}
    asking = [turns[row["id"]] for row in rows if row["state"] == HelpState.OPEN and now < _latest(row)]
    areas = {area_id for turn in asking for area_id in turn.request.place.around.union(turn.request.place.upwards)}
    serving = [row["id"] for row in await sql.dispatch.serving(conn, areas=list(areas))]
    helpers = {helper.id: helper for helper in await read_helpers(conn, serving, now)}
    if enough():
        return []
    choices = {asked.request_id: asked for asked in await asyncio.to_thread(choose, asking, helpers.values(), now)}
    looks = []
    for row in rows:
        asked = choices.get(row["id"])
        chosen = tuple(helpers[volunteer_id] for volunteer_id in asked.volunteers) if asked else ()
        looks.append(_Look(row, rules[row["area_id"]], turns[row["id"]], asked, chosen, now))
    return looks


def _turn(row: Row, rules: Rules, request: Sought) -> Turn:
    return Turn(request, row["round"], rules.round_sizes, frozenset(row["declined"]), frozenset(row["resting"]))


def _latest(row: Row) -> datetime:
    """Return until when anybody can accept."""
    latest: datetime = min(row["expires_at"], row["starts_at"] or row["expires_at"])
    return latest


def _is_due(row: Row, now: datetime) -> bool:
    return row["next_round_at"] is not None and row["next_round_at"] <= now


async def _write(conn: Connection, looks: Sequence[_Look], now: datetime) -> Mapping[str, int]:
    chosen = {helper.id for look in looks for helper in look.helpers}
    approved = {row["id"] for row in await sql.dispatch.hold_volunteers(conn, ids=list(chosen))}
    locked = {row["id"]: row for row in await sql.dispatch.hold(conn, ids=[look.row["id"] for look in looks])}
    standing = [
        look
        for look in looks
        if all(look.row[name] == locked[look.row["id"]][name] for name in ("state", "changed_at", "next_round_at"))
        and (not look.helpers or any(helper.id in approved for helper in look.helpers))
    ]
    asking = [
        _Asking(look, [each for each in look.helpers if each.id in approved]) for look in standing if look.helpers
    ]
    await _ask(conn, asking, now)
    alarmed = [look for look in standing if look.alarm is not None]
    looked_at = [look for look in standing if not look.helpers or look.alarm is not None]
    await sql.dispatch.look_again(
        conn,
        ids=[look.row["id"] for look in looked_at],
        moments=[look.next_look for look in looked_at],
        alarmed=[look.alarm is not None for look in looked_at],
        now=now,
    )
    await help_alarms.raise_all(conn, now, [_alarm(look) for look in alarmed])
    return {"asked": len(asking), "offers": sum(len(each.helpers) for each in asking), "alarms": len(alarmed)}


class _Asking(NamedTuple):
    """A round that is written: whom of those chosen it asks."""

    look: _Look
    helpers: Sequence[Helper]


async def _ask(conn: Connection, asking: Sequence[_Asking], now: datetime) -> None:
    if not asking:
        return
    parts, offers = [], []
    for look, helpers in asking:
        if look.asked is not None:
            facts = {"round": look.asked.round, "asked": len(helpers)}
            parts.append(Part(look.row["id"], facts, look.asked.round, look.next_look))
            why = [reasons(look.turn, look.asked, helper, now) for helper in helpers]
            answer_by = look.answer_by
            offers += [
                (look.row["id"], helper.id, look.asked.round, orjson.dumps(each, default=str).decode(), answer_by)
                for helper, each in zip(helpers, why, strict=True)
            ]
    await help_states.take_together(conn, ROUND, parts, now)
    requests, volunteers, rounds, why_all, ends = zip(*offers, strict=True)
    await sql.dispatch.ask(
        conn,
        ids=[new_id() for _ in offers],
        requests=requests,
        volunteers=volunteers,
        rounds=rounds,
        reasons=why_all,
        ends=ends,
        now=now,
    )
    rows = await sql.help_release.own_people(conn, volunteers=list(set(volunteers)))
    people = {row["volunteer_id"]: row["person_id"] for row in rows}
    told = [
        Notice(
            people[volunteer_id],
            NoticeKind.HELP_OFFERED,
            request_id,
            {"volunteer_id": volunteer_id, "answer_by": answer_by.isoformat()},
        )
        for request_id, volunteer_id, _, _, answer_by in offers
        if volunteer_id in people
    ]
    await tell_all(conn, now, told)


def _alarm(look: _Look) -> Alarm:
    return Alarm(
        AlarmKind.NOBODY_TOOK,
        look.turn.request.team_id,
        local_day(look.now),
        request_id=look.row["id"],
        facts={"cause": look.alarm, "round": look.row["round"]},
    )


def _parts(items: Sequence[T], enough: Callable[[], bool]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), AT_A_TIME):
        if enough():
            return
        yield items[at : at + AT_A_TIME]
