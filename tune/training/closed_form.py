"""Networks that are solved rather than trained: features fitted to the training set, then ridge regression.

The linear head is Hoerl & Kennard 1970's ridge on one column of 1 and -1 a class, as ``RidgeClassifierCV`` of
scikit-learn has it. Its penalty is chosen by the squared error on people who were left out, or recordings or sequences
where no people are known; the same predictions say by which number its outputs become logits. That class leaves out
single rows only, which of overlapping windows says nothing, and hands out none of these predictions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.rnn import pad_sequence

from data.sequences import SequenceDataset
from data.tensors.batches import ordered_batches
from models import SequenceClassifier

from ..core.seeds import derive_seed
from .calibration import fit_temperature
from .fit import EpochResult, Fit, TrainingSettings
from .metrics import Scores, score
from .train import EVALUATION_BATCH_SIZE, NonFiniteLossError, predict

# As in aeon's MiniRocketClassifier.
PENALTIES = torch.logspace(-3, 3, 10, dtype=torch.double)
# Features of sequences in memory at once, 400 MB: of more sequences some are drawn.
MOST_NUMBERS = 50_000_000
# Of what is more than memory as much room is not taken for them.
MOST_STREAMED_NUMBERS = 12_500_000
FEWEST_UNITS = 3
# Of a share of steps: a feature that varies less is not blown up to the size of the others, and rounding with it.
SMALLEST_DEVIATION = 0.01


def solve(
    fit: Fit,
    train: Callable[[], SequenceDataset],
    validation: SequenceDataset,
    settings: TrainingSettings,
    before_step: Callable[[], None],
) -> Iterator[EpochResult]:
    """Fits a network in closed form, as the one epoch of ``continue_fit``; a fit that has been solved stays as it is.

    ``before_step`` is called before every batch and may raise to leave the work for later; of the settings the seed
    counts.

    Raises:
        NonFiniteLossError: If the validation loss is not finite.
    """
    if not fit.history:
        before_step()
        started = time.perf_counter()
        held_out = fit_closed_form(fit.model, train(), settings.seed, fit.device, before_step)
        scores = score(predict(fit.model, validation, fit.device), validation.labels)
        if not math.isfinite(scores.loss):
            raise NonFiniteLossError(f"the validation loss became {scores.loss}")
        seconds = time.perf_counter() - started
        fit.history.append(EpochResult(1, held_out.loss, held_out.accuracy, 0.0, 0.0, scores, seconds))
        fit.best_epoch = 1
        fit.best_weights = {name: weight.detach().clone() for name, weight in fit.model.state_dict().items()}
        yield fit.best
    fit.model.load_state_dict(fit.best_weights)


@torch.no_grad()
def fit_closed_form(
    model: SequenceClassifier,
    train: SequenceDataset,
    seed: int,
    device: torch.device,
    before_step: Callable[[], None] = lambda: None,
) -> Scores:
    """Fits the features and the head of a network whose architecture is in closed form.

    Ridge learns from as many of the prepared sequences as ``MOST_NUMBERS`` allows.

    Returns:
        Scores on training sequences that were left out.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "closed form"))

    def sample(n_sequences: int) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(train), (n_sequences,), generator=generator)
        values = pad_sequence([train.sequence(row) for row in rows.tolist()], batch_first=True)
        return values.to(device), train.lengths[rows].to(device)

    model.eval().fit_features(sample)
    head = model.head[1]
    if not isinstance(head, nn.Linear):
        raise TypeError("the head is no linear map")
    numbers = MOST_NUMBERS if train.starts is None else MOST_STREAMED_NUMBERS
    if len(train) > (most := numbers // head.in_features):
        train = train.subset(torch.randperm(len(train), generator=generator)[:most].sort().values)
    features = torch.empty(len(train), head.in_features)
    for rows, batch in ordered_batches(train, EVALUATION_BATCH_SIZE):
        before_step()
        values, lengths, _ = batch.to(device)
        features[rows] = model.embed(values, lengths).cpu()
    deviation, mean = torch.std_mean(features, dim=0, correction=0)
    deviation = deviation.clamp_min(SMALLEST_DEVIATION)
    targets = one_hot(train.labels, model.n_classes)
    units = train.recordings if train.groups is None else train.groups
    coefficients, held_out = ridge((features - mean) / deviation, 2.0 * targets - 1, units)
    # One more error is reckoned with, as in ``calibrate``: where none is seen, any temperature would be too high.
    missed = 1 / (len(train) + 2)
    scale = fit_temperature(held_out, (1 - missed) * targets + missed * (1 - targets) / (model.n_classes - 1))
    weight = coefficients[1:].T / deviation / scale
    head.weight.copy_(weight)
    head.bias.copy_(coefficients[0] / scale - weight @ mean.double())
    return score((held_out / scale).float(), train.labels)


def ridge(
    features: Float[Tensor, "rows features"],
    targets: Float[Tensor, "rows outputs"],
    units: Int[Tensor, " rows"] | None = None,
) -> tuple[Float[Tensor, "intercept_and_features outputs"], Float[Tensor, "rows outputs"]]:
    """Ridge regression with an intercept, by the penalty whose predictions of units that were left out are best.

    What is left out need not be solved for again: with the hat matrix H, the residuals of a unit's rows left out are
    (I - H_uu)^-1 of their residuals (Cook & Weisberg 1982, section 3.6; of one row, e / (1 - h)).

    Args:
        features: About zero in every column.
        targets: To be predicted.
        units: What each row belongs to; every row is its own where they are None or fewer than ``FEWEST_UNITS``.

    Returns:
        The intercept above the coefficients, and predictions of every row by the solution without its unit.
    """
    n_rows, n_features = features.shape
    features, targets = features.double(), targets.double()
    features = features - features.mean(dim=0)
    intercept = targets.mean(dim=0)
    # Of the two products the smaller one: its eigenvectors give the left singular vectors of the features.
    if n_rows <= n_features:
        variances, left = torch.linalg.eigh(features @ features.T)
    else:
        variances, right = torch.linalg.eigh(features.T @ features)
        left = features @ right / variances.clamp_min(torch.finfo(torch.double).tiny).sqrt()
    kept = variances > variances[-1] * n_rows * torch.finfo(torch.double).eps
    variances, left = variances[kept], left[:, kept]
    projected = left.T @ (targets - intercept)
    groups = _groups(units, n_rows)

    def left_out(penalty: Tensor) -> Tensor:
        residuals: Tensor
        shrunk = variances / (variances + penalty)
        residuals = targets - intercept - left @ (shrunk[:, None] * projected)
        if groups is None:
            return residuals.div_((1 - 1 / n_rows - left.square() @ shrunk)[:, None])
        for rows in groups:
            own = left[rows]
            hat = own * shrunk @ own.T + 1 / n_rows
            residuals[rows] = torch.linalg.solve(torch.eye(len(rows), dtype=torch.double) - hat, residuals[rows])
        return residuals

    residuals = [left_out(penalty) for penalty in PENALTIES]
    best = int(torch.stack([one.square().mean() for one in residuals]).argmin())
    coefficients = features.T @ (left @ (projected / (variances + PENALTIES[best])[:, None]))
    return torch.cat([intercept[None], coefficients]), targets - residuals[best]


def _groups(units: Tensor | None, n_rows: int) -> list[Tensor] | None:
    """The rows of every unit; None where each row stands for itself."""
    if units is None:
        return None
    _, unit, sizes = torch.unique(units, return_inverse=True, return_counts=True)
    if not FEWEST_UNITS <= len(sizes) < n_rows:
        return None
    return list(torch.split(unit.argsort(stable=True), sizes.tolist()))
