from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.intake import check_answers, question_errors
from domain.vocabulary import LONGEST_ANSWER, QuestionKind


def question(kind="text", key="it", *, required=False, **options):
    return {"key": key, "kind": kind, "label": "问题", "required": required, **options}


FORM = [
    question("text", "symptom", required=True, max_length=10),
    question("choice", "first_visit", choices=["初诊", "复诊"]),
    question("boolean", "wheelchair"),
    question("number", "months", min=0, max=36),
    question("date", "since"),
]


@pytest.mark.parametrize(
    "answers",
    [
        {"symptom": "头疼"},
        {"symptom": "头疼", "first_visit": "初诊", "wheelchair": False, "months": 0, "since": "2026-11-01"},
        {"symptom": "头疼", "first_visit": None, "months": 7.5, "since": ""},
    ],
)
def test_what_fits_has_no_errors(answers):
    assert check_answers(FORM, answers) == {}


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({}, {"symptom": ["required"]}),
        ({"symptom": None}, {"symptom": ["required"]}),
        ({"symptom": " \n "}, {"symptom": ["required"]}),
        ({"symptom": "一" * 11}, {"symptom": ["too_long 10"]}),
        ({"symptom": 5}, {"symptom": ["not_text"]}),
        ({"symptom": ["头疼"]}, {"symptom": ["not_text"]}),
        ({"symptom": "头疼", "other": 1}, {"other": ["unknown_field"]}),
        ({"symptom": "头疼", "first_visit": "三诊"}, {"first_visit": ["not_a_choice"]}),
        ({"symptom": "头疼", "first_visit": ["初诊"]}, {"first_visit": ["not_a_choice"]}),
        ({"symptom": "头疼", "wheelchair": 1}, {"wheelchair": ["not_true_or_false"]}),
        ({"symptom": "头疼", "wheelchair": "true"}, {"wheelchair": ["not_true_or_false"]}),
        ({"symptom": "头疼", "months": True}, {"months": ["not_a_number"]}),
        ({"symptom": "头疼", "months": "7"}, {"months": ["not_a_number"]}),
        ({"symptom": "头疼", "months": float("nan")}, {"months": ["not_a_number"]}),
        ({"symptom": "头疼", "months": -1}, {"months": ["not_less_than 0"]}),
        ({"symptom": "头疼", "months": 37}, {"months": ["not_more_than 36"]}),
        ({"symptom": "头疼", "since": "2026-02-30"}, {"since": ["not_a_date"]}),
        ({"symptom": "头疼", "since": "20261101"}, {"since": ["not_a_date"]}),
        ({"symptom": "头疼", "since": 20261101}, {"since": ["not_a_date"]}),
    ],
)
def test_each_misfit_is_named_by_its_question(answers, errors):
    assert check_answers(FORM, answers) == errors


def test_a_text_without_a_length_of_its_own_is_bounded_all_the_same():
    assert check_answers([question()], {"it": "一" * (LONGEST_ANSWER + 1)}) == {"it": [f"too_long {LONGEST_ANSWER}"]}


@pytest.mark.parametrize(
    ("questions", "errors"),
    [
        (FORM, {}),
        ([], {}),
        ([question(), question("date")], {0: {"key": ["repeated"]}, 1: {"key": ["repeated"]}}),
        ([question("choice")], {0: {"choices": ["too_few 2"]}}),
        ([question("choice", choices=["一"])], {0: {"choices": ["too_few 2"]}}),
        ([question("choice", choices=["一", "一"])], {0: {"choices": ["repeated"]}}),
        ([question("number", min=5, max=4)], {0: {"max": ["not_less_than 5"]}}),
        ([question("text", choices=["一", "二"])], {0: {"choices": ["not_for_this_kind"]}}),
        ([question("date", max_length=5)], {0: {"max_length": ["not_for_this_kind"]}}),
        ([question("boolean", min=0)], {0: {"min": ["not_for_this_kind"]}}),
    ],
)
def test_a_form_that_cannot_be_meant_is_refused(questions, errors):
    assert question_errors(questions) == errors


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
numbers = st.integers(-1000, 1000)


@st.composite
def forms(draw):
    questions = []
    for place in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(list(QuestionKind)))
        options = {}
        if kind == QuestionKind.CHOICE:
            options["choices"] = draw(st.lists(st.text(min_size=1), min_size=2, max_size=4, unique=True))
        if kind == QuestionKind.TEXT and draw(st.booleans()):
            options["max_length"] = draw(st.integers(1, LONGEST_ANSWER))
        if kind == QuestionKind.NUMBER and draw(st.booleans()):
            options["min"], options["max"] = sorted([draw(numbers), draw(numbers)])
        questions.append(question(kind, f"q{place}", required=draw(st.booleans()), **options))
    return questions


def fitting(question):
    match question["kind"]:
        case QuestionKind.TEXT:
            letters = st.characters(categories=["L"])
            return st.text(letters, min_size=1, max_size=question.get("max_length", LONGEST_ANSWER))
        case QuestionKind.CHOICE:
            return st.sampled_from([each for each in question["choices"] if each.strip()] or [None])
        case QuestionKind.BOOLEAN:
            return st.booleans()
        case QuestionKind.NUMBER:
            return st.integers(question.get("min", -5), question.get("max", 5))
        case _:
            return st.dates().map(date.isoformat)


@given(forms(), st.data())
def test_fitting_answers_fit_and_a_missing_one_is_missed_only_where_required(questions, data):
    answers = {each["key"]: data.draw(fitting(each)) for each in questions}
    blank = {key for key, answer in answers.items() if answer is None}
    required = {each["key"] for each in questions if each["required"]}
    assert check_answers(questions, answers).keys() == blank & required
    assert check_answers(questions, {}).keys() == required


@given(forms(), st.dictionaries(st.sampled_from(["q0", "q1", "q2", "other"]) | st.text(), anything))
def test_any_answers_get_errors_of_their_own_keys_and_never_raise(questions, answers):
    errors = check_answers(questions, answers)
    assert errors.keys() <= answers.keys() | {each["key"] for each in questions}
    assert all(key in errors for key in answers.keys() - {each["key"] for each in questions})


@given(forms())
def test_forms_that_make_sense_are_accepted(questions):
    assert question_errors(questions) == {}
