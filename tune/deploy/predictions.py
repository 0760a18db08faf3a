"""What a network says of whole recordings: the class that its windows together find most likely."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from data.errors import DataError
from data.unlabelled import Unlabelled

from .classifier import Array, Classifier, classify
from .inputs import Wanted, fitted, windows

# Windows that are classified together; long recordings are never all in memory as windows.
WINDOWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one recording.

    Attributes:
        probability: Of that class.
        probabilities: Of every class, the mean over the windows.
        n_windows: How many windows were cut; one for a recording that was not cut.
        n_agree: How many of them find the same class most likely by themselves.
    """

    place: str
    class_name: str
    probability: float
    probabilities: Array
    n_windows: int
    n_agree: int


def predictions(classifier: Classifier, recordings: Iterable[Unlabelled], wanted: Wanted) -> Iterator[Prediction]:
    """Classifies recordings, many at once, in their order.

    Raises:
        DataError: If one cannot be classified.
    """
    waiting: list[tuple[str, list[Array]]] = []
    n_waiting = 0
    for one in recordings:
        cut = windows(fitted(one, classifier.facts, wanted), classifier.facts)
        waiting.append((one.place, cut))
        n_waiting += len(cut)
        if n_waiting >= WINDOWS_AT_ONCE:
            yield from _predicted(classifier, waiting)
            waiting, n_waiting = [], 0
    yield from _predicted(classifier, waiting)


def _predicted(classifier: Classifier, waiting: list[tuple[str, list[Array]]]) -> Iterator[Prediction]:
    if not waiting:
        return
    probabilities = classify(classifier, [window for _, cut in waiting for window in cut])[1]
    begin = 0
    for place, cut in waiting:
        mine = probabilities[begin : begin + len(cut)]
        begin += len(cut)
        # Each call of NumPy takes microseconds, and a service answers thousands a second with a single window each.
        mean = mine[0] if len(cut) == 1 else mine.mean(axis=0)
        shares = mean.tolist()
        if not math.isfinite(sum(shares)):
            raise DataError(f"{place}: the network gives no number for values that are so large")
        best = shares.index(max(shares))
        n_agree = 1 if len(cut) == 1 else int((mine.argmax(axis=1) == best).sum())
        yield Prediction(place, classifier.facts.class_names[best], shares[best], np.asarray(mean), len(cut), n_agree)
