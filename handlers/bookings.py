from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import booking_lists, desk, moving, no_shows, passes, rebooking
from domain.booking_changes import ChangeRequest
from domain.booking_rules import BookingRequest
from domain.permissions import require_signed_in
from domain.vocabulary import BookingStatus, local_day
from handlers.groups import BOOK, CHANGE, accepted
from handlers.operation import operation
from handlers.passes import PASS_KEYS
from handlers.ports import TALLY
from handlers.request import (
    connection,
    context,
    create_once,
    idempotency_key,
    page,
    path_id,
    read_body,
    read_query,
    reading,
    reply,
    transaction,
)
from schemas.bookings import (
    Booking,
    BookingCancel,
    BookingCorrect,
    BookingCreate,
    BookingMove,
    BookingQuery,
    BookingShown,
    CheckIn,
    CounterBookingCreate,
    DaySearch,
    LateAdmission,
)
from schemas.fields import cursor_at

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web


@operation(body=BookingCreate, reply=Booking, status=201, creates=True)
async def book(request: web.Request) -> web.Response:
    """Book a place for a person in one's care, or under a mandate."""
    ctx = context(request)
    account_id = require_signed_in(ctx).account_id
    request.app[TALLY].booking(request, account_id)
    body = await read_body(request, BookingCreate)
    wanted = BookingRequest(
        account_id=account_id,
        slot_id=body["slot_id"],
        person_id=body["person_id"],
        mandate_id=body["mandate_id"],
        answers=body["answers"],
        key=idempotency_key(request),
        request_id=ctx.request_id,
    )
    return reply(Booking, accepted(await request.app[BOOK].submit(wanted)), 201)


@operation(query=BookingQuery, reply=Booking)
async def list_own(request: web.Request) -> web.Response:
    """List bookings of persons in one's care and those made under one's mandates, newest first."""
    query = read_query(request, BookingQuery)
    async with reading(request) as conn:
        found = await booking_lists.list_for_account(
            conn,
            context(request),
            person_id=query["person"],
            statuses=query["status"] and [query["status"]],
            before=query["after"],
            most=query["limit"] + 1,
        )
    return page(Booking, found, query["limit"], cursor_at)


@operation(reply=BookingShown)
async def get(request: web.Request) -> web.Response:
    """Show one booking, with the other place that is offered for it where its slot was closed."""
    async with reading(request) as conn:
        return reply(BookingShown, await rebooking.show(conn, context(request), path_id(request)))


@operation(reply=Booking)
async def accept_offer(request: web.Request) -> web.Response:
    """Take the place that is offered for a booking whose slot was closed; answers the booking of that place."""
    async with transaction(request) as conn:
        taken = await rebooking.accept(conn, context(request), path_id(request))
    return reply(Booking, taken)


@operation(reply=Booking)
async def decline_offer(request: web.Request) -> web.Response:
    """Give the booking up instead; it never counts against the person."""
    async with transaction(request) as conn:
        given_up = await rebooking.decline(conn, context(request), path_id(request))
    return reply(Booking, given_up)


@operation(body=BookingCancel, reply=Booking)
async def cancel(request: web.Request) -> web.Response:
    """Cancel a booking before the policy's hour; its place can go to somebody else."""
    body = await read_body(request, BookingCancel)
    return await _change(request, path_id(request), BookingStatus.CANCELLED, reason=body["reason"])


@operation(body=CounterBookingCreate, reply=Booking, status=201, creates=True)
async def book_at_desk(request: web.Request) -> web.Response:
    """Book at the counter for a person who stands there or calls."""
    body = await read_body(request, CounterBookingCreate)
    ctx = context(request)
    wanted = BookingRequest(
        account_id=require_signed_in(ctx).account_id,
        slot_id=body["slot_id"],
        person_id=body["person_id"],
        mandate_id=None,
        answers=body["answers"],
        key=idempotency_key(request),
        desk=True,
        despite_suspension=body["despite_suspension"],
        request_id=ctx.request_id,
    )
    return reply(Booking, accepted(await request.app[BOOK].submit(wanted)), 201)


@operation(body=DaySearch, reply=Booking)
async def search_day(request: web.Request) -> web.Response:
    """List a provider's bookings of a day, by service, status, person or code."""
    body = await read_body(request, DaySearch)
    limit, status, after = body.pop("limit"), body.pop("status"), body.pop("after")
    async with connection(request) as conn:
        found = await desk.list_day(
            conn, context(request), **body, statuses=status and [status], after=after, most=limit + 1
        )
    return page(Booking, found, limit, cursor_at)


