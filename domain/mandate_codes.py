"""Consent by a code to the person's own phone, read out to whoever asks: the volunteer, a carer, a clerk."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit
from domain.codes import new_code
from domain.errors import Conflict, NotFound, TooMany
from domain.mandate_papers import require_staff_of_holder
from domain.mandate_terms import (
    Terms,
    activate,
    add,
    begin,
    find_person,
    holder_of,
    pending_since,
    record,
    require_id,
    require_room,
)
from domain.mandate_views import show, show_to_staff
from domain.permissions import (
    require_care,
    require_registered,
    require_signed_in,
    require_team,
)
from domain.vocabulary import (
    ASKS_A_DAY_BY_VOLUNTEER,
    ASKS_A_DAY_OF_PERSON,
    CODE_ATTEMPTS,
    CODE_PAUSE_SECONDS,
    CODE_VALID_MINUTES,
    CODES_SENT,
    STAFF_ROLES,
    WRONG_PERSONS_AN_HOUR,
    ConsentWay,
    MandateStatus,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.mandate_terms import PersonNamed

HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
"""When to come back after too many: the limits look back as far."""


@dataclass(frozen=True, slots=True)
class CodeMessage:
    """What the person's phone is to show, once the transaction has committed."""

    mandate_id: UUID
    phone: str = field(repr=False)
    code: str = field(repr=False)
    code_hash: bytes = field(repr=False)
    volunteer: str | None = field(repr=False)
    team: str
    matters: tuple[str, ...]
    max_uses: int | None
    expires_at: datetime


async def ask(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms) -> dict[str, Any]:
    """Ask for a mandate; the answer's `message` is to be sent after the commit.

    A volunteer, or a team's leader, need not know the person's id. Whoever cannot be asked so (unknown, another name,
    no phone, or one that proves nothing) gets them one and the same refusal, which is counted.
    """
    if not await _asks_for_oneself(conn, ctx, terms):
        await require_care(conn, ctx, require_id(named))
        await require_registered(conn, ctx)
    return await _ask(conn, ctx, named, terms)


async def _asks_for_oneself(conn: Connection, ctx: Context, terms: Terms) -> bool:
    if terms.team_id is not None:
        try:
            await require_team(conn, ctx, terms.team_id)
        except NotFound:
            return False
        return True
    own = await sql.volunteers.by_account(conn, account_id=require_signed_in(ctx).account_id)
    return own is not None and own["id"] == terms.volunteer_id


async def ask_as_staff(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms) -> dict[str, Any]:
    await require_staff_of_holder(conn, ctx, terms)
    return await _ask(conn, ctx, named, terms)


