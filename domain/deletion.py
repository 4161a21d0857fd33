"""Leaving: an account goes with its sessions, its care, and whatever nobody else keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sql
from domain import audit, care, enrolment_erasure, erasure, sessions, volunteers
from domain.errors import Conflict
from domain.permissions import require_signed_in
from domain.vocabulary import ConsentKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.vocabulary import Fate


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of each person in the account's care, and the sessions that have ended."""

    fates: Mapping[UUID, Fate]
    sessions: Sequence[UUID]


async def delete_account(conn: Connection, ctx: Context) -> Deleted:
    """Delete the caller's account.

    Refused while a booking that the account has made still stands, also one for somebody under a mandate, and while
    the account is out with somebody as a volunteer.
    """
    require_signed_in(ctx)
    account = await care.lock_caller(conn, ctx)
    account_id = account["id"]
    held = [row["id"] for row in await sql.care.of_account(conn, account_id=account_id)]
    await erasure.lock(conn, account_id, held)
    await _end_as_volunteer(conn, ctx, account_id)  # before looking for bookings: one that is being made holds this row
    live = await sql.erasure.live_bookings_by(conn, account_id=account_id, now=ctx.now)
    if live:
        raise Conflict("live_bookings", bookings=[dict(row) for row in live])
    fates = await erasure.let_go(conn, ctx, account_id, held)
    await sql.care_requests.withdraw_all(conn, account_id=account_id)
    ended = await sessions.end_all(conn, ctx, account_id, "account_deleted")
    await sql.erasure.forget_sign_in(conn, account_id=account_id)
    await sql.erasure.close_account(conn, account_id=account_id)
    entries = [audit.entry(ctx, "people.let_go", person_id, fate=fate) for person_id, fate in fates.items()]
    entries.append(audit.entry(ctx, "accounts.deleted", account_id))
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return Deleted(fates, ended)


async def withdraw_consent(
    conn: Connection, ctx: Context, kind: ConsentKind, person_id: UUID | None
) -> Mapping[UUID, Fate]:
    """Take a consent back, for one person or for all; return what became of each person it was given for.

    To apply for a child is consented to by itself: applications end with that, the care goes on, and nobody is in what
    is returned. Without any other consent there is no care: it ends, as by letting the persons go, and for one's own
    person that is the end of the registration and of being a volunteer; the account stays.
    """
    account = await care.lock_caller(conn, ctx)
    rows: Sequence[Mapping[str, UUID]] = await sql.consents.persons_under(
        conn, account_id=account["id"], kind=kind, person_id=person_id
    )
    person_ids = [row["person_id"] for row in rows]
    own = await sql.care.own(conn, account_id=account["id"])
    await erasure.lock(conn, account["id"], person_ids)
    if kind == ConsentKind.CHILD_ENROLMENT:
        return await _withdraw_enrolment(conn, ctx, account["id"], person_ids)
    if own is not None and own["id"] in person_ids:
        await _end_as_volunteer(conn, ctx, account["id"])
    fates = await erasure.let_go(conn, ctx, account["id"], person_ids)
    await audit.record_all(
        conn,
        ctx.vault,
        ctx.now,
        [audit.entry(ctx, "consents.withdrawn", person, kind=kind, fate=fate) for person, fate in fates.items()],
    )
    return fates


async def _withdraw_enrolment(
    conn: Connection, ctx: Context, account_id: UUID, person_ids: Sequence[UUID]
) -> Mapping[UUID, Fate]:
    kind = ConsentKind.CHILD_ENROLMENT
    await sql.enrolment_erasure.withdraw_consents(
        conn, account_id=account_id, person_ids=person_ids, kind=kind, at=ctx.now
    )
    await enrolment_erasure.withdraw_unconsented(conn, ctx, person_ids)
    entries = [audit.entry(ctx, "consents.withdrawn", person_id, kind=kind) for person_id in person_ids]
    await audit.record_all(conn, ctx.vault, ctx.now, entries)
    return {}


async def _end_as_volunteer(conn: Connection, ctx: Context, account_id: UUID) -> None:
    """End what the account is as a volunteer; whoever is out with somebody brings that to its end first."""
    under_way = await sql.erasure.help_under_way_by(conn, account_id=account_id)
    if under_way:
        raise Conflict("live_help", help_requests=[row["id"] for row in under_way])
    await volunteers.end(conn, ctx)
    await sql.erasure.erase_volunteer(conn, account_id=account_id)
