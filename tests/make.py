"""Builds rows for tests. Each function inserts what it is named for and what that needs, and returns ids."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from stdnum.cn import ric

from domain.identifiers import new_id
from domain.vocabulary import LOCAL_ZONE, Role
from handlers.request import CLOCK, VAULT
from server.auth import AUTHENTICATION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

    from domain.vault import Vault

_count = itertools.count(1)
_persons = itertools.count(1)


def count_anew() -> None:
    """Begin numbers, names and keys at one again: each test has a database of its own."""
    global _count, _persons  # the counters of all that this module makes
    _count, _persons = itertools.count(1), itertools.count(1)


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Resident:
    account_id: UUID
    person_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class Staff:
    account_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def key() -> dict[str, str]:
    """Return an Idempotency-Key header that was never used."""
    return {"Idempotency-Key": f"test-key-{next(_count):08}"}


def id_number(born: date = date(1990, 5, 17), sex: str = "female") -> str:
    """Return a valid number of a birth place code that does not exist, the same again after 500 others."""
    serial = next(_persons) * 2 + (sex == "male")
    digits = f"999999{born:%Y%m%d}{serial % 1000:03}"
    return digits + ric.calc_check_digit(f"{digits}0")  # it wants a number of eighteen digits, whatever the last


async def account(conn: Connection, kind: str = "resident") -> UUID:
    account_id = new_id()
    await conn.execute("insert into account (id, kind, created_at) values ($1, $2, $3)", account_id, kind, EPOCH)
    return account_id


async def session(conn: Connection, app: web.Application, account_id: UUID, roles: list[str]) -> str:
    """Sign an account in and return its access token."""
    session_id, now = new_id(), app[CLOCK]()
    await conn.execute(
        """insert into session (id, account_id, device, created_at, refreshed_at, idle_until, expires_at)
           values ($1, $2, 'test', $3, $3, $4, $4)""",
        session_id,
        account_id,
        now,
        now + timedelta(days=30),
    )
    version = await conn.fetchval("select version from account where id = $1", account_id)
    return app[AUTHENTICATION].issue(account_id, session_id, roles, version)


async def person(
    conn: Connection,
    vault: Vault,
    *,
    name: str = "测试甲",
    born: date = date(1990, 5, 17),
    sex: str = "female",
    number: str | None = None,
    phone: str | None = None,
    assurance: str = "declared",
) -> UUID:
    person_id, number = new_id(), number or id_number(born, sex)
    await conn.execute(
        """insert into person (id, name, document_kind, document_sealed, document_index, birth_date, sex,
                               phone_sealed, phone_index, assurance, created_at)
           values ($1, $2, 'resident_id', $3, $4, $5, $6, $7, $8, $9, $10)""",
        person_id,
        name,
        vault.seal("person", "document_sealed", person_id, number.encode()),
        vault.blind("resident_id", number),
        born,
        sex,
        vault.seal("person", "phone_sealed", person_id, phone.encode()) if phone else None,
        vault.blind("phone", phone) if phone else None,
        assurance,
        EPOCH,
    )
    return person_id


async def care(conn: Connection, account_id: UUID, person_id: UUID, relation: str = "parent") -> UUID:
    care_id = new_id()
    await conn.execute(
        "insert into care (id, account_id, person_id, relation, since) values ($1, $2, $3, $4, $5)",
        care_id,
        account_id,
        person_id,
        relation,
        EPOCH,
    )
    return care_id


async def earlier_account(conn: Connection, person_id: UUID) -> UUID:
    """Make an account that was once a person's own."""
    account_id = await account(conn)
    await conn.execute(
        """insert into care (id, account_id, person_id, relation, since, ended_at)
           values ($1, $2, $3, 'self', $4, $4)""",
        new_id(),
        account_id,
        person_id,
        EPOCH,
    )
    return account_id


