"""What a network says of whole recordings: the class that its windows together find most likely."""

from __future__ import annotations

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
class Answer:
    """What a network says of one recording.

    Attributes:
        place: How the recording is named.
        class_name: The most likely class.
        probabilities: Of every class, the mean over the windows.
        n_windows: How many windows were cut; one for a recording that was not cut.
        n_agree: How many of them find the same class most likely by themselves.
    """

    place: str
    class_name: str
    probabilities: Array
    n_windows: int
    n_agree: int

    @property
    def probability(self) -> float:
        """Of the most likely class."""
        return float(self.probabilities.max())


def answers(classifier: Classifier, recordings: Iterable[Unlabelled], wanted: Wanted) -> Iterator[Answer]:
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
            yield from _answered(classifier, waiting)
            waiting, n_waiting = [], 0
    yield from _answered(classifier, waiting)


def _answered(classifier: Classifier, waiting: list[tuple[str, list[Array]]]) -> Iterator[Answer]:
    if not waiting:
        return
    probabilities = classify(classifier, [window for _, cut in waiting for window in cut])[1]
    begin = 0
    for place, cut in waiting:
        mine = probabilities[begin : begin + len(cut)]
        begin += len(cut)
        mean = mine.mean(axis=0)
        if not np.isfinite(mean).all():
            raise DataError(f"{place}: the network gives no number for values that are so large")
        best = int(mean.argmax())
        n_agree = int((mine.argmax(axis=1) == best).sum())
        yield Answer(place, classifier.facts.class_names[best], np.asarray(mean), len(cut), n_agree)
