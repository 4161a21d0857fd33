from __future__ import annotations

from typing import TYPE_CHECKING

from domain import sessions, staff_sign_in
from handlers.operation import operation
from handlers.ports import ACCESS_TOKENS, REVOCATIONS, THROTTLE, WECHAT
from handlers.request import (
    CALLER,
    connection,
    context,
    no_content,
    page,
    path_id,
    read_body,
    read_query,
    reply,
    transaction,
)
from schemas.fields import cursor_at
from schemas.sessions import Refresh, Session, SessionsQuery, SignedIn, StaffSignIn, WeChatSignIn

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web

LONGEST_DEVICE = 120


@operation(body=WeChatSignIn, reply=SignedIn)
async def begin_by_wechat(request: web.Request) -> web.Response:
    """Sign in from the mini-program with the code of `wx.login`; the account is made at first sight."""
    await request.app[THROTTLE].hit_client("wechat", request)
    body = await read_body(request, WeChatSignIn)
    identity = await request.app[WECHAT].sign_in(body["code"])
    await request.app[THROTTLE].hit("wechat_account", identity.openid)
    async with transaction(request) as conn:
        signed_in = await sessions.sign_in_wechat(
            conn, context(request), identity.openid, identity.unionid, device(request)
        )
    return answer(request, signed_in)


@operation(body=StaffSignIn, reply=SignedIn)
async def begin_by_staff(request: web.Request) -> web.Response:
    """Sign in as staff with login, password and the code of an authenticator app."""
    await request.app[THROTTLE].hit_client("staff", request)
    body = await read_body(request, StaffSignIn)
    login = body["login"].lower()
    await request.app[THROTTLE].hit("staff_account", login)
    async with transaction(request) as conn:
        attempt = await staff_sign_in.begin(conn, context(request), login)
    step = await staff_sign_in.check(context(request), attempt, body["password"], body["otp"])
    async with transaction(request) as conn:
        signed_in = await staff_sign_in.finish(conn, context(request), attempt, step, device(request))
    return answer(request, signed_in)


@operation(body=Refresh, reply=SignedIn)
async def refresh(request: web.Request) -> web.Response:
    """Trade a refresh token for the next one and a new access token; asking twice within 10 seconds is safe."""
    await request.app[THROTTLE].hit_client("refresh", request)
    token = (await read_body(request, Refresh))["refresh_token"]
    async with connection(request) as conn:
        account_id = await sessions.account_of(conn, token)
    if account_id is not None:
        await request.app[THROTTLE].hit("refresh_account", str(account_id))
    try:
        async with transaction(request) as conn:
            signed_in = await sessions.refresh(conn, context(request), token)
    except sessions.FamilyEnded as refusal:
        request.app[REVOCATIONS].session_ended(refusal.session_id)
        raise
    return answer(request, signed_in)


@operation(status=204)
async def end_current(request: web.Request) -> web.Response:
    """Sign out."""
    await end(request, request[CALLER].session_id)
    return no_content()


@operation(status=204)
async def end_one(request: web.Request) -> web.Response:
    """Sign another device of one's own out."""
    await end(request, path_id(request))
    return no_content()


@operation(query=SessionsQuery, reply=Session)
async def live(request: web.Request) -> web.Response:
    """List where one is signed in, newest first."""
    query = read_query(request, SessionsQuery)
    async with connection(request) as conn:
        rows = await sessions.live(conn, context(request), **query)
    current = request[CALLER].session_id
    items = [{**row, "current": row["id"] == current} for row in rows]
    return page(Session, items, query["limit"], cursor_at)


async def end(request: web.Request, session_id: UUID) -> None:
    async with transaction(request) as conn:
        await sessions.end_one(conn, context(request), session_id)
    request.app[REVOCATIONS].session_ended(session_id)


def device(request: web.Request) -> str:
    """Return what the list of sessions calls this device: its own words about itself, shortened."""
    words = request.headers.get("User-Agent", "")
    return "".join(char for char in words if char.isascii() and char.isprintable())[:LONGEST_DEVICE]


def answer(request: web.Request, signed_in: sessions.SignedIn) -> web.Response:
    for session_id in signed_in.ended:
        request.app[REVOCATIONS].session_ended(session_id)
    access_token = request.app[ACCESS_TOKENS].issue(
        signed_in.account_id,
        signed_in.session_id,
        signed_in.roles,
        signed_in.version,
        signed_in.access_seconds,
    )
    response = reply(
        SignedIn,
        {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": signed_in.access_seconds,
            "refresh_token": signed_in.refresh_token,
            "user": {"id": signed_in.account_id, "registered": signed_in.registered, "roles": signed_in.roles},
        },
    )
    response.headers["Cache-Control"] = "no-store"
    return response
