"""The only place that touches private parts of Optuna's studies: what their storage can do and they do not offer.

These are ``Study._storage`` and ``_study_id``, ``FrozenTrial._trial_id``, the cache in front of a database, its tables
and its sessions, as they are in Optuna 5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna import Study, Trial
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.models import StudyUserAttributeModel, TrialModel, TrialValueModel
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.sql.functions import count

from ..core.errors import StorageError

# On an unfinished trial: what it has come to.
LEFT = "seqtune:left"


def storage_of(study: Study) -> BaseStorage:
    """Where a study is, for another one in the same place."""
    return study._storage


def database_of(where: Study | BaseStorage) -> RDBStorage:
    """The storage of a study that this tuner has opened.

    Raises:
        TypeError: If it is in no database.
    """
    storage = _behind_cache(where)
    if not isinstance(storage, RDBStorage):
        raise TypeError(f"{type(storage).__name__} has no database that could hold locks")
    return storage


def _behind_cache(where: Study | BaseStorage) -> BaseStorage:
    """What Optuna loads from a database address is a cache in front of the storage itself."""
    storage = where._storage if isinstance(where, Study) else where
    return storage._backend if isinstance(storage, _CachedStorage) else storage


def engine_of(where: Study | BaseStorage) -> Engine:
    """The connections of a storage that this tuner has opened."""
    return database_of(where).engine


def attributes_of(study: Study) -> dict[str, Any]:
    """What is stored of a study itself; ``study.user_attrs`` copies all of it, which takes longer than to read it."""
    return study._storage.get_study_user_attrs(study._study_id)


def identity(study: Study) -> str | None:
    """The random id that the study got when it was created; None if this tuner did not create it, or it is gone.

    It is asked for after every epoch, and ``study.user_attrs`` would fetch and parse all that is stored.
    """
    attribute = StudyUserAttributeModel
    query = select(attribute.value_json).where(attribute.study_id == study._study_id, attribute.key == "study_id")
    with engine_of(study).connect() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else str(json.loads(found))


def check_identity(study: Study, expected: str | None) -> None:
    """Call before anything is stored: SQLite gives a deleted study's number, and its trials', to the next one.

    Raises:
        StorageError: If the study is no longer the one that it was.
    """
    if identity(study) != expected:
        raise StorageError(
            f"the study {study.study_name!r} was deleted from the database, or replaced, while this process worked on "
            "it: nothing was stored in its place; restore a copy of the database and go on with --resume, or begin anew"
        )


def numbers_in(study: Study, states: Sequence[TrialState]) -> set[int]:
    """Numbers of the trials in these states, without their records."""
    query = select(TrialModel.number).where(TrialModel.study_id == study._study_id, TrialModel.state.in_(states))
    with engine_of(study).connect() as connection:
        return set(connection.scalars(query))


def n_trials_in(study: Study) -> dict[TrialState, int]:
    """How many trials are in each state, without their records."""
    query = select(TrialModel.state, count()).where(TrialModel.study_id == study._study_id).group_by(TrialModel.state)
    with engine_of(study).connect() as connection:
        return dict.fromkeys(TrialState, 0) | {state: n for state, n in connection.execute(query)}


def unfinished_trials(study: Study) -> list[FrozenTrial]:
    """Those that run or wait, by number; the records of all others stay where they are."""
    states = (TrialState.RUNNING, TrialState.WAITING)
    return database_of(study).get_all_trials(study._study_id, deepcopy=False, states=states)


def complete_trials(study: Study) -> Iterator[FrozenTrial]:
    """The complete ones, best first by the first objective and then by number, each read when it is asked for."""
    sign, value = -1 if study.directions[0] == StudyDirection.MAXIMIZE else 1, TrialValueModel
    query = (
        select(value.value, value.value_type, TrialModel.number, TrialModel.trial_id)
        .join(TrialModel)
        .where(TrialModel.study_id == study._study_id, TrialModel.state == TrialState.COMPLETE, value.objective == 0)
    )
    with engine_of(study).connect() as connection:
        rows = connection.execute(query).all()
    ranked = sorted((sign * value.stored_repr_to_value(*row[:2]), *row[2:]) for row in rows)
    return (database_of(study).get_trial(trial_id) for *_, trial_id in ranked)


def study_in_memory(direction: StudyDirection, trials: Sequence[FrozenTrial]) -> Study:
    """A study with these finished trials, which it numbers and does not copy: that takes longer than to model them."""
    study = optuna.create_study(storage=(storage := InMemoryStorage()), direction=direction)
    for number, trial in enumerate(trials):
        trial.number = trial._trial_id = number
        storage._trial_id_to_study_id_and_number[number] = (study._study_id, number)
    storage._studies[study._study_id].trials.extend(trials)
    storage._max_trial_id = len(trials) - 1
    return study


def resumed(study: Study, trial: FrozenTrial) -> Trial:
    """A trial that another process began, to go on with under its own number.

    Call it after ``study.get_trials``: the cache in front of the database knows no other trials.
    """
    return Trial(study, trial._trial_id)


def note_left(study: Study, trial: Trial | FrozenTrial, left: dict[str, Any] | None) -> None:
    """Puts down what an interrupted trial has come to; None when somebody goes on with it.

    Apart from the trial's own attributes, which are in the end as if it had never been interrupted.
    """
    study._storage.set_trial_system_attr(trial._trial_id, LEFT, left)


def given_parameters(trial: FrozenTrial) -> dict[str, Any]:
    """What a trial that was lined up was given to begin with; empty for one that was drawn."""
    given: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return given


def withdraw(study: Study, trial: FrozenTrial) -> None:
    """Fails a trial that waits and is no longer to be run; Optuna tells only of those that run."""
    study._storage.set_trial_user_attr(trial._trial_id, "withdrawn", True)
    study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def system_attributes(study: Study) -> dict[str, Any]:
    """What Optuna's own tools keep with a study."""
    return study._storage.get_study_system_attrs(study._study_id)


def set_system_attribute(study: Study, key: str, value: int | str) -> None:
    """Stores something for one of Optuna's own tools."""
    study._storage.set_study_system_attr(study._study_id, key, value)


@contextmanager
def one_transaction(study: Study) -> Iterator[None]:
    """What is stored of a study within the context is committed at its end, or undone if it ends with an exception.

    Optuna commits every parameter and every attribute by itself, which takes two milliseconds each, and a process that
    is killed between two of them leaves half of a record. Its sessions are joined into a transaction around them
    (docs.sqlalchemy.org, "Joining a Session into an External Transaction"). For one thread at a time.

    Raises:
        StorageInternalError: If the database fails.
    """
    storage = _behind_cache(study)
    if not isinstance(storage, RDBStorage):
        yield  # A study in memory has nothing to commit.
        return
    usual = storage.scoped_session
    with storage.engine.begin() as connection:
        joined = scoped_session(sessionmaker(bind=connection, join_transaction_mode="rollback_only"))
        storage.scoped_session = joined
        try:
            yield
        finally:
            storage.scoped_session = usual
            joined.remove()


def make_durable(study: Study) -> None:
    """Has SQLite's log flushed to disk, so that a failure of the power does not take back what was stored."""
    engine = engine_of(study)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint"))
