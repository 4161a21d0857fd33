"""The sentences of refusals, held against the code that refuses: none is missing, none is left over."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import string
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from marshmallow import Schema, fields

import domain
import handlers
import schemas
import server
from domain.errors import Refusal
from domain.vocabulary import ServiceKind
from handlers.operation import OPERATIONS
from schemas.fields import MESSAGES
from server.errors import (
    CODE_OF_STATUS,
    FIELD_SECTION,
    OTHER_STATUS,
    STATUS_OF_CODE,
    field_messages,
    messages,
    sentences,
)
from server.errors import MESSAGES as MESSAGE_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
LANGUAGES = ("zh", "en")

INDIRECT: dict[tuple[str, str], dict[str, set[str]]] = {
    ("domain/booking_limits.py", "check_person_limits"): {
        "limit_department_day": {"limit", "bookings"},
        "limit_day": {"limit", "bookings"},
        "limit_7_days": {"limit", "bookings"},
        "limit_90_days": {"limit", "bookings"},
    },
    ("domain/booking_rules.py", "check_eligible"): {
        "too_young": {"min_age"},
        "too_old": {"max_age"},
        "other_sex_only": {"sex"},
        "assurance_too_low": {"assurance"},
    },
    ("domain/waitlist_rules.py", "check_people"): {
        "too_young": {"min_age"},
        "too_old": {"max_age"},
        "other_sex_only": {"sex"},
        "assurance_too_low": {"assurance"},
    },
    ("domain/sessions.py", "_active_account"): {"account_suspended": set(), "account_deleted": set()},
}
"""Where a code is not written at the refusal itself: the function, its codes, and the facts of each."""

SAID: dict[str, set[str]] = {
    "queue_come": {"starts_at", "provider_name"},
    "queue_wait": {"number", "before", "where"},
    "queue_next": {"number", "where"},
    "queue_called": {"number", "where"},
    "queue_missed": {"number"},
    "queue_done": set(),
    "queue_over": {"booking_status"},
    "pass_show": {"starts_at", "provider_name", "service_name", "expires_at"},
    "pass_open_again": {"starts_at", "provider_name", "service_name", "expires_at"},
    "policy_release": {"days", "time"},
    "policy_release_same_day": {"time"},
    "policy_order_stop": {"days", "time"},
    "policy_order_stop_same_day": {"time"},
    "policy_order_stop_at_start": set(),
    "policy_cancel": {"days", "time"},
    "policy_cancel_same_day": {"time"},
    "policy_cancel_at_start": set(),
    "policy_limits": {"limit_department_day", "limit_day", "limit_7_days", "limit_90_days"},
    "policy_returned": {"least", "most"},
    "policy_fallback": {"days", "time"},
    "policy_fallback_same_day": {"time"},
    "policy_late_requeue": {"minutes"},
    "policy_late_refuse": {"minutes"},
    "policy_no_shows": {"count", "window", "first"},
    "policy_no_shows_ladder": {"count", "window", "first", "last"},
}
"""Sentences of the catalogue that are shown to people but refuse nothing, and the facts of each."""


class Site(NamedTuple):
    """One place that refuses. `code` is None where it is not written there, `facts` where they are not."""

    place: tuple[str, str]
    code: str | None
    facts: frozenset[str] | None


def modules() -> None:
    for package in (domain, handlers, schemas, server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    found = {kind}
    for inner in kind.__subclasses__():
        found |= subclasses(inner)
    return found


modules()
OWN_CODES = {kind.__name__ for kind in subclasses(Refusal) - {Refusal} if "__init__" in vars(kind)}
"""Kinds that stand for one code only, and give it to themselves."""
KINDS = {kind.__name__ for kind in subclasses(Refusal)} - OWN_CODES


def sources(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def literals(node: ast.expr) -> list[str | None]:
    """Return the text that stands there, either of two, or None for what only runs will tell."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None]


