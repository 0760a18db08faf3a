"""Private parts of Optuna's studies, which nothing else touches: what their storage can do and they do not offer.

These are ``Study._storage`` and ``_study_id``, ``FrozenTrial._trial_id`` and the cache in front of a database, as they
are in Optuna 5; ``database.py`` has those of the storage.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import optuna
from optuna import Study, Trial
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.models import (
    StudyUserAttributeModel,
    TrialModel,
    TrialValueModel,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import (
    Engine,
    bindparam,
    select,
    text,
)
from sqlalchemy.sql.functions import count

from ..core.errors import StorageError
from .database import HISTORIES, HISTORY, StudyDatabase, rows_of

# On an unfinished trial: what it has come to.
LEFT = "seqtune:left"
# What was read so long ago will do for who says so.
_MOMENT_SECONDS = 0.2

_IDENTITY = select(StudyUserAttributeModel.value_json).where(
    StudyUserAttributeModel.study_id == bindparam("study"), StudyUserAttributeModel.key == "study_id"
)


class TrialsInOrder(_CachedStorage):
    """Optuna's cache, which by itself sorts all trials of a study whenever it is asked, a score of times a trial.

    Attributes:
        look: How much this process had written when the trials of each study were last read; None where each reading is
            to be new.
    """

    def __init__(self, backend: StudyDatabase) -> None:
        super().__init__(backend)
        self._in_order: dict[int, list[FrozenTrial]] = {}
        self._database = backend
        self.look: dict[int, int] | None = None
        self._attributes: dict[int, dict[str, Any]] = {}
        self._last: dict[int, tuple[int, float]] = {}

    def _add_trials_to_cache(self, study_id: int, trials: list[FrozenTrial]) -> None:
        super()._add_trials_to_cache(study_id, trials)
        in_order = self._in_order.setdefault(study_id, [])
        for trial in sorted(trials, key=lambda one: one.number):
            if trial.number < len(in_order):
                in_order[trial.number] = trial
            elif trial.number == len(in_order):
                in_order.append(trial)

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        n_writes, now = self._database.n_writes, time.monotonic()
        if self.look is None or self.look.get(study_id) != n_writes:
            super()._read_trials_from_remote_storage(study_id)
            self._last[study_id] = n_writes, now
        if self.look is not None:
            self.look[study_id] = n_writes

    def begin_look(self, study_id: int, *, may_be_old: bool) -> None:
        """See ``one_look``."""
        self.look = self.look or {}
        n_writes, looked = self._last.get(study_id, (-1, -math.inf))
        if may_be_old and time.monotonic() - looked < _MOMENT_SECONDS:
            self.look[study_id] = n_writes
        else:
            self.look.pop(study_id, None)
            self._attributes.pop(study_id, None)

    def end_look(self) -> None:
        """Has everything read anew again."""
        self.look = None
        self._attributes.clear()

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """As in ``BaseStorage``."""
        study_id, number = self._trial_id_to_study_id_and_number.get(trial_id, (-1, -1))
        if (self.look or {}).get(study_id) != self._database.n_writes:
            return super().get_trial(trial_id)
        trial = copy.copy(self._studies[study_id].trials[number])
        # Whoever runs a trial puts into these what is stored of it.
        trial.params, trial.distributions = dict(trial.params), dict(trial.distributions)
        trial.user_attrs, trial.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
        trial.intermediate_values = dict(trial.intermediate_values)
        return trial

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """As in ``BaseStorage``."""
        if self.look is None:
            return super().get_study_user_attrs(study_id)
        if study_id not in self._attributes:
            self._attributes[study_id] = super().get_study_user_attrs(study_id)
        return self._attributes[study_id]

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """As in ``BaseStorage``."""
        self._attributes.pop(study_id, None)
        super().set_study_user_attr(study_id, key, value)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As in ``BaseStorage``."""
        self._read_trials_from_remote_storage(study_id)
        with self._lock:
            in_order = self._in_order.get(study_id, [])
            if len(in_order) != len(self._studies[study_id].trials):  # Numbers of another program's trials have gaps.
                in_order = [trial for _, trial in sorted(self._studies[study_id].trials.items())]
            trials = list(in_order) if states is None else [trial for trial in in_order if trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


@contextmanager
def one_look(study: Study, *, may_be_old: bool = False) -> Iterator[None]:
    """Has the study read once for all that is decided within the context, and again where this process changes it.

    By itself whoever asks for trials reads all anew that have not ended. For one thread at a time.

    Args:
        study: To look at.
        may_be_old: Whether what was read a moment ago will do.
    """
    cache = study._storage
    if not isinstance(cache, TrialsInOrder):
        yield
        return
    was_looking = cache.look is not None
    cache.begin_look(study._study_id, may_be_old=may_be_old)
    try:
        yield
    finally:
        if not was_looking:
            cache.end_look()


def study_of(storage: BaseStorage, name: str) -> Study:
    """A study that exists.

    Raises:
        KeyError: If there is none of that name.
    """
    study = optuna.load_study(study_name=name, storage=storage)
    if isinstance(storage, StudyDatabase):
        # Its trials are read once however often it is loaded.
        cache, own = TrialsInOrder(storage), identity(study)
        study._storage = cache if own is None else storage.caches.setdefault(own, cache)
    return study


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
    with engine_of(study).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found = connection.execute(_IDENTITY, {"study": study._study_id}).scalar()
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


def stored_histories(study: Study, trials: Sequence[FrozenTrial]) -> dict[int, Any]:
    """What is stored as the ``HISTORY`` of these trials, by their numbers, of those that have one."""
    found = {trial.number: trial.user_attrs[HISTORY] for trial in trials if HISTORY in trial.user_attrs}
    numbers = {trial._trial_id: trial.number for trial in trials if trial.number not in found}
    if numbers and isinstance(storage := _behind_cache(study), RDBStorage):
        with storage.engine.connect() as connection:
            for _, trial_id, *_, written in rows_of(connection, HISTORIES, numbers):
                if trial_id in numbers:
                    found[numbers[trial_id]] = json.loads(written)
    return found


def study_in_memory(direction: StudyDirection, trials: Sequence[FrozenTrial]) -> Study:
    """A study with these finished trials, which it numbers and does not copy: that takes longer than to model them."""
    study = optuna.create_study(storage=(storage := InMemoryStorage()), direction=direction)
    for number, trial in enumerate(trials):
        trial.number = trial._trial_id = number
        storage._trial_id_to_study_id_and_number[number] = (study._study_id, number)
    storage._studies[study._study_id].trials.extend(trials)
    storage._max_trial_id = len(trials) - 1
    return study


def with_trials(study: Study, trials: Sequence[FrozenTrial]) -> Study:
    """The study, as it is to a sampler that shall learn from these trials alone."""
    shown = copy.copy(study)

    def chosen(
        deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        return [trial for trial in trials if states is None or trial.state in states]

    shown._get_trials = chosen  # type: ignore[method-assign]
    return shown


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


def one_transaction(study: Study) -> AbstractContextManager[None]:
    """What is stored of trials within the context is stored at its end, all or, if it ends with an exception, nothing.

    Optuna commits every parameter and every attribute by itself, which takes two milliseconds each, and a process that
    is killed between two of them leaves half of a record. What is read meanwhile is as it was before, and nobody waits
    for what is computed. For one thread at a time.

    Raises:
        StorageInternalError: If the database fails.
    """
    storage = _behind_cache(study)
    return storage.together() if isinstance(storage, StudyDatabase) else nullcontext()


def make_durable(study: Study) -> None:
    """Has SQLite's log flushed to disk, so that a failure of the power does not take back what was stored."""
    engine = engine_of(study)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint"))
