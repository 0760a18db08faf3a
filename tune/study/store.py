"""The only place that touches private parts of Optuna's studies: what their storage can do and they do not offer.

These are ``Study._storage`` and ``_study_id``, ``FrozenTrial._trial_id``, the cache in front of a database, its tables,
its sessions and how it reads trials from them, as they are in Optuna 5.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from itertools import groupby
from operator import itemgetter
from typing import Any
from weakref import WeakValueDictionary

import optuna
from optuna import Study, Trial
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.models import (
    StudyModel,
    StudyUserAttributeModel,
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialSystemAttributeModel,
    TrialUserAttributeModel,
    TrialValueModel,
)
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ColumnElement, Engine, Select, or_, select, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.sql.functions import count

from ..core.errors import StorageError

# On an unfinished trial: what it has come to.
LEFT = "seqtune:left"
# On a trial: each epoch of each fold. It is most of what is stored of a trial, and of few trials ever asked for.
HISTORY = "history"

# So many trials are asked for by their ids, whose number a database limits; more of them as all the later ones.
_N_BY_IDS = 500
_N_ROWS = 1000


class StudyDatabase(RDBStorage):
    """Optuna's database, whose trials come without their ``HISTORY``, and in a fraction of the time and the memory.

    Optuna makes an object of every row, and two distributions of every parameter.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any] | None = None) -> None:
        super().__init__(url, engine_kwargs)
        self._caches: WeakValueDictionary[str, BaseStorage] = WeakValueDictionary()

    def with_one_cache(self, study: Study) -> Study:
        """The study, whose trials are read once however often it is loaded."""
        study._storage = _TrialsInOrder(self)
        # By its random id, since what is created after a deletion has the same number.
        if (own := identity(study)) is not None:
            study._storage = self._caches.setdefault(own, study._storage)
        return study

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        param, value, report = TrialParamModel, TrialValueModel, TrialIntermediateValueModel
        user, system, is_asked_for = TrialUserAttributeModel, TrialSystemAttributeModel, TrialModel.study_id == study_id
        is_asked_for &= or_(TrialModel.trial_id.in_(included_trial_ids), TrialModel.trial_id > trial_id_greater_than)
        if isinstance(states, Iterable):
            is_asked_for &= TrialModel.state.in_(states)
        with _create_scoped_session(self.scoped_session) as session:
            # First of all the states: of a trial that is finished by then the rest is all there.
            trials = _without_contents(session, is_asked_for)
            if not trials:
                StudyModel.find_or_raise_by_id(study_id, session)  # KeyError where the study is gone.
                return []
            rows = partial(_rows_of, session, study_id, trials)
            drawn = select(param.trial_id, param.param_name, param.param_value, param.distribution_json)
            for trial, of_trial in groupby(rows(drawn.order_by(param.trial_id, param.param_id)), itemgetter(0)):
                _, names, numbers, distributions = zip(*of_trial, strict=True)
                shared = _distributions(names, distributions)
                trial.distributions = shared if trial.state.is_finished() else dict(shared)
                pairs = zip(shared.items(), numbers, strict=True)
                trial.params = {name: one.to_external_repr(number) for (name, one), number in pairs}
            values = select(value.trial_id, value.value, value.value_type)
            for trial, *stored in rows(values.order_by(value.trial_id, value.objective)):
                trial.values = [*(trial.values or ()), value.stored_repr_to_value(*stored)]
            reports = select(report.trial_id, report.step, report.intermediate_value, report.intermediate_value_type)
            for trial, step, *stored in rows(reports.order_by(report.trial_id, report.step)):
                trial.intermediate_values[step] = report.stored_repr_to_intermediate_value(*stored)
            own = select(user.trial_id, user.key, user.value_json).where(user.key != HISTORY)
            for trial, key, written in rows(own.order_by(user.trial_id, user.key)):
                trial.user_attrs[sys.intern(key)] = _parsed(written)
            inner = select(system.trial_id, system.key, system.value_json)
            for trial, key, written in rows(inner.order_by(system.trial_id, system.key)):
                trial.system_attrs[sys.intern(key)] = _parsed(written)
        return list(trials.values())


