"""The sheets of what is filed with the authority, out of the figures of a round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.nursery_vocabulary import EnrolmentState
from domain.vocabulary import LOCAL_ZONE
from schemas.words import CLASS_KINDS, ENROLMENT_STATES, ROUND_STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Told = Mapping[str, Any]
    Cell = str | int
    Columns = Mapping[str, Callable[[Told], Cell]]


def _number(name: str) -> Callable[[Told], Cell]:
    return lambda row: int(row[name])


def _text(name: str) -> Callable[[Told], Cell]:
    return lambda row: str(row[name])


def _ages(row: Told) -> str:
    if row["from_months"] is None:
        return "资料已清除"
    if row["until_months"] is None:
        return f"{row['from_months']} 个月及以上"
    return f"满 {row['from_months']} 个月、不满 {row['until_months']} 个月"


def _carers_by_norm(row: Told) -> str:
    return f"1:{row['children_per_carer']}" if row["children_per_carer"] else "未规定"


COUNTS: Columns = {"申请": _number("applications"), "审核通过": _number("accepted"), "已接受学位": _number("seated")}

CLASSES: Columns = {
    "托育机构": _text("nursery_name"),
    "所在地区": _text("area_name"),
    "地址": _text("address"),
    "电话": _text("phone"),
    "班级": _text("class_name"),
    "班型": lambda row: CLASS_KINDS[row["kind"]],
    "月龄": _ages,
    "班级学位": _number("class_seats"),
    "标准最多学位": lambda row: int(row["most_seats"]) if row["most_seats"] else "未规定",
    "保育人员": _number("carers"),
    "标准师幼比": _carers_by_norm,
    "超出标准的原因": _text("override_reason"),
    "今日在托": _number("children"),
}
SEATS: Columns = {
    "托育机构": _text("nursery_name"),
    "班级": _text("class_name"),
    "招生学位": _number("seats"),
    "第一志愿": _number("first_wishes"),
    "全部志愿": _number("wishes"),
    "摇号得到": _number("drawn"),
    "待答复": _number("offered"),
    "已接受": _number("taken"),
    "空余": _number("empty"),
    "待入托": _number("planned"),
    "已入托": _number("confirmed"),
}
RANKS: Columns = {
    "志愿顺序": _number("rank"),
    "志愿": _number("wishes"),
    "摇号得到": _number("drawn"),
    "发出学位": _number("offered"),
    "待答复": _number("open"),
    "接受": _number("accepted"),
    "放弃": _number("declined"),
    "逾期未答复": _number("lapsed"),
    "撤回": _number("withdrawn"),
}
GROUPS: Columns = {
    "优先类别": _text("name"),
    "申报": _number("claimed"),
    "认定": _number("granted"),
    "未认定": _number("denied"),
    "已接受学位": _number("seated"),
}
SUMMARY: Columns = {"项目": _text("name"), "内容": lambda row: row["value"]}


def _summary(told: Told) -> list[Told]:
    of_round, applications, seats = told["round"], told["applications"], told["seats"]
    lines: dict[str, Cell] = {
        "招生": str(of_round["name"]),
        "地区": str(of_round["area_name"]),
        "阶段": ROUND_STATES[of_round["state"]],
        "月龄计算日": f"{of_round['reference_date']}",
        "入托日": f"{of_round['starts_on']}",
        "统计时间": f"{told['counted_at'].astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M}",
        "收到申请": int(applications["handed_in"]),
        "其中逾期提交": int(applications["late"]),
    }
    lines |= {
        f"申请状态：{ENROLMENT_STATES[state]}": int(applications["states"][state])
        for state in EnrolmentState
        if state is not EnrolmentState.DRAFT
    }
    lines |= {
        "招生学位": int(seats["seats"]),
        "已接受学位": int(seats["taken"]),
        "待答复学位": int(seats["offered"]),
        "空余学位": int(seats["empty"]),
    }
    return [{"name": name, "value": value} for name, value in lines.items()]


REPORT: tuple[tuple[str, Columns, Callable[[Told], Iterable[Told]]], ...] = (
    ("概况", SUMMARY, _summary),
    ("机构和班级", CLASSES, lambda told: told["programmes"]),
    ("学位", SEATS, lambda told: told["programmes"]),
    ("按志愿顺序", RANKS, lambda told: told["ranks"]),
    ("按第一志愿所在地区", {"地区": _text("name"), **COUNTS}, lambda told: told["areas"]),
    ("按月龄", {"月龄": _ages, **COUNTS}, lambda told: told["ages"]),
    ("按优先类别", GROUPS, lambda told: told["groups"]),
)
"""The sheets of the report: name, columns in order, and the lines out of what was counted."""
