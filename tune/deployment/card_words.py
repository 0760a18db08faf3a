"""Words of the model card."""

from __future__ import annotations

from collections.abc import Sequence

MOST_CLASSES = 60


def listed(names: Sequence[str], at_most: int = MOST_CLASSES) -> str:
    """Names between commas, and how many more there are."""
    more = len(names) - at_most
    return ", ".join(map(cell, names[:at_most])) + (f" and {more} more" if more > 0 else "")


def cell(text: str) -> str:
    """A name that can stand in a table, whatever stands in the name."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return kept.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")[:200]


def counted(n: int, one: str, several: str) -> str:
    """A number with its noun."""
    return f"{n:,} {one if n == 1 else several}"
