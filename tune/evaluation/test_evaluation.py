"""What the study says in the end about its best configuration: validation and test scores with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from data.tensors.channels import Preparation

from ..config.settings import Settings
from ..core.seeds import derive_seed
from ..core.stopping import StopWatch
from ..study.context import RunContext
from ..study.locks import study_lock
from ..study.selection import selected_trial
from ..study.study import all_parameters, temperature_of, unfinished_after
from ..study.tested import TEST_USES, evaluation_of
from ..study.trial_files import load_weights, save_refit_weights
from ..training.decisions import DecisionRule
from ..training.fold_fits import begin_fits
from ..training.hyperparameters import fields_of, training_settings
from ..training.predictions import pack
from ..training.train import NonFiniteLossError, predict
from .decision_rule import choose_rule, plain_rule, rule_in
from .evaluate import Evaluation, evaluate
from .events import probabilities_of
from .examples import worst_examples
from .last_fit import describe_refit, refit, refit_splits, seconds_of_refit
from .timelines import timelines


def evaluate_selected(
    context: RunContext, stop: StopWatch | None = None, say: Callable[[str], None] = lambda sentence: None
) -> None:
    """Scores the trial to use on validation and test, once, and stores what was found in the study.

    With ``training.refit`` the network that is tested has been trained on training and validation set together. The
    test set is used once for each trial that becomes the one to use; every further use makes it less of a test, so
    all of them stay on record. An unfinished trial for whose last fit there is no time is tested with its best weights
    so far, and again when it is finished.

    Args:
        context: Its study has ended its search, for now, and its confirmation.
        stop: A signal leaves the last fit for later; its time is for that of a trial that is not finished.
        say: Told what takes long.

    Raises:
        StopRequested: If a signal has asked for the end.
    """
    stop = stop or StopWatch()
    study, settings, splits, folder = context.study, context.settings, context.splits, context.folder
    trial = selected_trial(study)
    if trial is None or evaluation_of(study.user_attrs, trial):
        return
    # The time that was kept back is that of trials which were finished.
    seconds_left = None if trial.state.is_finished() else stop.seconds_left
    has_time = seconds_left is None or seconds_of_refit(trial, settings, splits) <= seconds_left
    refits = settings.training.refit and has_time
    # Of the same trial, unfinished: its last fit would come out the same, and is not to be tested twice.
    before = study.user_attrs.get("evaluations", {}).get(str(trial.number), {})
    tested = {name: before[name] for name in ("refit", "test", "correct") if "refit" in before and name in before}
    weights = load_weights(folder, trial, len(splits.folds))
    unfinished = unfinished_after(trial)
    found: dict[str, Any] = {} if unfinished is None else {"unfinished_after": unfinished}
    if weights is not None:
        # Windows decide on the test set as on validation, and before that set is looked at.
        rule = rule_in(tested.get("test"))
        found["validation"] = score_weights(context, trial, weights, "validation", rule)[0].as_json()
    elif trial.state != TrialState.PRUNED or not refits:
        say(f"The weights of trial {trial.number}, the best, are damaged or no longer there: it cannot be tested")
        return
    if tested:
        found |= tested
    elif splits.folds[0].test is not None:
        if refits:
            say(f"Trial {trial.number} is the best: training it once more, on training and validation set together")
            joined = replace(context, splits=refit_splits(splits))
            try:
                refitted = refit(joined, trial, stop.check_signal)
            except NonFiniteLossError as error:
                say(f"That did not go well ({error}): the network of the search is tested")
            else:
                digest = save_refit_weights(folder, trial, refitted)
                context, weights = joined, [refitted]
                found["refit"] = {**describe_refit(trial, settings, joined.splits), "sha256": digest}
        if weights is None:
            return
        test, found["correct"] = score_weights(context, trial, weights, "test", rule_in(found.get("validation")))
        found["test"] = {**test.as_json(), "refitted": "refit" in found}
    examples = None if weights is None or tested else _examples(context, trial, weights, found)
    with study_lock(study, folder):
        # Read anew: another process may have judged another trial meanwhile.
        evaluations = study.user_attrs.get("evaluations", {})
        if "test" in before and not tested:
            use = {"trial": trial.number, "for": f"epoch {before.get('unfinished_after')}"}
            study.set_user_attr(TEST_USES, [*study.user_attrs.get(TEST_USES, []), use])
        if not tested:
            study.set_user_attr("examples", examples)
        study.set_user_attr("evaluations", {**evaluations, str(trial.number): found})


def score_weights(
    context: RunContext,
    trial: FrozenTrial,
    weights: list[dict[str, Tensor]],
    part: str,
    rule: DecisionRule | None = None,
) -> tuple[Evaluation, list[str]]:
    """Scores a trial's network, with these weights for each fold, on ``validation`` or ``test``.

    Windows of streams decide by ``rule``; without one it is chosen on validation, and the plain one on the test set.

    Returns:
        The scores, and of each fold's network which sequences it got right, packed.
    """
    logits = logits_on(context, trial, weights, part)
    measured = [getattr(fold, part) for fold in context.splits.folds]
    seed = derive_seed(_seed(trial, context.settings), "bootstrap", part)
    correct = [pack((one.argmax(dim=1) == judged.labels).numpy()) for one, judged in zip(logits, measured, strict=True)]
    temperature = temperature_of(trial)
    if rule is None and part == "validation":
        rule = choose_rule(logits, measured, temperature, context.settings.search.false_alarms_per_hour)
    rule = rule or plain_rule(measured[0])
    return evaluate(logits, measured, same_part=part == "test", seed=seed, temperature=temperature, rule=rule), correct


def logits_on(context: RunContext, trial: FrozenTrial, weights: list[dict[str, Tensor]], part: str) -> list[Tensor]:
    """The logits of a trial's network, with these weights for each fold, on ``validation`` or ``test``."""
    settings, splits, device = context.settings, context.splits, context.device
    parameters = all_parameters(trial)
    training = training_settings(settings, parameters, _seed(trial, settings))
    fits = begin_fits(parameters, settings, splits, training, device)
    logits = []
    for fold, (fit, stored) in enumerate(zip(fits, weights, strict=True)):
        fit.model.load_state_dict(stored)
        logits.append(predict(fit.model, splits.prepared(fold, part, fields_of(Preparation, parameters)), device))
    return logits


def _seed(trial: FrozenTrial, settings: Settings) -> int:
    return derive_seed(settings.search.seed, "trial", trial.number)


def _examples(
    context: RunContext, trial: FrozenTrial, weights: list[dict[str, Tensor]], found: Mapping[str, Any]
) -> dict[str, Any]:
    """Sequences of the worst classes and times of streams, by the first fold's network, on test where there is one."""
    fold = context.splits.folds[0]
    part = "validation" if fold.test is None else "test"
    logits = logits_on(context, trial, weights, part)[0]
    (probabilities,) = probabilities_of([logits], temperature_of(trial))
    streams = timelines(probabilities, getattr(fold, part), rule_in(found.get(part)))
    return {"trial": trial.number, "part": part, "streams": streams, **worst_examples(logits, getattr(fold, part))}
