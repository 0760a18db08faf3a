"""Sequences that are nearly the same: rounded, with something added, or cut out of one another.

Each sequence is known by where it changes most: the changes around these steps, which neither an offset nor a cut
alters and rounding hardly does, are looked up among those of all others (as in content-defined fingerprints). What is
near there is laid over each other and compared as a whole.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..sequences import SequenceDataset

N_ANCHORS, N_CHANGES = 3, 6
# Changes are projected to so many directions: a projection brings nothing apart.
N_DIRECTIONS = 6
NEAR = 0.1
# Data so regular that more pairs are near one another says nothing about copies.
MOST_PAIRS = 20
# Of two copies this share of the shorter one is in both, and differs by at most this share of its deviation.
OVERLAP, DIFFERENCE = 0.8, 0.03

_known: WeakKeyDictionary[SequenceDataset, list[tuple[int, int]]] = WeakKeyDictionary()


def near_copies(dataset: SequenceDataset) -> list[tuple[int, int]]:
    """Rows of sequences that are nearly the same and not cut from one recording, as pairs."""
    if dataset not in _known:
        # Streamed, among evenly spaced ones.
        rows = dataset.sample().tolist() if dataset.starts is not None else range(len(dataset))
        _known[dataset] = [(rows[first], rows[second]) for first, second in _find(dataset.sampled())]
    return _known[dataset]


def _find(dataset: SequenceDataset) -> list[tuple[int, int]]:
    values = dataset.values.numpy()
    offsets, lengths, owners = (one.numpy() for one in (dataset.offsets, dataset.lengths, dataset.owners))
    if len(values) <= N_CHANGES:
        return []
    changes = np.diff(values.astype(np.float64), axis=0)
    inside = owners[1:] == owners[:-1]
    deviation = changes[inside].std(axis=0) if inside.any() else np.zeros(values.shape[1])
    moving = deviation > 0
    if not moving.any():
        return []
    changes = changes[:, moving]
    changes /= deviation[moving]
    steps = _anchors(np.abs(changes).sum(axis=1), owners, offsets, lengths)
    if len(steps) < 2:
        return []
    around = changes[steps[:, None] + np.arange(N_CHANGES)].reshape(len(steps), -1)
    size = np.linalg.norm(around, axis=1)
    steps, around, size = steps[size > 0], around[size > 0], size[size > 0]
    from scipy.spatial import cKDTree  # Loads as much as numpy, which no worker needs.

    directions = np.random.default_rng(0).standard_normal((around.shape[1], N_DIRECTIONS)) / N_DIRECTIONS**0.5
    tree = cKDTree(np.column_stack([around @ directions / size[:, None], np.log(size)]))
    if tree.count_neighbors(tree, NEAR) > (MOST_PAIRS + 1) * len(steps):
        return []
    recordings = owners if dataset.recordings is None else dataset.recordings.numpy()[owners]
    copies: set[tuple[int, int]] = set()
    for first, second in steps[tree.query_pairs(NEAR, output_type="ndarray")].tolist():
        pair = (int(owners[min(first, second)]), int(owners[max(first, second)]))
        if recordings[first] != recordings[second] and pair not in copies:
            begin = min(first - offsets[owners[first]], second - offsets[owners[second]])
            end = min(*(offsets[owners[step]] + lengths[owners[step]] - step for step in (first, second)))
            laid = [values[step - begin : step + end].astype(np.float64) for step in (first, second)]
            if begin + end >= OVERLAP * min(lengths[list(pair)]) and _are_alike(*laid):
                copies.add(pair)
    return sorted(copies)


def _anchors(
    size: NDArray[np.float64], owners: NDArray[np.int64], offsets: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The steps of each sequence before which it changes most, with changes enough behind them."""
    position = np.arange(len(size)) - offsets[owners[:-1]]
    steps = np.flatnonzero((position + N_CHANGES < lengths[owners[:-1]]) & (size > 0))
    order = steps[np.lexsort((-size[steps], owners[steps]))]
    first = np.searchsorted(owners[order], owners[order])
    return order[np.arange(len(order)) - first < N_ANCHORS]


def _are_alike(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    own = first - first.mean(axis=0)
    difference = own - (second - second.mean(axis=0))
    deviation = own.std(axis=0)
    moving = deviation > 0
    return bool(moving.any() and (difference.std(axis=0)[moving] <= DIFFERENCE * deviation[moving]).all())
