"""The Chinese of our vocabularies, for sentences that are made for residents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.vocabulary import LOCAL_ZONE, BookingStatus, ServiceKind, TicketStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

MATTERS: Mapping[str, str] = {
    ServiceKind.MEDICAL: "看病就医",
    ServiceKind.ELDER_CARE: "养老服务",
    ServiceKind.INSURANCE: "医疗保险",
    ServiceKind.EMPLOYMENT: "就业服务",
    ServiceKind.HOUSING: "住房改造",
    ServiceKind.ASSISTANCE: "社会救助",
    ServiceKind.NURSERY: "托育入托",
    ServiceKind.EDUCATION: "教育服务",
    ServiceKind.OTHER: "其他事项",
}

ACCOUNT_STATUSES: Mapping[str, str] = {
    "active": "正常",
    "suspended": "已停用",
    "deleted": "已注销",
}

TICKET_STATUSES: Mapping[str, str] = {
    TicketStatus.WAITING: "等候中",
    TicketStatus.CALLED: "已叫号",
    TicketStatus.SKIPPED: "已过号",
    TicketStatus.DONE: "已办完",
}

BOOKING_STATUSES: Mapping[str, str] = {
    BookingStatus.BOOKED: "已约好",
    BookingStatus.CHECKED_IN: "已报到",
    BookingStatus.COMPLETED: "已办完",
    BookingStatus.NO_SHOW: "已记为未到",
    BookingStatus.CANCELLED: "已取消",
    BookingStatus.MOVED: "已改到别的时段",
}

OF_FACTS: Mapping[str, Mapping[str, str]] = {
    "matters": MATTERS,
    "account_status": ACCOUNT_STATUSES,
    "booking_status": BOOKING_STATUSES,
    "ticket_status": TICKET_STATUSES,
}
"""Which words say a fact of a refusal, by the fact's name."""


def matters(kinds: Iterable[str], max_uses: int | None = None) -> str:
    """Say what a mandate is for; `max_uses`: for so many bookings."""
    said = "、".join(MATTERS[kind] for kind in kinds)
    return said if max_uses is None else f"{said}（最多约{max_uses}次）"


def day(moment: datetime) -> str:
    local = moment.astimezone(LOCAL_ZONE)
    return f"{local.year}年{local.month}月{local.day}日"


def minute(moment: datetime) -> str:
    return f"{day(moment)}{moment.astimezone(LOCAL_ZONE):%H:%M}"