@operation(body=CheckIn, reply=Booking)
async def check_in_somebody(request: web.Request) -> web.Response:
    """Check in whoever is there today, by six-digit code, ID number or pass, and give a queue number.

    Where several bookings fit, they are named, and the desk checks one of them in by its id.
    """
    body = await read_body(request, CheckIn)
    ctx, scanned_at = context(request), body.pop("scanned_at", None)
    today = local_day(ctx.now)
    async with transaction(request) as conn:
        if "code" in body:
            booking_id = await desk.find_by_code(conn, ctx, day=today, **body)
        elif "id_number" in body:
            booking_id = await desk.find_by_id_number(conn, ctx, day=today, **body)
        else:
            keys = request.app[PASS_KEYS]
            booking_id = await passes.find(conn, ctx, keys, scanned_at=scanned_at, **body)
    return await _change(request, booking_id, BookingStatus.CHECKED_IN, desk=True, came_at=scanned_at)


@operation(reply=Booking)
async def check_in(request: web.Request) -> web.Response:
    """Check a booking in, on the slot's day."""
    return await _change(request, path_id(request), BookingStatus.CHECKED_IN, desk=True)


@operation(body=LateAdmission, reply=Booking)
async def admit(request: web.Request) -> web.Response:
    """Check in somebody who would be refused as too late: the desk decides, and says why."""
    body = await read_body(request, LateAdmission)
    return await _change(
        request, path_id(request), BookingStatus.CHECKED_IN, reason=body["reason"], desk=True, admit_late=True
    )


@operation(reply=Booking)
async def complete(request: web.Request) -> web.Response:
    """Record that a checked-in visit is over."""
    return await _change(request, path_id(request), BookingStatus.COMPLETED, desk=True)


@operation(reply=Booking)
async def mark_no_show(request: web.Request) -> web.Response:
    """Record that nobody came, once the slot is over."""
    return await _change(request, path_id(request), BookingStatus.NO_SHOW, desk=True)


@operation(body=BookingCancel, reply=Booking)
async def cancel_at_desk(request: web.Request) -> web.Response:
    """Cancel a booking for somebody at the counter or on the telephone."""
    body = await read_body(request, BookingCancel)
    return await _change(request, path_id(request), BookingStatus.CANCELLED, reason=body["reason"], desk=True)


@operation(body=BookingMove, reply=Booking, status=201, creates=True)
async def move(request: web.Request) -> web.Response:
    """Take a place in another slot of the service for the one a booking has; answers the new booking."""
    request.app[TALLY].booking(request, require_signed_in(context(request)).account_id)
    return await _move(request)


@operation(body=BookingMove, reply=Booking, status=201, creates=True)
async def move_at_desk(request: web.Request) -> web.Response:
    """Move a booking for somebody at the counter or on the telephone."""
    return await _move(request, desk=True)


async def _move(request: web.Request, *, desk: bool = False) -> web.Response:
    body, ctx, booking_id = await read_body(request, BookingMove), context(request), path_id(request)
    async with transaction(request) as conn:
        made = await create_once(
            request,
            conn,
            body,
            lambda: moving.move(conn, ctx, booking_id, body["slot_id"], body["answers"], desk=desk),
            lambda known: moving.show(conn, ctx, known, desk=desk),
        )
    return reply(Booking, made, 201)


@operation(body=BookingCorrect, reply=Booking)
async def correct(request: web.Request) -> web.Response:
    """Say that somebody who was marked as a no-show had come; a suspension that stood on it is taken back."""
    body = await read_body(request, BookingCorrect)
    status = BookingStatus(body["status"])
    async with transaction(request) as conn:
        corrected = await no_shows.correct(conn, context(request), path_id(request), status, body["reason"])
    return reply(Booking, corrected)


async def _change(
    request: web.Request, booking_id: UUID, to: BookingStatus, *, reason: str = "", desk: bool = False, **more: Any
) -> web.Response:
    ctx = context(request)
    wanted = ChangeRequest(require_signed_in(ctx).account_id, booking_id, to, reason, desk, ctx.request_id, **more)
    return reply(Booking, accepted(await request.app[CHANGE].submit(wanted)))
