from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from domain.vocabulary import NoticeKind
from schemas import words
from schemas.fields import Cursor, Limit, LocalTime, Word

if TYPE_CHECKING:
    from asyncpg import Record

CATALOGUE = tomllib.loads(Path(__file__).with_name("notices.toml").read_text(encoding="utf-8"))
SENTENCES: dict[str, str] = CATALOGUE["sentence"]
UNKNOWN: dict[str, str] = CATALOGUE["unknown"]
MOMENTS = ("was", "offered", "answer_by", "suspended_until", "keep_until")
"""Facts that are a moment."""


def sentence(notice: Record) -> str:
    """Say in Chinese what a notice tells; a kind has one sentence, or one for each way it came about."""
    facts = notice["facts"]
    kind = "_".join(filter(None, (notice["kind"], facts.get("way"), facts.get("by"))))
    template = SENTENCES.get(kind) or SENTENCES[notice["kind"]]
    return template.format_map(_words(notice))


def _words(notice: Record) -> dict[str, Any]:
    facts = notice["facts"]
    return {name: _minute(facts.get(name)) for name in MOMENTS} | {
        "person": notice["person_name"] or UNKNOWN["person"],
        "volunteer": notice["volunteer_name"] or UNKNOWN["volunteer"],
        "team": notice["team_name"],
        "holder": _holder(notice),
        "matters": notice["matters"] and words.matters(filter(None, notice["matters"]), notice["max_uses"]),
        "until": notice["expires_at"] and words.day(notice["expires_at"]),
        "provider": notice["provider_name"],
        "department": notice["department"],
        "service": notice["service_name"],
        "phone": notice["provider_phone"],
        "starts_at": notice["starts_at"] and words.minute(notice["starts_at"]),
        "reason": facts.get("reason", UNKNOWN["reason"]),
        "papers": "、".join(words.PAPERS[paper] for paper in facts.get("papers", ())),
        "round": notice["round_name"],
        "public_id": notice["public_id"],
        "class_name": notice["class_name"],
        "starts_on": notice["starts_on"] and words.date_of(notice["starts_on"]),
        "ends_on": notice["ends_on"] and words.date_of(notice["ends_on"]),
    }


def _holder(notice: Record) -> str:
    """Say whom a mandate is given to: a volunteer, or a team."""
    if notice["to_team"]:
        return f"志愿队“{notice['team_name']}”"
    return f"志愿者{notice['volunteer_name'] or UNKNOWN['volunteer']}（{notice['team_name']}）"


def _minute(told: str | None) -> str | None:
    """Say a moment of a notice's own facts, where it is written as text."""
    return told and words.minute(datetime.fromisoformat(told))


class NoticeQuery(Schema):
    limit = Limit()
    after = Cursor()


class Notice(Schema):
    """One thing told; `text` is the sentence, the ids lead to what it is about."""

    id = fields.UUID()
    kind = Word(NoticeKind)
    text = fields.Function(sentence, metadata={"type": "string"})
    person_id = fields.UUID()
    mandate_id = fields.UUID(allow_none=True)
    booking_id = fields.UUID(allow_none=True)
    waitlist_entry_id = fields.UUID(allow_none=True)
    help_request_id = fields.UUID(allow_none=True)
    enrolment_id = fields.UUID(allow_none=True)
    created_at = LocalTime()


class NoticePage(Schema):
    items = fields.List(fields.Nested(Notice))
    next = fields.String(allow_none=True)
