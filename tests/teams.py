"""Leaders of volunteers' teams, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.identifiers import new_id
from tests import make

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection


async def appoint(conn: Connection, team_id: UUID, volunteer_id: UUID, appointed_by: UUID) -> UUID:
    """Make a volunteer of a team its leader."""
    leader_id = new_id()
    await conn.execute(
        "insert into team_leader (id, team_id, volunteer_id, since, appointed_by) values ($1, $2, $3, $4, $5)",
        leader_id,
        team_id,
        volunteer_id,
        make.EPOCH,
        appointed_by,
    )
    return leader_id


async def leader(conn: Connection, app: web.Application, team_id: UUID) -> tuple[make.Resident, UUID]:
    """Make a resident who leads a team; return the resident and the volunteer that the resident is."""
    resident = await make.resident(conn, app, name="队长甲")
    volunteer_id = await make.volunteer(conn, resident.account_id, team_id=team_id)
    await appoint(conn, team_id, volunteer_id, await make.account(conn, "staff"))
    return resident, volunteer_id
