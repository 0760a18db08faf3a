"""Trials that were left in their midst: each counts with its best epoch, until somebody goes on with it."""

from __future__ import annotations

import math
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from data.tensors.channels import Preparation, n_prepared_channels
from models import build

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..core.seeds import derive_seed
from ..study.constraints import second_value
from ..study.locks import study_lock, try_trial_lock
from ..study.records import mean_scores, record_of
from ..study.store import note_left
from ..study.trial_files import save_weights
from ..training.checkpoint import load_checkpoint
from ..training.fit import begin_fit
from ..training.hyperparameters import fields_of, model_parameters, training_settings


def keep_unfinished(study: Study, settings: Settings, folder: StudyFolder) -> None:
    """Puts down what each trial has come to that was begun and that nobody works on, and stores its best weights.

    Its checkpoint says so: nothing is computed, and whoever goes on with it finds all as it was.
    """
    if not study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        return
    # Whoever claims a trial now would find those taken that are only being looked at.
    with study_lock(study, folder):
        for running in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lock = try_trial_lock(study, folder, running.number)
            if lock is None:
                continue
            try:
                trial = study.get_trials(deepcopy=False)[running.number]
                if trial.state == TrialState.RUNNING:
                    _keep(study, trial, settings, folder)
            finally:
                lock.release()


def _keep(study: Study, trial: FrozenTrial, settings: Settings, folder: StudyFolder) -> None:
    state = load_checkpoint(folder.checkpoint_for_all(trial.number))
    if state is None:
        return
    fixed, data = settings.ranges()[1], study.user_attrs["data"]
    parameters = {**fixed, **trial.params}
    seed = derive_seed(settings.search.seed, "trial", trial.number)
    training = training_settings(settings, parameters, seed)
    n_channels = n_prepared_channels(tuple(data["channel_names"]), fields_of(Preparation, parameters))
    fits = []
    for stored in state["fits"]:
        architecture = settings.architecture
        network = build(
            architecture, n_channels, len(data["class_names"]), **model_parameters(architecture, parameters)
        )
        fits.append(begin_fit(network, 1, training))
        fits[-1].load_state_dict(stored)
    scores = mean_scores([fit.best.validation for fit in fits])
    record: dict[str, Any] = {**record_of(fits, training, None, scores), "fixed_parameters": fixed}
    value = float(getattr(scores, settings.search.metric))
    if not math.isfinite(value):
        return
    second = second_value(settings, {**trial.user_attrs, **record})
    save_weights(folder, study, trial.number, [fit.best_weights for fit in fits])
    note_left(study, trial, {"values": [value] if second is None else [value, second], "record": record})
