"""What a finished, or a running, study leaves on disk; all of it can be made again from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation, joint_preparation
from models.ensemble import ENSEMBLE

from ..config.settings import Settings, resolve
from ..core.files import write_text
from ..core.folders import BEST_MODEL, StudyFolder
from ..core.json_files import readable
from ..evaluation.decision_rule import rule_in
from ..evaluation.evaluate import selection_bias
from ..study.constraints import CAPS, COSTS
from ..study.ended import metric_value
from ..study.floors import FLOOR, stored_floors
from ..study.pareto_front import KNEE
from ..study.selection import Selected, selected, stored_confirmation
from ..study.store import storage_of
from ..study.stored import Ensemble, Member
from ..study.study import (
    OWNER,
    all_parameters,
    best_trials,
    is_companion,
    load_study,
    stored_settings,
    temperature_of,
    trials_so_far,
    unfinished_after,
    versions,
)
from ..study.tested import evaluation_of, times_test_was_used
from ..study.trial_files import REFIT_WEIGHTS, WEIGHTS, fetch_weights, read_weights, trial_folder, weights_digests
from ..training.fit import TrainingSettings
from ..training.hyperparameters import fields_of, model_parameters
from ..training.metrics import METRIC_LABELS
from ..training.model_folder import describe_preparation, write_model


def describe_best(study: Study, settings: Settings, folder: StudyFolder) -> dict[str, Any]:
    """``best_config.json``: enough to rebuild the network, train it again, and judge how far to believe its score.

    Raises:
        ValueError: If no trial has a score.
    """
    chosen = selected(study, settings, folder)
    if chosen is None:
        raise ValueError("no complete trial, and none that has finished an epoch")
    described = _describe_selected(chosen)
    # A floor and the trials that it was held against are judged on the same test set.
    n_uses = [times_test_was_used(one.user_attrs) for one in (chosen.study, study)]
    described["times_test_was_used"] = max(n_uses)
    floors = stored_floors(study)
    if floors is not None:
        described["floors"] = {**floors, "selected": FLOOR if chosen.study is not study else None}
    return described


def _describe_selected(chosen: Selected) -> dict[str, Any]:
    study, settings, folder, trial = chosen.study, chosen.settings, chosen.folder, chosen.trial
    attributes, parameters = trial.user_attrs, all_parameters(trial)
    mean: Mapping[str, Any] = chosen.ensemble or {}
    n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    found = evaluation_of(study.user_attrs, trial)
    place = trial_folder(folder, trial)
    fetch_weights(folder, trial)
    return {
        "architecture": settings.architecture,
        **({} if settings.network is None else {"network": settings.network.model_dump()}),
        "model": model_parameters(settings.architecture, parameters),
        "training": {
            **settings.training.model_dump(mode="json"),
            **{field.name: parameters[field.name] for field in fields(TrainingSettings) if field.name in parameters},
        },
        "preparation": asdict(fields_of(Preparation, parameters)),
        "augmentation": asdict(fields_of(Augmentation, parameters)),
        "n_parameters": mean.get("n_parameters", attributes["n_parameters"]),
        **{cost.record: attributes[cost.record] for cost in COSTS[1:] if cost.record in attributes},
        **({} if chosen.ensemble is None else {"ensemble": _describe_ensemble(chosen, chosen.ensemble)}),
        "metric": settings.search.metric,
        "value": mean["chosen"]["score"] if mean else metric_value(trial) if trial.values else None,
        "finished": trial.state.is_finished(),
        "scores": {
            # Those on the training set are taken when a trial ends.
            **{
                part: {name: attributes[f"{part}_{name}"] for name in METRIC_LABELS if f"{part}_{name}" in attributes}
                for part in ("train", "validation")
                if f"{part}_loss" in attributes
            },
            **{part: scores for part, scores in (mean or found).items() if part in ("validation", "test")},
        },
        **describe_objectives(study, settings),
        "accuracy_gap": attributes.get("accuracy_gap"),
        "luck_of_selection": selection_bias(
            attributes["validation_accuracy"], study.user_attrs["n_validation"], n_complete
        ),
        "calibration": mean.get("calibration", attributes.get("calibration")),
        "confirmed": stored_confirmation(study) is not None,
        "confirmation": stored_confirmation(study),
        "best_epochs": attributes["best_epochs"],
        "epochs_run": attributes["epochs_run"],
        "data": study.user_attrs["data"],
        "split": study.user_attrs["split"],
        "seeds": {"study": settings.search.seed, "split": settings.split.seed, "trial": attributes["seed"]},
        "study": study.study_name,
        "trial": trial.number,
        "trial_folder": place.relative_to(folder.root).as_posix(),
        # None are there any more where somebody has deleted them.
        "weights": sorted(path.name for path in place.glob("*.safetensors")),
        "refit": found.get("refit"),
        "threads": settings.machine.threads,
        "versions": {"created_with": study.user_attrs.get("versions"), "exported_with": versions()},
    }


def _describe_ensemble(chosen: Selected, ensemble: Ensemble) -> dict[str, Any]:
    """What is on record of the mean, and how to build each of its members and train it again."""
    left_out = ("correct", "members", "validation", "test", "calibration")
    one = evaluation_of(chosen.study.user_attrs, chosen.trial)
    return {
        **{name: value for name, value in ensemble.items() if name not in left_out},
        "members": [
            {**member, **describe_member(owner.settings, owner.trial)} for member, owner in members_of(chosen, ensemble)
        ],
        "single_network": {part: _headline(one[part]) for part in ("validation", "test") if part in one},
    }


def describe_member(settings: Settings, trial: FrozenTrial) -> dict[str, Any]:
    """Architecture, hyperparameters and preparation of a trial's network."""
    parameters = all_parameters(trial)
    return {
        "architecture": settings.architecture,
        "hyperparameters": model_parameters(settings.architecture, parameters),
        "preparation": asdict(fields_of(Preparation, parameters)),
    }


