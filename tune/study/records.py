"""What a trial puts on record when it ends: scores of its best epochs, calibration, history, seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from data.sequences import SequenceDataset
from data.tensors.channels import Preparation

from ..training.calibration import calibrate
from ..training.fit import Fit, TrainingSettings
from ..training.metrics import Scores, score
from ..training.splits import Splits
from ..training.train import predict


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    Attributes:
        pruned: Whether it was ended before its end; such a trial has no value.
        value: Validation score at the best epoch, the mean over the folds; None if pruned.
        reason: Why it ended before its last epoch; empty if it did not.
        record: Goes into the trial's attributes: scores, epochs, seconds, history.
        weights: Of the best epoch, for each fold.
        second: What the network came to in the study's second objective; None if there is none.
        waits: Whether it is to be gone on with, or pruned, when others have got as far.
    """

    pruned: bool
    value: float | None
    reason: str
    record: dict[str, Any]
    weights: tuple[dict[str, Tensor], ...]
    second: float | None = None
    waits: bool = False

    @property
    def values(self) -> list[float] | None:
        """The value in every objective; None if pruned."""
        if self.value is None:
            return None
        return [self.value] if self.second is None else [self.value, self.second]


@torch.no_grad()
def train_scores(fits: Sequence[Fit], splits: Splits, preparation: Preparation, device: torch.device) -> Scores:
    """Scores of the networks on the training set without dropout, comparable with validation's."""
    scores = []
    for fold, fit in enumerate(fits):
        train = splits.prepared(fold, "train", preparation)
        scores.append(score(predict(fit.model, train, device), train.labels))
    return mean_scores(scores)


def calibration(fits: Sequence[Fit], splits: Splits, preparation: Preparation, device: torch.device) -> dict[str, Any]:
    """One temperature for the configuration, from what each fold's network says of its own validation set."""
    validation = [splits.prepared(fold, "validation", preparation) for fold in range(len(fits))]
    return calibrated(
        [predict(fit.model, part, device) for fit, part in zip(fits, validation, strict=True)], validation
    )


def calibrated(logits: Sequence[Tensor], validation: Sequence[SequenceDataset]) -> dict[str, Any]:
    """One temperature for all of these logits, from sets that they were not trained on."""
    labels = torch.cat([part.labels for part in validation])
    # People, or else recordings: of one, all sequences are alike.
    known = [part.recordings if part.groups is None else part.groups for part in validation]
    units = (
        torch.cat([unit for unit in known if unit is not None]) if known[0] is not None else torch.arange(len(labels))
    )
    return asdict(calibrate(torch.cat(list(logits)), labels, units))


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Every score's mean over the folds."""
    return Scores(*(fmean(getattr(one, field.name) for one in scores) for field in fields(Scores)))


def record_of(
    fits: Sequence[Fit], training: TrainingSettings, train: Scores | None, validation: Scores | None
) -> dict[str, Any]:
    """Attributes of a trial, as plain JSON values."""
    record: dict[str, Any] = {
        "epochs_run": max(len(fit.history) for fit in fits),
        "training_seconds": sum(result.seconds for fit in fits for result in fit.history),
        "n_parameters": sum(weight.numel() for weight in fits[0].model.parameters()),
        "n_trainable_parameters": sum(weight.numel() for weight in fits[0].model.parameters() if weight.requires_grad),
        "seed": training.seed,
        "best_epochs": [fit.best_epoch for fit in fits],
        "history": [[asdict(result) for result in fit.history] for fit in fits],
    }
    for part, scores in (("train", train), ("validation", validation)):
        if scores is not None:
            record.update({f"{part}_{name}": value for name, value in asdict(scores).items()})
    if train is not None and validation is not None:
        record["accuracy_gap"] = train.accuracy - validation.accuracy
    return record
