"""Mandates: who may act for whom, in which matters, until when; given by the family or at a desk, and ended.

Consent by a code to the person's phone is in `domain.mandate_codes`. No volunteer can make the consent
that gives power to that same volunteer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, notices
from domain.constraints import refusing
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.identifiers import new_id
from domain.identity import mask_id_number, mask_phone, read_id_number, read_name, same_name
from domain.notices import Notice
from domain.permissions import (
    require_care,
    require_registered,
    require_signed_in,
    require_staff_of_volunteer,
    require_staff_somewhere,
)
from domain.vocabulary import (
    CLERKS,
    LOCAL_ZONE,
    MANDATE_PENDING_MINUTES,
    MAX_MANDATE_DAYS,
    MAX_MANDATES_OF_PERSON,
    MAX_PERSONS_OF_VOLUNTEER,
    ConsentWay,
    MandateState,
    MandateStatus,
    NoticeKind,
    VolunteerStatus,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vault import Vault


@dataclass(frozen=True, slots=True)
class Terms:
    """What a mandate is to allow: to whom, in which matters, until when."""

    volunteer_id: UUID
    matters: Sequence[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PersonNamed:
    """Whom a mandate is to be for: by id, or by what stands on the card that lies on the table."""

    person_id: UUID | None = None
    id_number: str | None = None
    name: str | None = None


async def give(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms) -> dict[str, Any]:
    """Consent as the family: the mandate holds at once."""
    person_id = require_id(named)
    await require_care(conn, ctx, person_id)
    await require_registered(conn, ctx)
    account_id = require_signed_in(ctx).account_id
    volunteer = await begin(conn, ctx, terms)
    if volunteer["account_id"] == account_id:
        raise Forbidden("volunteer_cannot_consent")
    await require_room(conn, ctx, person_id, volunteer)
    mandate_id = await add(conn, ctx, person_id, terms, ConsentWay.FAMILY, consented=True)
    made = await show(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.given", mandate_id, person_id, terms)
    return made


async def register(conn: Connection, ctx: Context, named: PersonNamed, terms: Terms, file_id: UUID) -> dict[str, Any]:
    """Enter, at a desk, a mandate that was signed on paper; its photo was stored by the same clerk."""
    await require_staff_of_volunteer(conn, ctx, terms.volunteer_id, *CLERKS)
    account_id = require_signed_in(ctx).account_id
    volunteer = await begin(conn, ctx, terms)
    person = await find_person(conn, ctx, named)
    if person is None:
        raise NotFound("person_unknown")
    if not await sql.files.added_by(conn, id=file_id, account_id=account_id):
        raise NotFound("file_not_found")
    await require_room(conn, ctx, person["id"], volunteer)
    mandate_id = await add(conn, ctx, person["id"], terms, ConsentWay.DESK, consented=True, file_id=file_id)
    made = await show_to_staff(conn, ctx, mandate_id)
    await record(conn, ctx, "mandates.registered", mandate_id, person["id"], terms, file_id=str(file_id))
    return made


async def revoke(conn: Connection, ctx: Context, mandate_id: UUID, reason: str) -> dict[str, Any]:
    """End a mandate, as the family or as the volunteer; doing so again changes nothing."""
    account_id = require_signed_in(ctx).account_id
    sides = await sql.mandates.sides(conn, id=mandate_id, account_id=account_id)
    if sides is None or not (sides["cares"] or sides["acts"]):
        raise NotFound("mandate_not_found")
    by = "family" if sides["cares"] else "volunteer"
    revoked = await _revoke(conn, ctx, mandate_id, reason, by)
    shown = await show(conn, ctx, mandate_id)
    if revoked:
        await audit.record(conn, ctx, "mandates.revoked", mandate_id, by=by)
    return shown


async def revoke_as_staff(conn: Connection, ctx: Context, mandate_id: UUID, reason: str) -> dict[str, Any]:
    await _require_staff_of_mandate(conn, ctx, mandate_id)
    revoked = await _revoke(conn, ctx, mandate_id, reason, "staff")
    shown = await show_to_staff(conn, ctx, mandate_id)
    if revoked:
        await audit.record(conn, ctx, "mandates.revoked", mandate_id, by="staff")
    return shown


async def revoke_all(
    conn: Connection, ctx: Context, *, person_id: UUID | None = None, volunteer_id: UUID | None = None
) -> int:
    """End every mandate of a person who goes, or of a volunteer who does; return how many.

    For other rules, which have checked the permission and write the audit.
    """
    caller = require_signed_in(ctx)
    revoked = await sql.mandates.revoke_all(
        conn, person_id=person_id, volunteer_id=volunteer_id, revoked_by=caller.account_id, now=ctx.now
    )
    by = "family" if volunteer_id is None else "volunteer"
    told = [Notice(row["person_id"], NoticeKind.MANDATE_REVOKED, row["id"], {"by": by}) for row in revoked]
    await notices.tell_all(conn, ctx.now, told)
    return len(revoked)


async def show(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    account_id = require_signed_in(ctx).account_id
    sides = await sql.mandates.sides(conn, id=mandate_id, account_id=account_id)
    if sides is None or not (sides["cares"] or sides["acts"]):
        raise NotFound("mandate_not_found")
    return (await _whole(conn, ctx, [mandate_id]))[0]


async def show_to_staff(conn: Connection, ctx: Context, mandate_id: UUID) -> dict[str, Any]:
    await _require_staff_of_mandate(conn, ctx, mandate_id)
    return (await _whole(conn, ctx, [mandate_id], to_staff=True))[0]


async def list_for_account(
    conn: Connection, ctx: Context, person_id: UUID | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """List the mandates of all persons in the caller's care, and those that the caller holds."""
    account_id = require_signed_in(ctx).account_id
    rows = await sql.mandates.ids_for_account(
        conn, account_id=account_id, person_id=person_id, after=after, limit=limit + 1
    )
    return await _whole(conn, ctx, [row["id"] for row in rows])


