"""The questions a service asks when somebody books, and whether given answers fit them. Pure.

An error is the code of a field's sentence with its values behind it, see `schemas.fields`.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from domain.vocabulary import LONGEST_ANSWER, QuestionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Question = Mapping[str, Any]
    """`key`, `kind`, `label`, `required`, and what the kind allows of `choices`, `max_length`, `min`, `max`."""

OPTIONS = {
    QuestionKind.TEXT: {"max_length"},
    QuestionKind.CHOICE: {"choices"},
    QuestionKind.NUMBER: {"min", "max"},
    QuestionKind.BOOLEAN: set(),
    QuestionKind.DATE: set(),
}
ALL_OPTIONS = set().union(*OPTIONS.values())
FEWEST_CHOICES = 2


def question_errors(questions: Sequence[Question]) -> dict[int, dict[str, list[str]]]:
    """Return what is wrong with a form, by the question's place in it and its field."""
    keys = Counter(question["key"] for question in questions)
    found = {}
    for place, question in enumerate(questions):
        errors = _option_errors(question)
        if keys[question["key"]] > 1:
            errors["key"] = ["repeated"]
        if errors:
            found[place] = errors
    return found


def _option_errors(question: Question) -> dict[str, list[str]]:
    given = {option for option in ALL_OPTIONS if question.get(option) is not None}
    errors = {option: ["not_for_this_kind"] for option in given - OPTIONS[QuestionKind(question["kind"])]}
    if question["kind"] == QuestionKind.CHOICE:
        choices = question.get("choices") or []
        if len(choices) < FEWEST_CHOICES:
            errors["choices"] = [f"too_few {FEWEST_CHOICES}"]
        elif len(set(choices)) < len(choices):
            errors["choices"] = ["repeated"]
    if {"min", "max"} <= given and question["min"] > question["max"]:
        errors["max"] = [f"not_less_than {question['min']}"]
    return errors


def check_answers(questions: Sequence[Question], answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with answers, by the question's key; empty when they fit.

    An answer of null, and a text of white space only, count as not given.
    """
    errors = {key: ["unknown_field"] for key in answers.keys() - {question["key"] for question in questions}}
    for question in questions:
        answer = answers.get(question["key"])
        if answer is None or (isinstance(answer, str) and not answer.strip()):
            error = "required" if question["required"] else None
        else:
            error = CHECKS[question["kind"]](question, answer)
        if error:
            errors[question["key"]] = [error]
    return errors


def _check_text(question: Question, answer: Any) -> str | None:
    if not isinstance(answer, str):
        return "not_text"
    longest = question.get("max_length") or LONGEST_ANSWER
    return f"too_long {longest}" if len(answer) > longest else None


def _check_choice(question: Question, answer: Any) -> str | None:
    return None if isinstance(answer, str) and answer in question["choices"] else "not_a_choice"


def _check_boolean(_question: Question, answer: Any) -> str | None:
    return None if isinstance(answer, bool) else "not_true_or_false"


def _check_number(question: Question, answer: Any) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not math.isfinite(answer):
        return "not_a_number"
    least, most = question.get("min"), question.get("max")
    if least is not None and answer < least:
        return f"not_less_than {least}"
    if most is not None and answer > most:
        return f"not_more_than {most}"
    return None


def _check_date(_question: Question, answer: Any) -> str | None:
    try:
        return None if str(date.fromisoformat(answer)) == answer else "not_a_date"
    except (TypeError, ValueError):
        return "not_a_date"


CHECKS: Mapping[str, Callable[[Question, Any], str | None]] = {
    QuestionKind.TEXT: _check_text,
    QuestionKind.CHOICE: _check_choice,
    QuestionKind.BOOLEAN: _check_boolean,
    QuestionKind.NUMBER: _check_number,
    QuestionKind.DATE: _check_date,
}
