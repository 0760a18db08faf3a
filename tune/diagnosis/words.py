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


def factor_text(factor: float) -> str:
    """What is left, as a person says it: a percentage, or a power of ten where there is hardly any."""
    if factor == 0:
        return "nothing"
    if factor >= 0.001:
        return percent(factor) if factor <= 10 else f"{factor:.0f} times as much"
    exponent = math.floor(math.log10(factor))
    return f"{factor / 10**exponent:.0f}e{exponent}" if exponent > -300 else "nothing that a number can hold"
