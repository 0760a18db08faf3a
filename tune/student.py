"""Student's distribution, as far as intervals from a few repetitions need it."""

from __future__ import annotations

import math
from functools import cache

_N_PIECES = 400
_N_HALVINGS = 60


@cache
def student_quantile(probability: float, degrees: int) -> float:
    """The value that Student's t stays below with this probability (Student 1908).

    With t = sqrt(degrees) tan(angle) the density is proportional to cos(angle)^(degrees - 1), which is integrated by
    Simpson's rule and inverted by bisection.

    Args:
        probability: In 0.5..1, both excluded.
        degrees: Of freedom, at least 1.

    Raises:
        ValueError: If one of them is not so.
    """
    if not 0.5 < probability < 1 or degrees < 1:
        raise ValueError(f"probability {probability} with {degrees} degrees: 0.5 to 1 with at least 1")
    wanted = (2 * probability - 1) * _area(math.pi / 2, degrees)
    low, high = 0.0, math.pi / 2
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _area(middle, degrees) < wanted else (low, middle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _area(angle: float, degrees: int) -> float:
    """Of the density's part between 0 and ``angle``."""
    width = angle / _N_PIECES
    heights = [math.cos(k * width) ** (degrees - 1) for k in range(_N_PIECES + 1)]
    return width / 3 * (heights[0] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]) + heights[-1])
