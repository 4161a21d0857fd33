"""What a guard of a race is: a text of the code without which a test turns red."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """`taken` stands once in the file; with `instead` in its place the test must fail."""

    name: str
    path: str
    taken: str
    test: str
    instead: str = ""
