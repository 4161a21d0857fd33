"""Builds rows of help requests for tests: who asked, who was asked, who has it. `tests/make.py` builds the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE
from tests import make

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

    from domain.vault import Vault

START_CODE, END_CODE = "135790", "246801"
TOMORROW = date(2026, 11, 24)
ALL_WEEK = {weekday: [(8 * 60, 18 * 60)] for weekday in range(1, 8)}


@dataclass(frozen=True, slots=True)
class Helper:
    """A volunteer, with the resident that it is."""

    volunteer_id: UUID
    resident: make.Resident

    @property
    def headers(self) -> dict[str, str]:
        return self.resident.headers


def local(day: date, clock: str) -> datetime:
    """Return a moment of a day in Alxa."""
    return datetime.combine(day, time.fromisoformat(clock), LOCAL_ZONE)


async def helper(
    conn: Connection,
    app: web.Application,
    *,
    team_id: UUID | None = None,
    areas: Iterable[UUID] = (),
    languages: Iterable[str] = ("zh",),
    abilities: Iterable[str] = ("book", "accompany", "drive"),
    hours: dict[int, list[tuple[int, int]]] | None = None,
    status: str = "approved",
    **of_person: Any,
) -> Helper:
    """Make a volunteer who can be asked: by day all week and for everything, unless told otherwise."""
    resident = await make.resident(conn, app, **of_person)
    volunteer_id = await make.volunteer(conn, resident.account_id, team_id=team_id, status=status)
    await conn.execute(
        "update volunteer set languages = $2, abilities = $3 where id = $1",
        volunteer_id,
        sorted(languages),
        sorted(abilities),
    )
    await conn.executemany("insert into volunteer_area values ($1, $2)", [(volunteer_id, area) for area in areas])
    await conn.executemany(
        "insert into volunteer_hours values ($1, $2, $3, $4)",
        [
            (volunteer_id, weekday, *span)
            for weekday, spans in (ALL_WEEK if hours is None else hours).items()
            for span in spans
        ],
    )
    return Helper(volunteer_id, resident)


async def leads(conn: Connection, volunteer_id: UUID, team_id: UUID) -> UUID:
    """Appoint a volunteer leader of a team."""
    leader_id = new_id()
    await conn.execute(
        """insert into team_leader (id, team_id, volunteer_id, since, appointed_by)
           select $1, $2, id, $4, account_id from volunteer where id = $3""",
        leader_id,
        team_id,
        volunteer_id,
        make.EPOCH,
    )
    return leader_id


async def leader(conn: Connection, app: web.Application, team_id: UUID) -> Helper:
    """Make a volunteer who leads a team."""
    resident = await make.resident(conn, app, name="队长甲")
    leading = Helper(await make.volunteer(conn, resident.account_id, team_id=team_id), resident)
    await leads(conn, leading.volunteer_id, team_id)
    return leading


def _sealed(vault: Vault, request_id: UUID, column: str, words: str | None) -> bytes | None:
    return None if words is None else vault.seal("help_request", column, request_id, words.encode())


async def help_request(
    conn: Connection,
    vault: Vault,
    person_id: UUID,
    *,
    team_id: UUID | None = None,
    area_id: UUID | None = None,
    asked_by: UUID | None = None,
    asked_way: str = "family",
    needs: Iterable[str] = ("book",),
    matter: str = "medical",
    service_id: UUID | None = None,
    need: str | None = "复诊拿药",
    language: str = "zh",
    pickup: str | None = "测试镇一号院",
    mobility: str | None = "走路慢",
    contact_phone: str | None = "13900000001",
    wished_days: Iterable[date] = (TOMORROW,),
    part_of_day: str = "any",
    span: tuple[datetime, datetime] | None = None,
    booking_id: UUID | None = None,
    next_round_at: datetime | None = make.EPOCH,
    expires_at: datetime | None = None,
    created_at: datetime = make.EPOCH,
) -> UUID:
    """Make an open help request of a person, in an area and with a team of its own unless told.

    `span`: when the help is needed, where that is known already.
    """
    request_id, days = new_id(), sorted(wished_days)
    area_id = area_id or await make.area(conn, level="town")
    asked_by = asked_by or await conn.fetchval("select account_id from care where person_id = $1", person_id)
    team_id = team_id or await make.team(conn, area_id=area_id)
    asked_by = asked_by or await make.account(conn)
    await conn.execute(
        """insert into help_request (id, person_id, team_id, area_id, asked_by, asked_way, matter, service_id,
               needs_booking, needs_companion, needs_ride, need_sealed, language, pickup_sealed, pickup_index,
               mobility_sealed, contact_phone_sealed, wished_days, part_of_day, starts_at, ends_at, booking_id,
               next_round_at, expires_at, created_at, changed_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
               $22, $23, $24, $25, $25)""",
        request_id,
        person_id,
        team_id,
        area_id,
        asked_by,
        asked_way,
        matter,
        service_id,
        "book" in needs,
        "accompany" in needs,
        "drive" in needs,
        _sealed(vault, request_id, "need_sealed", need),
        language,
        _sealed(vault, request_id, "pickup_sealed", pickup),
        pickup and vault.blind("pickup", pickup),
        _sealed(vault, request_id, "mobility_sealed", mobility),
        _sealed(vault, request_id, "contact_phone_sealed", contact_phone),
        days,
        part_of_day,
        *(span or (None, None)),
        booking_id,
        next_round_at,
        expires_at or local(days[-1] + timedelta(days=1), "00:00"),
        created_at,
    )
    await event(conn, request_id, "open", "asked", actor_id=asked_by, at=created_at)
    return request_id


async def event(
    conn: Connection,
    request_id: UUID,
    state: str,
    because: str,
    *,
    was: str | None = None,
    actor_id: UUID | None = None,
    volunteer_id: UUID | None = None,
    at: datetime = make.EPOCH,
) -> UUID:
    event_id = new_id()
    await conn.execute(
        """insert into help_event (id, request_id, at, actor_id, volunteer_id, was, state, because)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        event_id,
        request_id,
        at,
        actor_id,
        volunteer_id,
        was,
        state,
        because,
    )
    return event_id


