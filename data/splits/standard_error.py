"""How surely a part tells the accuracy of a network, and how many folds the judging of configurations needs."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np

from ..sequences import SequenceDataset
from .split import Split, alone_with_a_class, by_people, has_published_validation, units_of

# An accuracy of 90% is to be told to a standard error of three points: twice that, six points, is about what lies
# between a configuration that is good and one that is not.
ACCURACY, RESOLUTION = 0.9, 0.03
# How alike the sequences of one person are in which of two configurations is right about them: the intraclass
# correlation of the difference, median of nine (three pairs of classifiers on each of watch, SmartWatch and UCI HAR,
# by benchmarks/people_alike.py). That of a single accuracy is twice as much, but a hard person is hard for all
# configurations. The windows of a recording overlap: each recording counts once.
PEOPLE_ALIKE, RECORDINGS_ALIKE = 0.02, 1.0
MOST_FOLDS = 5


def standard_error(n_sequences: float, n_units: int, alike: float) -> float:
    """Of an accuracy of 90% that was measured on so many sequences of so many people or recordings.

    Sequences of one unit tell less than as many of different ones, by the design effect 1 + (m - 1) icc of clusters of
    mean size m (Kish 1965, Survey Sampling, chapter 5).
    """
    design_effect = 1 + (n_sequences / n_units - 1) * alike
    return sqrt(ACCURACY * (1 - ACCURACY) * design_effect / n_sequences)


def needed_folds(dataset: SequenceDataset, split: Split) -> tuple[int, list[str]]:
    """The folds that judging takes, 0 for a single split, and sentences about why.

    None where the validation set tells an accuracy well enough, or was published. Else so many that each network is
    trained on as large a share as with the single split, and the most there can be where even all sequences of
    training and validation, which folds judge once each, do not tell it well enough.
    """
    if has_published_validation(dataset, split.kind):
        return 0, []
    is_by_people = by_people(dataset, split.kind)
    what = "people" if is_by_people else "recordings" if dataset.recordings is not None else ""
    alike = PEOPLE_ALIKE if is_by_people else RECORDINGS_ALIKE
    validation, rows = split.validation.numpy(), np.concatenate([split.train.numpy(), split.validation.numpy()])
    units, classes = units_of(dataset, split.kind, rows)
    judged = ~np.isin(units, alone_with_a_class(units, classes))
    n_validation = len(np.unique(units_of(dataset, split.kind, validation)[0]))
    n_units, n_judged = len(np.unique(units)), len(np.unique(units[judged]))
    single = standard_error(len(validation), n_validation, alike)
    if single <= RESOLUTION:
        return 0, []

    def of_units(n: int) -> str:
        return f" of {n} {'person' if n == 1 and is_by_people else what}" if what else ""

    said = (
        f"{len(validation):,} validation sequences{of_units(n_validation)} cannot tell an accuracy of 90% from "
        f"{max(0.0, ACCURACY - 2 * single):.0%} (standard error {100 * single:.1f} points)"
    )
    if n_judged < 2:
        return 0, [f"{said}, and there are too few {what or 'sequences'} for folds: which configuration wins is luck"]
    all_of_them = standard_error(int(judged.sum()), n_judged, alike)
    n_folds = MOST_FOLDS if all_of_them > RESOLUTION else ceil(n_units / n_validation)
    n_folds = max(2, min(n_folds, MOST_FOLDS, n_judged))
    return n_folds, [
        f"{said}: every trial is judged by {n_folds} folds, on {int(judged.sum()):,} sequences{of_units(n_judged)} "
        f"({100 * all_of_them:.1f} points), and trains {n_folds} networks; --folds 0 trains one"
    ]
