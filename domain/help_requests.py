"""Asking for help: by the elder, the family, a clerk for a phone call, or a team's leader on a visit.

Locks: the person, whose live requests are counted, then the booking for which somebody is to come along. Who cancels
or moves that booking looks for requests of it behind the booking's own lock, and so finds one that was asked meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, care, mandate_terms, notices
from domain.constraints import refusing
from domain.errors import Conflict, Invalid, NotFound, TooMany
from domain.help_vocabulary import MAX_LIVE_REQUESTS_OF_PERSON, MAX_UNKNOWN_CARDS_A_DAY, AskedWay
from domain.help_wishes import check, end_of, normal_address, read_contact_phone
from domain.identifiers import new_id
from domain.permissions import require_care, require_signed_in, require_staff_in, require_team
from domain.vocabulary import CLERKS, BookingStatus, NoticeKind, Relation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.help_wishes import Wish
    from domain.mandate_terms import PersonNamed

PICKUP_INDEX = "pickup"
CARD_UNKNOWN = "help_requests.card_unknown"


@dataclass(frozen=True, slots=True)
class _About:
    """What is known of when and what the help is for, once service or booking have been looked up."""

    matter: str
    service_id: UUID | None
    days: Sequence[date]
    expires_at: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None


async def ask_as_family(conn: Connection, ctx: Context, person_id: UUID, wish: Wish) -> UUID:
    """Ask for oneself or for somebody in one's care; return the request's id."""
    await require_care(conn, ctx, person_id)
    account_id = require_signed_in(ctx).account_id
    relation = await sql.help_requests.relation(conn, account_id=account_id, person_id=person_id)
    way = AskedWay.SELF if relation == Relation.SELF else AskedWay.FAMILY
    return await _ask(conn, ctx, person_id, wish, way)


async def ask_as_staff(conn: Connection, ctx: Context, named: PersonNamed, wish: Wish) -> UUID:
    """Ask for somebody who phones or stands at the desk, met in an area that the caller works in."""
    await require_staff_in(conn, ctx, wish.area_id, *CLERKS)
    return await _ask(conn, ctx, await _person(conn, ctx, named), wish, AskedWay.PHONE)


async def ask_as_team(conn: Connection, ctx: Context, team_id: UUID, named: PersonNamed, wish: Wish) -> UUID:
    """Ask on a visit, for the caller's own team.

    By id a person can be named whom the team has to do with already, others by what stands on the card: it lies on
    the table. Cards of nobody whom we know are counted, or else numbers could be tried out here.
    """
    caller = await require_team(conn, ctx, team_id, *CLERKS)
    if named.person_id is None:
        await care.lock_caller(conn, ctx)
        await _require_few_wrong(conn, ctx, caller.account_id)
        if await mandate_terms.find_person(conn, ctx, named) is None:
            await audit.record(conn, ctx, CARD_UNKNOWN, None, team_id=str(team_id))
            raise NotFound("person_unknown").keeping()
    person_id = await _person(conn, ctx, named)
    if named.person_id is not None and not await sql.help_requests.known_to_team(
        conn, person_id=person_id, team_id=team_id
    ):
        raise NotFound("person_unknown")
    return await _ask(conn, ctx, person_id, wish, AskedWay.VISIT)


async def _require_few_wrong(conn: Connection, ctx: Context, account_id: UUID) -> None:
    wrong = await sql.people.visited(conn, account_id=account_id, actions=[CARD_UNKNOWN], since=ctx.now - care.DAY)
    if wrong["visits"] >= MAX_UNKNOWN_CARDS_A_DAY:
        wait = care.seconds_until(ctx, wrong["oldest"] + care.DAY)
        raise TooMany("help_unknown_cards", limit=MAX_UNKNOWN_CARDS_A_DAY, retry_after=wait)


async def _person(conn: Connection, ctx: Context, named: PersonNamed) -> UUID:
    person: Record | None = await mandate_terms.find_person(conn, ctx, named)
    if person is None:
        raise NotFound("person_unknown")
    person_id: UUID = person["id"]
    return person_id


async def _ask(conn: Connection, ctx: Context, person_id: UUID, wish: Wish, way: AskedWay) -> UUID:
    check(wish, ctx.now)
    sealed = _sealed(ctx, request_id := new_id(), wish)
    locked = await sql.people.lock(conn, ids=[person_id])
    if not locked or locked[0]["erased_at"] is not None:
        raise NotFound("person_unknown")
    if await sql.help_requests.live_of_person(conn, person_id=person_id) >= MAX_LIVE_REQUESTS_OF_PERSON:
        raise Conflict("help_requests_enough", limit=MAX_LIVE_REQUESTS_OF_PERSON)
    team_id = await _team(conn, wish)
    about = await _about(conn, ctx, person_id, wish)
    account_id = require_signed_in(ctx).account_id
    with refusing(help_request_booking_live=Conflict("help_for_booking_exists")):
        await sql.help_requests.add(
            conn,
            id=request_id,
            event_id=new_id(),
            person_id=person_id,
            team_id=team_id,
            area_id=wish.area_id,
            asked_by=account_id,
            asked_way=way,
            matter=about.matter,
            service_id=about.service_id,
            needs_booking=wish.needs_booking,
            needs_companion=wish.needs_companion,
            needs_ride=wish.needs_ride,
            language=wish.language,
            wished_days=about.days,
            part_of_day=wish.part_of_day,
            starts_at=about.starts_at,
            ends_at=about.ends_at,
            booking_id=wish.booking_id,
            expires_at=about.expires_at,
            now=ctx.now,
            **sealed,
        )
    if wish.booking_id is not None and await sql.help_requests.hold_booking(conn, id=wish.booking_id) is None:
        raise Conflict("help_booking_not_standing")
    await notices.tell(conn, ctx, person_id, NoticeKind.HELP_ASKED, request_id)
    await audit.record(
        conn, ctx, "help_requests.asked", request_id, person_id=str(person_id), team_id=str(team_id), way=way
    )
    return request_id


async def _team(conn: Connection, wish: Wish) -> UUID:
    found = await sql.help_requests.team(conn, area_id=wish.area_id, team_id=wish.team_id)
    if found is None:
        raise NotFound("area_not_found")
    team_id: UUID | None = found["id"]
    if team_id is None:
        raise Conflict("help_no_team") if wish.team_id is None else NotFound("team_not_found")
    return team_id


async def _about(conn: Connection, ctx: Context, person_id: UUID, wish: Wish) -> _About:
    if wish.booking_id is not None:
        return await _about_booking(conn, ctx, person_id, wish)
    days = sorted(set(wish.wished_days))
    expires_at = end_of(days[-1], wish.part_of_day)
    if wish.service_id is None:
        return _About(str(wish.matter), None, days, expires_at)
    service = await sql.help_requests.service(conn, id=wish.service_id)
    if service is None:
        raise NotFound("service_not_found")
    _check_matter(wish, service["kind"])
    return _About(service["kind"], service["id"], days, expires_at)


async def _about_booking(conn: Connection, ctx: Context, person_id: UUID, wish: Wish) -> _About:
    booking = await sql.help_requests.booking(conn, id=wish.booking_id, person_id=person_id)
    if booking is None:
        raise NotFound("booking_not_found")
    if booking["status"] != BookingStatus.BOOKED or booking["starts_at"] <= ctx.now:
        raise Conflict("help_booking_not_standing")
    if wish.service_id not in (None, booking["service_id"]):
        raise Invalid("help_other_service")
    _check_matter(wish, booking["kind"])
    margins = await sql.help_requests.margins(conn, area_id=wish.area_id)
    starts_at = booking["starts_at"] - timedelta(minutes=margins["before_minutes"])
    ends_at = booking["ends_at"] + timedelta(minutes=margins["after_minutes"])
    return _About(booking["kind"], booking["service_id"], [booking["day"]], starts_at, starts_at, ends_at)


def _check_matter(wish: Wish, kind: str) -> None:
    """Refuse another matter than the service's: a mandate for the one would not cover the other."""
    if wish.matter not in (None, kind):
        raise Invalid("help_other_matter", matters=[kind])


def _sealed(ctx: Context, request_id: UUID, wish: Wish) -> dict[str, Any]:
    """Seal what only who has the request may read, each value bound to its place."""
    clear = {
        "need_sealed": wish.need,
        "pickup_sealed": wish.pickup,
        "mobility_sealed": wish.mobility,
        "contact_phone_sealed": wish.contact_phone and read_contact_phone(wish.contact_phone),
    }
    sealed = {
        column: words and ctx.vault.seal("help_request", column, request_id, words.encode())
        for column, words in clear.items()
    }
    return {
        **{column: value or None for column, value in sealed.items()},
        "pickup_index": ctx.vault.blind(PICKUP_INDEX, normal_address(wish.pickup)) if wish.pickup else None,
    }
