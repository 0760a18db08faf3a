"""Whether a network is as often right as it says, and one number that mends it where that can be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.special import stdtrit
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

N_BINS = 15
# Bounds on the logarithm of the temperature: beyond, every prediction is even or certain.
LARGEST_LOG_TEMPERATURE = 5.0
N_FOLDS = 5
# Two people who are alike by chance say nothing of a third: on such a word, losses on new people have doubled.
FEWEST_UNITS = N_FOLDS
CONFIDENCE = 0.95


def expected_calibration_error(
    logits: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"], n_bins: int = N_BINS
) -> float:
    """Mean distance between confidence and accuracy over bins of equal width (Guo et al. 2017, equation 3).

    The bins, over the confidence of the predicted class, are open below and closed above.
    """
    confidence, predicted = logits.double().softmax(dim=1).max(dim=1)
    right = (predicted == labels).double()
    bins = (confidence * n_bins).ceil().long().clamp(1, n_bins) - 1
    gaps = torch.zeros(n_bins, dtype=torch.double).index_add_(0, bins, right - confidence)
    return float(gaps.abs().sum() / len(labels))


def fit_temperature(
    logits: Float[Tensor, "sequences classes"],
    targets: Int[Tensor, " sequences"] | Float[Tensor, "sequences classes"],
) -> float:
    """The number that logits are divided by so that their cross-entropy is least (Guo et al. 2017, section 4.2).

    The loss has one minimum, or none in reach (every prediction is right, say): the bound is returned then.
    """
    from scipy.optimize import minimize_scalar

    logits = logits.double()
    found = minimize_scalar(
        lambda exponent: float(cross_entropy(logits / math.exp(exponent), targets)),
        bounds=(-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return math.exp(found.x)


@dataclass(frozen=True)
class Calibration:
    """What dividing logits by one number is worth.

    Attributes:
        temperature: The number; exactly 1 where none is shown to be better.
        loss_with_temperature: Cross-entropy where each fold is divided by what the other folds ask for.
        error_with_temperature: Calibration error, likewise out of fold.
    """

    temperature: float
    loss: float
    loss_with_temperature: float
    error: float
    error_with_temperature: float


def calibrate(
    logits: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"], units: Int[Tensor, " sequences"]
) -> Calibration:
    """The temperature to use on new sequences: 1 unless cross-validation shows a better one.

    Where hardly a prediction is wrong, the temperature that is best here is far too low for the errors to come. Below
    1, then, one more error is reckoned with, spread over all sequences and wrong classes (as Platt 1999, section 2.2,
    adds one to each count), in the fit and in the check: out of fold, the loss must fall by more than the one-sided
    interval of Student's distribution over the units.

    Args:
        logits: Of a network on sequences that it was not trained on.
        labels: The right classes.
        units: What each sequence belongs to, such as its person; a unit is in one fold, and counts as one observation.
    """
    logits, (n_sequences, n_classes) = logits.double(), logits.shape
    unit = units.unique(return_inverse=True)[1]  # type: ignore[no-untyped-call]
    n_units, fold = int(unit.max()) + 1, unit % N_FOLDS
    targets, bounds = one_hot(labels, n_classes).double(), (1.0, math.inf)
    if fit_temperature(logits, targets) < 1:
        missed = 1 / (n_sequences + 2)
        targets, bounds = (1 - missed) * targets + missed * (1 - targets) / (n_classes - 1), (0.0, 1.0)

    def fitted(rows: Tensor) -> float:
        return min(max(fit_temperature(logits[rows], targets[rows]), bounds[0]), bounds[1])

    if n_units < FEWEST_UNITS:
        return _described(1.0, logits, logits, labels)
    held_out = logits.clone()
    for one in range(N_FOLDS):
        held_out[fold == one] /= fitted(fold != one)
    changes = logits.log_softmax(dim=1) - held_out.log_softmax(dim=1)
    change = (targets * changes).sum(dim=1)
    by_unit = torch.zeros(n_units, dtype=torch.double).index_add_(0, unit, change - change.mean())
    # What units differ by, and what the error that is reckoned with may cost where it happens.
    variance = by_unit.square().sum() * n_units / (n_units - 1)
    variance += (targets * (changes - change[:, None]).square()).sum()
    noise = float(stdtrit(n_units - 1, CONFIDENCE)) * math.sqrt(float(variance)) / n_sequences
    if float(change.mean()) >= -noise:
        return _described(1.0, logits, logits, labels)
    return _described(fitted(fold >= 0), logits, held_out, labels)


def _described(temperature: float, logits: Tensor, held_out: Tensor, labels: Tensor) -> Calibration:
    losses = [float(cross_entropy(one, labels)) for one in (logits, held_out)]
    errors = [expected_calibration_error(one, labels) for one in (logits, held_out)]
    return Calibration(temperature, *losses, *errors)
