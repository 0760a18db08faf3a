"""From a study, or from the folder of a model, to what is diagnosed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from data.quality.warnings import classes_missing
from data.sequences import SequenceDataset
from data.tensors.channels import Preparation, prepare_measured
from models import architecture
from models.ensemble import Ensemble

from ..core.errors import StudyError
from ..core.folders import BEST_MODEL, StudyFolder
from ..core.problems import Problem, SettingsError
from ..core.seeds import derive_seed
from ..study.context import RunContext
from ..study.database import HISTORY
from ..study.floors import FLOOR_NAME
from ..study.selection import ensemble_of, floor_is_unbeaten, selected_trial
from ..study.study import OWNER, all_parameters, temperature_of, trials_so_far, with_history
from ..study.tested import evaluation_of
from ..study.trial_files import load_weights
from ..training.fit import Fit
from ..training.fold_fits import advance, begin_fits, fit_runs
from ..training.hyperparameters import fields_of, model_parameters, training_settings
from ..training.model_folder import DESCRIPTION, StoredModel, load_model
from ..training.splits import Splits
from .model import Diagnosed, Judged

PARTS = ("validation", "test")


def trial_to_look_at(study: Study, number: int | None) -> FrozenTrial:
    """The trial of that number, or the one to use.

    Raises:
        StudyError: If there is none, or it has not been trained.
    """
    if number is None:
        best = selected_trial(study)
        if best is None:
            raise StudyError(f"{study.study_name!r} has no complete trial yet: there is nothing to diagnose")
        return best
    trials = trials_so_far(study)
    if not 0 <= number < len(trials):
        raise StudyError(f"{study.study_name!r} has no trial {number}: its trials are 0 to {len(trials) - 1}")
    trial = trials[number]
    if trial.state == TrialState.FAIL or not with_history(study, trial).user_attrs.get(HISTORY, [[]])[0]:
        raise StudyError(
            f"trial {number} of {study.study_name!r} is {trial.state.name.lower()} and has no trained network: "
            "name one that is complete or pruned"
        )
    return trial


def of_trial(
    context: RunContext, trial: FrozenTrial, part: str, say: Callable[[str], None] = lambda sentence: None
) -> Diagnosed:
    """What to look at of a trial.

    Args:
        context: Of the study that holds the trial.
        trial: Complete or pruned.
        part: ``validation`` or ``test``: what errors are shown of.
        say: Told what takes long.

    Raises:
        StudyError: If there is no such part, or the data is not that of the study.
        NonFiniteLossError: If the network has to be trained again, and that does not go well.
    """
    study, settings, splits = context.study, context.settings, context.splits
    trial = with_history(study, trial)
    if part == "test" and splits.folds[0].test is None:
        raise StudyError(f"{study.study_name!r} has no test set: leave out --part test")
    if study.user_attrs.get("data_fingerprint") != splits.dataset.fingerprint:
        raise StudyError("the recordings are not those that the study began with (their fingerprint differs)")
    stored = tested_model(study, trial, context.folder) if part == "test" else None
    member: Judged | None = None
    about_members: tuple[str, ...] = ()
    if stored is not None:
        assert splits.folds[0].test is not None  # asked above
        test = splits.folds[0].test.sampled()
        judged = [Judged(stored.network, stored.prepare, stored.description.temperature, test)]
        notes = [
            f"The network is that of best_model/: trial {trial.number}, trained once more on training and validation "
            "part together. It is judged on the test set, whose people and recordings it has never seen."
        ]
        member, about_members = first_member(stored, test)
    else:
        judged, notes = _of_the_search(context, trial, part, say)
    if floor_is_unbeaten(study):
        notes.append(
            f"What is handed over is not this network but {FLOOR_NAME}, which no trial beats; that one is diagnosed by "
            f"--model {context.folder.root / BEST_MODEL}."
        )
    parameters = all_parameters(trial)
    seed = derive_seed(settings.search.seed, "trial", trial.number)
    fold = splits.folds[0]
    shown = {"train": fold.train, "validation": fold.validation, **({} if fold.test is None else {"test": fold.test})}
    labels = {"validation": torch.cat([one.validation.labels for one in splits.folds])}
    if fold.test is not None:
        labels["test"] = fold.test.labels
    return Diagnosed(
        title=f"{study.study_name}, trial {trial.number}",
        architecture=settings.architecture,
        hyperparameters=model_parameters(settings.architecture, parameters),
        judged=tuple(judged),
        part=part,
        parts=shown,
        notes=(*notes, *about_members, *_about_the_part(part, len(splits.folds))),
        history=tuple(tuple(epochs) for epochs in trial.user_attrs[HISTORY]),
        best_epochs=tuple(trial.user_attrs["best_epochs"]),
        # What is solved says nothing of how others would be trained beside it.
        training=None if (member or judged[0]).network.closed_form else training_settings(settings, parameters, seed),
        seed=derive_seed(seed, "diagnosis"),
        unjudged=tuple(classes_missing(splits.dataset, splits.split.kind, labels)),
        member=member,
    )


def first_member(stored: StoredModel, measured: SequenceDataset) -> tuple[Judged | None, tuple[str, ...]]:
    """What is looked into of a mean of several networks, and what is to be said of that; nothing of a single one."""
    network, (described, *others) = stored.network, stored.description.members or (None,)
    if described is None or not isinstance(network, Ensemble):
        return None, ()
    columns = network.columns[0]

    def prepare(sequences: SequenceDataset) -> SequenceDataset:
        prepared = stored.prepare(sequences)
        names = tuple(prepared.channel_names[column] for column in columns)
        return prepared.with_values(prepared.values[:, columns], names)

    about = (
        f"It is {stored.description.in_words()}. Errors and calibration are those of the mean; what is in memory, "
        "gradients and what answers rest on are shown of the first of its networks."
    )
    solved = sorted({one.architecture for one in others if architecture(one.architecture).closed_form})
    has_none = (f"Of {name} there is no attribution: its features are counts without a gradient." for name in solved)
    return Judged(network.networks[0], prepare, 1.0, measured), (about, *has_none)


def tested_model(study: Study, trial: FrozenTrial, folder: StudyFolder) -> StoredModel | None:
    """The network of ``best_model/``, if it is this trial's and has been trained once more for the test."""
    # A floor's is in the folder of the study that it belongs to.
    owner = StudyFolder(folder.save_dir, study.user_attrs.get(OWNER, study.study_name), folder.shared)
    place = owner.root / BEST_MODEL
    refitted = evaluation_of(study.user_attrs, trial).get("refit")
    if not refitted or not (place / DESCRIPTION).is_file():
        return None
    stored = load_model(place)
    mine = stored.description.study == study.study_name and stored.description.trial == trial.number
    return stored if mine else None


