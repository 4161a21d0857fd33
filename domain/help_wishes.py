"""What somebody asks for when asking for help, and what of that can be. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from domain.errors import Invalid
from domain.help_vocabulary import MAX_WISHED_DAYS_AHEAD, PartOfDay
from domain.identity import MOBILE
from domain.vocabulary import LOCAL_ZONE, Language, local_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

NOON = time(12)
LANDLINE = re.compile(r"0[0-9]{2,3}[2-9][0-9]{6,7}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. With `booking_id` it is somebody to come along, and service and day are the booking's."""

    area_id: UUID
    needs_booking: bool = False
    needs_companion: bool = False
    needs_ride: bool = False
    team_id: UUID | None = None
    matter: str | None = None
    service_id: UUID | None = None
    booking_id: UUID | None = None
    language: str = Language.CHINESE
    wished_days: Sequence[date] = ()
    part_of_day: str = PartOfDay.ANY
    need: str | None = field(default=None, repr=False)
    pickup: str | None = field(default=None, repr=False)
    mobility: str | None = field(default=None, repr=False)
    contact_phone: str | None = field(default=None, repr=False)


def check(wish: Wish, now: datetime) -> None:
    """Refuse what nobody could help with, whoever asks."""
    if not (wish.needs_booking or wish.needs_companion or wish.needs_ride):
        raise Invalid("help_nothing_needed")
    if wish.booking_id is not None and wish.needs_booking:
        raise Invalid("help_booked_already")
    if wish.booking_id is not None and wish.wished_days:
        raise Invalid("help_days_of_booking")
    if wish.booking_id is None and wish.service_id is None:
        if not wish.need:
            raise Invalid("help_need_missing")
        if wish.matter is None:
            raise Invalid("help_matter_missing")
    if wish.needs_ride and not wish.pickup:
        raise Invalid("help_pickup_missing")
    if wish.booking_id is None:
        check_days(wish.wished_days, wish.part_of_day, now)


def check_days(days: Sequence[date], part: str, now: datetime) -> None:
    """Refuse days that are over, or so far off that nobody knows them yet."""
    if not days:
        raise Invalid("help_days_missing")
    today = local_day(now)
    if min(days) < today:
        raise Invalid("help_day_over", day=min(days))
    latest = today + timedelta(days=MAX_WISHED_DAYS_AHEAD)
    if max(days) > latest:
        raise Invalid("help_day_too_far", latest=latest)
    if end_of(min(days), part) <= now:
        raise Invalid("help_day_over", day=min(days))


def end_of(day: date, part: str) -> datetime:
    """Return when a part of a day is over."""
    if part == PartOfDay.MORNING:
        return datetime.combine(day, NOON, LOCAL_ZONE)
    return datetime.combine(day + timedelta(days=1), time(), LOCAL_ZONE)


def read_contact_phone(text: str) -> str:
    """Bring a number to call back, of a mobile or a landline with its area code, to its digits; or raise Invalid."""
    typed = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", text))
    mobile = MOBILE.fullmatch(typed)
    if mobile is not None:
        return mobile[1]
    if not LANDLINE.fullmatch(typed):
        raise Invalid("contact_phone_invalid", field="contact_phone")
    return typed


def normal_address(text: str) -> str:
    """Return what is equal for addresses that are written a little differently."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
