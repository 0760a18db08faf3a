"""The last guard for hyperparameters: people write them in JSON, so nothing is taken for granted, types included.

Each check raises a ``ValueError`` that names the hyperparameter, its value and the rule.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection


def whole_number(name: str, value: object, at_least: int, at_most: int) -> None:
    """Refuses anything but an integer in ``at_least..at_most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= at_most:
        raise ValueError(f"{name} must be a whole number from {at_least} to {at_most}, got {value!r}")


def odd_number(name: str, value: object, at_most: int) -> None:
    """Refuses anything but an odd integer in ``1..at_most``: only those have a middle to centre a kernel on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= at_most or value % 2 == 0:
        raise ValueError(f"{name} must be an odd whole number from 1 to {at_most}, got {value!r}")


def probability(name: str, value: object) -> None:
    """Refuses anything but a number in [0, 1): dropping everything leaves nothing to learn from."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number from 0 to below 1, got {value!r}")


def flag(name: str, value: object) -> None:
    """Refuses anything but True and False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {value!r}")


def choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuses anything but one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}{did_you_mean(value, choices)}")


def did_you_mean(value: object, choices: Collection[str]) -> str:
    """A question that offers the nearest of ``choices``, or nothing if none is near."""
    nearest = difflib.get_close_matches(str(value), choices, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
