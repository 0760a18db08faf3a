"""What a network says of whole recordings: the class of its windows together, and of streams what happens when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.errors import DataError
from data.streams.null_class import null_class
from data.unlabelled import Unlabelled, told

from ..training.decisions import DecisionRule, decide, stretches
from .classifier import Array, Classifier, classify
from .inputs import TooShortError, Wanted, fitted, windows

# Windows that are classified together; long recordings are never all in memory as windows.
WINDOWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Span:
    """A stretch of a stream with one class, by the rule that was judged.

    Attributes:
        begin: In seconds from the recording's begin.
        end: Likewise.
        probabilities: Of every class, the mean of those that decided.
        n_windows: At whose ends it was decided.
    """

    begin: float
    end: float
    class_name: str
    probability: float
    probabilities: Array
    n_windows: int


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one recording.

    Attributes:
        probability: Of that class.
        probabilities: Of every class, the mean over the windows.
        n_windows: How many windows were cut; one for a recording that was not cut.
        n_agree: How many of them find the same class most likely by themselves.
        timeline: The whole time of a stream, one stretch after the other; empty where the network is of no streams.
    """

    place: str
    class_name: str
    probability: float
    probabilities: Array
    n_windows: int
    n_agree: int
    timeline: tuple[Span, ...] = ()


def predictions(
    classifier: Classifier,
    recordings: Iterable[Unlabelled],
    wanted: Wanted,
    say: Callable[[str], None] = lambda _: None,
    failed: Callable[[DataError], None] | None = None,
) -> Iterator[Prediction]:
    """Classifies recordings, many at once, in their order.

    Stretches between jumps of a clock that are too short are passed over, as in training; ``say`` is told.

    Raises:
        DataError: If one cannot be classified, or every stretch is too short; where there is ``failed``, it is told
            instead, and the others are classified.
    """
    waiting: list[tuple[Unlabelled, list[Array]]] = []
    n_classified = n_waiting = 0
    too_short: TooShortError | None = None
    for one in recordings:
        with told(failed):
            try:
                cut = windows(fitted(one, classifier.facts, wanted), classifier.facts)
            except TooShortError as error:
                if one.begin_seconds is None:
                    raise
                say(f"note: passed over between two jumps of the clock: {error}")
                too_short = error
                continue
            n_classified += 1
            waiting.append((one, cut))
            n_waiting += len(cut)
        if n_waiting >= WINDOWS_AT_ONCE:
            yield from _predicted(classifier, waiting, failed)
            waiting, n_waiting = [], 0
    if too_short is not None and not n_classified:
        with told(failed):
            raise too_short
    yield from _predicted(classifier, waiting, failed)


def _predicted(
    classifier: Classifier,
    waiting: list[tuple[Unlabelled, list[Array]]],
    failed: Callable[[DataError], None] | None,
) -> Iterator[Prediction]:
    if not waiting:
        return
    facts = classifier.facts
    probabilities = classify(classifier, [window for _, cut in waiting for window in cut])[1]
    begin = 0
    for one, cut in waiting:
        mine = probabilities[begin : begin + len(cut)]
        begin += len(cut)
        # Each call of NumPy takes microseconds, and a service answers thousands a second with a single window each.
        mean = mine[0] if len(cut) == 1 else mine.mean(axis=0)
        shares = mean.tolist()
        if not math.isfinite(sum(shares)):
            with told(failed):
                raise DataError(f"{one.place}: the network gives no number for values that are so large")
            continue
        best = shares.index(max(shares))
        timeline: tuple[Span, ...] = ()
        if facts.streams is not None:
            once = facts.streams[0].model_copy(update={"min_windows": 1})
            best = int(decide(mean[None], once, null_class(facts.class_names))[0][0])
            spans = _timeline(mine, [len(window) for window in cut], facts.class_names, *facts.streams)
            late = one.begin_seconds or 0.0
            timeline = tuple(replace(span, begin=span.begin + late, end=span.end + late) for span in spans)
        n_agree = 1 if len(cut) == 1 else int((mine.argmax(axis=1) == best).sum())
        name = facts.class_names[best]
        yield Prediction(one.place, name, shares[best], np.asarray(mean), len(cut), n_agree, timeline)


def _timeline(
    probabilities: Array, lengths: Sequence[int], names: Sequence[str], rule: DecisionRule, rate_hz: float
) -> Iterator[Span]:
    starts = np.arange(len(lengths)) * rule.hop / rate_hz
    ends = starts + np.array(lengths) / rate_hz
    null = null_class(names)
    _, means = decide(probabilities, rule, null)
    for one in stretches(probabilities, starts, ends, rule, null):
        mean = means[one.windows].mean(axis=0)
        n_windows = one.windows.stop - one.windows.start
        yield Span(one.begin, one.end, names[one.label], float(mean[one.label]), mean, n_windows)
