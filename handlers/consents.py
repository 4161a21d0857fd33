from __future__ import annotations

from typing import TYPE_CHECKING

from domain import consents, deletion
from domain.consents import TEXTS
from domain.errors import NotFound
from domain.vocabulary import ConsentKind
from handlers.operation import operation
from handlers.request import context, read_body, read_query, reply, transaction, whole_list
from schemas.consents import (
    Consent,
    ConsentForm,
    ConsentPage,
    ConsentText,
    ConsentTextPage,
    Withdrawal,
    WithdrawalQuery,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from aiohttp import web

    from domain.vocabulary import Fate


@operation(reply=ConsentTextPage)
async def list_texts(_request: web.Request) -> web.Response:
    """List the texts to be agreed to, in the versions in force."""
    return whole_list(ConsentText, list(TEXTS.values()))


@operation(body=ConsentForm, reply=ConsentPage)
async def give(request: web.Request) -> web.Response:
    """Agree to texts that have changed, for a person in care."""
    body = await read_body(request, ConsentForm)
    async with transaction(request) as conn:
        standing = await consents.give(conn, context(request), body["person_id"], body["consents"])
    return whole_list(Consent, standing)


@operation(query=WithdrawalQuery, reply=Withdrawal)
async def withdraw(request: web.Request) -> web.Response:
    """Take a consent back; says what that led to."""
    query = read_query(request, WithdrawalQuery)
    kind = path_kind(request)
    async with transaction(request) as conn:
        fates = await deletion.withdraw_consent(conn, context(request), kind, query["person"])
    answer = {"kind": kind, "consequence": TEXTS[kind].withdrawal, "people": let_go(fates)}
    return reply(Withdrawal, answer)


def path_kind(request: web.Request) -> ConsentKind:
    try:
        return ConsentKind(request.match_info["kind"])
    except ValueError:
        raise NotFound("not_found") from None


def let_go(fates: Mapping[UUID, Fate]) -> list[dict[str, object]]:
    return [{"id": person_id, "fate": fate} for person_id, fate in fates.items()]
