"""How a person stands in the database: sealed, found again by document, shown with masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sql
from domain.identifiers import new_id
from domain.identity import mask_id_number, mask_phone
from domain.permissions import require_signed_in
from domain.vocabulary import Assurance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from asyncpg import Connection, Record

    from domain.context import Context
    from domain.identity import Identity
    from domain.vault import Vault

    Row = Record | Mapping[str, Any]

PHONE_INDEX = "phone"


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is said of a person who is to be added."""

    identity: Identity
    name: str = field(repr=False)
    phone: str | None = field(repr=False)
    assurance: Assurance = Assurance.DECLARED
    team_id: UUID | None = None
    """Whose leader reads the document on a visit."""


def document_index(vault: Vault, identity: Identity) -> bytes:
    return vault.blind(identity.kind, identity.number)


def phone_index(vault: Vault, phone: str | None) -> bytes | None:
    return None if phone is None else vault.blind(PHONE_INDEX, phone)


def seal_phone(vault: Vault, person_id: UUID, phone: str | None) -> bytes | None:
    return None if phone is None else vault.seal("person", "phone_sealed", person_id, phone.encode())


def open_phone(vault: Vault, person: Row) -> str | None:
    sealed = person["phone_sealed"]
    return None if sealed is None else vault.unseal("person", "phone_sealed", person["id"], sealed).decode()


def open_document(vault: Vault, person: Row) -> str:
    return vault.unseal("person", "document_sealed", person["id"], person["document_sealed"]).decode()


def masked(vault: Vault, person: Row) -> dict[str, Any]:
    """Return a person's row with masks in the place of what is sealed."""
    phone = open_phone(vault, person)
    return {
        **person,
        "id_number": mask_id_number(open_document(vault, person)),
        "phone": None if phone is None else mask_phone(phone),
    }


def in_full(vault: Vault, person: Row) -> dict[str, Any]:
    """Return a person's row with what is sealed opened; whoever calls this writes an audit row."""
    return {**person, "id_number": open_document(vault, person), "phone": open_phone(vault, person)}


async def add_or_find(conn: Connection, ctx: Context, given: Particulars) -> tuple[UUID, Record | None]:
    """Add a person and return the id; where somebody has the document already, return that row too.

    The person is locked in either case. Who was erased and is still remembered counts as not known.
    """
    kind, index = given.identity.kind, document_index(ctx.vault, given.identity)
    while True:
        person_id = new_id()
        columns = _columns(ctx, person_id, given)
        added: UUID | None = await sql.people.add(
            conn, id=person_id, document_kind=kind, document_index=index, now=ctx.now, **columns
        )
        if added is not None:
            return added, None
        standing = await sql.people.lock_by_document(conn, document_kind=kind, document_index=index)
        if standing is None:
            continue  # forgotten between the two statements
        if standing["erased_at"] is None:
            return standing["id"], standing
        await sql.people.take_up_again(conn, id=standing["id"], **_columns(ctx, standing["id"], given))
        return standing["id"], None


def _columns(ctx: Context, person_id: UUID, given: Particulars) -> dict[str, Any]:
    number = given.identity.number.encode()
    return {
        "name": given.name,
        "document_sealed": ctx.vault.seal("person", "document_sealed", person_id, number),
        "birth_date": given.identity.birth_date,
        "sex": given.identity.sex,
        "phone_sealed": seal_phone(ctx.vault, person_id, given.phone),
        "phone_index": phone_index(ctx.vault, given.phone),
        "assurance": given.assurance,
        "created_by": require_signed_in(ctx).account_id,
        "team_id": given.team_id,
    }
