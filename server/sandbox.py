"""Stands in for WeChat and the SMS gateway while there is no real account; met over HTTP as they are.

Below `/wechat` are WeChat's own paths with its fields and error codes, so that our client cannot tell the
difference. The rest is for developers: codes that a phone would give, faults, the messages that were sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from domain.errors import Refusal
from handlers.request import REQUEST_ID, json_response, read_body
from server.errors import problem, status_of
from server.sandbox_messages import Messages, page
from server.sandbox_wechat import PATHS, Fault, WeChatStandIn

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from handlers.request import Clock

WECHAT_STAND_IN = web.AppKey("wechat_stand_in", WeChatStandIn)
MESSAGES = web.AppKey("messages", Messages)

NAME = validate.Length(min=1, max=100)
MAX_DELAY = 60


def _text_or_number(value: object) -> None:
    if not isinstance(value, str | int):
        raise ValidationError("must be text or a whole number, as WeChat sends both")


class CodeBody(Schema):
    user = fields.String(required=True, validate=NAME)
    unionid = fields.String(load_default=None, validate=NAME)


class PhoneCodeBody(Schema):
    user = fields.String(required=True, validate=NAME)
    phone = fields.String(required=True, validate=validate.Regexp(r"[0-9]{5,15}\Z"))
    country_code = fields.Raw(load_default="86", validate=_text_or_number)


class FaultBody(Schema):
    """What the next `times` calls of a path meet; the answer waits `delay` seconds, whatever it is.

    `errcode`: WeChat's own refusal. `status`: a page in HTML with that status, as a gateway would answer;
    444 hangs up without a word. Neither: the call is done and only its answer is late.
    """

    path = fields.String(required=True, validate=validate.OneOf(PATHS))
    errcode = fields.Integer(load_default=None, strict=True)
    status = fields.Integer(load_default=None, strict=True, validate=validate.Range(200, 599))
    times = fields.Integer(load_default=1, strict=True, validate=validate.Range(0, 1000))
    delay = fields.Float(load_default=0.0, validate=validate.Range(0, MAX_DELAY))

    @validates_schema
    def does_something(self, data: dict[str, Any], **_: Any) -> None:
        if data["times"] and data["errcode"] is None and data["status"] is None and not data["delay"]:
            raise ValidationError("one of errcode, status and delay says what goes wrong", "errcode")


class SmsBody(Schema):
    to = fields.String(required=True, validate=NAME)
    template = fields.String(required=True, validate=NAME)
    text = fields.String(required=True, validate=validate.Length(min=1, max=1000))
    data = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a developer's mistake in the shape of the API's own refusals."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem(request, request.get(REQUEST_ID, ""), status_of(refusal), refusal.code, refusal.facts)


async def give_code(request: web.Request) -> web.Response:
    body = await read_body(request, CodeBody)
    return json_response({"code": request.app[WECHAT_STAND_IN].give_code(body["user"], body["unionid"])})


async def give_phone_code(request: web.Request) -> web.Response:
    body = await read_body(request, PhoneCodeBody)
    code = request.app[WECHAT_STAND_IN].give_phone_code(body["user"], body["phone"], body["country_code"])
    return json_response({"code": code})


async def set_fault(request: web.Request) -> web.Response:
    body = await read_body(request, FaultBody)
    request.app[WECHAT_STAND_IN].faults[body["path"]] = Fault(
        body["errcode"], body["status"], body["times"], body["delay"]
    )
    return json_response(body)


async def take_sms(request: web.Request) -> web.Response:
    request.app[MESSAGES].add("sms", **await read_body(request, SmsBody))
    return web.Response(status=204)


async def list_messages(request: web.Request) -> web.Response:
    """Show what was sent, newest first: to programs as JSON, to people as a page that keeps itself fresh."""
    to = request.query.get("to")
    found = request.app[MESSAGES].newest_first(to)
    if "text/html" in request.headers.get("Accept", ""):
        return web.Response(text=page(found, to), content_type="text/html")
    return json_response({"items": found})


def build_sandbox(clock: Clock, appid: str, secret: str) -> web.Application:
    """Make the sandbox as an application of its own; it forgets everything when its process ends."""
    app = web.Application(middlewares=[explain])
    app[WECHAT_STAND_IN] = stand_in = WeChatStandIn(clock, appid, secret)
    app[MESSAGES] = Messages(clock)
    app.add_routes(
        [
            web.post("/wechat/codes", give_code),
            web.post("/wechat/phone-codes", give_phone_code),
            web.put("/wechat/faults", set_fault),
            *(web.route("*", f"/wechat{path}", stand_in.handler(path)) for path in PATHS),
            web.post("/sms", take_sms),
            web.get("/messages", list_messages),
        ]
    )
    return app
