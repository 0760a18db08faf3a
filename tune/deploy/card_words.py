"""Words of the model card."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.escaping import escaped

MOST_CLASSES = 60


def listed(names: Sequence[str], at_most: int = MOST_CLASSES) -> str:
    """Names between commas, and how many more there are."""
    more = len(names) - at_most
    return ", ".join(map(escaped, names[:at_most])) + (f" and {more} more" if more > 0 else "")


def counted(n: int, one: str, several: str) -> str:
    """A number with its noun."""
    return f"{n:,} {one if n == 1 else several}"
