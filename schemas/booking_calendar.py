"""A booking as iCalendar (RFC 5545), in Chinese.

Calendars are shared and copied to clouds: whose booking it is, its code and the answers stay out.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from icalendar import Alarm, Calendar, Event, Timezone, vCalAddress

from domain.vocabulary import LOCAL_ZONE, BookingStatus
from schemas import words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAKER = "-//xiaotuo//booking//ZH"
DOMAIN = "xiaotuo.invalid"
"""Of no host: an event's id has to be the same wherever the service moves."""

REMINDERS = (timedelta(days=1), timedelta(hours=2))
"""The first to pack and set out in time, as towns here lie hours apart."""

OVER = (BookingStatus.CANCELLED, BookingStatus.MOVED)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
"""China kept summer time until 1991: later days have one offset."""


@cache
def _timezone() -> Timezone:
    return Timezone.from_tzid(LOCAL_ZONE.key, first_date=FIRST_DAY, last_date=LAST_DAY)


def calendar(booking: Mapping[str, Any], now: datetime) -> bytes:
    """Write one event; one that is over is cancelled, so that a calendar which has it takes it out."""
    over = booking["status"] in OVER
    written = Calendar()
    written.add("prodid", MAKER)
    written.add("version", "2.0")
    written.add("method", "CANCEL" if over else "PUBLISH")
    written.add_component(_timezone())
    event = _event(booking, now)
    event.add("status", "CANCELLED" if over else "CONFIRMED")
    if not over:
        for before in REMINDERS:
            event.add_component(_alarm(_summary(booking), before))
    written.add_component(event)
    text: bytes = written.to_ical()
    return text


def _event(booking: Mapping[str, Any], now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{booking['id']}@{DOMAIN}")
    event.add("sequence", booking["sequence"])
    event.add("dtstamp", now)
    event.add("created", booking["created_at"])
    event.add("last-modified", booking["changed_at"])
    event.add("dtstart", booking["starts_at"].astimezone(LOCAL_ZONE))
    event.add("dtend", booking["ends_at"].astimezone(LOCAL_ZONE))
    event.add("summary", _summary(booking))
    event.add("location", "，".join(filter(None, (booking["provider_name"], booking["address"]))))
    event.add("description", "\n".join(_lines(booking)))
    organizer = vCalAddress(f"urn:uuid:{booking['provider_id']}")
    organizer.params["cn"] = booking["provider_name"]
    event.add("organizer", organizer)
    event.add("class", "PRIVATE")
    return event


def _summary(booking: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (booking["provider_name"], booking["department"], booking["service_name"])))


def _lines(booking: Mapping[str, Any]) -> list[str]:
    lines = [f"{booking['number']}号" + (f"，{booking['resource']}" if booking["resource"] else "")]
    if booking["requirements"]:
        lines.append("请带：" + "、".join(booking["requirements"]))
    lines.append(f"去不了，请在{words.minute(booking['cancel_until'])}前取消。")
    if booking["phone"]:
        lines.append(f"电话：{booking['phone']}")
    return lines


def _alarm(text: str, before: timedelta) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -before)
    alarm.add("description", text)
    return alarm