async def repeat(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    """Answer a repeated request for a mandate; a code that could not be sent then is sent now."""
    asked = await _asked(conn, ctx, mandate_id)
    message = await _new_code(conn, ctx, mandate_id) if asked["code_sent_at"] is None else None
    return {**await _show(conn, ctx, mandate_id), "message": message}


async def send_again(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    """Send a new code for a mandate that the caller has asked for; the one before is good no more."""
    asked = await _asked(conn, ctx, mandate_id)
    message = await _new_code(conn, ctx, mandate_id)
    if message is None:
        raise _why_no_code(ctx, asked)
    shown = await _show(conn, ctx, mandate_id)
    await audit.record(conn, ctx, "mandates.code_sent_again", mandate_id)
    return {**shown, "message": message}


async def withdraw(conn: Connection, message: CodeMessage) -> None:
    """Forget a code that could not be sent, so that the next try may send another at once."""
    await sql.mandates.withdraw_code(conn, id=message.mandate_id, code_hash=message.code_hash)


async def confirm(conn: Connection, ctx: Context, mandate_id: UUID, code: str) -> dict[str, Any]:
    """Make a mandate hold by the code that its person was sent and has read out."""
    asked = await _asked(conn, ctx, mandate_id)
    terms = Terms.of(asked)
    await sql.mandates.serialise_holder(conn, holder_id=terms.holder_id)
    attempt = await sql.mandates.spend_attempt(conn, id=mandate_id, now=ctx.now)
    if attempt is None:
        return await _not_waiting(conn, ctx, mandate_id)
    if not hmac.compare_digest(attempt["code_hash"], ctx.vault.hash_code(mandate_id, code)):
        left = attempt["attempts_left"]
        await audit.record(conn, ctx, "mandates.code_failed", mandate_id, attempts_left=left)
        raise Conflict("code_wrong", attempts_left=left).keeping()
    await begin(conn, ctx, terms)
    await require_room(conn, ctx, asked["person_id"], terms, ConsentWay.SMS)
    await activate(conn, ctx, mandate_id, asked["person_id"], ConsentWay.SMS)  # the attempt before has locked it
    shown = await _show(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.confirmed", mandate_id, asked["person_id"], terms)
    return shown


async def _ask(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms) -> dict[str, Any]:
    caller = require_signed_in(ctx)
    await begin(conn, ctx, terms)
    wrong = await sql.mandates.refused_persons(
        conn, account_id=caller.account_id, since=ctx.now - timedelta(seconds=HOUR_SECONDS)
    )
    if wrong >= WRONG_PERSONS_AN_HOUR:
        raise TooMany("wrong_persons_too_often", retry_after=HOUR_SECONDS)
    person = await find_person(conn, ctx, named)
    if person is None or not await _can_consent(conn, person, terms):
        await audit.record(conn, ctx, "mandates.person_refused", terms.holder_id)
        raise NotFound("person_not_reachable").keeping()
    standing = await require_room(conn, ctx, person["id"], terms, ConsentWay.SMS)
    if standing["pending_id"] is not None:
        raise Conflict("mandate_pending", mandate_id=standing["pending_id"])
    if standing["asked_of_person"] >= ASKS_A_DAY_OF_PERSON or standing["asked_for_holder"] >= ASKS_A_DAY_BY_VOLUNTEER:
        raise TooMany("asked_too_often", retry_after=DAY_SECONDS)
    mandate_id = await add(conn, ctx, person["id"], terms, ConsentWay.SMS, consented=False, attempts=CODE_ATTEMPTS)
    message = await _new_code(conn, ctx, mandate_id)
    shown = await _show(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.asked", mandate_id, person["id"], terms)
    return {**shown, "message": message}


async def _can_consent(conn: Connection, person: Record, terms: Terms) -> bool:
    """Whether a code to the person's phone proves consent: no volunteer reads it on a phone of their own."""
    if person["phone_sealed"] is None:
        return False
    return not await sql.mandates.proves_nothing(
        conn, person_id=person["id"], volunteer_id=terms.volunteer_id, team_id=terms.team_id
    )


async def _new_code(conn: Connection, ctx: Context, mandate_id: UUID) -> CodeMessage | None:
    code = new_code()
    code_hash = ctx.vault.hash_code(mandate_id, code)
    waiting = await sql.mandates.set_code(
        conn,
        id=mandate_id,
        code_hash=code_hash,
        code_expires_at=ctx.now + timedelta(minutes=CODE_VALID_MINUTES),
        now=ctx.now,
        sent_before=ctx.now - timedelta(seconds=CODE_PAUSE_SECONDS),
        asked_after=pending_since(ConsentWay.SMS, ctx.now),
        most=CODES_SENT,
    )
    if waiting is None:
        return None
    terms = Terms.of(waiting)
    holder = await holder_of(conn, terms)
    person = await sql.mandates.person_by_id(conn, id=waiting["person_id"])
    if person is None or not await _can_consent(conn, person, terms):
        raise NotFound("person_not_reachable")
    return CodeMessage(
        mandate_id=mandate_id,
        phone=ctx.vault.unseal("person", "phone_sealed", person["id"], person["phone_sealed"]).decode(),
        code=code,
        code_hash=code_hash,
        volunteer=holder["name"],
        team=holder["team_name"],
        matters=tuple(waiting["matters"]),
        max_uses=waiting["max_uses"],
        expires_at=waiting["expires_at"],
    )


async def _asked(conn: Connection, ctx: Context, mandate_id: UUID) -> Record:
    caller = require_signed_in(ctx)
    asked: Record | None = await sql.mandates.asked(conn, id=mandate_id, account_id=caller.account_id)
    if asked is None or asked["consent_way"] != ConsentWay.SMS:
        raise NotFound("mandate_not_found")
    return asked


async def _show(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    if require_signed_in(ctx).roles.isdisjoint(STAFF_ROLES):
        return await show(conn, ctx, mandate_id)
    return await show_to_staff(conn, ctx, mandate_id)


async def _not_waiting(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    """Answer a confirmation that changes nothing: repeated, or too late."""
    now_asked = await _asked(conn, ctx, mandate_id)
    if now_asked["status"] == MandateStatus.ACTIVE:
        return await _show(conn, ctx, mandate_id)
    if now_asked["status"] == MandateStatus.REVOKED:
        raise Conflict("mandate_not_pending", state=now_asked["status"])
    raise Conflict("code_spent" if now_asked["attempts_left"] == 0 else "code_expired")


def _why_no_code(ctx: Context, asked: Record) -> Conflict | TooMany:
    if asked["status"] != MandateStatus.PENDING:
        return Conflict("mandate_not_pending", state=asked["status"])
    if (
        asked["attempts_left"] == 0
        or asked["codes_sent"] >= CODES_SENT
        or asked["created_at"] <= pending_since(ConsentWay.SMS, ctx.now)
    ):
        return Conflict("code_spent")
    return TooMany("code_too_soon", retry_after=CODE_PAUSE_SECONDS)
