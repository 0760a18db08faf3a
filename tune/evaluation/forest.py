"""A random forest on simple features of every channel: a yardstick from scikit-learn, which is not handed over."""

from __future__ import annotations

import time

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from data.sequences import SequenceDataset

from ..study.records import mean_scores
from ..study.stored import Scores
from ..training.metrics import score
from ..training.splits import Splits

N_TREES = 100  # As scikit-learn itself; more take longer before the first score, and hardly score higher.
# Trees of much data grow on a sample each: to grow them on all of it takes minutes.
MOST_SEQUENCES_A_TREE = 5_000
# Of more than memory the forest sees evenly spaced ones, and is judged on as many.
MOST_STREAMED = 100_000
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def forest_scores(splits: Splits, part: str, seed: int) -> tuple[Scores, float]:
    """Mean scores over the folds on ``validation`` or ``test``, and the seconds that it took."""
    from sklearn.ensemble import RandomForestClassifier  # Takes a second, and a run without floors does without.

    started, found = time.perf_counter(), []
    for fold in splits.folds:
        train, judged = (_few(one) for one in (fold.train, getattr(fold, part)))
        most = MOST_SEQUENCES_A_TREE if len(train) > MOST_SEQUENCES_A_TREE else None
        forest = RandomForestClassifier(N_TREES, max_samples=most, random_state=seed)
        forest.fit(simple_features(train), train.labels.numpy())
        # One more tree votes for every class, so that none is held to be impossible.
        shares = np.ones((len(judged), judged.n_classes))
        shares[:, forest.classes_] += N_TREES * forest.predict_proba(simple_features(judged))
        logits = torch.from_numpy(shares / shares.sum(axis=1, keepdims=True)).log()
        found.append(score(logits, judged.labels))
    scores = mean_scores(found)
    return {
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "loss": scores.loss,
        "balanced_accuracy": scores.balanced_accuracy,
    }, time.perf_counter() - started


def _few(part: SequenceDataset) -> SequenceDataset:
    return part if part.starts is None else part.subset(torch.arange(0, len(part), -(-len(part) // MOST_STREAMED)))


def simple_features(part: SequenceDataset) -> Float[ndarray, "sequences features"]:
    """Of every channel mean, deviation, quantiles and the size of its steps; and each sequence's length."""
    rows = []
    for row in range(len(part)):
        values = part.sequence(row).numpy()
        steps = np.abs(np.diff(values, axis=0)) if len(values) > 1 else np.zeros_like(values)
        spread = np.quantile(values, QUANTILES, axis=0).ravel()
        rows.append(
            np.concatenate([values.mean(axis=0), values.std(axis=0), spread, steps.mean(axis=0), [len(values)]])
        )
    return np.stack(rows)
