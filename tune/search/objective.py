"""One trial: a configuration trained on every fold, reported after each epoch, pruned, checkpointed, recorded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from statistics import fmean

from optuna import Trial

from data.tensors.channels import Preparation

from ..config.settings import Settings
from ..config.spaces import Scalar
from ..core.seeds import derive_seed
from ..study.brackets import RUNG_LOSSES, TO_THE_END, BracketPruner, Leg
from ..study.context import RunContext
from ..study.records import Outcome, calibration, mean_scores, record_of, train_scores
from ..study.samplers import warmup_epochs
from ..training.checkpoint import CheckpointWriter, load_checkpoint
from ..training.fit import Fit, TrainingSettings
from ..training.fold_fits import advance, begin_fits, fit_runs, owner_of
from ..training.hyperparameters import fields_of, training_settings
from ..training.predictions import answers
from ..training.train import NonFiniteLossError


def run_trial(
    context: RunContext,
    trial: Trial,
    parameters: dict[str, Scalar],
    *,
    leg: Leg = TO_THE_END,
    before_step: Callable[[], None],
    after_epoch: Callable[[int, float], None],
) -> Outcome:
    """Trains one configuration, from its checkpoint if there is one, to the end or to where it has to wait.

    The folds advance together, an epoch each, so that pruning decides on the mean over all of them. The caller removes
    the checkpoint once the trial is stored.

    Args:
        context: Of the study.
        trial: Takes the reports and says when to prune.
        parameters: Every searched and fixed hyperparameter.
        leg: Where it ends, or waits with its checkpoint.
        before_step: Called before every step; may raise to leave the trial for later.
        after_epoch: Told the epoch and its score.
    """
    settings, splits, device = context.settings, context.splits, context.device
    checkpoint_path = context.folder.checkpoint_for_all(trial.number)
    # A confirmation run is given its seed when it is lined up.
    seed = trial.user_attrs.get("seed", derive_seed(settings.search.seed, "trial", trial.number))
    training = training_settings(settings, parameters, seed)
    fits = begin_fits(parameters, settings, splits, training, device)
    owner = owner_of(parameters, settings, splits, training)
    state = load_checkpoint(checkpoint_path, device, owner)
    if state is not None:
        for fit, stored in zip(fits, state["fits"], strict=True):
            fit.load_state_dict(stored)
    metric, first_judged, pruner = settings.search.metric, warmup_epochs(training.epochs), trial.study.pruner
    scores = [epoch_score(fits, epoch, metric) for epoch in range(1, max(len(fit.history) for fit in fits) + 1)]
    frozen = copy.deepcopy(trial.study.get_trials(deepcopy=False)[trial.number])
    # An interrupted trial may have reported more epochs than its checkpoint has, and is judged by each in its turn.
    reported, frozen.intermediate_values = frozen.intermediate_values, {}
    rungs = pruner.rungs if isinstance(pruner, BracketPruner) else ()
    rung_losses = dict(trial.user_attrs.get(RUNG_LOSSES, {}))

    def report(epoch: int) -> None:
        # Optuna warns of a second report, and takes none where there are two objectives.
        if epoch not in reported and len(trial.study.directions) == 1:
            if epoch in rungs:
                # First, since whoever sees the report may decide by it.
                rung_losses[str(epoch)] = min(epoch_score(fits, k, "loss") for k in range(1, epoch + 1))
                trial.set_user_attr(RUNG_LOSSES, rung_losses)
            trial.report(scores[epoch - 1], epoch)
        frozen.intermediate_values[epoch] = scores[epoch - 1]

    def is_hopeless() -> bool:
        # trial.should_prune() would first read back from the database what was reported here, which takes as long.
        # After the only epoch there is nothing to save.
        return training.epochs > 1 and len(scores) >= first_judged and pruner.prune(trial.study, frozen)

    def has_got_there() -> bool:
        return _reached(settings, scores) or (leg.until is not None and len(scores) >= leg.until)

    for epoch in range(1, len(scores) + 1):
        report(epoch)  # Reported already, unless the process died between checkpoint and report.
    pruned, waits, reason = bool(scores) and is_hopeless(), False, ""
    runs = fit_runs(fits, splits, parameters, training, before_step)
    with CheckpointWriter(checkpoint_path, settings.machine.checkpoint_every) as checkpoint:
        try:
            while not pruned and not has_got_there() and advance(fits, runs, training):
                checkpoint.keep({"owner": owner, "fits": [fit.state_dict() for fit in fits]})
                scores.append(epoch_score(fits, len(scores) + 1, metric))
                report(len(scores))
                after_epoch(len(scores), scores[-1])
                pruned = is_hopeless()
            if not pruned and not _reached(settings, scores) and _may_go_on(fits, training):
                pruned, waits = leg.is_pruned, not leg.is_pruned
            if waits:
                checkpoint.flush()
        except NonFiniteLossError as error:
            # A failed trial teaches the sampler nothing; a pruned one without the value teaches it to stay away.
            return Outcome(True, None, f"non-finite loss: {error}", record_of(fits, training, None, None), ())
    if waits:
        return _waiting(fits, training, metric, f"paused after epoch {len(scores)}: {leg.decision}")
    if pruned:
        reason = f"pruned after epoch {len(scores)}"
    elif _reached(settings, scores):
        reason = f"target reached in epoch {len(scores)}"
    elif len(scores) < training.epochs:
        reason = f"no improvement for {training.patience} epoch{'' if training.patience == 1 else 's'}"
    for fit in fits:
        fit.model.load_state_dict(fit.best_weights)
    preparation = fields_of(Preparation, parameters)
    validation_scores = mean_scores([fit.best.validation for fit in fits])
    record = record_of(fits, training, train_scores(fits, splits, preparation, device), validation_scores)
    if not pruned:
        record["calibration"] = calibration(fits, splits, preparation, device)
        if settings.search.record_answers != "no":
            record["answers"] = answers(fits, splits, settings.search.record_answers, preparation, device)
    return Outcome(
        pruned=pruned,
        value=None if pruned else float(getattr(validation_scores, metric)),
        reason=reason,
        record=record,
        weights=tuple(fit.best_weights for fit in fits),
    )


def epoch_score(fits: Sequence[Fit], epoch: int, metric: str) -> float:
    """Mean validation score over the folds after an epoch; a fold that has ended counts with its best."""
    return fmean(
        float(getattr((fit.history[epoch - 1] if epoch <= len(fit.history) else fit.best).validation, metric))
        for fit in fits
    )


def _may_go_on(fits: Sequence[Fit], training: TrainingSettings) -> bool:
    """Whether any fold has an epoch to come."""
    return any(fit.stale_epochs < training.patience and len(fit.history) < training.epochs for fit in fits)


def _waiting(fits: Sequence[Fit], training: TrainingSettings, metric: str, reason: str) -> Outcome:
    """What a trial has come to that waits with its checkpoint; until it goes on, it counts with its best epoch."""
    scores = mean_scores([fit.best.validation for fit in fits])
    record = record_of(fits, training, None, scores)
    return Outcome(False, float(getattr(scores, metric)), reason, record, (), waits=True)


def _reached(settings: Settings, scores: Sequence[float]) -> bool:
    """Whether the last epoch's score meets the target."""
    target = settings.search.target
    if target is None or not scores:
        return False
    return scores[-1] <= target if settings.direction == "minimize" else scores[-1] >= target
