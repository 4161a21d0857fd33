from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from domain.vocabulary import LOCAL_ZONE, BookingStatus, Channel, ExportFormat, ShownNames
from schemas.fields import Day, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = Mapping[str, Any]

SHEET = "预约"

CHANNELS: Mapping[str, str] = {Channel.PUBLIC: "公开", Channel.ASSISTED: "志愿者代办", Channel.COUNTER: "窗口"}
STATUSES: Mapping[str, str] = {
    BookingStatus.BOOKED: "已预约",
    BookingStatus.CHECKED_IN: "已报到",
    BookingStatus.COMPLETED: "已完成",
    BookingStatus.NO_SHOW: "未到",
    BookingStatus.CANCELLED: "已取消",
    BookingStatus.MOVED: "已改期",
}
WAYS: Mapping[str, str] = {"family": "本人或家人", "volunteer": "志愿者", "desk": "窗口"}

COLUMNS: Mapping[str, Callable[[Row], str | int]] = {
    "日期": lambda row: f"{row['starts_at'].astimezone(LOCAL_ZONE):%Y-%m-%d}",
    "开始": lambda row: f"{row['starts_at'].astimezone(LOCAL_ZONE):%H:%M}",
    "结束": lambda row: f"{row['ends_at'].astimezone(LOCAL_ZONE):%H:%M}",
    "科室": lambda row: str(row["department"]),
    "服务": lambda row: str(row["service_name"]),
    "医生或窗口": lambda row: str(row["resource"]),
    "号池": lambda row: CHANNELS[row["channel"]],
    "号": lambda row: int(row["number"]),
    "状态": lambda row: STATUSES[row["status"]],
    "姓名": lambda row: str(row["person_name"]),
    "谁约的": lambda row: WAYS[row["booked_through"]],
    "预约时间": lambda row: f"{row['created_at'].astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}",
    "预约编号": lambda row: str(row["id"]),
}
"""The columns of a spreadsheet of bookings, in order: heading and cell."""


class BookingExportQuery(Schema):
    """Masks are for clerks; `names=full` is for managers."""

    provider_id = fields.UUID(data_key="provider", required=True)
    first = Day(data_key="from", required=True)
    last = Day(data_key="to", required=True)
    format = Word(ExportFormat, load_default=ExportFormat.CSV)
    names = Word(ShownNames, load_default=ShownNames.MASKED)