class _TrialsInOrder(_CachedStorage):
    """Optuna's cache, which by itself sorts all trials of a study whenever it is asked, a score of times a trial."""

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._in_order: dict[int, list[FrozenTrial]] = {}

    def _add_trials_to_cache(self, study_id: int, trials: list[FrozenTrial]) -> None:
        super()._add_trials_to_cache(study_id, trials)
        in_order = self._in_order.setdefault(study_id, [])
        for trial in sorted(trials, key=lambda one: one.number):
            if trial.number < len(in_order):
                in_order[trial.number] = trial
            elif trial.number == len(in_order):
                in_order.append(trial)

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


def _without_contents(session: Session, is_asked_for: ColumnElement[bool]) -> dict[int, FrozenTrial]:
    """Trials by their ids, in the order of these."""
    head = TrialModel.__table__.c
    query = select(head.trial_id, head.number, head.state, head.datetime_start, head.datetime_complete)
    rows = session.connection().execute(query.where(is_asked_for).order_by(head.trial_id))
    return {
        trial_id: FrozenTrial(
            number=number,
            state=state,
            value=None,
            datetime_start=_local(start),
            datetime_complete=_local(complete),
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=trial_id,
        )
        for trial_id, number, state, start, complete in rows
    }


def _local(stored: datetime | None) -> datetime | None:
    """A time as Optuna gives it, which stores that of Greenwich."""
    return stored and stored.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _rows_of(session: Session, study_id: int, trials: Mapping[int, Any], query: Select[Any]) -> Iterator[Any]:
    """What belongs to these trials of what a query finds, with what stands for the trial in place of its id."""
    these: Any = trials.keys()
    if len(trials) > _N_BY_IDS:
        these = select(TrialModel.trial_id).where(TrialModel.study_id == study_id, TrialModel.trial_id >= min(trials))
    trial_id, *_ = query.selected_columns
    # By the connection, since the session looks for objects in every row; many at a time, since each call costs more.
    for rows in session.connection().execute(query.where(trial_id.in_(these))).partitions(_N_ROWS):
        for found, *rest in rows:
            if found in trials:
                yield trials[found], *rest


@cache
def _distribution(text: str) -> BaseDistribution:
    """One object for all trials that were drawn from it."""
    return json_to_distribution(text)


@cache
def _distributions(names: Sequence[str], texts: Sequence[str]) -> dict[str, BaseDistribution]:
    """One dictionary for all finished trials that were drawn alike; every key is one object."""
    return {sys.intern(name): _distribution(text) for name, text in zip(names, texts, strict=True)}


# One object for all trials that have the same, which nobody changes.
_parsed = lru_cache(4096)(json.loads)


def study_of(storage: BaseStorage, name: str) -> Study:
    """A study that exists.

    Raises:
        KeyError: If there is none of that name.
    """
    study = optuna.load_study(study_name=name, storage=storage)
    return storage.with_one_cache(study) if isinstance(storage, StudyDatabase) else study


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


def stored_histories(study: Study, trials: Sequence[FrozenTrial]) -> dict[int, Any]:
    """What is stored as the ``HISTORY`` of these trials, by their numbers, of those that have one."""
    found = {trial.number: trial.user_attrs[HISTORY] for trial in trials if HISTORY in trial.user_attrs}
    numbers = {trial._trial_id: trial.number for trial in trials if trial.number not in found}
    if numbers and isinstance(storage := _behind_cache(study), RDBStorage):
        model = TrialUserAttributeModel
        query = select(model.trial_id, model.value_json).where(model.key == HISTORY)
        with _create_scoped_session(storage.scoped_session) as session:
            for number, written in _rows_of(session, study._study_id, numbers, query):
                found[number] = json.loads(written)
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