async def offered(
    conn: Connection,
    request_id: UUID,
    volunteer_id: UUID,
    *,
    round: int = 1,  # noqa: A002  # the column's name
    status: str = "live",
    at: datetime = make.EPOCH,
    answer_by: datetime = datetime(2026, 11, 24, 12, tzinfo=LOCAL_ZONE),
) -> UUID:
    """Ask a volunteer; a request that was open is offered from then on."""
    offer_id = new_id()
    await conn.execute(
        """insert into help_offer (id, request_id, volunteer_id, round, status, reasons, offered_at, answer_by,
                                   answered_at)
           values ($1, $2, $3, $4, $5::text, '{}', $6::timestamptz, $7,
               case when $5::text in ('accepted', 'declined') then $6::timestamptz end)""",
        offer_id,
        request_id,
        volunteer_id,
        round,
        status,
        at,
        answer_by,
    )
    was = await conn.fetchval(
        "update help_request set state = 'offered', round = $2 where id = $1 and state = 'open' returning 'open'",
        request_id,
        round,
    )
    if was is not None:
        await event(conn, request_id, "offered", "round", was=was, at=at)
    return offer_id


async def taken(
    conn: Connection,
    request_id: UUID,
    volunteer_id: UUID,
    *,
    state: str = "accepted",
    span: tuple[datetime, datetime] | None = None,
    booking_id: UUID | None = None,
    at: datetime = make.EPOCH,
) -> UUID:
    """Let a volunteer have a request; with a time, the volunteer is bound then as companion or driver."""
    was = await conn.fetchval("select state from help_request where id = $1", request_id)
    row = await conn.fetchrow(
        """update help_request set state = $2, volunteer_id = $3, next_round_at = null, start_code = $4, end_code = $5,
               starts_at = coalesce($6, starts_at), ends_at = coalesce($7, ends_at),
               booking_id = coalesce($8, booking_id)
           where id = $1 returning needs_companion or needs_ride as binds, starts_at, ends_at""",
        request_id,
        state,
        volunteer_id,
        START_CODE,
        END_CODE,
        *(span or (None, None)),
        booking_id,
    )
    await conn.execute(
        """update help_offer set answered_at = $3,
               status = case when volunteer_id = $2 then 'accepted' else 'withdrawn' end
           where request_id = $1 and status = 'live'""",
        request_id,
        volunteer_id,
        at,
    )
    assert row is not None
    if row["binds"] and row["starts_at"] is not None:
        await conn.execute(
            """insert into help_work (id, request_id, volunteer_id, starts_at, ends_at, state)
               values ($1, $2, $3, $4, $5, $6)""",
            new_id(),
            request_id,
            volunteer_id,
            row["starts_at"],
            row["ends_at"],
            "done" if state == "completed" else "held",
        )
    because = {"accepted": "accepted", "booked": "booked", "under_way": "started", "completed": "completed"}[state]
    await event(conn, request_id, state, because, was=was, volunteer_id=volunteer_id, at=at)
    return request_id
