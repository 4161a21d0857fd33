from __future__ import annotations

from typing import TYPE_CHECKING

from domain import enrolment_announcing
from domain import enrolment_rounds as rules
from handlers.conditional import conditional, json_answer
from handlers.operation import operation
from handlers.plain import acting, changing, creating, listing, showing
from handlers.request import connection, context, no_content, page_value, path_id, read_query, shape, transaction
from schemas.enrolment_rounds import (
    Round,
    RoundAnnounce,
    RoundCancel,
    RoundChange,
    RoundCreate,
    RoundInList,
    RoundPostpone,
    RoundQuery,
    StaffRound,
)
from schemas.fields import cursor_at

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=RoundQuery, reply=RoundInList, etag=True)
async def rounds(request: web.Request) -> web.Response:
    """List rounds of enrolment, newest first, all or those that bear on an area."""
    query = read_query(request, RoundQuery)
    async with connection(request) as conn:
        found = await rules.rounds(conn, context(request), **query)
    return conditional(request, json_answer(page_value(RoundInList, found, query["limit"], cursor_at)))


@operation(reply=Round, etag=True)
async def announced(request: web.Request) -> web.Response:
    """Show one round: its times, its groups, and what is offered."""
    async with connection(request) as conn:
        found = await rules.announced(conn, context(request), path_id(request))
    return conditional(request, json_answer(shape(Round).dump(found)))


@operation(status=204)
async def remove(request: web.Request) -> web.Response:
    """Throw a draft away."""
    async with transaction(request) as conn:
        await rules.remove(conn, context(request), path_id(request))
    return no_content()


list_of_staff = listing(
    rules.list_of_staff, RoundQuery, RoundInList, "List the rounds of the caller's areas and nurseries."
)
show = showing(rules.show, StaffRound, "Show one round to staff, a draft as well.")
create = creating(rules.create, rules.show, RoundCreate, StaffRound, "Draft a round.")
change = changing(rules.change, RoundChange, StaffRound, "Put a draft as a whole in the place of what it was.")
announce = changing(
    enrolment_announcing.announce, RoundAnnounce, StaffRound, "Announce a draft; it stands from then on."
)
postpone = changing(
    enrolment_announcing.postpone, RoundPostpone, StaffRound, "Move times of an announced round to later ones."
)
cancel = changing(enrolment_announcing.cancel, RoundCancel, StaffRound, "Cancel a round before its list is frozen.")
end = acting(
    enrolment_announcing.end,
    StaffRound,
    "End a round in which nothing waits for a decision; offers that stand can be answered.",
)
