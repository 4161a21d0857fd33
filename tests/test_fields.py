from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

import pytest
from marshmallow import Schema, ValidationError

from domain.identifiers import new_id
from domain.vocabulary import Sex
from schemas.fields import ClockTime, Cursor, Day, Limit, LocalTime, Text, Whole, Word, cursor_at
from server.errors import field_messages, field_sentences


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


def read(field, value):
    class One(Schema):
        it = field

    return One().load({"it": value})["it"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (Text(5, lines=True), "一\r\n二", "一\n二"),
        (Text(5, shortest=0), "", ""),
        (Text(9), "ᠮᠣᠩ\u180bᠭ\u202fᠣ", "ᠮᠣᠩ\u180bᠭ\u202fᠣ"),
        (Word(Sex), "male", "male"),
        (Whole(0, 9), 9, 9),
        (Day(), "2026-11-23", date(2026, 11, 23)),
        (ClockTime(), "07:05", time(7, 5)),
        (Limit(), "100", 100),
    ],
)
def test_what_is_right_is_read(field, value, expected):
    assert read(field, value) == expected


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (Text(5), "   ", "too_short 1"),
        (Text(5), "一二三四五六", "too_long 5"),
        (Text(5), "一\n二", "control_character"),
        (Text(5), "一\x07二", "control_character"),
        (Text(5, lines=True), "一\x07二", "control_character"),
        (Text(5), 5, "not_text"),
        (Text(5), None, "not_null"),
        (Word(Sex), "neither", "not_a_choice"),
        (Word(Sex), ["male"], "not_text"),
        (Whole(0, 9), 10, "not_between 0 9"),
        (Whole(0, 9), "1", "not_whole_number"),
        (Whole(0, 9), True, "not_whole_number"),
        (Whole(0, 9), 1.0, "not_whole_number"),
        (Day(), "2026-11-31", "not_a_date"),
        (Day(), "20261123", "not_a_date"),
        (Day(), "9999-12-31", "not_a_date"),
        (Day(), 5, "not_a_date"),
        (ClockTime(), "25:00", "not_a_clock_time"),
        (ClockTime(), 7, "not_a_clock_time"),
        (LocalTime(), "2026-11-23T08:30:00", "time_without_offset"),
        (LocalTime(), "9999-12-31T23:59:59-01:00", "not_a_time"),
        (LocalTime(), "soon", "not_a_time"),
        (Limit(), "101", "not_between 1 100"),
        (Limit(), "many", "not_whole_number"),
        (Cursor(), "!", "cursor_not_ours"),
    ],
)
def test_what_is_wrong_is_refused_by_a_code_with_a_sentence(field, value, code):
    with pytest.raises(ValidationError) as caught:
        read(field, value)
    assert caught.value.messages == {"it": [code]}
    for language in ("zh", "en"):
        sentence = field_sentences({"it": [code]}, language)["it"][0]
        assert sentence != code
        assert "{" not in sentence


def test_an_unknown_or_missing_field_has_a_sentence():
    class One(Schema):
        it = Text(5, required=True)

    with pytest.raises(ValidationError) as caught:
        One().load({"other": 1})
    assert field_sentences(caught.value.messages, "zh") == {"it": ["请填写这一项。"], "other": ["没有这一项。"]}


def test_both_languages_know_the_same_codes():
    assert field_messages("zh").keys() == field_messages("en").keys()
