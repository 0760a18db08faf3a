"""How numbers are written in the words of a diagnosis."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percent(share: float) -> str:
    """A share as a person says it: ``97%``, near the ends with a decimal."""
    if 0 < share < 0.1 or 0.9 < share < 1:
        return f"{share:.1%}"
    return f"{share:.0%}"


def listed(names: Sequence[str], most: int) -> str:
    """``a, b and c``; what is beyond ``most`` is counted."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"


def steps_text(n_steps: float, rate: float | None) -> str:
    """``128 steps (2.6 s)``."""
    shown = f"{n_steps:.0f}" if n_steps >= 10 or n_steps == round(n_steps) else f"{n_steps:.1f}"
    steps = f"{shown} {'step' if shown == '1' else 'steps'}"
    return steps if rate is None else f"{steps} ({n_steps / rate:.2g} s)"


def left_text(factor: float) -> str:
    """A norm against another one: ``12%``, ``4.1 times`` or, where there is hardly any, a power of ten."""
    if factor == 0:
        return "nothing"
    if factor > 1.005:
        return f"{factor:.2g} times" if factor < 1000 else f"{factor:.0e} times"
    if factor >= 0.001:
        return percent(factor)
    exponent = math.floor(math.log10(factor))
    return f"{factor / 10**exponent:.0f}e{exponent}" if exponent > -300 else "nothing that a number can hold"


def person_text(name: str) -> str:
    """What to call a person whose name may be a number."""
    return f"person {name}" if name.isdigit() else name


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return name.replace(", ", "_").replace(" ", "_").replace("-", "_")
