"""What a finished trial leaves on disk: its configuration, its history, and for the best its weights."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..core.files import write_bytes, write_text
from ..core.folders import StudyFolder
from ..core.remote import RemoteFile, files_below
from .database import HISTORY
from .ended import WEIGHTS_DIGESTS, ended_and_unfinished
from .selection import ENSEMBLE, kept_trials
from .study import all_parameters, with_history

HISTORY_COLUMNS = (
    "fold",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
    "validation_balanced_accuracy",
    "learning_rate",
    "gradient_norm",
    "seconds",
)


ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
WEIGHTS, REFIT_WEIGHTS = "weights.safetensors", "weights-refit.safetensors"
_LOG = logging.getLogger(__name__)


def trial_folder(folder: StudyFolder, trial: FrozenTrial) -> Path:
    """The folder of a trial."""
    if trial.datetime_start is None:
        raise ValueError(f"trial {trial.number} has not begun")
    return folder.trial(trial.number, trial.datetime_start)


def trial_files(folder: StudyFolder, study: Study, trial: FrozenTrial) -> dict[Path, str]:
    """What the files of a finished trial hold, its configuration and its history, from what the database says of it."""
    place = trial_folder(folder, trial)
    files = {place / "config.json": json.dumps(describe_trial(study, trial), indent=2) + "\n"}
    if history := with_history(study, trial).user_attrs.get(HISTORY):
        files[place / "history.csv"] = _history_table(history)
    return files


def write_files(files: Mapping[Path, str]) -> None:
    """Writes them all.

    Raises:
        OSError: If one cannot be written.
    """
    for path, content in files.items():
        write_text(path, content)


def describe_trial(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """A trial as plain JSON values."""
    left_out = (HISTORY, "fixed_parameters", "traceback", "answers")
    return {
        "study": study.study_name,
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "value": trial.values[0] if trial.values else None,
        "hyperparameters": all_parameters(trial),
        **{name: value for name, value in trial.user_attrs.items() if name not in left_out},
    }


def save_weights(folder: StudyFolder, study: Study, number: int, weights: Sequence[dict[str, Tensor]]) -> list[str]:
    """Stores the weights of a trial, a file for each fold, in a format that cannot run code when it is read.

    Returns:
        The SHA-256 of each file, for the trial's ``WEIGHTS_DIGESTS``.
    """
    place = trial_folder(folder, study.get_trials(deepcopy=False)[number])
    return [_save_one(folder, place / _weights_name(fold), one) for fold, one in enumerate(weights)]


def load_weights(folder: StudyFolder, trial: FrozenTrial, n_folds: int) -> list[dict[str, Tensor]] | None:
    """The stored weights of a trial for each fold; None if they are not there, or damaged."""
    fetch_weights(folder, trial)
    paths = [trial_folder(folder, trial) / _weights_name(fold) for fold in range(n_folds)]
    digests = trial.user_attrs.get(WEIGHTS_DIGESTS) or [None] * n_folds
    loaded = [read_weights(path, digest) for path, digest in zip(paths, digests, strict=False)]
    weights = [one for one in loaded if one is not None]
    return weights if len(weights) == n_folds else None


def read_weights(path: Path, digest: str | None) -> dict[str, Tensor] | None:
    """The weights in a file; None if it is not there, or is not the one that was stored.

    Args:
        path: Of the file.
        digest: SHA-256 of what was stored, since a flipped bit in a tensor loads without complaint; None where an older
            version of the tuner stored it and noted none.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    with suppress(SafetensorError):
        if digest in (None, hashlib.sha256(content).hexdigest()):
            return load(content)
    _LOG.warning("warning: %s is damaged and not used: restore a copy of it", path)
    return None


