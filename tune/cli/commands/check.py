"""``status --check``: whether what the studies have left is whole, and still belongs together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from data import DataError
from data.formats.regular import read_regular

from ...config.settings import Settings, resolve
from ...core.failures import shown
from ...core.folders import SaveDir, StudyFolder
from ...core.problems import SettingsError
from ...core.terminal import say
from ...report.artefacts import PARETO_PICTURE, PICTURES
from ...report.exports import describe_best
from ...report.page_names import PLOTS_PAGE, REPORT_PAGE, REPORT_TEXT
from ...study.agreement import studies_in
from ...study.leases import is_worked_on_elsewhere
from ...study.selection import selected_trial
from ...study.study import best_trial, is_companion, stored_settings, with_histories
from ...study.trial_files import describe_trial, load_weights, read_weights, trial_folder, weights_digests
from ...study.trials_table import trials_table
from ...training.checkpoint import load_checkpoint
from ...training.splits import load_splits
from .opening import chosen_studies, open_existing

AGAIN = "./run_tuning.sh report makes it again"
# Files are written a moment before or after what they tell of.
CLOCK_SECONDS = 2.0


def check_command(save_dir: SaveDir, study_name: str | None) -> int:
    """Prints a line for everything that is wrong; returns the exit code."""
    storage = open_existing(save_dir)
    studies = chosen_studies(storage, save_dir, study_name)
    found = [f"{shown(storage.engine.url)}: {finding}" for finding in check_database(storage)]
    if save_dir.storage is None and study_name is None:
        there = {study.study_name for study in studies}
        found += [
            f"{save_dir.local / name}/ holds trials of no study in {storage.engine.url.database}: name its database "
            "with --storage, or move the folder away"
            for name in studies_in(save_dir.local)
            if name not in there
        ]
    not_compared: dict[str, list[str]] = {}
    for study in studies:
        folder = save_dir.study(study.study_name)
        if stored_settings(study) is None:
            say(f"{study.study_name}: not looked at, since this tuner did not make it")
            continue
        try:
            resolve(stored_settings(study) or {})
        except SettingsError as error:
            found.append(f"{study.study_name}: its settings are damaged, or another version's of the tuner: {error}")
            continue
        found += [f"{study.study_name}: {finding}" for finding in check_study(study, folder)]
        try:
            found += [f"{study.study_name}: {finding}" for finding in check_data(study)]
        except (DataError, SettingsError, OSError) as error:
            not_compared.setdefault(str(error), []).append(study.study_name)
    for why, names in not_compared.items():
        say(f"{', '.join(names)}: the data could not be compared: {why}")
    for finding in found:
        say(finding)
    if not found:
        say(f"All is well: the database and {len(studies)} stud{'y' if len(studies) == 1 else 'ies'} in it")
    return 1 if found else 0


def check_database(storage: RDBStorage) -> Iterator[str]:
    """What SQLite finds wrong with its file; servers look after theirs themselves."""
    if storage.engine.dialect.name != "sqlite":
        return
    with storage.engine.connect() as connection:
        for (verdict,) in connection.execute(text("PRAGMA integrity_check(10)")):
            if verdict != "ok":
                yield f"damaged: {verdict}; restore a copy"


def check_data(study: Study) -> Iterator[str]:
    """Whether the recordings are those that the study began with."""
    if load_splits(_settings(study)).dataset.fingerprint != study.user_attrs.get("data_fingerprint"):
        yield "the recordings are not those that it began with: its scores cannot be compared with new ones"


def check_study(study: Study, folder: StudyFolder) -> Iterator[str]:
    """What is wrong with the files of a study."""
    with_histories(study, study.get_trials(deepcopy=False))
    if not folder.root.is_dir():
        yield f"{folder.root} does not exist; {AGAIN}"
        return
    for path in sorted((folder.root / ".checkpoints").glob("[!.]*.pt")):
        if load_checkpoint(path) is None:
            yield f"{path} is damaged: its trial starts over"
    yield from _check_weights(study, folder)
    if is_worked_on_elsewhere(study, folder):
        return  # The exports are written in the end.
    if not is_companion(study):
        yield from _check_best(study, folder)
        yield from _check_pictures(study, folder)
    table = folder.root / "trials.csv"
    if not table.is_file():
        yield f"{table} is missing; {AGAIN}"
    elif read_regular(table) != trials_table(study).encode():
        yield f"{table} does not tell what the database does; {AGAIN}"
    for trial in _finished(study):
        described = trial_folder(folder, trial) / "config.json"
        if _written(_read(described)) != _written(describe_trial(study, trial)):
            wrong = "differs from the database; delete it, and" if described.exists() else "is missing;"
            yield f"{described} {wrong} {AGAIN}"


def _check_weights(study: Study, folder: StudyFolder) -> Iterator[str]:
    digests = weights_digests(folder, study)
    files = sorted((folder.root / "trials").glob("*/*.safetensors"))
    damaged = [path for path in files if read_weights(path, digests.get(path)) is None]
    for path in damaged:
        yield f"{path} is damaged: restore a copy, or train its trial again"
    if damaged or folder.shared is not None:
        return  # Those of another machine are fetched when they are needed.
    best = selected_trial(study)
    # A default one that was ended early in the search may have won the confirmation: it has those of the last fit.
    if (
        best is not None
        and best.state != TrialState.PRUNED
        and load_weights(folder, best, len(study.user_attrs["split"]["parts"])) is None
    ):
        yield f"the weights of its best trial, {best.number}, are missing in {trial_folder(folder, best)}"


def _check_best(study: Study, folder: StudyFolder) -> Iterator[str]:
    path = folder.root / "best_config.json"
    if best_trial(study) is None:
        return
    if not path.is_file():
        yield f"{path} is missing; {AGAIN}"
        return
    now, then = describe_best(study, _settings(study), folder), _read(path)
    if not isinstance(then, dict):
        yield f"{path} is no JSON object; {AGAIN}"
        return
    for described in (now, then):
        if isinstance(described.get("versions"), dict):
            described["versions"].pop("exported_with", None)
    different = [name for name in sorted({*now, *then}) if _written(now.get(name)) != _written(then.get(name))]
    if different:
        yield f"{path} does not tell what the database does ({', '.join(different)}); {AGAIN}"


def _check_pictures(study: Study, folder: StudyFolder) -> Iterator[str]:
    if "comparison" in study.user_attrs:
        return  # A configuration's runs differ in their seeds only: `compare` draws what there is to see.
    ends = [trial.datetime_complete for trial in _finished(study) if trial.datetime_complete is not None]
    last = max(ends, default=datetime.min).replace(microsecond=0)
    # Of the other pictures there are those that say something.
    drawn = (PICTURES[0], *((PARETO_PICTURE,) if len(study.directions) > 1 else ()))
    expected = {PLOTS_PAGE, REPORT_PAGE, REPORT_TEXT, *(drawn if best_trial(study) else ())}
    for name in (*PICTURES, PARETO_PICTURE, PLOTS_PAGE, REPORT_PAGE, REPORT_TEXT):
        path = folder.root / name
        if not path.is_file():
            if name in expected:
                yield f"{path} is missing; {AGAIN}"
        elif ends and path.stat().st_mtime + CLOCK_SECONDS < last.timestamp():
            yield f"{path} is older than the last trial; {AGAIN}"


def _finished(study: Study) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state.is_finished() and trial.datetime_start is not None]


def _settings(study: Study) -> Settings:
    return resolve(stored_settings(study) or {})


def _written(value: Any) -> str:
    """What can be compared: a tuple is written as a list is, and NaN does not equal itself."""
    return json.dumps(value, sort_keys=True)


def _read(path: Path) -> Any:
    try:
        return json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError):
        return None
