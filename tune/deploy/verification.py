"""Trying an exported network out: the same predictions, whatever the padding; how quick; and how often it is right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.sequences import SequenceDataset

from ..evaluation.evaluate import CONFIDENCE, FEWEST_PEOPLE, N_RESAMPLES, Evaluation, evaluate
from ..training.latency import one_thread
from .classifier import Array, Classifier, classify, padded

# Of logits, between torch and another program.
TOLERANCE = 1e-4
# Of that: what a network of counts may differ by, in changes of its logits by the last bit of its inputs.
TIMES_ROUNDING = 3
MOST_CHECKED = 2000
N_PADDED, FURTHER_STEPS = 16, 25
TIMED_BATCHES = (1, 64)
TIMED_SECONDS, FEWEST_TIMED = 0.5, 10


@dataclass(frozen=True)
class Drop:
    """How much less often a network is right than another one on the same sequences.

    Attributes:
        accuracy: The difference, above zero where it is worse.
        interval: With 95% confidence.
        resampled: What the interval resamples: ``people`` or ``sequences``.
    """

    accuracy: float
    interval: tuple[float, float]
    resampled: str


@dataclass(frozen=True)
class Tried:
    """What was found of one form of a network.

    Attributes:
        milliseconds: Of one batch, the median, by the number of its sequences.
        difference: Largest difference of a logit to torch's.
        evaluation: On the judged part; None where there are no recordings.
        drop: Against torch, on the same; None where there is nothing to compare.
    """

    name: str
    n_bytes: int
    milliseconds: dict[int, float]
    difference: float
    evaluation: Evaluation | None
    drop: Drop | None = None


def recordings_of(part: SequenceDataset) -> list[Array]:
    """The sequences as a user has them."""
    return [part.sequence(k).numpy() for k in range(len(part))]


def invented(lengths: Sequence[int], mean: Array, std: Array) -> list[Array]:
    """Sequences to try a network with where there are no recordings: noise like the training data's."""
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((length, len(mean))) * std + mean).astype(np.float32) for length in lengths]


def padding_difference(classifier: Classifier, sequences: Sequence[Array]) -> float:
    """Largest difference of a logit between sequences alone, and together with no numbers at all behind their ends."""
    some = [sequences[k] for k in np.linspace(0, len(sequences) - 1, N_PADDED).astype(int)]
    values, lengths = padded(some)
    further = np.full((len(some), values.shape[1] + FURTHER_STEPS, values.shape[2]), np.nan, np.float32)
    for row, length in enumerate(lengths):
        further[row, :length] = values[row, :length]
    together = classifier.run(further, lengths)[0]
    alone = np.concatenate([classifier.run(*padded([one]))[0] for one in some])
    return float(np.abs(together - alone).max())


def rounding_difference(classifier: Classifier, sequences: Sequence[Array]) -> float:
    """Largest change of a logit when every measured value goes up or down by its last bit.

    Features that count move in jumps: where another program adds in another order, some value falls on the other side
    of a threshold. No form of such a network can be asked to be closer than it is to itself.
    """
    rng = np.random.default_rng(0)
    ways = np.array([-np.inf, np.inf], np.float32)
    beside = [np.nextafter(one, rng.choice(ways, one.shape)) for one in sequences]
    return float(np.abs(classify(classifier, beside)[0] - classify(classifier, sequences)[0]).max())


def try_out(
    name: str,
    classifier: Classifier,
    n_bytes: int,
    sequences: Sequence[Array],
    part: SequenceDataset | None,
    expected: Array,
) -> tuple[Tried, Array]:
    """Classifies, compares, judges and times one form of a network.

    Returns:
        What was found, and the logits.
    """
    logits = classify(classifier, sequences)[0]
    evaluation = None if part is None else evaluate([torch.from_numpy(logits)], [part])
    drop = None if part is None else paired_drop(torch.from_numpy(expected), torch.from_numpy(logits), part)
    milliseconds = {size: milliseconds_a_batch(classifier, sequences, size) for size in TIMED_BATCHES}
    return Tried(name, n_bytes, milliseconds, float(np.abs(logits - expected).max()), evaluation, drop), logits


def milliseconds_a_batch(classifier: Classifier, sequences: Sequence[Array], batch_size: int) -> float:
    """Median time of one batch of different sequences, on one thread."""
    n_batches = max(min(len(sequences) // batch_size, 50), 1)
    batches = [
        padded([sequences[(k * batch_size + row) % len(sequences)] for row in range(batch_size)])
        for k in range(n_batches)
    ]
    with one_thread():
        classifier.run(*batches[0])
        taken: list[float] = []
        begun = time.perf_counter()
        while len(taken) < FEWEST_TIMED or time.perf_counter() - begun < TIMED_SECONDS:
            started = time.perf_counter()
            classifier.run(*batches[len(taken) % n_batches])
            taken.append(time.perf_counter() - started)
    return 1000 * float(np.median(taken))


def paired_drop(before: Tensor, after: Tensor, part: SequenceDataset, seed: int = 0) -> Drop:
    """How much accuracy is lost, with a percentile bootstrap of the differences (Efron & Tibshirani 1993, ch. 13).

    Args:
        before: Logits of the one network, [sequences, classes].
        after: Of the other one, for the same sequences.
        part: The sequences.
        seed: Draws the resamples.
    """
    right = [(logits.argmax(dim=1) == part.labels).numpy().astype(float) for logits in (before, after)]
    lost = right[0] - right[1]
    by_people = part.groups is not None and len(part.groups.unique()) >= FEWEST_PEOPLE  # type: ignore[no-untyped-call]
    units = part.groups.numpy() if by_people and part.groups is not None else np.arange(len(part))
    names, owner = np.unique(units, return_inverse=True)
    sums = np.bincount(owner, weights=lost, minlength=len(names))
    sizes = np.bincount(owner, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(len(names), size=(N_RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, (100 * (1 - CONFIDENCE) / 2, 100 * (1 + CONFIDENCE) / 2))
    return Drop(float(lost.mean()), (float(low), float(high)), "people" if by_people else "sequences")
