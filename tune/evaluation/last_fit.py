"""The last fit: the best configuration once more, on training and validation set together.

The validation set has done its work when the search is over; the people in it are worth more as training data. What
is tested, and what a user takes home, is this network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from optuna import Study
from optuna.trial import FrozenTrial
from torch import Tensor

from ..config.settings import Settings
from ..config.spaces import Scalar
from ..core.seeds import derive_seed
from ..study.context import RunContext
from ..study.selection import seconds_of_run
from ..study.study import all_parameters, best_trial
from ..study.trial_files import REFIT_WEIGHTS
from ..training.checkpoint import CheckpointWriter, drop_checkpoint, load_checkpoint
from ..training.fit import Fit, TrainingSettings
from ..training.fold_fits import begin_fits, fit_runs, owner_of
from ..training.hyperparameters import training_settings
from ..training.splits import Fold, Splits, describe_normaliser

# Of the time that a study has, for the further networks of an ensemble.
LARGEST_SHARE = 0.2


def refit_splits(splits: Splits) -> Splits:
    """The splits with validation moved into training; what is watched while training is the training set itself."""
    rows = torch.cat([splits.split.train, splits.split.validation])
    train = splits.dataset.subset(rows)
    return Splits(splits.dataset, splits.split, (Fold(train, train, splits.folds[0].test),))


def refit_settings(settings: Settings, trial: FrozenTrial, member: int = 0) -> TrainingSettings:
    """As in the trial, but to the end: nothing is left to stop early by, so the weights of the least loss are kept.

    Each further ``member`` of an ensemble has a seed of its own.
    """
    seed = derive_seed(settings.search.seed, "refit", trial.number, *([member] if member else []))
    training = training_settings(settings, all_parameters(trial), seed)
    return replace(training, metric="loss", patience=training.epochs)


def refit(context: RunContext, trial: FrozenTrial, before_step: Callable[[], None]) -> dict[str, Tensor]:
    """The weights of a trial's configuration trained once more; see ``train_to_the_end``.

    The splits of the context are those that ``refit_splits`` gives.
    """
    parameters, training = all_parameters(trial), refit_settings(context.settings, trial)
    return train_to_the_end(context, f"refit-{trial.number}", parameters, training, before_step).best_weights


def train_to_the_end(
    context: RunContext,
    name: str,
    parameters: dict[str, Scalar],
    training: TrainingSettings,
    before_step: Callable[[], None],
) -> Fit:
    """One fit on a single split that is no trial of a study, from the checkpoint of this name if there is one.

    ``before_step`` is called before every step and may raise to leave the fit for later.

    Raises:
        NonFiniteLossError: If the loss does not stay finite.
    """
    settings, splits, device = context.settings, context.splits, context.device
    checkpoint = context.folder.checkpoint_for_all(name)
    fits = begin_fits(parameters, settings, splits, training, device)
    owner = owner_of(parameters, settings, splits, training)
    state = load_checkpoint(checkpoint, device, owner)
    if state is not None:
        fits[0].load_state_dict(state["fits"][0])
    (run,) = fit_runs(fits, splits, parameters, training, before_step)
    with CheckpointWriter(checkpoint, settings.machine.checkpoint_every) as writer:
        for _ in run:
            writer.keep({"owner": owner, "fits": [fits[0].state_dict()]})
    drop_checkpoint(checkpoint)
    return fits[0]


def describe_refit(trial: FrozenTrial, settings: Settings, splits: Splits) -> dict[str, Any]:
    """What rebuilding the last fit takes beyond the trial's configuration, as plain JSON values."""
    training = refit_settings(settings, trial)
    return {
        "weights": REFIT_WEIGHTS,
        "n_sequences": len(splits.folds[0].train),
        "epochs": training.epochs,
        "seed": training.seed,
        "normaliser": describe_normaliser(splits, 0),
    }


def seconds_to_refit(study: Study, settings: Settings, splits: Splits) -> float:
    """What the last fit of the best trial so far will take: its epochs, all of them, on more sequences."""
    best = best_trial(study)
    if best is None or not settings.training.refit or splits.folds[0].test is None:
        return 0.0
    seconds = seconds_of_refit(best, settings, splits)
    return seconds + seconds_for_members(settings, seconds)


def seconds_for_members(settings: Settings, seconds: float) -> float:
    """Time to keep back for the further networks of an ensemble, at ``seconds`` each, but no large share of all."""
    search = settings.search
    if search.timeout_seconds is None or search.second_objective or not settings.confirmation.is_on:
        return 0.0
    return min(max(search.ensemble - 1, 0) * seconds, LARGEST_SHARE * search.timeout_seconds)


def seconds_of_refit(trial: FrozenTrial, settings: Settings, splits: Splits) -> float:
    """What the last fit of a trial will take."""
    n_sequences = len(splits.split.train) + len(splits.split.validation)
    n_trained = sum(len(fold.train) for fold in splits.folds)
    return seconds_of_run(trial, settings) * n_sequences / n_trained