class Refusals(ast.NodeVisitor):
    """Collects what looks like a refusal: `Kind(code, fact=…)` and `problem(…, code, {fact: …})`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.functions: list[str] = []
        self.classes: list[str] = []
        self.sites: list[Site] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes.append(node.name)
        self.generic_visit(node)
        self.classes.pop()

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.functions.append(node.name)
            self.generic_visit(node)
            self.functions.pop()
        else:
            super().visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name, arguments = called(node.func), node.args
        if name == "partial" and arguments:
            name, *arguments = called(arguments[0]), *arguments[1:]
        gives_itself = name == "__init__" and self.classes and self.classes[-1] in OWN_CODES
        if arguments and (name in KINDS or gives_itself):
            self.add(arguments[0], node.keywords)
        elif name == "problem" and len(arguments) == 5 and literals(arguments[3]) != [None]:
            facts = arguments[4]
            assert isinstance(facts, ast.Dict), f"write the facts in {self.file}"
            self.add(arguments[3], [ast.keyword(literals(key)[0] if key else None, facts) for key in facts.keys])

    def add(self, code: ast.expr, keywords: list[ast.keyword]) -> None:
        place = self.file, (self.functions or ["<module>"])[0]
        names = [keyword.arg for keyword in keywords]
        facts = None if None in names else frozenset(name for name in names if name)
        self.sites += [Site(place, each, facts) for each in literals(code)]


def called(function: ast.expr) -> str | None:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def find_sites() -> list[Site]:
    found = []
    for file, tree in sources("domain", "handlers", "server"):
        visitor = Refusals(file)
        visitor.visit(tree)
        found += visitor.sites
    by_status: list[tuple[str, Mapping[str, Any]]] = [*CODE_OF_STATUS.values(), OTHER_STATUS]
    return found + [Site(("server/errors.py", "by status"), code, frozenset(facts)) for code, facts in by_status]


SITES = find_sites()
WRITTEN = [site for site in SITES if site.code is not None]
LISTED = [
    Site(place, code, frozenset(facts)) for place, by_code in INDIRECT.items() for code, facts in by_code.items()
] + [Site(("not refused", "but said"), code, frozenset(facts)) for code, facts in SAID.items()]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_the_walk_sees_refusals():
    assert len(WRITTEN) > 50
    assert {"NotFound", "KeyReused"} <= KINDS


def test_codes_that_are_not_written_at_the_refusal_are_listed():
    unwritten = {site.place for site in SITES if site.code is None or site.facts is None}
    assert unwritten == set(INDIRECT)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_sentence(language):
    missing = {f"{site.code} of {site.place[0]}" for site in WRITTEN + LISTED if site.code not in messages(language)}
    assert missing == set()
    assert set(STATUS_OF_CODE) <= set(messages(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_name_only_facts_that_are_given(language):
    wrong = {
        f"{site.code} of {site.place[0]} {site.place[1]}: {', '.join(sorted(lacking))}"
        for site in WRITTEN + LISTED
        if site.facts is not None
        and site.code in messages(language)
        and (lacking := placeholders(" ".join(messages(language)[str(site.code)])) - site.facts)
    }
    assert wrong == set()


def constants(*packages: str) -> set[str]:
    """Return every text written in the code, but no docstrings."""
    found = set()
    for _, tree in sources(*packages):
        found |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_over(language):
    used = {site.code for site in WRITTEN + LISTED}
    assert set(messages(language)) - used == set()


def input_schemas() -> list[type[Schema]]:
    return [schema for known in OPERATIONS.values() for schema in (known.body, known.query) if schema is not None]


def fields_of(schema: Schema) -> Iterator[fields.Field[Any]]:
    for field in schema.load_fields.values():
        yield from with_inner(field)


def with_inner(field: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    yield field
    if isinstance(field, fields.List):
        yield from with_inner(field.inner)
    if isinstance(field, fields.Nested):
        yield from fields_of(field.schema)
    if isinstance(field, fields.Dict):
        for inner in (field.key_field, field.value_field):
            if inner is not None:
                yield from with_inner(inner)


def field_codes() -> dict[str, set[str]]:
    """Return what every field of every input may answer, by where."""
    found: dict[str, set[str]] = {}
    for schema in input_schemas():
        for field in fields_of(schema()):
            place = f"{schema.__name__}.{field.name}"
            answers = [str(message) for message in field.error_messages.values()]
            answers += [str(getattr(validator, "error", None)) for validator in field.validators]
            found.setdefault(place, set()).update(answers)
    return found


def test_every_answer_of_a_field_is_a_code():
    known = field_messages("en")
    unknown = {
        f"{place}: {answer}" for place, answers in field_codes().items() for answer in answers if not is_code(answer)
    }
    missing = {
        f"{place}: {answer}"
        for place, answers in field_codes().items()
        for answer in answers
        if is_code(answer) and answer.split(" ")[0] not in known
    }
    assert (unknown, missing) == (set(), set())


def is_code(text: str) -> bool:
    """Tell whether this is a code with its values (`too_long {max}`), not marshmallow's own English."""
    return re.fullmatch(r"[a-z]+(_[a-z]+)*( \{?\w+\}?)*", text) is not None and text != "None"


