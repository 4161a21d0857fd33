"""How often anybody may ask for a booking or look for one: against scripts, not against a town at 07:00.

Counted by each process in its own memory, since asking a store that several share would cost more than the booking
itself: so many processes let so many times the limit through. A window begins for all keys at once.
"""

from __future__ import annotations

import ipaddress
import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from domain.errors import Refusal, TooMany
from server.throttle import client_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from aiohttp import web

    from server.auth import Authentication

LIMITS: Mapping[str, tuple[int, int]] = {
    # A carrier puts a whole town behind one address, and all of it comes at 07:00.
    "booking_address": (6000, 60),
    "booking_account": (120, 60),
    "availability_address": (30_000, 60),
    "availability_account": (600, 60),
}
"""How many, in how many seconds."""

MOST_KEYS = 200_000


class Window:
    """Counts by key until the window is over; of keys beyond MOST_KEYS it knows nothing."""

    def __init__(self, most: int, seconds: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._ends = -math.inf
        self._counts: dict[UUID | str, int] = {}

    def hit(self, key: UUID | str) -> None:
        now = self._clock()
        if now >= self._ends:
            self._ends = now + self._seconds
            self._counts = {}
        count = self._counts.get(key, 0) + 1
        if count > self._most:
            raise TooMany("too_many_requests", retry_after=max(1, math.ceil(self._ends - now)))
        if count > 1 or len(self._counts) < MOST_KEYS:
            self._counts[key] = count


class Tally:
    """Counts residents' bookings and looks, by address and by account. Staff are not counted."""

    def __init__(
        self, tokens: Authentication, trusted_proxies: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tokens = tokens
        self._trusted_proxies = trusted_proxies
        self._windows = {name: Window(most, seconds, clock) for name, (most, seconds) in LIMITS.items()}

    def booking(self, request: web.Request, account_id: UUID) -> None:
        self._windows["booking_account"].hit(account_id)
        self._hit_address("booking_address", request)

    def availability(self, request: web.Request) -> None:
        """Count a look; who is signed in counts for the account too, though nobody has to be."""
        if "Authorization" in request.headers:
            try:
                caller = self._tokens.caller(request)
            except Refusal:
                pass  # signed in badly is not signed in: the address counts
            else:
                self._windows["availability_account"].hit(caller.account_id)
        self._hit_address("availability_address", request)

    def _hit_address(self, name: str, request: web.Request) -> None:
        network = client_network(request, self._trusted_proxies)
        if tells_clients_apart(network):
            self._windows[name].hit(network)


@lru_cache(maxsize=65_536)
def tells_clients_apart(network: str) -> bool:
    """Whether clients come from there. From inside come our own proxies, where nobody told us of them, and desks."""
    try:
        return not ipaddress.ip_network(network).is_private
    except ValueError:
        return False