def of_model(stored: StoredModel, place: Path, measured: SequenceDataset, where: str) -> Diagnosed:
    """What to look at of a network whose study is not known, on recordings of which it may have seen some.

    Raises:
        SettingsError: If the recordings have other channels or classes.
    """
    described, measured = stored.description, measured.sampled()
    if measured.channel_names != described.channel_names or measured.class_names != described.class_names:
        what, theirs, ours = "classes", measured.class_names, described.class_names
        if measured.channel_names != described.channel_names:
            what, theirs, ours = "channels", measured.channel_names, described.channel_names
        rule = f"has other {what} than the model, which knows {', '.join(ours)}"
        raise SettingsError([Problem(where, ", ".join(theirs), rule[:400])])
    notes = (
        f"The network is that of {place}/: {described.in_words()}, of trial {described.trial} of the study "
        f"{described.study}.",
        "That study is not in this database, so nothing is known of what the network was trained on: all sequences of "
        f"{where} are shown, and where it was trained on them its errors are fewer than on new ones.",
    )
    member, about_members = first_member(stored, measured)
    shown = described.members[0] if described.members else described
    return Diagnosed(
        title=place.name,
        architecture=shown.architecture,
        hyperparameters=dict(shown.hyperparameters),
        judged=(Judged(stored.network, stored.prepare, described.temperature, measured),),
        part="all",
        parts={"all": measured},
        notes=(*notes, *about_members),
        seed=derive_seed(0, "diagnosis"),
        member=member,
    )


def _of_the_search(
    context: RunContext, trial: FrozenTrial, part: str, say: Callable[[str], None]
) -> tuple[list[Judged], list[str]]:
    """The networks as the search trained them, on the training set alone."""
    settings, splits, device = context.settings, context.splits, context.device
    parameters = all_parameters(trial)
    training = training_settings(settings, parameters, derive_seed(settings.search.seed, "trial", trial.number))
    weights = load_weights(context.folder, trial, len(splits.folds))
    notes = [f"The network is that of trial {trial.number} as the search trained it, on the training set alone."]
    if (ensemble := ensemble_of(context.study)) is not None and ensemble["trial"] == trial.number:
        notes.append("What is handed over is the mean of several networks: --part test shows that one.")
    fits = begin_fits(parameters, settings, splits, training, device)
    if weights is None:
        say(f"Trial {trial.number} is trained again with its seed: only the weights of the best are kept")
        notes.append(
            "Only the weights of the best are kept: this one was trained again with its own seed, for as many epochs "
            "as it had. On another machine or number of threads the last digits may differ."
        )
        weights = _trained_again(trial, fits, splits, parameters, training)
    preparation = fields_of(Preparation, parameters)
    judged = []
    for fold, (fit, stored) in enumerate(zip(fits, weights, strict=True)):
        fit.model.load_state_dict(stored)
        measured = getattr(splits.folds[fold], part).sampled()
        normaliser = splits.normaliser(fold, preparation.derived_channels)
        prepare = partial(prepare_measured, normaliser=normaliser, preparation=preparation)
        judged.append(Judged(fit.model.eval(), prepare, temperature_of(trial), measured))
        if part == "test":
            break  # One network is enough to show errors of; all folds would show every sequence as often.
    return judged, notes


def _trained_again(
    trial: FrozenTrial, fits: list[Fit], splits: Splits, parameters: Any, training: Any
) -> list[dict[str, Tensor]]:
    n_epochs = [len(epochs) for epochs in trial.user_attrs[HISTORY]]
    runs = fit_runs(fits, splits, parameters, training, lambda: None)
    for epoch in range(max(n_epochs)):
        advance(fits, [run for run, n_own in zip(runs, n_epochs, strict=True) if epoch < n_own], training)
    return [fit.best_weights for fit in fits]


def _about_the_part(part: str, n_folds: int) -> list[str]:
    if part == "test":
        return [
            "Looking at mistakes in the test set is a use of it, and is on record in the study: what is changed "
            "because of what is seen here can no longer be tested on it."
        ]
    about = [
        "Errors are shown of the validation set, which the network was not trained on but which chose it among "
        "others: its scores are a little too good. The test set is left untouched (--part test shows it)."
    ]
    if n_folds > 1:
        about.append(
            f"Each of the {n_folds} folds' networks is judged on its own validation set, so that errors are of all "
            "sequences but the test set; what is looked into below is the first fold's network."
        )
    return about
