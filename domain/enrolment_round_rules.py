"""What a round of enrolment can mean: pure checks of a draft, and the seats that its programmes have."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from domain.vocabulary import LOCAL_ZONE, local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.rows import Row

    Errors = dict[str, list[str]]

EVERYBODY = ""
"""Stands where codes of groups stand, for a seat that anybody may have."""
MOMENTS = ("opens_at", "closes_at", "review_until", "value_due_at")


def contradictions(given: Mapping[str, Any]) -> Errors:
    """Return what no round can mean, by field."""
    errors = disorder(given)
    if "value_due_at" not in errors and given["starts_on"] <= local_day(given["value_due_at"]):
        errors["starts_on"] = [f"not_before {local_day(given['value_due_at'])}"]
    codes = [group["code"] for group in given["groups"]]
    if len(set(codes)) < len(codes):
        errors["groups"] = ["repeated"]
    classes = [programme["class_id"] for programme in given["programmes"]]
    if len(set(classes)) < len(classes):
        errors["programmes"] = ["repeated"]
    for number, programme in enumerate(given["programmes"]):
        if found := _of_programme(programme, set(codes)):
            errors[f"programmes.{number}"] = found
    return errors


def disorder(moments: Mapping[str, Any]) -> Errors:
    """Return which moments do not come after those before them; only the opening must be truly before the close."""
    errors: Errors = {}
    for first, second in pairwise(MOMENTS):
        before, after = moments[first], moments[second]
        if after < before or (first == "opens_at" and after == before):
            errors[second] = [f"not_before {before.astimezone(LOCAL_ZONE).isoformat()}"]
    return errors


def _of_programme(programme: Mapping[str, Any], codes: set[str]) -> list[str]:
    errors = []
    reserves = programme["reserves"]
    if sum(reserve["seats"] for reserve in reserves) > programme["seats"]:
        errors.append("more_reserved_than_seats")
    groups = [reserve["group"] for reserve in reserves]
    falls = [code for reserve in reserves for code in reserve["falls_to"] if code != EVERYBODY]
    if {*groups, *falls} - codes:
        errors.append("group_unknown")
    if len(set(groups)) < len(groups) or any(_twice([each["group"], *each["falls_to"]]) for each in reserves):
        errors.append("repeated")
    if any(EVERYBODY in reserve["falls_to"][:-1] for reserve in reserves):
        errors.append("everybody_last")
    return errors


def _twice(codes: Sequence[str]) -> bool:
    return len(set(codes)) < len(codes)


def tiers(programme: Row) -> list[list[str]]:
    """Return whom each seat of a programme takes, in order: reserved seats in their order, then those for everybody."""
    reserved = [
        [reserve["group"], *reserve["falls_to"]] for reserve in programme["reserves"] for _ in range(reserve["seats"])
    ]
    return reserved + [[EVERYBODY]] * (programme["seats"] - len(reserved))