def weights_digests(folder: StudyFolder, study: Study) -> dict[Path, str]:
    """The SHA-256 of every file of weights that was stored, whether it is still there or not."""
    digests, judged = {}, study.user_attrs.get("evaluations", {})
    for trial in study.get_trials(deepcopy=False, states=ENDED):
        for fold, digest in enumerate(trial.user_attrs.get(WEIGHTS_DIGESTS, [])):
            digests[trial_folder(folder, trial) / _weights_name(fold)] = digest
        if digest := judged.get(str(trial.number), {}).get("refit", {}).get("sha256"):
            digests[trial_folder(folder, trial) / REFIT_WEIGHTS] = digest
    for member in (study.user_attrs.get(ENSEMBLE) or {}).get("members", []):
        if member["study"] == study.study_name:
            trial = study.get_trials(deepcopy=False)[member["trial"]]
            digests[trial_folder(folder, trial) / member["weights"]] = member["sha256"]
    return digests


def save_refit_weights(
    folder: StudyFolder, trial: FrozenTrial, weights: dict[str, Tensor], name: str = REFIT_WEIGHTS
) -> str:
    """Stores the weights of a last fit beside those of the trial it belongs to; returns the file's SHA-256."""
    return _save_one(folder, trial_folder(folder, trial) / name, weights)


def fetch_weights(folder: StudyFolder, trial: FrozenTrial) -> None:
    """Brings the weights that another machine has stored for a trial into the folder here."""
    place = trial_folder(folder, trial)
    for file in files_below(folder.shared_weights) if folder.shared_weights else []:
        if _number_in(file.folder) == trial.number and not (place / file.name).exists():
            with suppress(FileNotFoundError):
                write_bytes(place / file.name, file.read_bytes())


def drop_other_weights(folder: StudyFolder, study: Study) -> None:
    """Removes the weights of trials that have ended and are neither the best nor may become it."""
    # A trial under way may be about to become the best, and has stored its weights already. Asked in this order, since
    # it may end between the two questions.
    ended = {trial.number for trial in study.get_trials(deepcopy=False, states=ENDED)}
    kept = kept_trials(study)
    if not kept:
        return
    others = ended - {trial.number for trial in kept}
    for path in (folder.root / "trials").glob("*/weights*.safetensors"):
        if _number_in(path.parent.name) in others:
            path.unlink(missing_ok=True)
    for file in files_below(folder.shared_weights) if folder.shared_weights else []:
        if _number_in(file.folder) in others:
            file.unlink()


def drop_outdone_weights(folder: StudyFolder, study: Study) -> None:
    """The same for those alone that have ended since the last call, or were kept then."""
    ended, _ = ended_and_unfinished(study)  # In this order, as above.
    with_weights, kept = dict(ended.with_weights), {trial.number for trial in kept_trials(study)}
    if not kept:
        return
    for number in with_weights.keys() - kept:
        for path in trial_folder(folder, with_weights[number]).glob("weights*.safetensors"):
            path.unlink(missing_ok=True)
        del ended.with_weights[number]
    for file in files_below(folder.shared_weights) if folder.shared_weights else []:
        if _number_in(file.folder) in with_weights.keys() - kept:
            file.unlink()


def _number_in(folder_name: str) -> int | None:
    number = folder_name.partition("-")[0]
    return int(number) if number.isdecimal() else None


def _save_one(folder: StudyFolder, path: Path, weights: dict[str, Tensor]) -> str:
    content = save({name: weight.contiguous().cpu() for name, weight in weights.items()})
    write_bytes(path, content)
    if folder.shared_weights is not None:
        write_bytes(RemoteFile(f"{folder.shared_weights}/{path.parent.name}/{path.name}"), content)
    return hashlib.sha256(content).hexdigest()


def _weights_name(fold: int) -> str:
    return WEIGHTS if fold == 0 else f"weights-fold-{fold}.safetensors"


def _history_table(history: Sequence[Sequence[dict[str, Any]]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, HISTORY_COLUMNS, lineterminator="\n")
    table.writeheader()
    for fold, epochs in enumerate(history):
        for epoch in epochs:
            scores = {f"validation_{name}": value for name, value in epoch["validation"].items()}
            rest = {name: value for name, value in epoch.items() if name != "validation"}
            table.writerow({"fold": fold, **rest, **scores})
    return text.getvalue()
