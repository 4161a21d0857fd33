"""How often anybody may try: every way to sign in, per address, per device and per account; and to register.

The numbers are one table. Counts stand in a store of the `limits` library: this process' memory, or Redis
where several processes share them (THROTTLE_URL). When the shared store does not answer, each process counts
alone for a while: at the 07:00 rush nobody is locked out by a broken store, and whoever guesses passwords
gets at most as many tries more as there are processes. What staff passwords hang on does not stand here but
in the database: see `domain.staff_sign_in`.
"""

from __future__ import annotations

import asyncio
import heapq
import ipaddress
import math
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from domain.errors import TooMany
from server.config import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web
    from limits import RateLimitItem

    from domain.vault import Vault
    from handlers.request import Clock
    from server.metrics import Metrics

LIMITS: Mapping[str, tuple[int, int]] = {
    # Carriers put whole towns behind one address, so addresses are counted generously.
    "wechat_address": (1200, 60),
    "wechat_device": (10, 60),
    "wechat_account": (10, 60),
    "staff_address": (60, 300),
    "staff_device": (20, 300),
    "staff_account": (20, 300),
    "refresh_address": (3000, 60),
    "refresh_device": (120, 60),
    "refresh_account": (120, 60),
    # A WeChat user, also one who deletes the account and signs in anew: registering tells whether a number is known.
    "registration": (6, 86_400),
}
"""How many, in how many seconds. A window begins with its first attempt."""

STORE_SECONDS = 0.25
STORE_REST_SECONDS = 5.0
MOST_KEYS = 200_000
DEVICE_HEADER = "X-Device-Id"
DEVICE = re.compile(r"[!-~]{1,64}")
IPV6_NETWORK = 64
"""What one subscriber is given of IPv6 is a network of that length, at least."""

log = structlog.get_logger()


class ProcessMemory(Storage):
    """Counts of this process, by the service's clock.

    The library's own memory looks through every key at every hit, which at a hundred thousand keys stops the
    service for ten milliseconds each time, and has no bound.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock, most: int = MOST_KEYS) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._counts: dict[str, tuple[float, int]] = {}
        self._order: list[tuple[float, str]] = []

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock().timestamp()
        ends, count = self._counts.get(key, (0.0, 0))
        if ends <= now:
            self._make_room(now)
            ends, count = now + expiry, 0
            heapq.heappush(self._order, (ends, key))
        self._counts[key] = ends, count + amount
        return count + amount

    def _make_room(self, now: float) -> None:
        """Drop what is over; when full, what ends soonest."""
        while self._order and (self._order[0][0] <= now or len(self._order) >= self._most):
            ends, key = heapq.heappop(self._order)
            if self._counts.get(key, (None, 0))[0] == ends:
                del self._counts[key]

    async def get(self, key: str) -> int:
        ends, count = self._counts.get(key, (0.0, 0))
        return count if ends > self._clock().timestamp() else 0

    async def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (self._clock().timestamp(), 0))[0]

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        known = len(self._counts)
        self._counts.clear()
        self._order.clear()
        return known

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)


def open_store(url: str, clock: Clock) -> Storage:
    """Raise SettingError when there is no such store; whether it answers is seen at the first hit."""
    if url.startswith("async+memory"):
        return ProcessMemory(clock)
    options = {"implementation": "redispy"} if url.startswith("async+redis") else {}
    try:
        return cast("Storage", storage_from_string(url, **options))
    except ConfigurationError:
        # The library's own words repeat the address, and with it a password.
        raise SettingError(
            "THROTTLE_URL must be async+memory:// or a store like async+redis://host:6379 whose client is installed."
        ) from None


class Throttle:
    """Counts attempts. Keys are stored blind: they may be phone numbers or logins."""

    def __init__(
        self,
        store: Storage,
        clock: Clock,
        vault: Vault,
        metrics: Metrics,
        trusted_proxies: int,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._failures = metrics.throttle_store_failures
        self._trusted_proxies = trusted_proxies
        self._seconds = seconds
        self._shared = FixedWindowRateLimiter(store)
        self._alone = FixedWindowRateLimiter(ProcessMemory(clock))
        self._rests_until = -math.inf
        self._items = {
            name: RateLimitItemPerSecond(most, seconds, namespace=name) for name, (most, seconds) in LIMITS.items()
        }

    async def hit(self, limit: str, *key: str) -> None:
        item = self._items[limit]
        blind = self._vault.blind(f"throttle|{limit}", "|".join(key)).hex()[:32]
        ends = await self._count(item, blind)
        if ends is not None:
            left = math.ceil(ends - self._clock().timestamp())
            raise TooMany("too_many_requests", retry_after=min(max(left, 1), item.get_expiry()))

    async def hit_client(self, way: str, request: web.Request) -> None:
        await self.hit(f"{way}_address", client_network(request, self._trusted_proxies))
        device = request.headers.get(DEVICE_HEADER, "")
        if DEVICE.fullmatch(device):
            await self.hit(f"{way}_device", device)

    async def _count(self, item: RateLimitItem, key: str) -> float | None:
        """Return when the window ends if it is full."""
        if self._seconds() >= self._rests_until:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    return await _hit(self._shared, item, key)
            except Exception as error:  # noqa: BLE001  # each store's client fails in ways of its own
                log.warning("throttle store does not answer", error=type(error).__name__)
                self._failures.inc()
                self._rests_until = self._seconds() + STORE_REST_SECONDS
        return await _hit(self._alone, item, key)


async def _hit(limiter: FixedWindowRateLimiter, item: RateLimitItem, key: str) -> float | None:
    if await limiter.hit(item, key):
        return None
    return (await limiter.get_window_stats(item, key)).reset_time


def client_network(request: web.Request, trusted_proxies: int) -> str:
    """Return the client's address, of IPv6 its network.

    Each of our own proxies adds the address that it was called from at the end of X-Forwarded-For; what
    stands before those is the client's own word and counts for nothing.
    """
    address = request.remote or ""
    if trusted_proxies:
        named = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        named = [part for part in named if part]
        if named:
            address = named[-min(trusted_proxies, len(named))]
    return _network(address)


@lru_cache(maxsize=65_536)
def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))
    return str(parsed)
