from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from domain import availability
from domain.vocabulary import LOCAL_ZONE
from handlers.conditional import conditional
from handlers.operation import operation
from handlers.ports import TALLY
from handlers.request import connection, context, path_id, read_query, shape
from handlers.short_cache import AVAILABILITY
from schemas.availability import DayOffers, DaysQuery, SlotOffers, SlotsQuery

if TYPE_CHECKING:
    from aiohttp import web


TWO_WEEKS = timedelta(days=13)


@operation(query=DaysQuery, reply=DayOffers, etag=True)
async def days(request: web.Request) -> web.Response:
    """Show what each day of a range (two weeks from today, unless told) offers at a service.

    A hint, as the booking itself decides.
    """
    request.app[TALLY].availability(request)
    service_id, query = path_id(request), read_query(request, DaysQuery)
    query["first"] = query["first"] or context(request).now.astimezone(LOCAL_ZONE).date()
    query["last"] = query["last"] or query["first"] + TWO_WEEKS

    async def load() -> bytes:
        async with connection(request) as conn:
            found = await availability.days(conn, context(request), service_id, **query)
        return orjson.dumps(shape(DayOffers).dump({"items": found, "next": None}))

    return conditional(request, await request.app[AVAILABILITY].get((service_id, *query.values()), load))


@operation(query=SlotsQuery, reply=SlotOffers, etag=True)
async def slots(request: web.Request) -> web.Response:
    """Show the slots of a day at a service: a hint, as the booking itself decides."""
    request.app[TALLY].availability(request)
    service_id, query = path_id(request), read_query(request, SlotsQuery)

    async def load() -> bytes:
        async with connection(request) as conn:
            found = await availability.slots(conn, context(request), service_id, **query)
        return orjson.dumps(shape(SlotOffers).dump({"items": found, "next": None}))

    return conditional(request, await request.app[AVAILABILITY].get((service_id, *query.values()), load))
