"""Invariants stand in the schema; here the name of a violated one becomes the refusal it means."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.errors import Refusal


@contextmanager
def refusing(**refusals: Refusal) -> Iterator[None]:
    """Raise the refusal that stands by the name of the violated constraint; others are errors as ever."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        refusal = refusals.get(error.constraint_name or "")
        if refusal is None:
            raise
        raise refusal from None
