"""What somebody typed into a search box."""

from __future__ import annotations

MOST_WORDS = 8


def words(text: str | None) -> list[str]:
    """Return the words that must all be found; none when nothing was typed."""
    return (text or "").lower().split()[:MOST_WORDS]
