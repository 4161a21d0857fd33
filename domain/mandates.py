"""Mandates: given by the family, and ended by family, volunteer or staff, one or all of a person at once.

Consent by a code to the person's phone is in `domain.mandate_codes`, by a signed paper in `domain.mandate_papers`. No
volunteer can make the consent that gives power to that same volunteer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sql
from domain import audit, help_release, notices
from domain.errors import Forbidden, NotFound
from domain.mandate_terms import add, begin, is_empowered, record, require_id, require_room
from domain.mandate_views import require_staff_of_mandate, show, show_to_staff
from domain.notices import Notice
from domain.permissions import require_care, require_registered, require_signed_in
from domain.vocabulary import ConsentWay, MandateStatus, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.mandate_terms import PersonNamed, Terms
    from domain.rows import Row


async def give(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms) -> dict[str, Any]:
    """Consent as the family: the mandate holds at once."""
    person_id = require_id(named)
    await require_care(conn, ctx, person_id)
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    await begin(conn, ctx, terms)
    if await is_empowered(conn, terms, account_id):
        raise Forbidden("volunteer_cannot_consent")
    await require_room(conn, ctx, person_id, terms, ConsentWay.FAMILY)
    mandate_id = await add(conn, ctx, person_id, terms, ConsentWay.FAMILY, consented=True)
    made = await show(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.given", mandate_id, person_id, terms)
    return made


async def revoke(conn: Connection, ctx: Context, mandate_id: UUID, reason: str) -> dict[str, Any]:
    """End a mandate, as the family or as the volunteer; doing so again changes nothing."""
    account_id = require_signed_in(ctx).account_id
    sides = await sql.mandate_views.sides(conn, id=mandate_id, account_id=account_id, now=ctx.now)
    if sides is None or not (sides["cares"] or sides["holds"]):
        raise NotFound("mandate_not_found")
    by = "family" if sides["cares"] else "volunteer"
    revoked = await _revoke(conn, ctx, mandate_id, reason, by)
    shown = await show(conn, ctx, mandate_id)
    if revoked:
        await audit.record(conn, ctx, "mandates.revoked", mandate_id, by=by)
    return shown


async def revoke_as_staff(conn: Connection, ctx: Context, mandate_id: UUID, reason: str) -> dict[str, Any]:
    await require_staff_of_mandate(conn, ctx, mandate_id)
    revoked = await _revoke(conn, ctx, mandate_id, reason, "staff")
    shown = await show_to_staff(conn, ctx, mandate_id)
    if revoked:
        await audit.record(conn, ctx, "mandates.revoked", mandate_id, by="staff")
    return shown


async def revoke_of_person(conn: Connection, ctx: Context, person_id: UUID, reason: str) -> None:
    """End every mandate of somebody in the caller's care, also those not confirmed yet."""
    await require_care(conn, ctx, person_id)
    revoked = await _end_all(conn, ctx, person_id=person_id, reason=reason)
    await _release(conn, ctx, revoked)
    if revoked:
        ended = [row["id"] for row in revoked]
        await audit.record(conn, ctx, "mandates.all_revoked", person_id, mandates=ended, by="family")


async def revoke_all(
    conn: Connection,
    ctx: Context,
    *,
    person_id: UUID | None = None,
    volunteer_id: UUID | None = None,
    by: str | None = None,
) -> int:
    """End every mandate of a person who goes, or of a volunteer who does; return how many.

    `by`: who is said to have ended it, where it was neither the family nor the volunteer.
    For other rules, which have checked the permission, write the audit, and end or hand on the help requests.
    """
    return len(await _end_all(conn, ctx, person_id=person_id, volunteer_id=volunteer_id, by=by))


async def _end_all(
    conn: Connection,
    ctx: Context,
    *,
    person_id: UUID | None = None,
    volunteer_id: UUID | None = None,
    reason: str = "",
    by: str | None = None,
) -> Sequence[Row]:
    caller = require_signed_in(ctx)
    revoked: Sequence[Row] = await sql.mandates.revoke_all(
        conn, person_id=person_id, volunteer_id=volunteer_id, revoked_by=caller.account_id, reason=reason, now=ctx.now
    )
    by = by or ("family" if volunteer_id is None else "volunteer")
    told = [Notice(row["person_id"], NoticeKind.MANDATE_REVOKED, row["id"], {"by": by}) for row in revoked]
    await notices.tell_all(conn, ctx.now, told)
    return revoked


async def _revoke(conn: Connection, ctx: Context, mandate_id: UUID, reason: str, by: str) -> bool:
    caller = require_signed_in(ctx)
    revoked = await sql.mandates.revoke(conn, id=mandate_id, revoked_by=caller.account_id, reason=reason, now=ctx.now)
    if revoked is None:
        return False
    await notices.tell(conn, ctx, revoked["person_id"], NoticeKind.MANDATE_REVOKED, mandate_id, by=by)
    await _release(conn, ctx, [revoked])
    return True


async def _release(conn: Connection, ctx: Context, revoked: Sequence[Row]) -> None:
    """Take from volunteers the requests that they had under mandates which were in force until now."""
    was_active = [row["id"] for row in revoked if row["was"] == MandateStatus.ACTIVE]
    await help_release.release_of_mandates(conn, ctx, was_active)
