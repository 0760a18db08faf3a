"""Finding the database and the studies that a command is about."""

from __future__ import annotations

import os

from optuna import Study
from optuna.storages import RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ...core.errors import StorageError, StudyError
from ...core.folders import DATABASE_NAME, SaveDir
from ...core.problems import did_you_mean
from ...study.agreement import check_agreement, open_beside, studies_in
from ...study.database import StudyDatabase
from ...study.storage import open_storage
from ...study.study import load_study, study_names


def database_url(storage: str) -> str:
    """The address of a database; ``env:VAR`` has it in the environment, where no list of processes shows it."""
    if not storage.startswith("env:"):
        return storage
    name = storage.removeprefix("env:")
    if not os.environ.get(name):
        raise StorageError(f"--storage {storage}: there is no environment variable {name!r}, or nothing in it")
    return os.environ[name]


def password_note(storage: str | None) -> str | None:
    """What to say to who shows a password to everybody on the machine; None if nobody does."""
    try:
        if storage is None:
            return None
        address = make_url(storage)
        if address.password is None and "password" not in address.query:
            return None
    except (ArgumentError, ValueError):
        return None
    return "the list of processes shows the password in --storage: use env:VAR, or ~/.pgpass for PostgreSQL"


def open_existing(save_dir: SaveDir) -> StudyDatabase:
    """Opens a database that a command only looks at; it is not made."""
    path = save_dir.local / DATABASE_NAME
    if save_dir.storage is None and not path.exists() and not studies_in(save_dir.local):
        raise StudyError(f"there is no study yet: {path} does not exist; begin one with ./run_tuning.sh")
    return open_or_make(save_dir)


def open_or_make(save_dir: SaveDir) -> StudyDatabase:
    """Opens a database that a command works in."""
    return open_beside(save_dir.local) if save_dir.storage is None else open_storage(database_url(save_dir.storage))


def chosen_studies(
    storage: RDBStorage, save_dir: SaveDir, study_name: str | None, *, with_trials: bool = True
) -> list[Study]:
    """The named study, or all of them; for ``with_trials`` see ``load_study``."""
    names = study_names(storage)
    check_agreement(storage, map(save_dir.study, names if study_name is None else [study_name]))
    if study_name is not None and study_name not in names:
        raise StudyError(f"there is no study {study_name!r} ({did_you_mean(study_name, names) or 'none yet'})")
    wanted = names if study_name is None else [study_name]
    found = (load_study(storage, name, with_trials=with_trials) for name in wanted)
    return [study for study in found if study is not None]
