"""The draw: frozen first, seeded after, published without names, and recomputed by one page of plain Python."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allocation import EVERYBODY, Programme, Reserve
from domain.draw import Applicant, Terms, canonical, commitment, draw, freeze, frozen_hash, number_of, seed_of
from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBLIC_VALUE = "03081119243107"
TERMS = Terms("round 1", "中国福利彩票双色球 第2026139期", datetime(2026, 12, 1, 21, 30, tzinfo=LOCAL_ZONE))
PROGRAMMES = (
    Programme("p-small", 4, (Reserve("siblings", 2), Reserve("low_income", 1, ("siblings",)))),
    Programme("p-large", 8, (Reserve("resettled", 3, ("low_income", EVERYBODY)),)),
    Programme("p-none", 0),
)
GROUPS = ("siblings", "low_income", "resettled")


def applicants(many: int = 30, seed: int = 7) -> list[Applicant]:
    dice = random.Random(seed)
    names = [programme.id for programme in PROGRAMMES]
    return [
        Applicant(
            f"A{index:04}",
            f"{dice.getrandbits(128):032x}",
            frozenset(group for group in GROUPS if dice.random() < 0.3),
            tuple(dice.sample(names, dice.randint(1, 3))),
        )
        for index in range(many)
    ]


def drawn(wanting: Sequence[Applicant], programmes: Sequence[Programme] = PROGRAMMES) -> dict[str, Any]:
    return draw(freeze(TERMS, programmes, wanting), TERMS, programmes, wanting, PUBLIC_VALUE)


def test_nothing_is_drawn_but_what_was_frozen():
    wanting = applicants()
    frozen = freeze(TERMS, PROGRAMMES, wanting)
    for terms, programmes, those in (
        (TERMS, PROGRAMMES, wanting[1:]),
        (TERMS, PROGRAMMES[:2], wanting),
        (replace(TERMS, value_source="another"), PROGRAMMES, wanting),
        (replace(TERMS, value_due_at=datetime(2026, 12, 2, tzinfo=LOCAL_ZONE)), PROGRAMMES, wanting),
        (TERMS, PROGRAMMES, [replace(wanting[0], groups=frozenset(GROUPS)), *wanting[1:]]),
    ):
        with pytest.raises(ValueError, match="frozen"):
            draw(frozen, terms, programmes, those, PUBLIC_VALUE)


def test_no_two_applicants_have_one_id():
    wanting = applicants()
    with pytest.raises(ValueError, match="one id"):
        freeze(TERMS, PROGRAMMES, [*wanting, wanting[0]])


def test_the_order_of_applications_plays_no_part():
    wanting = applicants()
    backwards = list(reversed(wanting))
    frozen = freeze(TERMS, PROGRAMMES, wanting)
    assert freeze(TERMS, PROGRAMMES[::-1], backwards) == frozen
    assert draw(frozen, TERMS, PROGRAMMES, backwards, PUBLIC_VALUE) == drawn(wanting)


def test_the_order_in_which_reserves_choose_is_frozen_too():
    small = PROGRAMMES[0]
    other = replace(small, reserves=small.reserves[::-1])
    wanting = applicants()
    assert freeze(TERMS, [other], wanting) != freeze(TERMS, [small], wanting)


def test_the_frozen_list_tells_nothing_of_choices_and_groups():
    wanting = applicants()
    text = json.dumps(freeze(TERMS, PROGRAMMES, wanting)["applicants"])
    assert not any(word in text for word in (*GROUPS, *(programme.id for programme in PROGRAMMES)))
    one = wanting[0]
    assert commitment(one) != commitment(replace(one, salt="0" * 32))


def test_known_values_stay_as_they_are():
    """What was published must be recomputed in ten years: these values are those of the first day, by openssl."""
    frozen = freeze(
        Terms("r", "来源", datetime(2026, 12, 1, 21, 30, tzinfo=LOCAL_ZONE)),
        [Programme("p", 1)],
        [Applicant("A1", "00", frozenset({"a"}), ("p",))],
    )
    assert canonical(frozen).decode() == (
        '{"applicants":[["A1","ad121dd1f2641daedd9b4293c8cb76aaee4e03cd356fadac0c3753210a684d56"]],'
        '"format":"xiaotuo-draw-1","programmes":[{"id":"p","reserves":[],"seats":1}],"round":"r",'
        '"value_due_at":"2026-12-01T21:30:00+08:00","value_source":"来源"}'
    )
    sha256 = frozen_hash(frozen)
    seed = seed_of(sha256, "1")
    assert sha256 == hashlib.sha256(canonical(frozen)).hexdigest()
    assert (sha256, seed, number_of(seed, "A1")) == (
        "e0134668160c18ef9c840f263910a19cb462a3b88dc13d3d5cd9c3445d84620b",
        "75cfa0a7e8253b65d3d0b66b0d9a887f217db9cd114406f08473647e92514ca1",
        "d337ce9588c79b6976e59be7db45475d8665d2814b12b69514f904d04dd6ea5c",
    )


@given(
    st.recursive(
        st.text() | st.integers(-(2**63), 2**63) | st.none() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_hashed_is_written_alike_by_pythons_own_json(value):
    assert canonical(value) == json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
