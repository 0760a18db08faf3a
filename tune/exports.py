"""What a finished, or a running, study leaves on disk; all of it can be made again from the database."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from statistics import fmean
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from data.augment import Augmentation
from data.channels import Preparation

from .checkpoint import drop_checkpoint
from .config import Settings
from .evaluation import luck_of_selection
from .files import write_text
from .fit import TrainingSettings
from .folders import BEST_MODEL, StudyFolder
from .front import KNEE
from .hyperparameters import fields_of, model_parameters
from .json_files import readable
from .model_folder import describe_preparation, write_model
from .study import all_parameters, best_trials, identity, metric_value, versions
from .trial_files import (
    REFIT_WEIGHTS,
    drop_other_weights,
    fetch_weights,
    read_weights,
    trial_files,
    trial_folder,
    weights_digests,
    write_files,
)
from .winner import chosen_trial, stored_confirmation

# The study's list of what its test part was used for after its end.
TEST_USES = "test_uses"
_N_WRITERS = 16


def trials_table(study: Study) -> str:
    """``trials.csv``: one row a trial."""
    import pandas

    rows = [_row(trial) for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]
    names = sorted({name for trial in study.get_trials(deepcopy=False) for name in trial.params})
    columns = [*COLUMNS, *names]
    text = io.StringIO()
    pandas.DataFrame(rows, columns=columns).to_csv(text, index=False)
    return text.getvalue()


COLUMNS = (
    "number",
    "state",
    "value",
    "epochs_run",
    "best_epoch",
    "seconds",
    "n_parameters",
    "latency_ms",
    "train_accuracy",
    "validation_accuracy",
    "accuracy_gap",
    "train_macro_f1",
    "validation_macro_f1",
    "train_loss",
    "validation_loss",
    "origin",
    "reason",
    "started",
)


def _row(trial: FrozenTrial) -> dict[str, Any]:
    attributes = trial.user_attrs
    best_epochs = attributes.get("best_epochs") or [None]
    return {
        **{name: attributes.get(name) for name in COLUMNS if name in attributes},
        **all_parameters(trial),
        "number": trial.number,
        "state": trial.state.name.lower(),
        "value": metric_value(trial) if trial.state == TrialState.COMPLETE else None,
        "best_epoch": best_epochs[0] if len(best_epochs) == 1 else " ".join(map(str, best_epochs)),
        "seconds": attributes.get("training_seconds"),
        "started": None if trial.datetime_start is None else trial.datetime_start.isoformat(timespec="seconds"),
    }


def describe_best(study: Study, settings: Settings, folder: StudyFolder) -> dict[str, Any]:
    """``best_config.json``: enough to rebuild the network, train it again, and judge how far to believe its score.

    Raises:
        ValueError: If no trial is complete.
    """
    trial = chosen_trial(study)
    if trial is None:
        raise ValueError("no complete trial")
    attributes, parameters = trial.user_attrs, all_parameters(trial)
    n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    evaluations = study.user_attrs.get("evaluations", {})
    found = evaluations.get(str(trial.number), {})
    place = trial_folder(folder, trial)
    fetch_weights(folder, trial)
    return {
        "architecture": settings.architecture,
        "model": model_parameters(settings.architecture, parameters),
        "training": {
            **settings.training.model_dump(mode="json"),
            **{field.name: parameters[field.name] for field in fields(TrainingSettings) if field.name in parameters},
        },
        "preparation": asdict(fields_of(Preparation, parameters)),
        "augmentation": asdict(fields_of(Augmentation, parameters)),
        "n_parameters": attributes["n_parameters"],
        **({"latency_ms": attributes["latency_ms"]} if "latency_ms" in attributes else {}),
        "metric": settings.search.metric,
        "value": metric_value(trial) if trial.values else None,
        "scores": {
            "train": {name: attributes[f"train_{name}"] for name in ("accuracy", "macro_f1", "loss")},
            "validation": {name: attributes[f"validation_{name}"] for name in ("accuracy", "macro_f1", "loss")},
            **{part: scores for part, scores in found.items() if part in ("validation", "test")},
        },
        **describe_objectives(study, settings),
        "accuracy_gap": attributes["accuracy_gap"],
        "luck_of_selection": luck_of_selection(
            attributes["validation_accuracy"], study.user_attrs["n_validation"], n_complete
        ),
        "times_test_was_used": times_test_was_used(study),
        "calibration": attributes.get("calibration"),
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


def times_test_was_used(study: Study) -> int:
    """How often networks were judged on the test part: in the end of a search, and for exports."""
    evaluations = study.user_attrs.get("evaluations", {})
    return sum("test" in one for one in evaluations.values()) + len(study.user_attrs.get(TEST_USES, []))


def describe_objectives(study: Study, settings: Settings) -> dict[str, Any]:
    """The caps, where there are any, and with two objectives the whole front, the cheapest first."""
    search = settings.search
    caps = {name: getattr(search, name) for name in ("max_parameters", "max_latency_ms")}
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
                **{name: trial.user_attrs[name] for name in ("n_parameters", "latency_ms") if name in trial.user_attrs},
                "hyperparameters": all_parameters(trial),
            }
            for trial in front
        ],
    }


def write_best(study: Study, settings: Settings, folder: StudyFolder) -> None:
    """Writes ``best_config.json``."""
    write_text(folder.root / "best_config.json", readable(describe_best(study, settings, folder)) + "\n")


def write_best_model(study: Study, settings: Settings, folder: StudyFolder) -> None:
    """Writes ``best_model/``, the best's network as it can be given away; nothing where its weights are not whole.

    That is the network of the last fit if there is one; of cross-validation without a last fit, the first fold's.
    """
    trial = chosen_trial(study)
    if trial is None:
        return
    place, data = trial_folder(folder, trial), study.user_attrs["data"]
    refitted = study.user_attrs.get("evaluations", {}).get(str(trial.number), {}).get("refit")
    path = place / (REFIT_WEIGHTS if refitted else "weights.safetensors")
    weights = read_weights(path, weights_digests(folder, study).get(path))
    if weights is None or "lengths" not in data:
        return
    normaliser = refitted["normaliser"] if refitted else data["normalisers"][0]
    parameters = all_parameters(trial)
    described = describe_best(study, settings, folder)
    temperatures = (trial.user_attrs.get("calibration") or {}).get("temperatures") or [1.0]
    description = {
        "architecture": settings.architecture,
        "hyperparameters": model_parameters(settings.architecture, parameters),
        **describe_preparation(fields_of(Preparation, parameters), normaliser, data["channel_names"]),
        "channel_names": data["channel_names"],
        "class_names": data["class_names"],
        # Of the networks of the search: the last fit leaves no sequences to fit one on.
        "temperature": fmean(temperatures),
        "sample_rate_hz": data["sample_rate_hz"],
        "kind": data["kind"],
        "data": {"dataset": data["name"], **settings.data.model_dump(mode="json", exclude={"path"})},
        "lengths": data["lengths"],
        # Neither people's names nor long tables: this is to be given away.
        "scores": {part: _headline(scores) for part, scores in described["scores"].items()},
        "study": study.study_name,
        "trial": trial.number,
        "versions": versions(),
    }
    write_model(folder.root / BEST_MODEL, description, weights)


def _headline(scores: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scores.items() if name not in ("confusion", "per_class", "per_person")}


def write_trials(study: Study, folder: StudyFolder) -> None:
    """Writes the table of all trials, and the folder of every finished trial that lacks it."""
    write_text(folder.root / "trials.csv", trials_table(study))
    if (own := identity(study)) is not None:
        write_text(folder.identity, own)
    best = chosen_trial(study)
    judged = study.user_attrs.get("evaluations", {})
    to_refit = best.number if best is not None and str(best.number) not in judged else None
    ended = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and trial.datetime_start is not None
    ]
    missing = [trial for trial in ended if not (trial_folder(folder, trial) / "config.json").exists()]
    # Each file waits for the disk, which takes many at a time as fast as one.
    with ThreadPoolExecutor(_N_WRITERS) as pool:
        for _ in pool.map(lambda trial: write_files(trial_files(folder, study, trial)), missing):
            pass
    for trial in ended:
        drop_checkpoint(folder.checkpoint_for_all(trial.number))
        if trial.number != to_refit:
            drop_checkpoint(folder.checkpoint_for_all(f"refit-{trial.number}"))
    drop_other_weights(folder, study)
