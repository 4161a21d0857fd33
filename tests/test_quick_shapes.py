"""The quick ways around marshmallow give what marshmallow gives."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from handlers.loading import quick_loader
from handlers.projection import projection
from schemas.bookings import Booking, BookingCancel, BookingCreate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["slot_id", "person_id", "mandate_id", "answers", "more"])


@given(st.dictionaries(FIELDS, JSON | st.uuids().map(str)) | JSON)
def test_a_body_is_read_as_marshmallow_reads_it_or_left_to_it(body):
    quickly = quick_loader(BookingCreate())(body)
    if quickly is not None:
        assert quickly == BookingCreate().load(body)


def test_an_ordinary_booking_is_read_quickly():
    body = {"slot_id": str(uuid.uuid4()), "person_id": str(uuid.uuid4()), "answers": {"symptom": "咳嗽"}}
    assert quick_loader(BookingCreate())(body) == BookingCreate().load(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"slot_id": "0" * 36, "person_id": "0" * 36},
        {"slot_id": str(uuid.uuid4())},
        {"slot_id": str(uuid.uuid4()), "person_id": str(uuid.uuid4()), "other": 1},
        {"slot_id": str(uuid.uuid4()), "person_id": None},
        {"slot_id": str(uuid.uuid4()), "person_id": str(uuid.uuid4()), "answers": [1]},
    ],
)
def test_what_is_wrong_is_left_to_marshmallow(body):
    assert quick_loader(BookingCreate())(body) is None
    with pytest.raises(ValidationError):
        BookingCreate().load(body)


def test_a_shape_with_checks_is_left_to_marshmallow():
    assert quick_loader(BookingCancel())({"reason": "有事"}) is None


def test_a_row_is_shown_as_marshmallow_shows_it():
    now = datetime(2026, 11, 22, 22, 30, 0, 1, tzinfo=UTC)
    row = {
        name: uuid.uuid4() if name.endswith("_id") or name in {"id", "booked_by"} else "words"
        for name in Booking().dump_fields
    } | {
        "starts_at": now,
        "ends_at": now,
        "cancel_until": now,
        "created_at": now,
        "changed_at": now,
        "mandate_id": None,
        "number": 3,
        "queue_number": None,
        "answers": {"a": [1, None]},
    }
    project = projection(Booking())
    assert project.__name__ == "project"
    assert orjson.loads(orjson.dumps(project(row), default=str)) == Booking().dump(row)
