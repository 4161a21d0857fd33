"""What became of a provider's places, for its staff: by service and channel, without anybody's name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import sql
from domain import reconciliation
from domain.availability import span
from domain.calendar_changes import unconfirmed_years
from domain.permissions import require_staff_at
from domain.vocabulary import CLERKS, MAX_DAYS_REPORTED, BookingStatus, Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from uuid import UUID

    from asyncpg import Connection

    from domain.context import Context
    from domain.rows import Row

NOT_COUNTED = (BookingStatus.CANCELLED, BookingStatus.MOVED)


async def figures(conn: Connection, ctx: Context, provider_id: UUID, first: date, last: date) -> Mapping[str, Any]:
    """Count places, bookings and offers of slots in a range of days, and entries that joined waitlists in it.

    Needs a transaction that sees one moment.
    """
    await require_staff_at(conn, ctx, provider_id, *CLERKS)
    begins, ends = span(first, last, MAX_DAYS_REPORTED)
    within = {"provider_id": provider_id, "begins": begins, "ends": ends}
    places = _Places(
        await sql.figures.pools(conn, **within),
        await sql.figures.bookings(conn, **within),
        await sql.figures.kept(conn, **within),
    )
    waiting = _Waiting(await sql.figures.joined(conn, **within), await sql.figures.offers(conn, **within))
    services = [
        {
            "id": service["id"],
            "department": service["department"],
            "name": service["name"],
            "channels": places.of(service["id"]),
            "waitlist": waiting.of(service["id"]),
        }
        for service in await sql.figures.services(conn, provider_id=provider_id)
    ]
    return {
        "provider_id": provider_id,
        "first": first,
        "last": last,
        "services": services,
        "last_reconciliation": await reconciliation.last(conn),
        "unconfirmed_years": await unconfirmed_years(conn, ctx.now),
    }


class _Places:
    """Places and bookings, by service and channel."""

    def __init__(self, pools: Iterable[Row], bookings: Iterable[Row], kept: Iterable[Row]) -> None:
        self._pools = {(row["service_id"], row["channel"]): row for row in pools}
        self._bookings = {(row["service_id"], row["channel"], row["status"]): row["bookings"] for row in bookings}
        self._kept = {(row["service_id"], row["channel"]): row["kept"] for row in kept}

    def of(self, service_id: UUID) -> list[dict[str, Any]]:
        """Return a line for each channel that the service has places in."""
        return [self._line(service_id, channel) for channel in Channel if (service_id, channel) in self._pools]

    def _line(self, service_id: UUID, channel: Channel) -> dict[str, Any]:
        pool = self._pools[service_id, channel]
        by_status = {status.value: self._bookings.get((service_id, channel, status), 0) for status in BookingStatus}
        return {
            "channel": channel,
            "places": pool["places"] + self._gone(service_id, channel, "fallen_back"),
            "closed_places": pool["closed_places"] + self._gone(service_id, channel, "closed_fallen_back"),
            "fallen_back": pool["fallen_back"],
            "used": sum(count for status, count in by_status.items() if status not in NOT_COUNTED),
            "kept": self._kept.get((service_id, channel), 0),
            "free": pool["free"],
            "bookings": by_status,
        }

    def _gone(self, service_id: UUID, channel: Channel, fallen_back: str) -> int:
        """Return how many places more than it has now a channel was planned to have: those that fell back to public."""
        pools: dict[str, int] = {
            of: row[fallen_back] for (service, of), row in self._pools.items() if service == service_id
        }
        return -sum(pools.values()) if channel is Channel.PUBLIC else pools[channel]


class _Waiting:
    """What became of entries and offers, by service."""

    def __init__(self, joined: Iterable[Row], offers: Iterable[Row]) -> None:
        self._joined: Counter[tuple[UUID, str]] = Counter()
        self._offers: Counter[tuple[UUID, str]] = Counter()
        for row in joined:
            self._joined[row["service_id"], row["status"]] = row["entries"]
        for row in offers:
            self._offers[row["service_id"], row["status"]] = row["offers"]

    def of(self, service_id: UUID) -> dict[str, int]:
        return {
            "joined": self._total(self._joined, service_id),
            "still_waiting": self._joined[service_id, "waiting"] + self._joined[service_id, "offered"],
            "served": self._joined[service_id, "accepted"],
            "ended": self._joined[service_id, "ended"],
            "offered": self._total(self._offers, service_id),
            "open": self._offers[service_id, "live"],
            "accepted": self._offers[service_id, "accepted"],
            "declined": self._offers[service_id, "declined"],
            "lapsed": self._offers[service_id, "lapsed"],
            "withdrawn": self._offers[service_id, "withdrawn"],
        }

    @staticmethod
    def _total(counted: Counter[tuple[UUID, str]], service_id: UUID) -> int:
        return sum(count for (service, _), count in counted.items() if service == service_id)
