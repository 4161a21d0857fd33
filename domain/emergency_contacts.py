"""Whom to call when something happens to a person.

It is somebody else's name and number, so both are sealed. Who cares for the person sees and changes them; so do the
desk and, while it has to do with the person, the team. What these two do is recorded, and the family told of changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, notices
from domain.errors import Invalid, NotFound
from domain.help_vocabulary import LIVE
from domain.help_wishes import read_contact_phone
from domain.identity import mask_phone, read_name
from domain.permissions import require_care, require_signed_in, require_staff_somewhere, require_team
from domain.vocabulary import CLERKS, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.vault import Vault

TABLE = "emergency_contact"


@dataclass(frozen=True, slots=True)
class Contact:
    name: str = field(repr=False)
    phone: str = field(repr=False)


def read(given: Mapping[str, str]) -> Contact:
    """Bring name and number, mobile or landline, into their one form; or raise Invalid, naming the contact's field."""
    return Contact(_field("name", read_name, given), _field("phone", read_contact_phone, given))


def _field(name: str, reading: Callable[[str], str], given: Mapping[str, str]) -> str:
    try:
        return reading(given[name])
    except Invalid as wrong:
        wrong.facts["field"] = f"{TABLE}.{name}"
        raise


async def show(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    """Show whom to call for a person in the caller's care."""
    await require_care(conn, ctx, person_id)
    return _opened(ctx.vault, await _one(conn, person_id))


async def change(conn: Connection, ctx: Context, person_id: UUID, given: Mapping[str, str]) -> Mapping[str, Any]:
    await require_care(conn, ctx, person_id)
    return await _change(conn, ctx, person_id, read(given))


async def remove(conn: Connection, ctx: Context, person_id: UUID) -> None:
    """Forget whom to call; once more is no error."""
    await require_care(conn, ctx, person_id)
    await _remove(conn, ctx, person_id)


async def show_at_desk(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    return await _show_and_record(conn, ctx, person_id)


async def change_at_desk(
    conn: Connection, ctx: Context, person_id: UUID, given: Mapping[str, str]
) -> Mapping[str, Any]:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    return await _change(conn, ctx, person_id, read(given), {"way": "desk"})


async def remove_at_desk(conn: Connection, ctx: Context, person_id: UUID) -> None:
    await require_staff_somewhere(conn, ctx, *CLERKS)
    await _remove(conn, ctx, person_id, {"way": "removed"})


async def show_to_team(conn: Connection, ctx: Context, team_id: UUID, person_id: UUID) -> Mapping[str, Any]:
    await _require_hands_of_team(conn, ctx, team_id, person_id)
    return await _show_and_record(conn, ctx, person_id)


async def change_by_team(
    conn: Connection, ctx: Context, team_id: UUID, person_id: UUID, given: Mapping[str, str]
) -> Mapping[str, Any]:
    await _require_hands_of_team(conn, ctx, team_id, person_id)
    return await _change(conn, ctx, person_id, read(given), {"way": "team", "team_id": team_id})


async def _require_hands_of_team(conn: Connection, ctx: Context, team_id: UUID, person_id: UUID) -> None:
    """Only who answers for a team that helps the person now, or has registered whom nobody cares for."""
    await require_team(conn, ctx, team_id, *CLERKS)
    if not await sql.emergency_contacts.in_hands_of_team(conn, team_id=team_id, person_id=person_id, live=LIVE):
        raise NotFound("person_not_with_team")


async def put(conn: Connection, ctx: Context, person_id: UUID, contact: Contact) -> None:
    """Write down whom to call, for a rule that has checked the permission and locked the person."""
    await sql.emergency_contacts.put(
        conn,
        person_id=person_id,
        name_sealed=ctx.vault.seal(TABLE, "name_sealed", person_id, contact.name.encode()),
        phone_sealed=ctx.vault.seal(TABLE, "phone_sealed", person_id, contact.phone.encode()),
        set_by=require_signed_in(ctx).account_id,
        now=ctx.now,
    )


async def masked(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any] | None:
    """Return whom to call with a mask in the place of the number, for a rule that has checked the permission."""
    row = await sql.emergency_contacts.one(conn, person_id=person_id)
    if row is None:
        return None
    opened = _opened(ctx.vault, row)
    return {**opened, "phone": mask_phone(opened["phone"])}


async def of_people(conn: Connection, vault: Vault, person_ids: Sequence[UUID]) -> list[Mapping[str, Any]]:
    """Return whom to call for several persons, for a rule that has checked the permission."""
    rows = await sql.emergency_contacts.of_people(conn, person_ids=person_ids)
    return [_opened(vault, row) for row in rows]


async def _show_and_record(conn: Connection, ctx: Context, person_id: UUID) -> Mapping[str, Any]:
    shown = _opened(ctx.vault, await _one(conn, person_id))
    await audit.record(conn, ctx, "people.emergency_contact_shown", person_id)
    return shown


async def _change(
    conn: Connection, ctx: Context, person_id: UUID, contact: Contact, told: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Write down whom to call and tell the family how that came about, where it was not the family."""
    await _lock(conn, person_id)
    row = await sql.emergency_contacts.one(conn, person_id=person_id)
    if row is not None:
        before = _opened(ctx.vault, row)
        if contact == Contact(before["name"], before["phone"]):
            return before
    await put(conn, ctx, person_id, contact)
    await _tell(conn, ctx, person_id, told)
    changed = _opened(ctx.vault, await _one(conn, person_id))
    await audit.record(conn, ctx, "people.emergency_contact_changed", person_id)
    return changed


async def _remove(conn: Connection, ctx: Context, person_id: UUID, told: Mapping[str, Any] | None = None) -> None:
    await _lock(conn, person_id)
    if await sql.emergency_contacts.remove(conn, person_ids=[person_id]):
        await _tell(conn, ctx, person_id, told)
        await audit.record(conn, ctx, "people.emergency_contact_removed", person_id)


async def _tell(conn: Connection, ctx: Context, person_id: UUID, told: Mapping[str, Any] | None) -> None:
    if told is not None:
        await notices.tell(conn, ctx, person_id, NoticeKind.EMERGENCY_CONTACT_CHANGED, person_id, **told)


async def _lock(conn: Connection, person_id: UUID) -> None:
    """Hold the person, so that nothing is written behind an erasure."""
    locked = await sql.people.lock(conn, ids=[person_id])
    if not locked or locked[0]["erased_at"] is not None:
        raise NotFound("person_unknown")


async def _one(conn: Connection, person_id: UUID) -> Record:
    row: Record | None = await sql.emergency_contacts.one(conn, person_id=person_id)
    if row is None:
        raise NotFound("no_emergency_contact")
    return row


def _opened(vault: Vault, row: Record) -> Mapping[str, Any]:
    person_id = row["person_id"]
    return {
        "person_id": person_id,
        "name": vault.unseal(TABLE, "name_sealed", person_id, row["name_sealed"]).decode(),
        "phone": vault.unseal(TABLE, "phone_sealed", person_id, row["phone_sealed"]).decode(),
        "set_at": row["set_at"],
    }
