from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from marshmallow import Schema, ValidationError

from domain.identifiers import new_id
from schemas.fields import Cursor, Limit, LocalTime, Text, cursor_at


class Shape(Schema):
    text = Text(5)
    at = LocalTime()
    limit = Limit()
    after = Cursor()


def test_text_is_stripped_before_its_length_is_checked():
    assert Shape().load({"text": "  五个字的话 "})["text"] == "五个字的话"


def test_times_are_read_with_any_offset_and_shown_in_local_time():
    loaded = Shape().load({"at": "2026-11-23T01:00:00+02:00"})["at"]
    assert loaded == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert Shape().dump({"at": loaded})["at"] == "2026-11-23T07:00:00+08:00"


def test_a_cursor_is_read_as_it_was_made():
    row = {"id": new_id()}
    after = Shape().load({"after": cursor_at(row)})["after"]
    assert after == row["id"]
    assert type(after) is UUID


@pytest.mark.parametrize(
    "given",
    [
        {"text": "   "},
        {"text": "六个字的话呢"},
        {"text": 5},
        {"at": "2026-11-23"},
        {"at": "2026-11-23T01:00:00"},
        {"at": "9999-12-31T23:59:59-12:00"},
        {"at": "0001-01-01T00:00:00+12:00"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"after": "é"},
        {"after": "short"},
        {"after": "A" * 23},
    ],
)
def test_what_is_wrong_is_refused_and_never_raises_anything_else(given):
    with pytest.raises(ValidationError):
        Shape().load(given)
