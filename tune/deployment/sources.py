"""Which network a command means, and which study it comes from."""

from __future__ import annotations

from pathlib import Path

from optuna import Study

from ..exports import BEST_MODEL
from ..folders import DATABASE_NAME
from ..model_folder import DESCRIPTION
from ..problems import Problem, SettingsError, did_you_mean
from ..storage import open_storage, sqlite_url
from ..study import load_study


def model_folder(model: Path | None, study_name: str | None, save_dir: Path) -> Path:
    """The folder of the network that is meant: as named, else the best of a study.

    Raises:
        SettingsError: If it cannot be told, or there is none.
    """
    if model is not None:
        if study_name is not None:
            rule = "cannot be given together with --study-name: each says which network is meant"
            raise SettingsError([Problem("--model", str(model), rule)])
        # A study's folder means the best of it.
        inside = model / BEST_MODEL
        return inside if not (model / DESCRIPTION).is_file() and (inside / DESCRIPTION).is_file() else model
    found = {path.parent.parent.name: path.parent for path in sorted(save_dir.glob(f"*/{BEST_MODEL}/{DESCRIPTION}"))}
    if study_name in found:
        return found[study_name]
    if study_name is not None:
        if (save_dir / study_name).is_dir():
            rule = f"has no {BEST_MODEL}: it has no finished trial whose weights are there"
            way_out = f"./run_tuning.sh report --study-name {study_name} makes it where they are"
            raise SettingsError([Problem("--study-name", study_name, rule, way_out)])
        raise SettingsError([Problem("--study-name", study_name, "is not there", did_you_mean(study_name, found))])
    if not found:
        rule = "holds no study with a trained network"
        raise SettingsError([Problem("--save-dir", str(save_dir), rule, "begin one with ./run_tuning.sh")])
    if len(found) > 1:
        rule = "is needed, since there are several studies"
        raise SettingsError([Problem("--study-name", "", rule, f"there are {', '.join(found)}")])
    return next(iter(found.values()))


def study_of(folder: Path, name: str, storage_address: str | None) -> Study | None:
    """The study that a network comes from; None where its database is not here.

    Args:
        folder: Of the network.
        name: Of the study, as the network says.
        storage_address: Of a database that was named; None for the one beside the study's folder.
    """
    if storage_address is None:
        database = folder.parent.parent / DATABASE_NAME
        if not database.is_file():
            return None
        storage_address = sqlite_url(database)
    return load_study(open_storage(storage_address), name)
