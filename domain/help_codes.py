"""The two codes of a help request: the family reads out one at the start and the other at the end.

Where no account cares for the person, nobody would see them: then they are sent by text to the person's own phone, or
else to the number given with the request, never to one that is the volunteer's or that the volunteer has entered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import sql
from domain import audit, help_states
from domain.codes import new_code
from domain.errors import Conflict, TooMany
from domain.help_lists import require_of_team
from domain.help_vocabulary import MAX_CODE_TEXTS, TAKEN
from domain.identity import MOBILE
from domain.permissions import require_team
from domain.person_records import phone_index
from domain.vocabulary import CLERKS, CODE_PAUSE_SECONDS

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row


@dataclass(frozen=True, slots=True)
class CodesText:
    """What a phone is to show, once the transaction has committed."""

    request_id: UUID
    sent_at: datetime
    phone: str = field(repr=False)
    volunteer: str = field(repr=False)
    team: str
    start_code: str = field(repr=False)
    end_code: str = field(repr=False)


async def give(conn: Connection, ctx: Context, request_id: UUID) -> CodesText | None:
    """Draw new codes for a request that somebody has just taken; the caller holds the request.

    Return the text that is to be sent after the commit, where one is needed and possible.
    """
    start_code = end_code = new_code()
    while end_code == start_code:  # the code of the start must not end it
        end_code = new_code()
    await sql.help_codes.give(conn, id=request_id, start_code=start_code, end_code=end_code)
    about = await sql.help_codes.about(conn, id=request_id)
    if about["cared_for"] or not about["comes_along"]:
        return None
    phone = await _phone(conn, ctx, about)
    return None if phone is None else await _text(conn, ctx, about, phone)


async def send_again(conn: Connection, ctx: Context, team_id: UUID, request_id: UUID) -> CodesText:
    """Have the codes of a request of the team sent once more; the text is to be sent after the commit."""
    await require_team(conn, ctx, team_id, *CLERKS)
    await require_of_team(conn, team_id, request_id)
    (request,) = await help_states.lock(conn, [request_id])
    if request["state"] not in TAKEN:
        raise Conflict("help_in_other_state", state=request["state"])
    about = await sql.help_codes.about(conn, id=request_id)
    if not about["comes_along"]:
        raise Conflict("help_needs_only_booking")
    if about["cared_for"]:
        raise Conflict("help_codes_with_family")
    phone = await _phone(conn, ctx, about)
    if phone is None:
        raise Conflict("help_codes_no_phone")
    text = await _text(conn, ctx, about, phone)
    if text is None:
        if request["codes_sent"] >= MAX_CODE_TEXTS:
            raise Conflict("help_codes_sent_enough", limit=MAX_CODE_TEXTS)
        raise TooMany("code_too_soon", retry_after=CODE_PAUSE_SECONDS)
    await audit.record(conn, ctx, "help_requests.codes_sent_again", request_id)
    return text


async def take_back(conn: Connection, text: CodesText) -> None:
    """Forget a text that could not be sent, so that the team sees it and may have the next one sent at once."""
    await sql.help_codes.take_text_back(conn, id=text.request_id, start_code=text.start_code, sent_at=text.sent_at)


async def _phone(conn: Connection, ctx: Context, about: Row) -> str | None:
    """Return the first number that takes a text and is not the volunteer's."""
    for sealed, place in (
        (about["person_phone_sealed"], ("person", "phone_sealed", about["person_id"])),
        (about["contact_phone_sealed"], ("help_request", "contact_phone_sealed", about["id"])),
    ):
        phone = None if sealed is None else ctx.vault.unseal(*place, sealed).decode()
        if phone is None or not MOBILE.fullmatch(phone):
            continue
        index = phone_index(ctx.vault, phone)
        if not await sql.help_codes.is_of_volunteer(conn, volunteer_id=about["volunteer_id"], phone_index=index):
            return phone
    return None


async def _text(conn: Connection, ctx: Context, about: Row, phone: str) -> CodesText | None:
    """Count the text; None where it is too soon for one or there were too many."""
    counted = await sql.help_codes.count_text(
        conn,
        id=about["id"],
        now=ctx.now,
        sent_before=ctx.now - timedelta(seconds=CODE_PAUSE_SECONDS),
        most=MAX_CODE_TEXTS,
    )
    if counted is None:
        return None
    names = (about["volunteer_name"], about["team_name"])
    return CodesText(about["id"], ctx.now, phone, *names, about["start_code"], about["end_code"])
