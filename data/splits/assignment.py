"""Who goes into which part: every part has every class and about its share of it, as nearly as the people allow."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

# Part of a person who is trained on in every fold.
ALWAYS_TRAINED = -1

# Between half and twice its share the standard error of what is judged on a part is within sqrt(2) of what was asked
# for. Beyond, a part that was to judge hardly does, or one that was to be trained on hardly is.
SENSIBLE = 2.0

# Up to so many people all assignments are looked at: 8! is 40,320.
N_EXHAUSTIVE = 8
N_DRAWS = 256
N_STARTS, N_ROUNDS, N_SWAPS, PATIENCE = 8, 30, 256, 3


def share_out(
    counts: Int[NDArray[np.int64], "people classes"], drawn: Int[NDArray[np.int64], " people"], rng: np.random.Generator
) -> Int[NDArray[np.int64], " people"]:
    """Parts for the people: 0 is trained on, the others are held out.

    The draw is kept where it is fine. Else it is the best assignment that a search finds, with as many people in each
    part as were drawn; with fewer held out only where a class could not be learned otherwise. People who alone
    perform a class stay in training.

    Args:
        counts: Sequences of each person and class.
        drawn: Part of each person.
        rng: Draws the assignments that are tried.
    """
    n_parts = int(drawn.max()) + 1
    sizes = np.bincount(drawn, minlength=n_parts)
    if _is_fine(counts, drawn, sizes / sizes.sum(), is_folds=False):
        return drawn
    has = counts > 0
    free = ~(has & (has.sum(0) == 1)).any(1)
    while True:
        sizes[0] = free.sum() - sizes[1:].sum()
        if sizes[0] >= 0:
            parts = np.zeros_like(drawn)
            parts[free] = np.repeat(np.arange(n_parts), sizes)
            parts = _searched(counts, parts, np.bincount(parts) / len(parts), free, rng, is_folds=False)
            if not _n_lost(_held(counts, parts[None], n_parts), counts.sum(0), is_folds=False).any():
                return parts
        largest = 1 + int(sizes[1:].argmax())
        if sizes[largest] == 1:
            return drawn  # Whoever is held out, a class cannot be learned.
        sizes[largest] -= 1


def share_out_folds(
    counts: Int[NDArray[np.int64], "people classes"], drawn: Int[NDArray[np.int64], " people"], rng: np.random.Generator
) -> Int[NDArray[np.int64], " people"]:
    """Folds for the people, as ``share_out`` has parts; those drawn as ``ALWAYS_TRAINED`` stay what they are."""
    n_folds = int(drawn.max()) + 1
    shares = np.full(n_folds, 1 / n_folds)
    if _is_fine(counts, drawn, shares, is_folds=True):
        return drawn
    free = drawn != ALWAYS_TRAINED
    return _searched(counts, drawn, shares, free, rng, is_folds=True)


def _is_fine(counts: NDArray[np.int64], parts: NDArray[np.int64], shares: NDArray[np.float64], is_folds: bool) -> bool:
    """Whether every part has what it can: each class that as many people perform, and a sensible share."""
    held = _held(counts, parts[None], len(shares))
    n_performing = (counts[parts != ALWAYS_TRAINED] > 0).sum(0)
    of_its_share = held[0].sum(1) / held.sum() / shares
    return bool(
        (held[0][:, n_performing >= len(shares)] > 0).all()
        and not _n_lost(held, counts.sum(0), is_folds).any()
        and of_its_share.min() >= 1 / SENSIBLE
        and of_its_share.max() <= SENSIBLE
    )


def _searched(
    counts: NDArray[np.int64],
    parts: NDArray[np.int64],
    shares: NDArray[np.float64],
    free: NDArray[np.bool_],
    rng: np.random.Generator,
    is_folds: bool,
) -> NDArray[np.int64]:
    """The best way to give the free people their parts in another order."""
    movable, n_free, n_parts = parts[free], int(free.sum()), len(shares)
    totals, theirs = counts.sum(0), counts[free]
    base = _held(counts[~free], parts[None, ~free], n_parts)

    def scored(held: NDArray[np.int64]) -> NDArray[np.float64]:
        return _scores(held, totals, shares, is_folds)

    if n_free <= N_EXHAUSTIVE:
        tried = np.unique(np.array(list(permutations(movable.tolist())), dtype=np.int64), axis=0)
        best = tried[scored(base + _held(theirs, tried, n_parts)).argmin()]
    else:
        tried = rng.permuted(np.tile(movable, (N_DRAWS, 1)), axis=1)
        found = []
        for start in scored(base + _held(theirs, tried, n_parts)).argsort()[:N_STARTS]:
            one, left = tried[start], PATIENCE
            held = base[0] + _held(theirs, one[None], n_parts)[0]
            score = scored(held[None])[0]
            for _ in range(N_ROUNDS):
                first, second = rng.integers(n_free, size=(2, N_SWAPS))
                moved, rows = theirs[second] - theirs[first], np.arange(N_SWAPS)
                swapped = np.repeat(held[None], N_SWAPS, axis=0)
                swapped[rows, one[first]] += moved
                swapped[rows, one[second]] -= moved
                scores = scored(swapped)
                k = int(scores.argmin())
                if scores[k] < score:
                    one, held, score, left = one.copy(), swapped[k], scores[k], PATIENCE
                    one[[first[k], second[k]]] = one[[second[k], first[k]]]
                elif (left := left - 1) == 0:
                    break
            found.append((score, one))
        best = min(found, key=lambda scored_one: scored_one[0])[1]
    parts = parts.copy()
    parts[free] = best
    return parts


def _held(counts: NDArray[np.int64], parts: NDArray[np.int64], n_parts: int) -> NDArray[np.int64]:
    """Sequences of each class in each part, for every assignment."""
    weights = counts.astype(np.float64)  # numpy multiplies matrices of whole numbers without BLAS.
    held = np.stack([(parts == part).astype(np.float64) @ weights for part in range(n_parts)], axis=1)
    return held.astype(np.int64)


def _n_lost(held: NDArray[np.int64], totals: NDArray[np.int64], is_folds: bool) -> NDArray[np.int64]:
    """How many classes some network would have no example of to learn from."""
    lost = (held == totals).any(1) if is_folds else held[:, 0] == 0
    n_lost: NDArray[np.int64] = (lost & (totals > 0)).sum(-1)
    return n_lost


def _scores(
    held: NDArray[np.int64], totals: NDArray[np.int64], shares: NDArray[np.float64], is_folds: bool
) -> NDArray[np.float64]:
    """What is wrong with assignments: classes lost to training, then missing in a part, then how far off the shares.

    That distance is Pearson's chi-squared of a part's share of a class and the share that was asked for, its mean over
    the classes, and the same of all sequences; squashed below 1, so that it never outweighs a missing class.
    """
    asked = shares[:, None]
    missing = ((held == 0) & (totals > 0)).sum((1, 2))
    of_class = ((held / np.maximum(totals, 1) - asked) ** 2 / asked).sum(1).mean(-1)
    of_all = ((held.sum(-1) / totals.sum() - shares) ** 2 / shares).sum(-1)
    distance = of_class + of_all
    outweighed = missing + distance / (1 + distance)
    scores: NDArray[np.float64] = _n_lost(held, totals, is_folds) * (held[0].size + 1.0) + outweighed
    return scores
