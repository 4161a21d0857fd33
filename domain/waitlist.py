"""Joining the queue of a service, in batches as booking is: each wish has its own outcome.

Locks as in booking: persons, volunteers, mandates, then the queues. Whoever returns a place of a service holds its
queue, so that a place is either seen free by who would join, or is kept for who has joined.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, mandate_use
from domain.act_limits import acted_today
from domain.errors import Conflict, NotFound, Refusal
from domain.idempotency import KeyReused
from domain.identifiers import new_id
from domain.notices import Notice, tell_all
from domain.vocabulary import NoticeKind
from domain.waitlist_lists import by_ids
from domain.waitlist_rules import JoinFacts, JoinRequest, Member, check_permission, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.rows import Row
    from domain.vault import Vault

    Outcome = Row | Refusal


@dataclass(frozen=True, slots=True)
class _Joined:
    """A wish that has its place in a queue. `indexes`: where it and repeats of it stand in the batch."""

    id: UUID
    indexes: list[int]
    request: JoinRequest
    place: int


async def join(conn: Connection, vault: Vault, requests: Sequence[JoinRequest], now: datetime) -> list[Outcome]:
    """Return for each wish, in order, the entry or why not. Needs a transaction.

    A repeat of a key is answered with what it made, or refused where it asks for something else.
    """
    facts, places = await _fetch(conn, requests, now)
    outcomes: dict[int, Refusal] = {}
    repeated: dict[int, UUID] = {}
    joined: dict[tuple[UUID, str], _Joined] = {}
    counted: Counter[UUID] = Counter()
    here: dict[tuple[UUID, UUID], UUID] = {}
    for index, (request, fact) in enumerate(zip(requests, facts, strict=True)):
        earlier = joined.get((request.account_id, request.key))
        if fact.rules["made_id"] is not None:
            unseen = _unseen(request, fact, now)
            if unseen is None:
                repeated[index] = fact.rules["made_id"]
            else:
                outcomes[index] = unseen
        elif earlier is not None:
            earlier.indexes.append(index)
        elif (reason := refusal(request, fact, counted, now) or _waits(request, here)) is not None:
            outcomes[index] = reason
        else:
            places[request.service_id] += 1
            entry = _Joined(new_id(), [index], request, places[request.service_id])
            joined[request.account_id, request.key] = entry
            counted.update(request.people)
            if fact.acted is not None:
                fact.acted.add(request.person_id)
            here.update(dict.fromkeys(((request.service_id, person) for person in request.people), entry.id))
    written = await _write(conn, list(joined.values()), now)
    made = {index: entry.id for entry in joined.values() if entry.id in written for index in entry.indexes}
    used = [
        _use(entry, facts[entry.indexes[0]])
        for entry in joined.values()
        if entry.id in written and entry.request.mandate_id is not None
    ]
    if used:
        await tell_all(conn, now, used)
    if repeated:
        await sql.waitlist.replay(conn, ids=list(set(repeated.values())))
    shown = {row["id"]: row for row in await by_ids(conn, {*made.values(), *repeated.values()})}
    await audit.record_all(conn, vault, now, [_entry(entry) for entry in joined.values() if entry.id in written])
    found = made | repeated
    return [
        outcomes[index] if index in outcomes else _answer(requests[index], shown.get(found.get(index)))
        for index in range(len(requests))
    ]


def _use(entry: _Joined, fact: JoinFacts) -> Notice:
    """Return the notice of waiting under a mandate: the elder or the family is told of every use."""
    request, volunteer = entry.request, fact.volunteer
    facts = {"mandate_id": request.mandate_id, "volunteer_id": volunteer and volunteer["id"]}
    return Notice(request.person_id, NoticeKind.MANDATE_QUEUED, entry.id, facts)


def _unseen(request: JoinRequest, fact: JoinFacts, now: datetime) -> Refusal | None:
    """Return why a repeat is not answered with what its key made: it may be seen no longer."""
    if fact.service is not None:
        return check_permission(request, fact, fact.service, now)
    return None if all(member.facts["cares"] for member in fact.members) else NotFound("service_not_found")


def _waits(request: JoinRequest, here: Mapping[tuple[UUID, UUID], UUID]) -> Refusal | None:
    """Return why somebody who joined earlier in the batch may not join the same queue again."""
    for person in request.people:
        if (request.service_id, person) in here:
            return Conflict("waiting_already", entry_id=here[request.service_id, person])
    return None


def _answer(request: JoinRequest, entry: Row | None) -> Outcome:
    """Return the entry that a wish has made, unless its key stands for another wish."""
    if entry is None:
        return KeyReused("idempotency_key_reused")
    people = {str(person["person_id"]) for person in entry["people"]}
    wanted = (request.service_id, request.first, request.last, request.mandate_id, {str(one) for one in request.people})
    made = (entry["service_id"], entry["first_day"], entry["last_day"], entry["mandate_id"], people)
    return entry if wanted == made else KeyReused("idempotency_key_reused")


async def _fetch(
    conn: Connection, requests: Sequence[JoinRequest], now: datetime
) -> tuple[list[JoinFacts], dict[UUID, int]]:
    """Take the locks and read what the rules ask, and how far each queue has come."""
    named = [(request, person) for request in requests for person in request.people]
    people = _by(await sql.bookings.lock_people(conn, ids=list({person for _, person in named})), "id")
    volunteers: Mapping[Any, Row] = {}
    mandates: Mapping[Any, Row] = {}
    assisted = [request for request in requests if request.mandate_id is not None]
    if assisted:
        accounts = list({request.account_id for request in assisted})
        volunteers = _by(await sql.bookings.lock_volunteers(conn, account_ids=accounts), "account_id")
        mandate_ids = {request.mandate_id for request in requests if request.mandate_id is not None}
        mandates = await mandate_use.hold(conn, mandate_ids, accounts)
    acted = await acted_today(conn, volunteers, now)
    wanted = list({request.service_id for request in requests})
    queues = await sql.waitlist.lock_queues(conn, services=wanted)
    services = _by(await sql.waitlist.services(conn, ids=wanted), "id")
    rules = await sql.waitlist.join_requests(
        conn,
        accounts=[request.account_id for request in requests],
        keys=[request.key for request in requests],
        services=[request.service_id for request in requests],
        firsts=[request.first for request in requests],
        lasts=[request.last for request in requests],
        parties=[len(request.people) for request in requests],
        assisted=[request.mandate_id is not None for request in requests],
        now=now,
    )
    told = iter(
        await sql.waitlist.join_people(
            conn,
            accounts=[request.account_id for request, _ in named],
            people=[person for _, person in named],
            services=[request.service_id for request, _ in named],
            firsts=[request.first for request, _ in named],
            lasts=[request.last for request, _ in named],
            now=now,
        )
    )
    facts = [
        JoinFacts(
            services.get(request.service_id),
            rule,
            [Member(people.get(person), next(told)) for person in request.people],
            mandates.get(request.mandate_id),
            volunteers.get(request.account_id),
            acted.get(request.account_id) if request.mandate_id is not None else None,
        )
        for request, rule in zip(requests, rules, strict=True)
    ]
    return facts, {queue["service_id"]: queue["last_place"] for queue in queues}


def _by(rows: Iterable[Row], name: str) -> dict[Any, Row]:
    return {row[name]: row for row in rows}


async def _write(conn: Connection, joined: Sequence[_Joined], now: datetime) -> set[UUID]:
    """Write entries and their members, and return the ids of those that kept their key."""
    if not joined:
        return set()
    in_order = sorted(joined, key=lambda entry: (entry.request.account_id, entry.request.key))
    rows = await sql.waitlist.insert_entries(
        conn,
        ids=[entry.id for entry in in_order],
        services=[entry.request.service_id for entry in in_order],
        places=[entry.place for entry in in_order],
        firsts=[entry.request.first for entry in in_order],
        lasts=[entry.request.last for entry in in_order],
        parties=[len(entry.request.people) for entry in in_order],
        accounts=[entry.request.account_id for entry in in_order],
        mandates=[entry.request.mandate_id for entry in in_order],
        keys=[entry.request.key for entry in in_order],
        now=now,
    )
    written = {row["id"] for row in rows}
    members = [(entry.id, person) for entry in in_order if entry.id in written for person in entry.request.people]
    await sql.waitlist.insert_members(
        conn, entries=[entry_id for entry_id, _ in members], people=[person for _, person in members]
    )
    return written


def _entry(entry: _Joined) -> audit.Entry:
    request = entry.request
    facts: dict[str, audit.Fact] = {
        "service_id": str(request.service_id),
        "place": entry.place,
        "from": str(request.first),
        "to": str(request.last),
        "people": [str(person) for person in request.people],
    }
    if request.mandate_id is not None:
        facts["mandate_id"] = str(request.mandate_id)
    return audit.Entry("waitlist.joined", entry.id, facts, request.account_id, request.request_id)
