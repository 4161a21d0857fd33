"""`docs/verify_draw.py`, as families run it: a process of plain Python, a file or two, and what it says."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.allocation import EVERYBODY, Programme, Reserve
from domain.draw import canonical, number_of, seed_of
from tests.test_draw import PROGRAMMES, TERMS, applicants, drawn

VERIFY = Path(__file__).parent.parent / "docs" / "verify_draw.py"


def run(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", VERIFY, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def verify(result: Any, folder: Path, *saved: str | Path) -> tuple[int, str]:
    file = folder / "result.json"
    file.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    return run(file, *saved)


def test_anybody_recomputes_the_published_result(tmp_path):
    result = drawn(applicants())
    status, said = verify(result, tmp_path)
    assert status == 0, said
    assert "✗" not in said
    for words in (
        result["frozen_sha256"],
        TERMS.value_source,
        result["public_value"],
        "30 名儿童",
        "Compare the SHA-256",
    ):
        assert words in said
    outcomes = {one["outcome"] for one in result["results"]}
    assert None in outcomes
    assert {"p-small", "p-large"} <= outcomes


def test_anybody_compares_with_the_list_saved_before_or_its_hash(tmp_path):
    result = drawn(applicants())
    saved = tmp_path / "frozen.json"
    saved.write_bytes(canonical(result["frozen"]))
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == result["frozen_sha256"]
    for second in (saved, result["frozen_sha256"], f" {result['frozen_sha256'].upper()} "):
        status, said = verify(result, tmp_path, second)
        assert status == 0, said
        assert "就是您保存的那一份" in said
        assert "Compare the SHA-256" not in said
    saved.write_text("\ufeff" + json.dumps(result["frozen"], indent=2), encoding="utf-8")
    assert verify(result, tmp_path, saved)[0] == 0, "an editor may have written it anew"


def test_a_list_frozen_anew_is_caught_by_what_was_saved_before(tmp_path):
    """Whoever changes list and hash and draws again has a result that is right in itself."""
    before, again = drawn(applicants()), drawn(applicants()[1:])
    assert verify(again, tmp_path)[0] == 0
    saved = tmp_path / "frozen.json"
    saved.write_bytes(canonical(before["frozen"]))
    for second in (saved, before["frozen_sha256"]):
        status, said = verify(again, tmp_path, second)
        assert status == 1
        assert "✗ 不符 NOT SO: 冻结名单就是您保存的那一份" in said


def test_anybody_recomputes_a_round_of_two_thousand(tmp_path):
    assert verify(drawn(applicants(2_000)), tmp_path)[0] == 0


def swap_outcomes(result):
    first = next(one for one in result["results"] if one["outcome"] is None)
    second = next(one for one in result["results"] if one["outcome"] is not None)
    for field in ("outcome", "seat"):
        first[field], second[field] = second[field], first[field]


def another_kind_of_seat(result):
    one = next(one for one in result["results"] if one["seat"] == EVERYBODY)
    one["seat"] = "siblings"


def lower_number(result):
    result["results"][-1]["number"] = "0" * 64


def another_seed(result):
    result["seed"] = seed_of(result["frozen_sha256"], "4 0 8")
    for one in result["results"]:
        one["number"] = number_of(result["seed"], one["id"])


def another_value(result):
    result["public_value"] = "408"


def another_source(result):
    result["frozen"]["value_source"] = "another lottery"


def another_time(result):
    result["frozen"]["value_due_at"] = "2026-11-30T21:30:00+08:00"


def another_order(result):
    result["results"].reverse()


def other_ranks(result):
    one = next(one for one in result["results"] if len(one["ranks"]) > 1)
    one["ranks"].reverse()


def another_group(result):
    one = next(one for one in result["results"] if "siblings" not in one["groups"])
    one["groups"] = sorted([*one["groups"], "siblings"])


def another_salt(result):
    result["results"][3]["salt"] = "0" * 32


def one_child_less(result):
    result["results"].pop()


def one_child_twice(result):
    result["results"].insert(1, result["results"][0])


def one_child_twice_in_both(result):
    one_child_twice(result)
    first = result["results"][0]["id"]
    result["frozen"]["applicants"].append(next(row for row in result["frozen"]["applicants"] if row[0] == first))
    result["frozen"]["applicants"].sort()
    freeze_again(result)


def one_child_for_another(result):
    result["results"][2]["id"] = result["results"][4]["id"]


def one_seat_more(result):
    result["frozen"]["programmes"][1]["seats"] += 1


def one_applicant_more(result):
    result["frozen"]["applicants"].append(["A9999", "0" * 64])


def another_hash(result):
    result["frozen_sha256"] = "0" * 64


def another_format(result):
    result["frozen"]["format"] = "xiaotuo-draw-2"
    freeze_again(result)


def a_word_more(result):
    result["results"][0]["name"] = "甲"


def a_note_more(result):
    result["corrected"] = True


def freeze_again(result):
    """Make hash, seed and numbers suit the list, as somebody would who hides what was done to it."""
    result["frozen_sha256"] = hashlib.sha256(canonical(result["frozen"])).hexdigest()
    result["seed"] = seed_of(result["frozen_sha256"], result["public_value"])
    for one in result["results"]:
        one["number"] = number_of(result["seed"], one["id"])
    result["results"].sort(key=lambda one: one["number"])


@pytest.mark.parametrize(
    "tamper",
    [
        swap_outcomes,
        another_kind_of_seat,
        lower_number,
        another_seed,
        another_value,
        another_source,
        another_time,
        another_order,
        other_ranks,
        another_group,
        another_salt,
        one_child_less,
        one_child_twice,
        one_child_twice_in_both,
        one_child_for_another,
        one_seat_more,
        one_applicant_more,
        another_hash,
        another_format,
        a_word_more,
        a_note_more,
    ],
    ids=lambda tamper: tamper.__name__,
)
def test_what_was_tampered_with_is_caught(tmp_path, tamper):
    result = copy.deepcopy(drawn(applicants()))
    tamper(result)
    status, said = verify(result, tmp_path)
    assert status == 1
    assert "✗ 不符 NOT SO" in said
    assert "结果与规则不符" in said


def test_every_value_of_a_result_counts(tmp_path):
    """Each value of the file in turn is replaced by another of its kind, or left out; no file so changed passes."""
    wanting = applicants(4)
    result = drawn(wanting, [Programme("p-small", 2, (Reserve("siblings", 1),)), *PROGRAMMES[1:]])
    files = []
    for path in paths(result):
        for change in (replaced, left_out):
            other = copy.deepcopy(result)
            change(other, path)
            files.append((path, other))
    assert len(files) > 150
    program: dict[str, Any] = {"__name__": "verify_draw"}
    exec(compile(VERIFY.read_text(encoding="utf-8"), VERIFY, "exec"), program)
    file = tmp_path / "result.json"
    for path, other in files:
        file.write_text(json.dumps(other), encoding="utf-8")
        assert program["main"](file) == 1, path


def paths(value, so_far=()):
    if so_far:
        yield so_far
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from paths(value[key], (*so_far, key))


def replaced(result, path):
    *way, last = path
    for key in way:
        result = result[key]
    old = result[last]
    if isinstance(old, str):
        result[last] = old[:-1] + ("1" if old.endswith("0") else "0") if old else "siblings"
    elif isinstance(old, int):
        result[last] = old + 1
    elif old is None:
        result[last] = "p-none"
    else:
        result[last] = [*old, *old, "x"] if isinstance(old, list) else {**old, "x": 1}


def left_out(result, path):
    *way, last = path
    for key in way:
        result = result[key]
    del result[last]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        "{}",
        '{"frozen": {}, "results": []}',
        "not JSON",
        "[" * 100_000,
        '{"frozen": null, "frozen": null}',
        "\ud800",
        "9" * 10_000,
    ],
    ids=lambda text: f"{text[:12].encode('utf-8', 'replace')!r}",
)
def test_what_is_no_result_is_said_to_be_none(tmp_path, text):
    file = tmp_path / "result.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    status, said = run(file)
    assert status == 1
    assert said.startswith("✗ 文件打不开，或不是公布的格式")
    assert said.count("\n") == 1


def test_files_that_are_not_there_and_a_call_without_any_are_answered_in_words(tmp_path):
    status, said = run(tmp_path / "none.json")
    assert (status, said.startswith("✗ 文件打不开")) == (1, True)
    status, said = verify(drawn(applicants()), tmp_path, tmp_path / "none.json")
    assert (status, said.startswith("✗ 文件打不开")) == (1, True)
    for arguments in ((), ("one", "two", "three")):
        status, said = run(*arguments)
        assert status == 1
        assert "python3 verify_draw.py result.json" in said


@pytest.mark.parametrize(
    "break_programme",
    [{"seats": 0}, {"seats": 1.5}, {"seats": "8"}, {"reserves": [{"group": "siblings", "seats": -1, "then": []}]}],
    ids=str,
)
def test_a_list_that_was_frozen_with_nonsense_is_not_approved(tmp_path, break_programme):
    result = copy.deepcopy(drawn(applicants()))
    result["frozen"]["programmes"][0].update(break_programme)
    freeze_again(result)
    assert verify(result, tmp_path)[0] == 1


def test_it_stays_a_page_of_the_standard_library():
    lines = VERIFY.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 136
    assert {line for line in lines if line.startswith(("import", "from"))} == {
        "import hashlib",
        "import hmac",
        "import json",
        "import re",
        "import sys",
    }
