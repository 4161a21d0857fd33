"""Makes the good calls of operations; the lists of them stand in `tests/calls.py` and the `calls_…` beside it."""

from __future__ import annotations

from tests.town import Given


async def same(made):
    return made


def with_id(make_id, body=None, **query):
    """Make a call to something that `make_id` makes first."""

    async def given(town):
        return Given(body, {"id": await make_id(town)}, query)

    return given


def fixed(build):
    """Make a call whose body needs nothing but the town."""

    async def given(town):
        return build(town)

    return given


nothing = fixed(lambda _town: Given())
