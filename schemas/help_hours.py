from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from domain.help_vocabulary import ConfirmedWay, HoursRows
from domain.vocabulary import LOCAL_ZONE, ExportFormat, ServiceKind
from schemas import words
from schemas.fields import LocalTime, Month, Text, Whole, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = Mapping[str, Any]
    Columns = Mapping[str, Callable[[Row], str | int]]

SHEET = "服务时长"
GONE = "（已注销）"

WAYS: Mapping[str, str] = {
    ConfirmedWay.CODE: "家属的码",
    ConfirmedWay.POSITION: "到场定位",
    ConfirmedWay.LEADER: "队长补记",
    ConfirmedWay.TIME: "无人确认",
}

OF_VOLUNTEERS: Columns = {
    "志愿者": lambda row: row["name"] or GONE,
    "次数": lambda row: int(row["tasks"]),
    "分钟": lambda row: int(row["minutes"]),
    "小时": lambda row: f"{row['minutes'] // 60}小时{row['minutes'] % 60}分",
    "志愿者编号": lambda row: str(row["volunteer_id"]),
}
OF_TASKS: Columns = {
    "日期": lambda row: f"{row['started_at'].astimezone(LOCAL_ZONE):%Y-%m-%d}",
    "志愿者": lambda row: row["name"] or GONE,
    "事项": lambda row: words.MATTERS[row["matter"]],
    "地区": lambda row: str(row["area_name"]),
    "开始": lambda row: f"{row['started_at'].astimezone(LOCAL_ZONE):%H:%M}",
    "开始由": lambda row: WAYS[row["started_way"]],
    "结束": lambda row: f"{row['ended_at'].astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M}",
    "结束由": lambda row: WAYS[row["ended_way"]],
    "路途分钟": lambda row: int(row["travel_minutes"]),
    "计入分钟": lambda row: int(row["minutes"]),
    "更正原因": lambda row: row["reasons"] or "",
    "求助编号": lambda row: str(row["id"]),
}
COLUMNS: Mapping[str, Columns] = {HoursRows.VOLUNTEER: OF_VOLUNTEERS, HoursRows.TASK: OF_TASKS}
"""The columns of a spreadsheet of hours, in order: heading and cell."""


class HoursQuery(Schema):
    month = Month(required=True)


class HoursExportQuery(HoursQuery):
    """`rows=volunteer`: a line for each volunteer; `rows=task`: one for each help."""

    rows = Word(HoursRows, load_default=HoursRows.VOLUNTEER)
    format = Word(ExportFormat, load_default=ExportFormat.XLSX)


class HoursCorrection(Schema):
    minutes_before = fields.Integer()
    minutes_after = fields.Integer()
    reason = fields.String()


class HoursOfTask(Schema):
    request_id = fields.UUID()
    matter = Word(ServiceKind)
    area_name = fields.String()
    started_at = LocalTime()
    started_way = Word(ConfirmedWay)
    ended_at = LocalTime()
    ended_way = Word(ConfirmedWay)
    travel_minutes = fields.Integer()
    minutes = fields.Integer()
    corrections = fields.List(fields.Nested(HoursCorrection))


class OwnHoursOfTask(HoursOfTask):
    """With the family's stars and thanks, if they gave any."""

    stars = fields.Integer(allow_none=True)
    thanks = fields.String(allow_none=True)


class OwnHours(Schema):
    """Our own record of a month, no official certificate."""

    tasks = fields.Integer()
    minutes = fields.Integer()
    items = fields.List(fields.Nested(OwnHoursOfTask))


class MemberHours(OwnHours):
    items = fields.List(fields.Nested(HoursOfTask))


class HoursOfVolunteer(Schema):
    volunteer_id = fields.UUID()
    name = fields.String(allow_none=True)
    tasks = fields.Integer()
    minutes = fields.Integer()


class TeamHours(Schema):
    """`tasks` and `minutes` are the whole team's."""

    tasks = fields.Integer()
    minutes = fields.Integer()
    items = fields.List(fields.Nested(HoursOfVolunteer))


class CorrectionForm(Schema):
    minutes = Whole(0, 1440, required=True)
    reason = Text(300, required=True)
