from __future__ import annotations

from typing import TYPE_CHECKING

from domain import help_alarms
from domain.help_vocabulary import AlarmState
from handlers.operation import operation
from handlers.request import (
    connection,
    context,
    no_content,
    page,
    path_id,
    read_body,
    read_query,
    transaction,
)
from schemas.fields import cursor_at
from schemas.help_alarms import HelpAlarm, HelpAlarmClose, HelpAlarmQuery

if TYPE_CHECKING:
    from aiohttp import web


@operation(query=HelpAlarmQuery, reply=HelpAlarm)
async def list_of_team(request: web.Request) -> web.Response:
    """List what a team's leader and staff must look at, newest first."""
    query = read_query(request, HelpAlarmQuery)
    state = query["state"]
    async with connection(request) as conn:
        found = await help_alarms.list_of_team(
            conn,
            context(request),
            path_id(request),
            closed=None if state is None else state == AlarmState.CLOSED,
            before=query["after"],
            most=query["limit"] + 1,
        )
    return page(HelpAlarm, found, query["limit"], cursor_at)


@operation(body=HelpAlarmClose, status=204)
async def close(request: web.Request) -> web.Response:
    """Close an alarm with what has become of it; what was closed before stays as it is."""
    body = await read_body(request, HelpAlarmClose)
    async with transaction(request) as conn:
        ids = path_id(request), path_id(request, "alarm_id")
        await help_alarms.close(conn, context(request), *ids, body["outcome"])
    return no_content()
