"""How alike the sequences of a person are in whether a classifier is right, and in which of two classifiers is.

What the rule of folds takes for it (``data/splits/standard_error.py``) is the median of the latter.

    PYTHONPATH=. .venv/bin/python benchmarks/people_alike.py
"""

from __future__ import annotations

import argparse
from itertools import combinations
from statistics import median

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data.sequences import SequenceDataset
from tune.config.settings import resolve
from tune.training.splits import load_dataset

CLASSIFIERS = (
    ExtraTreesClassifier(100, random_state=0),
    ExtraTreesClassifier(100, random_state=1, max_depth=8, max_features=3),
    make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1)),
)
N_QUARTERS = 4


def features(dataset: SequenceDataset) -> Float[NDArray[np.float64], "sequences features"]:
    """Means, deviations, quantiles and changes of every channel, and the means of its quarters."""
    rows = []
    for values in torch.split(dataset.values, dataset.lengths.tolist()):
        steps = values.double().numpy()
        steps = np.repeat(steps, N_QUARTERS, axis=0) if len(steps) < N_QUARTERS else steps
        changes = np.diff(steps, axis=0)
        quarters = [quarter.mean(0) for quarter in np.array_split(steps, N_QUARTERS)]
        quantiles = np.quantile(steps, [0.1, 0.5, 0.9], axis=0).ravel()
        spreads = (steps.std(0), changes.std(0), np.abs(changes).mean(0))
        rows.append(np.concatenate([steps.mean(0), quantiles, *spreads, *quarters, [len(values)]]))
    return np.array(rows)


def alike(values: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """Intraclass correlation by one-way analysis of variance with groups of uneven size (Donner 1986)."""
    sizes = np.bincount(groups)
    means = np.bincount(groups, values) / sizes
    n, k = len(values), len(sizes)
    between = (sizes * (means - values.mean()) ** 2).sum() / (k - 1)
    within = ((values - means[groups]) ** 2).sum() / (n - k)
    typical = (n - (sizes**2).sum() / n) / (k - 1)
    variance = (between - within) / typical
    return float(variance / (variance + within))


def main() -> None:
    """Prints a row of the table for each data set, and the median of all differences."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", nargs="+", default=["watch", "smartwatch", "uci-har"])
    found = []
    for name in arguments.parse_args().data:
        dataset = load_dataset(resolve({"dataset": name}))
        if dataset.groups is None:
            raise SystemExit(f"{name} does not say who performed a sequence")
        labels = dataset.labels.numpy()
        groups = np.unique(dataset.groups.numpy(), return_inverse=True)[1]
        given = features(dataset)
        right = [
            (cross_val_predict(one, given, labels, groups=groups, cv=GroupKFold(5)) == labels).astype(float)
            for one in CLASSIFIERS
        ]
        differences = [alike(one - other, groups) for one, other in combinations(right, 2)]
        found += differences
        cells = [", ".join(f"{one.mean():.3f}" for one in right)]
        cells += [
            ", ".join(f"{value:.3f}" for value in row) for row in ([alike(one, groups) for one in right], differences)
        ]
        print(f"| {name} | {groups.max() + 1} | {' | '.join(cells)} |", flush=True)
    print(f"median of the differences: {median(found):.3f}")


if __name__ == "__main__":
    main()
