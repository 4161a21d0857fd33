"""The list of guards is of this code: each stands where it says, has its test, and is explained."""

from __future__ import annotations

import pytest

from tests.guards import GUARDS, ROOT


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name.replace(" ", "-"))
def test_a_guard_is_where_the_list_says(guard):
    assert (ROOT / guard.path).read_text(encoding="utf-8").count(guard.taken) == 1
    name, _, test = guard.test.partition("::")
    assert f"def {test}(" in (ROOT / "tests" / name).read_text(encoding="utf-8")
    assert f"| {guard.name} | `{guard.path}` | `{guard.test}` |" in (ROOT / "docs/guards.md").read_text(
        encoding="utf-8"
    )
