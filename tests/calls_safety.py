"""Good calls about what a volunteer did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.town import Given

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.town import Town

RECORD = "/v1/teams/{id}/volunteers/{volunteer_id}/record"


async def record(town: Town) -> Given:
    ids = {"id": town.team_id, "volunteer_id": town.helper_id}
    return Given(ids=ids, query={"from": "2026-11-01", "to": "2026-12-31"})


SAFETY: dict[tuple[str, str], Callable[[Town], Awaitable[Given]]] = {
    ("GET", RECORD): record,
    ("GET", f"{RECORD}/export"): record,
}
