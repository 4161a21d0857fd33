from __future__ import annotations

from typing import TYPE_CHECKING

from domain import nurseries as rules
from domain import nursery_norms
from handlers.conditional import conditional, json_answer
from handlers.operation import operation
from handlers.plain import changing, creating, listing, showing
from handlers.request import connection, page_value, path_id, read_query, shape
from schemas.fields import cursor_at
from schemas.nurseries import (
    ClassChange,
    ClassCreate,
    ClassQuery,
    Norm,
    NormCreate,
    NormQuery,
    Nursery,
    NurseryQuery,
    StaffClass,
)

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=NurseryQuery, reply=Nursery, etag=True)
async def nurseries(request: web.Request) -> web.Response:
    """List nurseries with their classes, of an area with all below it, or by words."""
    query = read_query(request, NurseryQuery)
    async with connection(request) as conn:
        found = await rules.nurseries(conn, **query)
    return conditional(request, json_answer(page_value(Nursery, found, query["limit"], cursor_at)))


@operation(reply=Nursery, etag=True)
async def nursery(request: web.Request) -> web.Response:
    """Show one nursery with its classes."""
    async with connection(request) as conn:
        found = await rules.nursery(conn, path_id(request))
    return conditional(request, json_answer(shape(Nursery).dump(found)))


list_classes = listing(rules.list_classes, ClassQuery, StaffClass, "List a nursery's classes.")
show_class = showing(rules.show_class, StaffClass, "Show one class, and where it is other than the norm.")
create_class = creating(rules.create_class, rules.show_made, ClassCreate, StaffClass, "Make a class.")
change_class = changing(rules.change_class, ClassChange, StaffClass, "Change or close a class.")
list_norms = listing(nursery_norms.list_of_staff, NormQuery, Norm, "List the versions of what a class may be.")
publish_norm = creating(
    nursery_norms.publish,
    nursery_norms.show,
    NormCreate,
    Norm,
    "Add the next version of what a class of a kind may be.",
)