async def list_for_staff(
    conn: Connection,
    ctx: Context,
    person_id: UUID | None,
    volunteer_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    rows = await sql.mandates.ids_for_staff(
        conn,
        account_id=require_signed_in(ctx).account_id,
        roles=CLERKS,
        person_id=person_id,
        volunteer_id=volunteer_id,
        after=after,
        limit=limit + 1,
    )
    return await _whole(conn, ctx, [row["id"] for row in rows], to_staff=True)


async def begin(conn: Connection, ctx: Context, terms: Terms) -> Record:
    """Check the terms and return the volunteer, whose mandates nobody else makes until the transaction ends."""
    if not ctx.now < terms.expires_at <= ctx.now + timedelta(days=MAX_MANDATE_DAYS):
        raise Invalid(
            "mandate_period", latest=(ctx.now + timedelta(days=MAX_MANDATE_DAYS)).astimezone(LOCAL_ZONE).date()
        )
    await sql.mandates.serialise_volunteer(conn, volunteer_id=terms.volunteer_id)
    volunteer: Record | None = await sql.mandates.volunteer(conn, id=terms.volunteer_id)
    if volunteer is None:
        raise NotFound("volunteer_not_found")
    if volunteer["status"] != VolunteerStatus.APPROVED:
        raise Conflict("volunteer_not_serving")
    return volunteer


def require_id(named: PersonNamed) -> UUID:
    """Return the id by which the family names the person; what stands on the card proves no care."""
    if named.person_id is None:
        raise Invalid("person_id_required")
    return named.person_id


async def find_person(conn: Connection, ctx: Context, named: PersonNamed) -> Record | None:
    """Find a person by id, or by number and name together; None tells nothing of which was wrong."""
    found: Record | None
    if named.person_id is not None:
        found = await sql.mandates.person_by_id(conn, id=named.person_id)
        return found
    number, name = named.id_number or "", named.name or ""
    identity = read_id_number(number, ctx.now.astimezone(LOCAL_ZONE).date())
    wanted = read_name(name)
    found = await sql.mandates.person_by_document(conn, document_index=ctx.vault.blind(identity.kind, identity.number))
    return found if found is not None and same_name(found["name"], wanted) else None


async def require_room(conn: Connection, ctx: Context, person_id: UUID, volunteer: Record) -> Record:
    """Raise Conflict where the person or the volunteer has mandates enough; return what stands between them."""
    await sql.mandates.serialise_person(conn, person_id=person_id)
    standing: Record = await sql.mandates.standing(
        conn,
        person_id=person_id,
        volunteer_id=volunteer["id"],
        account_id=volunteer["account_id"],
        now=ctx.now,
        day_ago=ctx.now - timedelta(days=1),
        hour_ago=pending_since(ctx.now),
    )
    if standing["volunteer_cares"]:
        raise Conflict("volunteer_already_cares")
    if standing["of_person"] >= MAX_MANDATES_OF_PERSON:
        raise Conflict("person_has_mandates_enough", limit=MAX_MANDATES_OF_PERSON)
    if standing["other_persons"] >= MAX_PERSONS_OF_VOLUNTEER:
        raise Conflict("volunteer_has_persons_enough", limit=MAX_PERSONS_OF_VOLUNTEER)
    return standing


def pending_since(now: datetime) -> datetime:
    """Return when a mandate that is still pending must have been asked for; an older one has lapsed."""
    return now - timedelta(minutes=MANDATE_PENDING_MINUTES)


async def add(
    conn: Connection,
    ctx: Context,
    person_id: UUID,
    terms: Terms,
    way: ConsentWay,
    *,
    consented: bool,
    attempts: int = 0,
    file_id: UUID | None = None,
) -> UUID:
    """Write a mandate and tell of it."""
    account_id = require_signed_in(ctx).account_id
    mandate_id = new_id()
    with refusing(mandate_one_live=Conflict("mandate_exists")):
        await sql.mandates.add(
            conn,
            id=mandate_id,
            person_id=person_id,
            volunteer_id=terms.volunteer_id,
            matters=sorted(set(terms.matters)),
            consent_way=way,
            status=MandateStatus.ACTIVE if consented else MandateStatus.PENDING,
            expires_at=terms.expires_at,
            requested_by=account_id,
            now=ctx.now,
            consented_by=account_id if consented else None,
            consented_at=ctx.now if consented else None,
            file_id=file_id,
            attempts=attempts,
        )
    kind = NoticeKind.MANDATE_GIVEN if consented else NoticeKind.MANDATE_REQUESTED
    await notices.tell(conn, ctx, person_id, kind, mandate_id, way=way)
    return mandate_id


async def record(
    conn: Connection, ctx: Context, action: str, mandate_id: UUID, person_id: UUID, terms: Terms, **facts: str
) -> None:
    await audit.record(
        conn,
        ctx,
        action,
        mandate_id,
        person_id=str(person_id),
        volunteer_id=str(terms.volunteer_id),
        matters=sorted(set(terms.matters)),
        expires_at=terms.expires_at.isoformat(),
        **facts,
    )


async def _revoke(conn: Connection, ctx: Context, mandate_id: UUID, reason: str, by: str) -> bool:
    caller = require_signed_in(ctx)
    revoked = await sql.mandates.revoke(conn, id=mandate_id, revoked_by=caller.account_id, reason=reason, now=ctx.now)
    if revoked is None:
        return False
    await notices.tell(conn, ctx, revoked["person_id"], NoticeKind.MANDATE_REVOKED, mandate_id, by=by)
    return True


async def _require_staff_of_mandate(conn: Connection, ctx: Context, mandate_id: UUID) -> None:
    account_id = require_signed_in(ctx).account_id
    if not await sql.permissions.staff_of_mandate(conn, account_id=account_id, roles=CLERKS, mandate_id=mandate_id):
        raise NotFound("mandate_not_found")


async def _whole(
    conn: Connection, ctx: Context, ids: Sequence[UUID], *, to_staff: bool = False
) -> list[dict[str, Any]]:
    """Load mandates in the order newest first, each as far as the caller may see it."""
    account_id = require_signed_in(ctx).account_id
    rows = await sql.mandates.shown(conn, ids=ids, account_id=account_id)
    uses: dict[UUID, list[Record]] = {row["id"]: [] for row in rows}
    for use in await sql.mandates.uses(conn, ids=ids):
        uses[use["mandate_id"]].append(use)
    return [_shown(ctx, row, uses[row["id"]], to_staff=to_staff) for row in rows]


def _shown(ctx: Context, row: Record, uses: list[Record], *, to_staff: bool) -> dict[str, Any]:
    """Hide the person, and what was done, from the volunteer of a mandate that does not hold."""
    state = _state(row, ctx.now)
    of_family = row["cares"] or to_staff
    shown = {
        **row,
        "status": state,
        "consent": row["consent_way"],
        "person": None,
        "uses": [],
        "file_id": row["file_id"] if to_staff else None,
        "revoke_reason": row["revoke_reason"] if of_family else "",
    }
    if of_family or state == MandateState.ACTIVE:
        shown |= {"person": _masked(ctx.vault, row), "uses": uses}
    return shown


def _masked(vault: Vault, row: Record) -> dict[str, Any]:
    document, phone = (
        row[column] and vault.unseal("person", column, row["person_id"], row[column]).decode()
        for column in ("document_sealed", "phone_sealed")
    )
    return {
        "id": row["person_id"],
        "name": row["person_name"],
        "id_number": document and mask_id_number(document),
        "phone": phone and mask_phone(phone),
    }


def _state(row: Record, now: datetime) -> MandateState:
    if row["status"] == MandateStatus.REVOKED:
        return MandateState.REVOKED
    if row["expires_at"] <= now:
        return MandateState.EXPIRED
    if row["status"] == MandateStatus.PENDING:
        lapsed = row["attempts_left"] == 0 or row["created_at"] <= pending_since(now)
        return MandateState.EXPIRED if lapsed else MandateState.PENDING
    return MandateState.ACTIVE
