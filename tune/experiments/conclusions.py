"""From predictions to a table and sentences: how good each configuration is, and which pairs differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from ..evaluation.statistics.crossed import CrossedMean, cells, crossed_mean
from ..evaluation.statistics.paired import LEVEL, Difference, difference, holm
from ..evaluation.statistics.ranks import Ranks, ranks
from .evidence import Judged, Predictions
from .schema import Published, Suite

# With fewer blocks than that ranks say nothing.
FEWEST_FOLDS = 5


@dataclass(frozen=True)
class Row:
    """One configuration's line of the table.

    Attributes:
        accuracy: Mean over runs and judged sequences, with its error; None without a run.
        interval: 95% of the accuracy; None with a single run.
        scores: Means over the runs of everything else that may have been published.
        seconds: Training time of a run, all folds.
    """

    name: str
    description: str
    n_runs: int
    n_lost: int
    accuracy: CrossedMean | None
    interval: tuple[float, float] | None
    scores: dict[str, float]
    n_parameters: int | None
    seconds: float | None
    published: tuple[Published, ...]


@dataclass(frozen=True)
class Pair:
    """Two configurations against each other.

    Attributes:
        difference: First minus second; None without a common run.
        p_value: Corrected for all pairs of the protocol; None where it cannot be tested.
        matters: Whether there is a sentence about it.
    """

    first: str
    second: str
    n_seeds: int
    difference: Difference | None
    p_value: float | None
    matters: bool

    @property
    def different(self) -> bool:
        """Whether the difference is more than noise."""
        return self.p_value is not None and self.p_value <= LEVEL


@dataclass(frozen=True)
class Conclusions:
    """What a protocol's runs say.

    Attributes:
        rows: The configurations, best first.
        ranks: Average ranks of ``ranked``; None with too little to rank.
        ranked: Names of the configurations, in the order of ``ranks``.
        blocks: What the ranks are over: ``people``, ``folds`` or ``seeds``.
    """

    judged: Judged
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    ranks: Ranks | None
    ranked: tuple[str, ...]
    blocks: str


def conclude(suite: Suite, judged: Judged, found: Sequence[Predictions]) -> Conclusions:
    """Table, tests and ranks of one protocol."""
    rows = sorted(
        (_row(suite, judged, one) for one in found), key=lambda row: -(row.accuracy.mean if row.accuracy else -1)
    )
    with_runs = {one.name: one for one in found if one.numbers}
    best = next((row.name for row in rows if row.accuracy is not None), None)
    pairs = _pairs(suite, judged, with_runs, best)
    blocks, table = _blocks(judged, list(with_runs.values()))
    place = {name: k for k, name in enumerate(with_runs)}
    alike = {frozenset((place[pair.first], place[pair.second])) for pair in pairs if not pair.different}
    ranked = None if table is None else ranks(table, alike)
    return Conclusions(judged, tuple(rows), pairs, ranked, tuple(with_runs), blocks)


def _row(suite: Suite, judged: Judged, one: Predictions) -> Row:
    configuration = next(c for c in suite.configurations if c.name == one.name)
    mean = crossed_mean(cells(one.right, judged.units)) if one.numbers else None
    scores: dict[str, float] = {}
    for name in ("macro_f1", "loss") if one.trials else ():
        scores[name] = fmean(
            fmean(fold[name] for fold in trial.user_attrs["answers"]["scores"]) for trial in one.trials
        )
    for name in ("train_accuracy", "train_loss") if one.trials else ():
        scores[name] = fmean(trial.user_attrs[name] for trial in one.trials)
    return Row(
        name=one.name,
        description=configuration.description,
        n_runs=len(one.numbers),
        n_lost=one.n_lost,
        accuracy=mean,
        interval=None if mean is None else mean.share_interval(),
        scores=scores,
        n_parameters=one.trials[0].user_attrs["n_parameters"] if one.trials else None,
        seconds=fmean(trial.user_attrs["training_seconds"] for trial in one.trials) if one.trials else None,
        published=configuration.published,
    )


def _pairs(suite: Suite, judged: Judged, found: dict[str, Predictions], best: str | None) -> tuple[Pair, ...]:
    """Every pair that the suite names, or all, with p values corrected together."""
    wanted = suite.pairs if suite.pairs is not None else tuple(combinations(found, 2))
    wanted = tuple(pair for pair in wanted if pair[0] in found and pair[1] in found)
    compared: list[tuple[str, str, int, Difference | None]] = []
    for k, (first, second) in enumerate(wanted):
        common = [number for number in found[first].numbers if number in found[second].numbers]
        tested = None
        if common:
            ours, theirs = found[first].of_runs(common), found[second].of_runs(common)
            tested = difference(ours, theirs, judged.units, seed=k, n_pairs=len(wanted))
        compared.append((first, second, len(common), tested))
    p_values = {k: tested.p_value for k, (*_, tested) in enumerate(compared) if tested and tested.p_value is not None}
    corrected = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return tuple(
        Pair(first, second, n, tested, corrected.get(k), suite.pairs is not None or best in (first, second))
        for k, (first, second, n, tested) in enumerate(compared)
    )


def _blocks(judged: Judged, found: Sequence[Predictions]) -> tuple[str, NDArray[np.float64] | None]:
    """Scores of every configuration in each block that is independent of the others: [blocks, configurations]."""
    common = [n for n in found[0].numbers if all(n in one.numbers for one in found)] if found else []
    if len(found) < 2 or not common:
        return "seeds", None
    right = np.stack([one.of_runs(common) for one in found])  # [configurations, seeds, sequences]
    for name, owner, fewest in (("people", judged.units, 2), ("folds", judged.folds, FEWEST_FOLDS)):
        blocks = np.unique(owner)
        if len(blocks) >= fewest and (name == "folds" or judged.unit == "people"):
            return name, np.stack([right[:, :, owner == block].mean(axis=(1, 2)) for block in blocks])
    by_seed = right.mean(axis=2).T
    return "seeds", by_seed if len(by_seed) > 1 else None
