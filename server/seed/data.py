"""Reads the plain data files beside this module into the rows that they describe."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

PROVIDER_FILES = ("hospitals", "elder_care", "public_services")


@cache
def read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def areas() -> list[dict[str, str]]:
    """Return every division of the league, each after the one it belongs to.

    Names and codes are those of the National Bureau of Statistics (codes for statistics, 2023). They count the
    Luanjingtan zone as a township of the Left Banner; here it stands above its two towns, as it administers them.
    """
    with (FOLDER / "areas.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def providers() -> list[dict[str, Any]]:
    return [provider for name in PROVIDER_FILES for provider in read(name)["provider"]]


def services(provider: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a provider's services; what it asks and wants brought for all of them comes first."""
    questions = read("questions")
    return [
        service
        | {
            "requirements": provider["requirements"] + service.get("requirements", []),
            "questions": [
                {"key": key} | questions[key] for key in provider.get("questions", []) + service.get("questions", [])
            ],
        }
        for service in provider["service"]
    ]
