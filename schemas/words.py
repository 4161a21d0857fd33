"""The Chinese of our vocabularies, for sentences that are made for residents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.help_vocabulary import Misfit
from domain.nursery_vocabulary import ClassKind, EnrolmentState, Paper, PlaceStatus, RoundState, SeatOfferStatus
from domain.vocabulary import LOCAL_ZONE, BookingStatus, ServiceKind, TicketStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

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

CLASS_KINDS: Mapping[str, str] = {
    ClassKind.INFANT: "乳儿班",
    ClassKind.JUNIOR: "托小班",
    ClassKind.SENIOR: "托大班",
    ClassKind.MIXED: "混合班",
}

ROUND_STATES: Mapping[str, str] = {
    RoundState.DRAFT: "未公布",
    RoundState.ANNOUNCED: "已公布，未开始报名",
    RoundState.OPEN: "报名中",
    RoundState.CLOSED: "报名截止，审核中",
    RoundState.REVIEWED: "审核完毕，名单已封存",
    RoundState.DRAWN: "已摇号",
    RoundState.PUBLISHED: "结果已公布",
    RoundState.OFFERS: "发放学位中",
    RoundState.ENDED: "已结束",
    RoundState.CANCELLED: "已取消",
}

ENROLMENT_STATES: Mapping[str, str] = {
    EnrolmentState.DRAFT: "未提交",
    EnrolmentState.SUBMITTED: "待审核",
    EnrolmentState.IN_REVIEW: "审核中",
    EnrolmentState.RETURNED: "待补正",
    EnrolmentState.ACCEPTED: "审核通过",
    EnrolmentState.REFUSED: "未通过",
    EnrolmentState.WITHDRAWN: "已撤回",
}

SEAT_OFFER_STATUSES: Mapping[str, str] = {
    SeatOfferStatus.LIVE: "已经过期",
    SeatOfferStatus.ACCEPTED: "已经接受",
    SeatOfferStatus.DECLINED: "已经放弃",
    SeatOfferStatus.LAPSED: "到时没有答复",
    SeatOfferStatus.WITHDRAWN: "已经收回",
    SeatOfferStatus.GIVEN_UP: "已经退回",
    SeatOfferStatus.EXCHANGED: "已经换成别的名额",
}
"""Said of an offer that cannot be answered: a live one has run out."""

MISFITS: Mapping[str, str] = {
    Misfit.NOT_APPROVED: "没有在提供志愿服务",
    Misfit.HAD_IT_BEFORE: "以前接过这件事",
    Misfit.CARES_FOR_PERSON: "就是此人的照护人",
    Misfit.OTHER_TEAM: "不在这支志愿队",
    Misfit.OTHER_AREA: "服务的地区不同",
    Misfit.LANGUAGE: "语言不同",
    Misfit.ABILITIES: "登记能做的事里缺这一样",
    Misfit.MANDATE: "办不了委托",
    Misfit.TOO_MANY_TASKS: "手上的任务已满",
    Misfit.HOURS: "那个时间没有空",
    Misfit.OTHER_WORK: "那个时间有别的任务",
    Misfit.TOO_MUCH_THAT_DAY: "那一天的任务时间已满",
}

PAPERS: Mapping[str, str] = {
    Paper.AGREEMENT: "签好的托育协议",
    Paper.HEALTH_CHECK: "入园体检证明",
    Paper.VACCINATION: "预防接种证",
}

PLACE_STATUSES: Mapping[str, str] = {
    PlaceStatus.PLANNED: "待入托",
    PlaceStatus.CONFIRMED: "已确认",
    PlaceStatus.ENDED: "已离园或已定离园日",
    PlaceStatus.CANCELLED: "已取消",
}

OF_FACTS: Mapping[str, Mapping[str, str]] = {
    "matters": MATTERS,
    "why": MISFITS,
    "account_status": ACCOUNT_STATUSES,
    "booking_status": BOOKING_STATUSES,
    "ticket_status": TICKET_STATUSES,
    "offer_status": SEAT_OFFER_STATUSES,
    "round_state": ROUND_STATES,
    "papers": PAPERS,
    "place_status": PLACE_STATUSES,
    "enrolment_state": ENROLMENT_STATES,
}
"""Which words say a fact of a refusal, by the fact's name."""


def matters(kinds: Iterable[str], max_uses: int | None = None) -> str:
    """Say what a mandate is for; `max_uses`: for so many bookings."""
    said = "、".join(MATTERS[kind] for kind in kinds)
    return said if max_uses is None else f"{said}（最多约{max_uses}次）"


def date_of(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def day(moment: datetime) -> str:
    return date_of(moment.astimezone(LOCAL_ZONE).date())


def minute(moment: datetime) -> str:
    return f"{day(moment)}{moment.astimezone(LOCAL_ZONE):%H:%M}"
