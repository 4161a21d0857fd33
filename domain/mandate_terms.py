"""What a mandate is to allow, for whom, and whether it may be made: the rules of every way of consent.

Locks: what holds the mandate (the volunteer or the team), then the person; both stand for mandates alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sql
from domain import audit, notices
from domain.errors import Conflict, Invalid, NotFound
from domain.identifiers import new_id
from domain.identity import read_id_number, read_name, same_name
from domain.permissions import require_signed_in
from domain.vocabulary import (
    LOCAL_ZONE,
    MANDATE_PAPER_DAYS,
    MANDATE_PENDING_MINUTES,
    MAX_MANDATE_DAYS,
    MAX_MANDATES_OF_PERSON,
    MAX_PERSONS_OF_VOLUNTEER,
    ConsentWay,
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


@dataclass(frozen=True, slots=True)
class Terms:
    """What a mandate is to allow: to a volunteer or to a team, in which matters, until when, for how many bookings."""

    volunteer_id: UUID | None
    team_id: UUID | None
    matters: Sequence[str]
    expires_at: datetime
    max_uses: int | None = None

    @property
    def holder_id(self) -> UUID:
        """Return the volunteer or the team."""
        holder_id = self.volunteer_id or self.team_id
        if holder_id is None:
            raise ValueError("a mandate is of a volunteer or of a team")
        return holder_id

    @classmethod
    def of(cls, mandate: Record) -> Terms:
        """Return the terms on which a mandate was asked for."""
        names = "volunteer_id", "team_id", "matters", "expires_at", "max_uses"
        return cls(*(mandate[name] for name in names))


@dataclass(frozen=True, slots=True)
class PersonNamed:
    """Whom a mandate is to be for: by id, or by what stands on the card that lies on the table."""

    person_id: UUID | None = None
    id_number: str | None = None
    name: str | None = None


async def begin(conn: Connection, ctx: Context, terms: Terms) -> Record:
    """Check the terms and return the holder, for whom nobody else makes mandates until the transaction ends."""
    if not ctx.now < terms.expires_at <= ctx.now + timedelta(days=MAX_MANDATE_DAYS):
        raise Invalid(
            "mandate_period", latest=(ctx.now + timedelta(days=MAX_MANDATE_DAYS)).astimezone(LOCAL_ZONE).date()
        )
    await sql.mandates.serialise_holder(conn, holder_id=terms.holder_id)
    return await holder_of(conn, terms)


async def holder_of(conn: Connection, terms: Terms) -> Record:
    """Return the volunteer, who must serve, or the team."""
    holder: Record | None
    if terms.team_id is not None:
        holder = await sql.mandates.team(conn, id=terms.team_id)
        if holder is None:
            raise NotFound("team_not_found")
        return holder
    holder = await sql.mandates.volunteer(conn, id=terms.volunteer_id)
    if holder is None:
        raise NotFound("volunteer_not_found")
    if holder["status"] != VolunteerStatus.APPROVED:
        raise Conflict("volunteer_not_serving")
    return holder


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


async def is_empowered(conn: Connection, terms: Terms, account_id: UUID) -> bool:
    """Whether a mandate would empower the account: as its volunteer, or as one of its team, also one who applies."""
    found: bool = await sql.mandates.is_empowered(
        conn, account_id=account_id, volunteer_id=terms.volunteer_id, team_id=terms.team_id
    )
    return found


async def require_room(conn: Connection, ctx: Context, person_id: UUID, terms: Terms, way: ConsentWay) -> Record:
    """Raise Conflict where there are mandates enough; return what stands between the person and the holder."""
    await sql.mandates.serialise_person(conn, person_id=person_id)
    standing: Record = await sql.mandates.standing(
        conn,
        person_id=person_id,
        volunteer_id=terms.volunteer_id,
        team_id=terms.team_id,
        way=way,
        now=ctx.now,
        day_ago=ctx.now - timedelta(days=1),
        pending_since=pending_since(way, ctx.now),
    )
    if standing["volunteer_cares"]:
        raise Conflict("volunteer_already_cares")
    if standing["live"]:
        raise Conflict("mandate_exists")
    if standing["of_person"] >= MAX_MANDATES_OF_PERSON:
        raise Conflict("person_has_mandates_enough", limit=MAX_MANDATES_OF_PERSON)
    if standing["other_persons"] >= MAX_PERSONS_OF_VOLUNTEER:
        raise Conflict("volunteer_has_persons_enough", limit=MAX_PERSONS_OF_VOLUNTEER)
    return standing


def pending_since(way: str, now: datetime) -> datetime:
    """Return when a mandate that is still pending must have been asked for; an older one has lapsed."""
    if way == ConsentWay.DESK:
        return now - timedelta(days=MANDATE_PAPER_DAYS)
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
    await sql.mandates.add(
        conn,
        id=mandate_id,
        person_id=person_id,
        volunteer_id=terms.volunteer_id,
        team_id=terms.team_id,
        matters=sorted(set(terms.matters)),
        max_uses=terms.max_uses,
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


async def activate(
    conn: Connection, ctx: Context, mandate_id: UUID, person_id: UUID, way: ConsentWay, consented_by: UUID | None = None
) -> bool:
    """Make a pending mandate hold and tell of it; False where it has ceased to be pending."""
    done = await sql.mandates.activate(conn, id=mandate_id, consented_by=consented_by, now=ctx.now)
    if done is None:
        return False
    await notices.tell(conn, ctx, person_id, NoticeKind.MANDATE_GIVEN, mandate_id, way=way)
    return True


async def record(
    conn: Connection, ctx: Context, action: str, mandate_id: UUID, person_id: UUID, terms: Terms, **facts: str
) -> None:
    holder: dict[str, Any] = {
        name: str(value)
        for name, value in (("volunteer_id", terms.volunteer_id), ("team_id", terms.team_id))
        if value is not None
    }
    if terms.max_uses is not None:
        holder["max_uses"] = terms.max_uses
    await audit.record(
        conn,
        ctx,
        action,
        mandate_id,
        person_id=str(person_id),
        matters=sorted(set(terms.matters)),
        expires_at=terms.expires_at.isoformat(),
        **holder,
        **facts,
    )