async def resident(conn: Connection, app: web.Application, **of_person: Any) -> Resident:
    """Make an account that is registered as a person of its own and signed in."""
    account_id = await account(conn)
    await conn.execute(
        "insert into wechat_identity (account_id, openid) values ($1, $2)",
        account_id,
        f"openid-{account_id.hex}",
    )
    person_id = await person(conn, app[VAULT], **of_person)
    await care(conn, account_id, person_id, "self")
    return Resident(account_id, person_id, await session(conn, app, account_id, [Role.RESIDENT]))


async def signed_in_again(conn: Connection, app: web.Application, who: Resident) -> Resident:
    """Sign a resident in anew, as the client does once a change of roles has made the token useless."""
    return replace(who, token=await session(conn, app, who.account_id, [Role.RESIDENT]))


async def staff(
    conn: Connection,
    app: web.Application,
    role: Role = Role.CLERK,
    *,
    provider_id: UUID | None = None,
    area_id: UUID | None = None,
) -> Staff:
    """Make a staff account with one role (everywhere unless told) and sign it in."""
    account_id = await account(conn, "staff")
    await conn.execute(
        """insert into staff (account_id, login, display_name, password_hash, otp_secret_sealed)
           values ($1, $2, '测试员', 'none', $3)""",
        account_id,
        f"staff{next(_count)}",
        app[VAULT].seal("staff", "otp_secret_sealed", account_id, b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    )
    await conn.execute(
        """insert into staff_grant (id, account_id, role, provider_id, area_id, granted_at)
           values ($1, $2, $3, $4, $5, $6)""",
        new_id(),
        account_id,
        role,
        provider_id,
        area_id,
        EPOCH,
    )
    return Staff(account_id, await session(conn, app, account_id, [role]))


async def area(conn: Connection, *, parent_id: UUID | None = None, level: str = "zone", name: str = "测试区") -> UUID:
    area_id = new_id()
    await conn.execute(
        "insert into area (id, parent_id, level, code, name) values ($1, $2, $3, $4, $5)",
        area_id,
        parent_id,
        level,
        f"test-area-{next(_count)}",
        name,
    )
    return area_id


async def provider(
    conn: Connection, *, area_id: UUID | None = None, kind: str = "hospital", name: str | None = None
) -> UUID:
    provider_id = new_id()
    await conn.execute(
        """insert into provider (id, area_id, kind, name, address, phone, summary)
           values ($1, $2, $3, $4, '测试路 1 号', '0483-0000000', '')""",
        provider_id,
        area_id or await area(conn),
        kind,
        name or f"测试医院 {next(_count)}",
    )
    return provider_id


async def service(
    conn: Connection,
    *,
    provider_id: UUID | None = None,
    department: str = "内科",
    name: str | None = None,
    kind: str = "medical",
    min_age: int | None = None,
    max_age: int | None = None,
    sex: str | None = None,
    assurance: str = "declared",
    questions: list[dict[str, Any]] | None = None,
) -> UUID:
    service_id = new_id()
    await conn.execute(
        """insert into service (id, provider_id, department, name, kind, summary, duration_minutes, requirements,
                                min_age, max_age, sex, assurance, eligibility, questions)
           values ($1, $2, $3, $4, $5, '', 15, '{身份证}', $6, $7, $8, $9, '', $10)""",
        service_id,
        provider_id or await provider(conn),
        department,
        name or f"门诊 {next(_count)}",
        kind,
        min_age,
        max_age,
        sex,
        assurance,
        questions or [],
    )
    return service_id


async def policy(
    conn: Connection, *, provider_id: UUID | None = None, service_id: UUID | None = None, **rules: Any
) -> UUID:
    """Make a policy's next version; without rules of its own, one that gets in nobody's way."""
    policy_id = new_id()
    given = {
        "window_days": 14,
        "release_time": time(7),
        "order_stop_days": 0,
        "order_stop_time": None,
        "cancel_days": 0,
        "cancel_time": None,
        "limit_department_day": 1,
        "limit_day": 2,
        "limit_7_days": 3,
        "limit_90_days": 5,
        "limit_volunteer_day": 20,
        "limit_account_day": 1000,
        "limit_waitlist": 100,
        "return_minutes_min": 0,
        "return_minutes_max": 0,
        "fallback_days": None,
        "fallback_time": None,
        "offer_minutes": 30,
        "offers_missed": 2,
        "offer_quiet_from": None,
        "offer_quiet_until": None,
        "no_show_minutes": 120,
        "no_show_count": 3,
        "no_show_window_days": 90,
        "suspension_days": [],
        "late_minutes": 15,
        "late_rule": "requeue",
        "pass_hours": 24,
    } | rules
    await conn.execute(
        f"""insert into policy (id, provider_id, service_id, version, effective_from, created_at, {", ".join(given)})
            select $1, $2, $3, 1 + coalesce(max(version), 0), date '2020-01-01' + 1 + coalesce(max(version), 0),
                   $4, {", ".join(f"${n}" for n in range(5, 5 + len(given)))}
            from policy where (provider_id, service_id) is not distinct from ($2::uuid, $3::uuid)""",
        policy_id,
        provider_id,
        service_id,
        EPOCH,
        *given.values(),
    )
    return policy_id


async def slot(
    conn: Connection,
    service_id: UUID | None = None,
    *,
    policy_id: UUID | None = None,
    starts_at: datetime = datetime(2026, 11, 25, 8, 30, tzinfo=LOCAL_ZONE),
    minutes: int = 30,
    release_at: datetime | None = None,
    order_until: datetime | None = None,
    cancel_until: datetime | None = None,
    fall_back_at: datetime | None = None,
    resource: str = "",
    state: str = "open",
    public: int | None = 1,
    assisted: int | None = None,
    counter: int | None = None,
) -> UUID:
    """Make a slot, by default released long ago and open until it starts; None means no pool at all."""
    slot_id = new_id()
    service_id = service_id or await service(conn)
    await conn.execute(
        """insert into slot (id, service_id, policy_id, day, starts_at, ends_at, release_at, order_until,
                             cancel_until, resource, state, closed_reason, fall_back_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
        slot_id,
        service_id,
        policy_id or await policy(conn, service_id=service_id),
        starts_at.astimezone(LOCAL_ZONE).date(),
        starts_at,
        starts_at + timedelta(minutes=minutes),
        release_at or starts_at - timedelta(days=14),
        order_until or starts_at,
        cancel_until or starts_at,
        resource,
        state,
        "测试关闭" if state == "closed" else None,
        fall_back_at,
    )
    for channel, capacity in (("public", public), ("assisted", assisted), ("counter", counter)):
        if capacity is not None:
            await conn.execute(
                "insert into slot_pool (slot_id, channel, capacity, open) values ($1, $2, $3, $4)",
                slot_id,
                channel,
                capacity,
                state == "open",
            )
    return slot_id


async def team(conn: Connection, *, area_id: UUID | None = None) -> UUID:
    team_id = new_id()
    await conn.execute(
        "insert into team (id, area_id, name, organisation) values ($1, $2, $3, '测试联盟')",
        team_id,
        area_id or await area(conn),
        f"测试志愿队 {next(_count)}",
    )
    return team_id


async def volunteer(
    conn: Connection, account_id: UUID, *, team_id: UUID | None = None, status: str = "approved"
) -> UUID:
    volunteer_id = new_id()
    await conn.execute(
        "insert into volunteer values ($1, $2, $3, array['zh'], $4, $5)",
        volunteer_id,
        account_id,
        team_id or await team(conn),
        status,
        EPOCH,
    )
    return volunteer_id


async def mandate(
    conn: Connection,
    person_id: UUID,
    volunteer_id: UUID,
    consented_by: UUID,
    *,
    matters: tuple[str, ...] = ("medical",),
    expires_at: datetime = datetime(2027, 3, 1, tzinfo=UTC),
) -> UUID:
    """Make an active mandate by the family's consent."""
    mandate_id = new_id()
    await conn.execute(
        """insert into mandate (id, person_id, volunteer_id, matters, consent_way, status, expires_at,
                                requested_by, created_at, consented_by, consented_at)
           values ($1, $2, $3, $4, 'family', 'active', $5, $6, $7, $6, $7)""",
        mandate_id,
        person_id,
        volunteer_id,
        list(matters),
        expires_at,
        consented_by,
        EPOCH,
    )
    return mandate_id


async def suspension(
    conn: Connection, person_id: UUID, provider_id: UUID, starts_at: datetime, *, days: int = 30, step: int = 1
) -> UUID:
    suspension_id = new_id()
    await conn.execute(
        """insert into suspension (id, person_id, provider_id, policy_id, step, booking_ids, starts_at, ends_at)
           values ($1, $2, $3, '00000000-0000-7000-8000-000000000001', $4, '{}', $5, $6)""",
        suspension_id,
        person_id,
        provider_id,
        step,
        starts_at,
        starts_at + timedelta(days=days),
    )
    return suspension_id


async def appeal(conn: Connection, suspension_id: UUID, account_id: UUID) -> UUID:
    appeal_id = new_id()
    await conn.execute(
        "insert into appeal (id, suspension_id, account_id, statement, created_at) values ($1, $2, $3, '我来过', $4)",
        appeal_id,
        suspension_id,
        account_id,
        EPOCH,
    )
    return appeal_id


async def booking(
    conn: Connection,
    slot_id: UUID,
    resident: Any,
    *,
    person_id: UUID | str | None = None,
    mandate_id: UUID | None = None,
    channel: str = "public",
    status: str = "booked",
    answers: dict[str, Any] | None = None,
) -> UUID:
    """Make a booking by a resident, for the resident unless told, counted into its pool as the service would."""
    booking_id = new_id()
    standing = status not in ("cancelled", "moved")
    number = await conn.fetchval(
        """update slot_pool set issued = issued + 1, taken = taken + $3
           where slot_id = $1 and channel = $2 returning issued""",
        slot_id,
        channel,
        int(standing),
    )
    await conn.execute(
        """insert into booking (id, slot_id, channel, number, code, person_id, booked_by, mandate_id, day, status,
                                answers, idempotency_key, created_at, changed_at, changed_by)
           select $1, id, $3, $4, '000000', $5, $6, $7, day, $8, $9, $10, $11, $11, $6 from slot where id = $2""",
        booking_id,
        slot_id,
        channel,
        number,
        person_id or resident.person_id,
        resident.account_id,
        mandate_id,
        status,
        answers or {},
        f"made-{next(_count):08}",
        EPOCH,
    )
    return booking_id


async def waiting(
    conn: Connection,
    service_id: UUID,
    resident: Any,
    *,
    people: list[UUID] | None = None,
    first: date = date(2026, 11, 23),
    last: date = date(2026, 12, 4),
    mandate_id: UUID | None = None,
) -> UUID:
    """Put a resident into the queue of a service, alone and for the resident unless told."""
    entry_id, members = new_id(), people or [resident.person_id]
    await conn.execute(
        """with queue as (update waitlist set last_place = last_place + 1 where service_id = $2 returning last_place)
           insert into waitlist_entry (id, service_id, place, first_day, last_day, party, booked_by, mandate_id,
                                       idempotency_key, created_at)
           select $1, $2, last_place, $3, $4, $5, $6, $7, $8, $9 from queue""",
        entry_id,
        service_id,
        first,
        last,
        len(members),
        resident.account_id,
        mandate_id,
        f"made-{next(_count):08}",
        EPOCH,
    )
    await conn.executemany(
        "insert into waitlist_member (entry_id, person_id) values ($1, $2)", [(entry_id, member) for member in members]
    )
    return entry_id


async def schedule(
    conn: Connection,
    service_id: UUID,
    sessions: Mapping[int, list[tuple[str, str, int, int]]],
    *,
    resource: str = "",
    valid_from: date = date(2026, 11, 1),
    valid_to: date | None = None,
    on_holidays: str = "closed",
    generated_to: date | None = None,
    kept: tuple[int, int] = (0, 0),
) -> UUID:
    """Make a schedule; sessions by weekday: start, end, minutes, capacity; of it so many assisted and counter."""
    schedule_id = new_id()
    await conn.execute(
        """insert into schedule (id, service_id, resource, valid_from, valid_to, on_holidays, generated_to, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        schedule_id,
        service_id,
        resource,
        valid_from,
        valid_to,
        on_holidays,
        generated_to,
        EPOCH,
    )
    await conn.executemany(
        "insert into schedule_session values ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (schedule_id, weekday, time.fromisoformat(starts), time.fromisoformat(ends), minutes, capacity, *kept)
            for weekday, of_day in sessions.items()
            for starts, ends, minutes, capacity in of_day
        ],
    )
    return schedule_id


async def ticket(conn: Connection, booking_id: UUID, now: datetime, *, status: str = "waiting") -> int:
    """Let somebody have come now, whose booking is checked in, and return the queue number."""
    number: int = await conn.fetchval(
        """insert into clinic_day (service_id, resource, day, last_number, version)
           select service_id, resource, slot.day, 1, 1 from booking join slot on slot.id = slot_id where booking.id = $1
           on conflict (service_id, resource, day) do update
               set last_number = clinic_day.last_number + 1, version = clinic_day.version + 1
           returning last_number""",
        booking_id,
    )
    await conn.execute(
        """insert into queue_ticket (booking_id, service_id, resource, day, number, status, order_at, late, calls,
                                     checked_in_at, called_at)
           select $1, service_id, resource, slot.day, $2, $3, slot.starts_at, false, $4, $5, $6
           from booking join slot on slot.id = slot_id where booking.id = $1""",
        booking_id,
        number,
        status,
        int(status in ("called", "skipped")),
        now,
        now if status in ("called", "skipped") else None,
    )
    return number


async def rebooking_offer(
    conn: Connection,
    booking_id: UUID,
    slot_id: UUID,
    *,
    channel: str = "public",
    expires_at: datetime = datetime(2026, 11, 24, 8, tzinfo=LOCAL_ZONE),
) -> UUID:
    """Close a booking's slot and keep a place of another for it."""
    offer_id = new_id()
    await conn.execute(
        """with closed as (
               update slot set state = 'closed', closed_reason = '停诊'
               where id = (select slot_id from booking where id = $1) returning id)
           update slot_pool set open = false where slot_id in (select id from closed)""",
        booking_id,
    )
    await conn.execute("update slot_pool set taken = taken + 1 where slot_id = $1 and channel = $2", slot_id, channel)
    await conn.execute(
        """insert into place_offer (id, slot_id, channel, places, booking_id, created_at, expires_at)
           values ($1, $2, $3, 1, $4, $5, $6)""",
        offer_id,
        slot_id,
        channel,
        booking_id,
        EPOCH,
        expires_at,
    )
    return offer_id


async def kept_back(conn: Connection, slot_id: UUID, places: int = 1, channel: str = "public") -> None:
    """Keep places back that are counted as taken already, until now."""
    for _ in range(places):
        await conn.execute(
            """insert into place_kept_back (id, slot_id, channel, cause, free_at, created_at)
               values ($1, $2, $3, 'added', $4, $4)""",
            new_id(),
            slot_id,
            channel,
            EPOCH,
        )


async def offer(
    conn: Connection, slot_id: UUID, entry_id: UUID, expires_at: datetime, *, places: int = 1, channel: str = "public"
) -> UUID:
    """Offer places to who waits, counted into their pool as the service would."""
    offer_id = new_id()
    await conn.execute(
        """with pool as (update slot_pool set taken = taken + $4 where slot_id = $2 and channel = $3),
                entry as (update waitlist_entry set status = 'offered' where id = $5)
           insert into place_offer (id, slot_id, channel, places, entry_id, created_at, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        offer_id,
        slot_id,
        channel,
        places,
        entry_id,
        EPOCH,
        expires_at,
    )
    return offer_id
