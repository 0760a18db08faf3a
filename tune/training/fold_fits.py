"""The fits of a configuration, one for every fold: begun from its hyperparameters, and an epoch at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

import torch

from data.sequences import SequenceDataset
from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation, n_prepared_channels
from models import build

from ..config.settings import Settings
from ..config.spaces import Scalar
from ..core.seeds import derive_seed
from .closed_form import solve
from .fit import EpochResult, Fit, TrainingSettings, begin_fit
from .hyperparameters import fields_of, model_parameters
from .splits import Splits
from .train import continue_fit, remember


def begin_fits(
    parameters: dict[str, Scalar],
    settings: Settings,
    splits: Splits,
    training: TrainingSettings,
    device: torch.device,
) -> list[Fit]:
    """A fresh network and optimiser for every fold, seeded from the trial's seed."""
    n_channels = n_prepared_channels(splits.dataset.channel_names, fields_of(Preparation, parameters))
    fits = []
    for fold, part in enumerate(splits.folds):
        torch.manual_seed(derive_seed(training.seed, "weights", fold))
        model = build(
            settings.architecture,
            n_channels,
            splits.dataset.n_classes,
            **model_parameters(settings.architecture, parameters),
        )
        fits.append(begin_fit(model.to(device), len(part.train), training))
        fits[-1].is_one_of_several = settings.split.common_epoch and len(splits.folds) > 1
    return fits


def owner_of(parameters: dict[str, Scalar], settings: Settings, splits: Splits, training: TrainingSettings) -> str:
    """A digest of all that decides what fits come to: a checkpoint of any others is not theirs."""
    rows = [(len(fold.train), len(fold.validation)) for fold in splits.folds]
    split, data = settings.split.model_dump(mode="json"), splits.dataset.fingerprint
    decisive = [settings.architecture, parameters, asdict(training), split, rows, data]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def fit_runs(
    fits: Sequence[Fit],
    splits: Splits,
    parameters: dict[str, Scalar],
    training: TrainingSettings,
    before_step: Callable[[], None],
) -> list[Iterator[EpochResult]]:
    """The epochs that are left of every fold's fit, each on freshly varied data; of what is solved, the one."""
    preparation, augmentation = fields_of(Preparation, parameters), fields_of(Augmentation, parameters)

    def training_epoch(fold: int, epoch: int) -> SequenceDataset:
        seed = derive_seed(training.seed, "augmentation", fold)
        return splits.training_epoch(fold, preparation, augmentation, seed=seed, epoch=epoch)

    if fits[0].model.closed_form:
        return [
            solve(
                fit,
                partial(splits.prepared, fold, "train", preparation),
                splits.prepared(fold, "validation", preparation),
                training,
                before_step,
            )
            for fold, fit in enumerate(fits)
        ]
    return [
        continue_fit(
            fit,
            partial(training_epoch, fold),
            splits.prepared(fold, "validation", preparation),
            training,
            before_step=before_step,
            # Each of several folds would keep an epoch ready for as long as all the others train.
            prefetch=len(fits) == 1,
        )
        for fold, fit in enumerate(fits)
    ]


def advance(fits: Sequence[Fit], runs: Sequence[Iterator[EpochResult]], training: TrainingSettings) -> bool:
    """One epoch in every fold that has not ended; False when all have."""
    # A list, not a generator: every fold must advance, also after the first that did.
    went_on = any([next(run, None) is not None for run in runs])
    if went_on and fits[0].is_one_of_several:
        remember(fits, training)
    return went_on