def members_of(chosen: Selected, ensemble: Ensemble) -> list[tuple[Member, Selected]]:
    """The members of a mean, each with its study and trial; none where a study of theirs is gone."""
    owners = {}
    for name in {member["study"] for member in ensemble["members"]}:
        study = chosen.study if name == chosen.study.study_name else load_study(storage_of(chosen.study), name)
        if study is None:
            return []
        place = StudyFolder(chosen.folder.save_dir, name, chosen.folder.shared)
        owners[name] = (study, resolve(stored_settings(study) or {}), place, trials_so_far(study))
    return [
        (member, Selected(study, settings, place, trials[member["trial"]]))
        for member in ensemble["members"]
        for study, settings, place, trials in [owners[member["study"]]]
    ]


def describe_objectives(study: Study, settings: Settings) -> dict[str, Any]:
    """The caps, where there are any, and with two objectives the whole front, the cheapest first."""
    search = settings.search
    caps = {name: getattr(search, name) for name in CAPS}
    described: dict[str, Any] = {"caps": caps} if any(cap is not None for cap in caps.values()) else {}
    if search.second_objective is None:
        return described
    knee, *others = best_trials(study)
    front = sorted([knee, *others], key=lambda trial: trial.values[1])
    objectives = (search.metric, search.second_objective)
    return {
        **described,
        "objectives": list(objectives),
        "knee": KNEE,
        "front": [
            {
                "trial": trial.number,
                "is_knee": trial is knee,
                "values": dict(zip(objectives, trial.values, strict=True)),
                **{cost.record: trial.user_attrs[cost.record] for cost in COSTS if cost.record in trial.user_attrs},
                "hyperparameters": all_parameters(trial),
            }
            for trial in front
        ],
    }


def write_best(study: Study, settings: Settings, folder: StudyFolder) -> None:
    """Writes ``best_config.json``; of a floor, that of the study it belongs to, which may hand it over."""
    if is_companion(study):
        owner = load_study(storage_of(study), study.user_attrs[OWNER])
        if owner is None:
            return
        study, settings = owner, resolve(stored_settings(owner) or {})
        folder = StudyFolder(folder.save_dir, owner.study_name, folder.shared)
    write_text(folder.root / "best_config.json", readable(describe_best(study, settings, folder)) + "\n")


