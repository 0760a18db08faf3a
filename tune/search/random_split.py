"""What the same configuration would have scored on a random split, on which most published figures are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from optuna.trial import FrozenTrial

from data import DataError
from data.splits.split import make_split

from ..core.seeds import derive_seed
from ..evaluation.last_fit import train_to_the_end
from ..study.context import RunContext
from ..study.study import all_parameters
from ..training.hyperparameters import training_settings
from ..training.splits import Fold, Splits
from ..training.train import NonFiniteLossError


def is_split_by_people(splits: Splits) -> bool:
    """Whether a random split would be another one."""
    return splits.dataset.groups is not None and splits.split.kind != "stratified"


def random_parts(splits: Splits, seed: int) -> Splits | None:
    """Training and validation set mixed and cut again at random, in the same sizes; the test set stays out of it.

    Returns:
        None where people are not known or already are in several parts, or the classes cannot be cut that way.
    """
    if not is_split_by_people(splits):
        return None
    fold = splits.folds[0]
    mixed = splits.dataset.subset(torch.cat([splits.split.train, splits.split.validation]))
    share = len(fold.validation) / (len(fold.validation) + len(fold.train))
    try:
        split = make_split(mixed, kind="stratified", validation_fraction=share, test_fraction=0.0, seed=seed)
    except DataError:
        return None
    return Splits(mixed, split, (Fold(mixed.subset(split.train), mixed.subset(split.validation), None),))


def score_on_random_split(context: RunContext, trial: FrozenTrial, before_step: Callable[[], None]) -> float | None:
    """Validation score of a configuration on a random split; None where there is none, or the loss became infinite.

    Args:
        context: Of the study; its folder holds the checkpoint, which is removed at the end.
        trial: Has the configuration.
        before_step: Called before every step; may raise to leave the fit for later.
    """
    settings = context.settings
    seed = derive_seed(settings.search.seed, "random split", trial.number)
    mixed = random_parts(context.splits, seed)
    if mixed is None:
        return None
    parameters = all_parameters(trial)
    training = training_settings(settings, parameters, seed)
    try:
        name = f"random-split-{trial.number}"
        fit = train_to_the_end(replace(context, splits=mixed), name, parameters, training, before_step)
    except NonFiniteLossError:
        return None
    return float(getattr(fit.best.validation, settings.search.metric))
