from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import staff
from domain.vocabulary import Role
from handlers.operation import operation
from handlers.ports import REVOCATIONS
from handlers.request import (
    connection,
    context,
    create_once,
    page,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.fields import cursor_at
from schemas.staff import Account, AccountCreate, AccountsQuery, AccountWithSecrets, Grants

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from aiohttp import web
    from asyncpg import Connection

    from domain.context import Context


@operation(reply=Account)
async def me(request: web.Request) -> web.Response:
    """Show one's own staff account with its grants."""
    async with connection(request) as conn:
        return reply(Account, await staff.me(conn, context(request)))


@operation(query=AccountsQuery, reply=Account)
async def list_accounts(request: web.Request) -> web.Response:
    """List the staff accounts that the caller may manage."""
    query = read_query(request, AccountsQuery)
    async with connection(request) as conn:
        found = await staff.list_accounts(conn, context(request), **query)
    return page(Account, found, query["limit"], cursor_at)


@operation(reply=Account)
async def show(request: web.Request) -> web.Response:
    """Show one staff account."""
    async with connection(request) as conn:
        return reply(Account, await staff.show(conn, context(request), path_id(request)))


@operation(body=AccountCreate, reply=AccountWithSecrets, status=201, creates=True)
async def create(request: web.Request) -> web.Response:
    """Make a staff account; its password and the secret of its codes are shown in this answer only."""
    body, ctx = await read_body(request, AccountCreate), context(request)
    login, display_name, grants = body["login"], body["display_name"], grants_of(body)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: with_secrets(staff.create(conn, ctx, login, display_name, grants)),
            lambda known: shown_again(conn, ctx, known),
        )
    return secret_reply(made, 201)


@operation(body=Grants, reply=Account)
async def put_grants(request: web.Request) -> web.Response:
    """Give a staff account exactly these grants; its tokens are refused from now on and have to be refreshed."""
    grants = grants_of(await read_body(request, Grants))
    changed = await change(request, lambda conn, ctx, account: staff.put_grants(conn, ctx, account, grants))
    return reply(Account, changed.account)


@operation(reply=AccountWithSecrets)
async def reset(request: web.Request) -> web.Response:
    """Make a new password and a new secret for codes, lift a lock, end every session."""
    changed = await change(request, staff.reset)
    return secret_reply({"account": changed.account, "secrets": changed.secrets})


@operation(reply=Account)
async def suspend(request: web.Request) -> web.Response:
    """Suspend a staff account: it can do nothing from now on."""
    return reply(Account, (await change(request, staff.suspend)).account)


@operation(reply=Account)
async def reinstate(request: web.Request) -> web.Response:
    """Let a suspended staff account sign in again."""
    return reply(Account, (await change(request, staff.reinstate)).account)


@operation(reply=Account)
async def end_sessions(request: web.Request) -> web.Response:
    """Sign a staff account out everywhere."""
    return reply(Account, (await change(request, staff.end_sessions)).account)


async def change(
    request: web.Request, act: Callable[[Connection, Context, UUID], Awaitable[staff.Changed]]
) -> staff.Changed:
    """Change the account of the path; what that revokes holds in this process before the answer goes out."""
    async with transaction(request) as conn:
        changed = await act(conn, context(request), path_id(request))
    revocations = request.app[REVOCATIONS]
    revocations.version_raised(changed.account["id"], changed.account["version"])
    for session_id in changed.ended:
        revocations.session_ended(session_id)
    return changed


def secret_reply(value: dict[str, Any], status: int = 200) -> web.Response:
    response = reply(AccountWithSecrets, value, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def grants_of(body: dict[str, Any]) -> list[staff.Grant]:
    return [staff.Grant(Role(grant["role"]), grant["provider_id"], grant["area_id"]) for grant in body["grants"]]


async def with_secrets(making: Awaitable[staff.Changed]) -> dict[str, Any]:
    made = await making
    return {"id": made.account["id"], "account": made.account, "secrets": made.secrets}


async def shown_again(conn: Connection, ctx: Context, account_id: UUID) -> dict[str, Any]:
    return {"id": account_id, "account": await staff.show(conn, ctx, account_id), "secrets": None}
