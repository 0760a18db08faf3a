"""Finding the database and the studies that a command is about."""

from __future__ import annotations

from pathlib import Path

from optuna import Study
from optuna.storages import RDBStorage

from ..folders import DATABASE_NAME
from ..problems import did_you_mean
from ..storage import open_storage, sqlite_url
from ..study import StudyError, load_study, study_names


def database_url(storage_url: str | None, save_dir: Path) -> str:
    """The address of the database: as given, else the file in the folder of the studies."""
    return storage_url or sqlite_url(save_dir / DATABASE_NAME)


def open_existing(storage_url: str | None, save_dir: Path) -> RDBStorage:
    """Opens a database that a command only looks at; it is not made.

    Raises:
        StudyError: If there is none yet.
    """
    path = save_dir / DATABASE_NAME
    if storage_url is None and not path.exists():
        raise StudyError(f"there is no study yet: {path} does not exist; begin one with ./run_tuning.sh")
    return open_storage(database_url(storage_url, save_dir))


def chosen_studies(storage: RDBStorage, study_name: str | None) -> list[Study]:
    """The named study, or all of them.

    Raises:
        StudyError: If there is none of that name.
    """
    names = study_names(storage)
    if study_name is not None and study_name not in names:
        raise StudyError(f"there is no study {study_name!r} ({did_you_mean(study_name, names) or 'none yet'})")
    wanted = names if study_name is None else [study_name]
    return [study for name in wanted if (study := load_study(storage, name)) is not None]
