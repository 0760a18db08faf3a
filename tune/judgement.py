"""What the study says in the end about its best configuration: validation and test scores with their intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from data.channels import Preparation

from .config import Settings
from .evaluation import Evaluation, evaluate
from .examples import worst_examples
from .fold_fits import begin_fits
from .folders import StudyFolder
from .hyperparameters import fields_of, training_settings
from .locks import study_lock
from .parts import Parts
from .refit import describe_refit, refit, refit_parts
from .seeds import derive_seed
from .study import all_parameters
from .training import NonFiniteLossError, predict
from .trial_files import load_weights, save_refit_weights
from .winner import chosen_trial


def judge_best(
    study: Study,
    settings: Settings,
    parts: Parts,
    folder: StudyFolder,
    device: torch.device,
    before_step: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Scores the trial to use on validation and test, once, and stores what was found in the study.

    With ``training.refit`` the network that is tested has been trained on training and validation part together. The
    test part is used once for each trial that becomes the one to use; every further use makes it less of a test, so
    all of them stay on record.

    Args:
        study: Has ended its search, for now, and its confirmation.
        settings: Of the study.
        parts: Of the study.
        folder: Of the study.
        device: Trains and predicts here.
        before_step: Called before every step of the last fit; may raise to leave it for later.
        say: Told what takes long.
    """
    trial = chosen_trial(study)
    evaluations = study.user_attrs.get("evaluations", {})
    if trial is None or str(trial.number) in evaluations:
        return
    weights = load_weights(folder, trial, len(parts.folds))
    found: dict[str, Any] = {}
    if weights is not None:
        found["validation"] = score_weights(trial, weights, settings, parts, "validation", device).as_json()
    elif trial.state == TrialState.COMPLETE or not settings.training.refit:
        say(f"The weights of trial {trial.number}, the best, are damaged or no longer there: it cannot be tested")
        return
    if parts.folds[0].test is not None:
        if settings.training.refit:
            say(f"Trial {trial.number} is the best: training it once more, on training and validation part together")
            joined = refit_parts(parts)
            try:
                refitted = refit(trial, settings, joined, folder, device=device, before_step=before_step)
            except NonFiniteLossError as error:
                say(f"That did not go well ({error}): the network of the search is tested")
            else:
                digest = save_refit_weights(folder, trial, refitted)
                parts, weights = joined, [refitted]
                found["refit"] = {**describe_refit(trial, settings, joined), "sha256": digest}
        if weights is None:
            return
        test = score_weights(trial, weights, settings, parts, "test", device)
        found["test"] = {**test.as_json(), "refitted": "refit" in found}
    examples = None if weights is None else _examples(trial, weights, settings, parts, device)
    with study_lock(study._storage, folder):
        # Read anew: another process may have judged another trial meanwhile.
        evaluations = study.user_attrs.get("evaluations", {})
        study.set_user_attr("examples", examples)
        study.set_user_attr("evaluations", {**evaluations, str(trial.number): found})


def score_weights(
    trial: FrozenTrial,
    weights: list[dict[str, Tensor]],
    settings: Settings,
    parts: Parts,
    part: str,
    device: torch.device,
) -> Evaluation:
    """Scores a trial's network, with these weights for each fold, on ``validation`` or ``test``."""
    logits = answers(trial, weights, settings, parts, part, device)
    measured = [getattr(fold, part) for fold in parts.folds]
    seed = derive_seed(_seed(trial, settings), "bootstrap", part)
    return evaluate(logits, measured, same_part=part == "test", seed=seed)


def answers(
    trial: FrozenTrial,
    weights: list[dict[str, Tensor]],
    settings: Settings,
    parts: Parts,
    part: str,
    device: torch.device,
) -> list[Tensor]:
    """The logits of a trial's network, with these weights for each fold, on ``validation`` or ``test``."""
    parameters = all_parameters(trial)
    training = training_settings(settings, parameters, _seed(trial, settings))
    fits = begin_fits(parameters, settings, parts, training, device)
    logits = []
    for fold, (fit, stored) in enumerate(zip(fits, weights, strict=True)):
        fit.model.load_state_dict(stored)
        logits.append(predict(fit.model, parts.prepared(fold, part, fields_of(Preparation, parameters)), device))
    return logits


def _seed(trial: FrozenTrial, settings: Settings) -> int:
    return derive_seed(settings.search.seed, "trial", trial.number)


def _examples(
    trial: FrozenTrial, weights: list[dict[str, Tensor]], settings: Settings, parts: Parts, device: torch.device
) -> dict[str, Any]:
    """Sequences of the worst classes for the report, by the first fold's network, on test where there is one."""
    part = "validation" if parts.folds[0].test is None else "test"
    logits = answers(trial, weights, settings, parts, part, device)[0]
    return {"trial": trial.number, "part": part, **worst_examples(logits, getattr(parts.folds[0], part))}
