"""Two objectives: which configurations nobody beats in both, and which of them is the best bargain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

KNEE = (
    "the largest distance from the straight line between both ends of the front, each objective scaled to 0..1 over "
    "the front, parameters and milliseconds by their logarithm (Das 1999)"
)


class Candidate(NamedTuple):
    """What a configuration came to.

    Attributes:
        number: Of the trial.
        score: The metric.
        cost: Parameters or milliseconds; less is better.
    """

    number: int
    score: float
    cost: float


def front_of(candidates: Sequence[Candidate], sign: int) -> list[Candidate]:
    """Those that no other one equals or beats in both objectives, the cheapest first; of equals, the first.

    Args:
        candidates: In any order.
        sign: 1 where a higher score is the better one, else -1.
    """
    front: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: (one.cost, -sign * one.score, one.number)):
        if not front or sign * one.score > sign * front[-1].score:
            front.append(one)
    return front


def knee_of(front: Sequence[Candidate], sign: int) -> Candidate:
    """The knee: where to get a little more score begins to cost much.

    It is found as ``KNEE`` says (Das, "On characterizing the 'knee' of the Pareto curve", Structural Optimization 18,
    1999). Where nothing lies on the good side of the line, as with one or two, the best score is the answer.

    Args:
        front: At least one, as ``front_of`` gives them.
        sign: 1 where a higher score is the better one, else -1.
    """
    first, last = front[0], front[-1]
    low, width = math.log(first.cost), math.log(last.cost) - math.log(first.cost)
    rise = sign * (last.score - first.score)
    if len(front) < 3:
        return last

    def gain(one: Candidate) -> float:
        # Scaled, the line runs from (0, 0) to (1, 1): the distance from it is this by a constant.
        return sign * (one.score - first.score) / rise - (math.log(one.cost) - low) / width

    best = max(front, key=gain)
    return best if gain(best) > 1e-9 else last