def write_best_model(study: Study, settings: Settings, folder: StudyFolder) -> None:
    """Writes ``best_model/``, the best's network as it can be given away; nothing where its weights are not whole.

    That is the network of the last fit if there is one; of cross-validation without a last fit, the first fold's.
    """
    chosen = selected(study, settings, folder)
    if chosen is None:
        return
    described = describe_best(study, settings, folder)
    root, study, settings, folder, trial = folder.root, chosen.study, chosen.settings, chosen.folder, chosen.trial
    place, data = trial_folder(folder, trial), study.user_attrs["data"]
    refitted = evaluation_of(study.user_attrs, trial).get("refit")
    path = place / (REFIT_WEIGHTS if refitted else WEIGHTS)
    weights = read_weights(path, weights_digests(folder, study).get(path))
    members = [] if chosen.ensemble is None else members_of(chosen, chosen.ensemble)
    if members:
        weights = _weights_of(members)
    if weights is None or "lengths" not in data:
        return
    normaliser = refitted["normaliser"] if refitted else data["normalisers"][0]
    parameters = all_parameters(trial)
    used = {settings.architecture, *(owner.settings.architecture for _, owner in members)}
    own = settings.network if settings.network and settings.network.name in used else None
    description = {
        "architecture": settings.architecture,
        "network": None if own is None else {"file": Path(own.path).name, "sha256": own.sha256},
        "hyperparameters": model_parameters(settings.architecture, parameters),
        **describe_preparation(fields_of(Preparation, parameters), normaliser, data["channel_names"]),
        **_described_members(members, normaliser, data["channel_names"]),
        "channel_names": data["channel_names"],
        "class_names": data["class_names"],
        # Of the networks of the search: the last fit leaves no sequences to fit one on.
        "temperature": chosen.ensemble["calibration"]["temperature"] if chosen.ensemble else temperature_of(trial),
        "sample_rate_hz": data["sample_rate_hz"],
        "kind": data["kind"],
        "data": {"dataset": data["name"], **settings.data.model_dump(mode="json", exclude={"path"})},
        "lengths": data["lengths"],
        "decision": rule_in((chosen.ensemble or evaluation_of(study.user_attrs, trial)).get("validation")),
        # Neither people's names nor long tables: this is to be given away.
        "scores": {part: _headline(scores) for part, scores in described["scores"].items()},
        "study": study.study_name,
        "trial": trial.number,
        **({} if refitted or trial.state.is_finished() else {"unfinished_after": unfinished_after(trial)}),
        "versions": versions(),
    }
    write_model(root / BEST_MODEL, description, weights)


def _weights_of(members: Sequence[tuple[Member, Selected]]) -> dict[str, Tensor] | None:
    """Those of all members, as ``Ensemble`` names them; None where some are not there, or damaged."""
    weights: dict[str, Tensor] = {}
    for k, (member, owner) in enumerate(members):
        fetch_weights(owner.folder, owner.trial)
        own = read_weights(trial_folder(owner.folder, owner.trial) / member["weights"], member["sha256"])
        if own is None:
            return None
        weights |= {f"members.{k}.{name}": weight for name, weight in own.items()}
    return weights


def _described_members(
    members: Sequence[tuple[Member, Selected]], normaliser: Mapping[str, Any], channel_names: Sequence[str]
) -> dict[str, Any]:
    """What a description says of several networks in place of what it says of one; nothing where it is one.

    They were trained on the same sequences, so that one normaliser is right for all of them.
    """
    if not members:
        return {}
    described = [{**describe_member(own.settings, own.trial), "share": member["share"]} for member, own in members]
    whole = joint_preparation([Preparation(**one["preparation"]) for one in described])
    shared = describe_preparation(whole, normaliser, channel_names)
    return {"architecture": ENSEMBLE, "hyperparameters": {}, **shared, "members": described}


def _headline(scores: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scores.items() if name not in ("confusion", "per_class", "per_person")}
