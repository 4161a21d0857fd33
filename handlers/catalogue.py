from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import catalogue, policies
from handlers.conditional import HEADERS, conditional, json_answer
from handlers.operation import operation
from handlers.request import SAY, connection, context, page_value, path_id, read_query, shape
from schemas.areas import AreaTree
from schemas.catalogue import Provider, ProviderQuery, Service, ServiceInList, ServiceQuery
from schemas.fields import cursor_at

if TYPE_CHECKING:
    from aiohttp import web

BY_LANGUAGE = {**HEADERS, "Vary": "Accept-Language"}


@operation(reply=AreaTree, etag=True)
async def areas(request: web.Request) -> web.Response:
    """List all areas, from the league down to the communities."""
    async with connection(request) as conn:
        found = await catalogue.areas(conn)
    return conditional(request, json_answer(shape(AreaTree).dump({"items": found, "next": None})))


@operation(query=ProviderQuery, reply=Provider, etag=True)
async def providers(request: web.Request) -> web.Response:
    """List hospitals, desks and homes, of a kind, of an area with all below it, or by words."""
    query = read_query(request, ProviderQuery)
    async with connection(request) as conn:
        found = await catalogue.providers(conn, **query)
    return conditional(request, json_answer(page_value(Provider, found, query["limit"], cursor_at)))


@operation(reply=Provider, etag=True)
async def provider(request: web.Request) -> web.Response:
    """Show one provider."""
    async with connection(request) as conn:
        found = await catalogue.provider(conn, path_id(request))
    return conditional(request, json_answer(shape(Provider).dump(found)))


@operation(query=ServiceQuery, reply=ServiceInList, etag=True)
async def services(request: web.Request) -> web.Response:
    """List services, of a provider, of a kind, or by words."""
    query = read_query(request, ServiceQuery)
    async with connection(request) as conn:
        found = await catalogue.services(conn, **query)
    return conditional(request, json_answer(page_value(ServiceInList, found, query["limit"], cursor_at)))


@operation(reply=Service, etag=True)
async def service(request: web.Request) -> web.Response:
    """Show one service: what to bring, who may come, what is asked, and the rules of booking."""
    async with connection(request) as conn:
        found = await catalogue.service(conn, context(request), path_id(request))
    shown: dict[str, Any] = {**found, "policy": {**found["policy"], "words": _words(request, found["policy"])}}
    return conditional(request, json_answer(shape(Service).dump(shown)), BY_LANGUAGE)


def _words(request: web.Request, policy: Any) -> list[dict[str, str]]:
    said = [request.app[SAY](request, code, facts) for code, facts in policies.words(policy)]
    return [{"title": title, "detail": detail} for title, detail in said]
