"""Whether a service is for a person at all, by what is known of the person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.identity import age_on
from domain.vocabulary import Assurance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

STRENGTH = tuple(Assurance)
"""Weakest first, as the vocabulary has them."""


def refusal(
    service: Mapping[str, Any], birth_date: date, sex: str, assurance: str, day: date
) -> tuple[str, dict[str, Any]] | None:
    """Return the code and facts of why the service may not be booked for such a person on that day, or None.

    `service` has `min_age`, `max_age` (full years), `sex` and `assurance`. The facts name the rule, never
    the person's own data.
    """
    age = age_on(birth_date, day)
    if service["min_age"] is not None and age < service["min_age"]:
        return "too_young", {"min_age": service["min_age"]}
    if service["max_age"] is not None and age > service["max_age"]:
        return "too_old", {"max_age": service["max_age"]}
    if service["sex"] is not None and sex != service["sex"]:
        return "other_sex_only", {"sex": service["sex"]}
    if STRENGTH.index(Assurance(assurance)) < STRENGTH.index(Assurance(service["assurance"])):
        return "assurance_too_low", {"assurance": service["assurance"]}
    return None
