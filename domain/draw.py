"""The draw that every family can recompute: what is frozen, how the seed comes about, and what is published. Pure.

1. Each applicant is committed to: SHA-256 over its public id, a salt, its groups and its ranked choices.
2. The list is frozen: programmes, commitments, and which public value is awaited from where and when. Its SHA-256 is
   published before anybody can know that value.
3. The seed is HMAC-SHA-256 of the value under that hash, so that neither the list nor the value can be chosen for the
   other.
4. A child's number is HMAC-SHA-256 of its public id under the seed; the lower comes first (`domain.allocation`).
5. The result opens the commitments. `docs/verify_draw.py` checks all of it with nothing of ours.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from domain.allocation import Child, Programme, allocate
from domain.vocabulary import LOCAL_ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

FORMAT = "xiaotuo-draw-1"


@dataclass(frozen=True, slots=True)
class Terms:
    """Of which round it is, and the value that nobody here controls: a beacon's round, a lottery's draw, and when."""

    round: str
    value_source: str
    value_due_at: datetime


@dataclass(frozen=True, slots=True)
class Applicant:
    """A child under its public id; `salt` hides groups and ranks until the result opens the commitment."""

    id: str
    salt: str
    groups: frozenset[str]
    ranks: tuple[str, ...]


def canonical(value: Any) -> bytes:
    """Return the one way in which a value is written for hashing: JSON, UTF-8, keys sorted, no blanks."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def commitment(applicant: Applicant) -> str:
    opened = [applicant.id, applicant.salt, sorted(applicant.groups), list(applicant.ranks)]
    return hashlib.sha256(canonical(opened)).hexdigest()


def freeze(terms: Terms, programmes: Sequence[Programme], applicants: Sequence[Applicant]) -> dict[str, Any]:
    """Return the list that is frozen, in an order that says nothing: programmes and applicants by id.

    Raises ValueError where two applicants have one id.
    """
    if len({applicant.id for applicant in applicants}) != len(applicants):
        raise ValueError("two applicants have one id")
    return {
        "format": FORMAT,
        "round": terms.round,
        "value_source": terms.value_source,
        "value_due_at": terms.value_due_at.astimezone(LOCAL_ZONE).isoformat(),
        "programmes": [
            {
                "id": programme.id,
                "seats": programme.seats,
                "reserves": [
                    {"group": reserve.group, "seats": reserve.seats, "then": list(reserve.then)}
                    for reserve in programme.reserves
                ],
            }
            for programme in sorted(programmes, key=lambda programme: programme.id)
        ],
        "applicants": [
            [applicant.id, commitment(applicant)] for applicant in sorted(applicants, key=lambda one: one.id)
        ],
    }


def frozen_hash(frozen: Mapping[str, Any]) -> str:
    """Return what is published at the freeze: SHA-256 of the frozen list, as hexadecimal digits."""
    return hashlib.sha256(canonical(frozen)).hexdigest()


def seed_of(frozen_sha256: str, public_value: str) -> str:
    """Return the seed as hexadecimal digits; `public_value` is the announced text, to the character."""
    return hmac.digest(bytes.fromhex(frozen_sha256), public_value.encode(), "sha256").hex()


def number_of(seed: str, applicant_id: str) -> str:
    """Return a child's number as 64 hexadecimal digits, which sort as the numbers do."""
    return hmac.digest(bytes.fromhex(seed), applicant_id.encode(), "sha256").hex()


def draw(
    frozen: Mapping[str, Any],
    terms: Terms,
    programmes: Sequence[Programme],
    applicants: Sequence[Applicant],
    public_value: str,
) -> dict[str, Any]:
    """Return the result to be published; it names no child.

    Raises ValueError where terms, programmes and applicants are not those that were frozen.
    """
    if freeze(terms, programmes, applicants) != frozen:
        raise ValueError("what is drawn is not what was frozen")
    sha256 = frozen_hash(frozen)
    seed = seed_of(sha256, public_value)
    numbers = {applicant.id: number_of(seed, applicant.id) for applicant in applicants}
    seats = allocate(
        programmes,
        [Child(one.id, int(numbers[one.id], 16), one.ranks, one.groups) for one in applicants],
    )
    return {
        "frozen": frozen,
        "frozen_sha256": sha256,
        "public_value": public_value,
        "seed": seed,
        "results": [
            {
                "id": one.id,
                "salt": one.salt,
                "groups": sorted(one.groups),
                "ranks": list(one.ranks),
                "number": numbers[one.id],
                "outcome": seats[one.id].programme if one.id in seats else None,
                "seat": seats[one.id].kind if one.id in seats else None,
            }
            for one in sorted(applicants, key=lambda one: numbers[one.id])
        ],
    }