def text_of(node: ast.expr) -> str | None:
    """Return a text as it will be said, with {} for what a value fills."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def listed_texts(node: ast.expr) -> Iterator[str | None]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.List):
            yield from (text_of(element) for element in inner.elts)


def said_of_fields() -> set[str]:
    """Return what rules say of single fields: `errors={"field": ["code 5"]}`, and what leads there."""
    found: set[str | None] = set()
    for file, tree in sources("domain", "handlers", "schemas"):
        for node in ast.walk(tree):
            of_field = isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Subscript) and getattr(target.value, "id", None) == "errors"
                for target in node.targets
            )
            if isinstance(node, ast.Assign | ast.keyword) and (of_field or getattr(node, "arg", None) == "errors"):
                found.update(listed_texts(node.value))
            elif isinstance(node, ast.Call) and called(node.func) == "ValidationError":
                found.add(text_of(node.args[0]))
            elif isinstance(node, ast.FunctionDef) and file == "domain/intake.py" and node.name.startswith("_check_"):
                returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
                both = [
                    branch
                    for value in returned
                    for branch in ((value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,))
                ]
                found.update(text_of(branch) for branch in both if branch is not None)
    return {text for text in found if text is not None}


def test_every_code_that_a_rule_gives_a_field_has_a_sentence():
    said = said_of_fields()
    assert {"control_character", "not_a_date", "no_places", "too_long {}"} <= said
    assert {text for text in said if text.split(" ")[0] not in field_messages("en")} == set()


def test_no_sentence_of_a_field_is_left_over():
    written = {text.split(" ")[0] for text in constants("domain", "schemas", "handlers")}
    assert set(field_messages("en")) - written == set()
    assert {code for codes in MESSAGES.values() for code in codes.values()} <= set(field_messages("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_of_fields_take_as_many_values_as_their_codes_give(language):
    """A code's values stand behind it, each one word: `not_between {min} {max}` gives two."""
    wrong = set()
    for text in constants("domain", "schemas", "handlers"):
        code, *values = text.split(" ")
        sentence = field_messages(language).get(code)
        if sentence is not None and values and placeholders(sentence) != {str(n) for n in range(len(values))}:
            wrong.add(text)
    assert wrong == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_code_stands_twice(language):
    sections = tomllib.loads((MESSAGE_FILES / f"{language}.toml").read_text(encoding="utf-8"))
    codes = Counter(code for section, known in sections.items() if section != FIELD_SECTION for code in known)
    assert {code for code, times in codes.items() if times > 1} == set()


def test_both_languages_have_the_same_codes():
    assert set(messages("zh")) == set(messages("en"))
    assert set(field_messages("zh")) == set(field_messages("en"))
    assert {
        code for code, words in messages("zh").items() if not all(isinstance(word, str) and word for word in words)
    } == set()


HAN = "\u3400-\u9fff"
HALF_WIDTH = re.compile(rf"[{HAN}”）][,;:!?.()]|[,;:!?()][{HAN}“（]")
CLOSED = re.compile(r".*[。？！”）]")


def chinese() -> dict[str, str]:
    return {code: "\n".join(words) for code, words in messages("zh").items()} | dict(field_messages("zh"))


def test_chinese_sentences_use_full_width_punctuation():
    assert {code: text for code, text in chinese().items() if HALF_WIDTH.search(text)} == {}
    open_ended = {code for code, (_, detail) in messages("zh").items() if not CLOSED.fullmatch(detail)}
    open_ended |= {code for code, text in field_messages("zh").items() if not CLOSED.fullmatch(text)}
    assert open_ended == set()


def test_english_sentences_hold_no_chinese():
    english = {code: "\n".join(words) for code, words in messages("en").items()} | dict(field_messages("en"))
    assert {code for code, text in english.items() if re.search(rf"[{HAN}，。；：？！（）]", text)} == set()


@pytest.mark.parametrize(("language", "said"), [("zh", "看病就医、养老服务"), ("en", "medical, elder care")])
def test_facts_are_said_in_words_of_the_language(language, said):
    matters = [ServiceKind.MEDICAL.value, ServiceKind.ELDER_CARE.value]
    assert said in sentences("mandate_other_matter", {"matters": matters}, language)[1]


@pytest.mark.parametrize("status", ["active", "suspended", "deleted"])
def test_every_status_of_an_account_has_a_word(status):
    _, detail = sentences("account_in_other_status", {"account_status": status}, "zh")
    assert status not in detail


def test_a_fact_that_is_not_known_leaves_no_none():
    facts = {"cancel_until": datetime(2026, 11, 23, 8, tzinfo=UTC), "phone": None}
    _, detail = sentences("cancel_too_late", facts, "zh")
    assert "None" not in detail
    assert "2026-11-23 16:00" in detail
