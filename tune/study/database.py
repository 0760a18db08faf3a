"""The database of studies: Optuna's tables, read and written with few questions.

Like ``store.py`` it touches private parts of Optuna's: its tables and its storage of them.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any
from weakref import WeakValueDictionary

from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
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
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    cast,
    delete,
    insert,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.functions import count

# On a trial: each epoch of each fold. It is most of what is stored of a trial, and of few trials ever asked for.
HISTORY = "history"

# So many trials are asked for by their ids, whose number a database limits; more of them as all the later ones.
_N_BY_IDS = 500
_N_ROWS = 1000


# What is known of a trial, by its table: what tells a row from the others of the trial, and what may change of it.
_CONTENTS: dict[Any, tuple[str, tuple[str, ...]]] = {
    TrialParamModel: ("param_name", ()),
    TrialIntermediateValueModel: ("step", ("intermediate_value", "intermediate_value_type")),
    TrialValueModel: ("objective", ("value", "value_type")),
    TrialUserAttributeModel: ("key", ("value_json",)),
    TrialSystemAttributeModel: ("key", ("value_json",)),
}
Rows = defaultdict[Any, list[dict[str, Any]]]


class StudyDatabase(RDBStorage):
    """Optuna's database, whose trials come without their ``HISTORY``, and in a fraction of the time and the memory.

    Optuna makes an object of every row, and two distributions of every parameter; and before it stores a parameter or
    an attribute it reads the trial.

    Attributes:
        caches: In front of it, by the random ids of their studies: one created after a deletion has the same number.
        n_writes: How often this process has written.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any] | None = None) -> None:
        super().__init__(url, engine_kwargs)
        self.caches: WeakValueDictionary[str, BaseStorage] = WeakValueDictionary()
        self._unfinished: dict[int, FrozenTrial] = {}
        self._together: Rows | None = None
        self.n_writes = 0

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """As in ``BaseStorage``, without its ``HISTORY``."""
        with self.reading() as connection:
            found = _trials(connection, _HEAD, {"trial": trial_id}, {})
        if not found:
            raise KeyError(f"there is no trial {trial_id}")
        return found[trial_id]

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        unfinished = self._unfinished
        heads = _HEADS_AGAIN if unfinished else _HEADS
        if isinstance(states, Iterable):
            heads = heads.where(TrialModel.state.in_(states))
        asked = {"study": study_id, "ids": list(included_trial_ids), "after": trial_id_greater_than}
        with self.reading() as connection:
            trials = _trials(connection, heads, asked, unfinished)
            if not trials:
                _check_study(connection, study_id)
        self._unfinished = {number: trial for number, trial in trials.items() if trial.state == TrialState.RUNNING}
        return list(trials.values())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection without a transaction, whose begin and end are two more questions to a server."""
        with _failures_as_optunas(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection with a transaction."""
        with _failures_as_optunas(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """See ``one_transaction``."""
        rows = self._together = defaultdict(list)
        try:
            yield
        finally:
            self._together = None
        if rows:
            self._store(rows)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """As in ``BaseStorage``."""
        with self.reading() as connection:
            rows = connection.execute(_ATTRIBUTES, {"study": study_id}).all()
            if not rows:
                _check_study(connection, study_id)
        return {key: json.loads(written) for key, written in rows}

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        if template_trial is not None:
            return super()._create_new_trial(study_id, template_trial)
        head, begun = TrialModel.__table__, datetime.now(UTC).replace(tzinfo=None)
        with self.writing() as connection:
            # Nobody else begins one meanwhile.
            _check_study(connection, study_id, alone=True)
            number = connection.scalar(select(count()).where(head.c.study_id == study_id))
            row = {"study_id": study_id, "number": number, "state": TrialState.RUNNING, "datetime_start": begun}
            made: Any = connection.execute(insert(head).values(row)).inserted_primary_key
        return _empty(made.trial_id, number or 0, TrialState.RUNNING, begun)

    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        if previous_distribution is None:
            previous_distribution = self._first_distribution(trial_id, param_name)
        if previous_distribution is not None:
            check_distribution_compatibility(previous_distribution, distribution)
        written = distribution_to_json(distribution)
        row = {"param_name": param_name, "param_value": param_value_internal, "distribution_json": written}
        self._add(TrialParamModel, trial_id, row)

    def _first_distribution(self, trial_id: int, name: str) -> BaseDistribution | None:
        """What a parameter of a trial's study was first drawn from, if it was."""
        param, study_id = TrialParamModel, select(TrialModel.study_id).filter_by(trial_id=trial_id).scalar_subquery()
        query = select(param.distribution_json).join(TrialModel).where(TrialModel.study_id == study_id)
        with self.reading() as connection:
            found = connection.scalar(query.where(param.param_name == name).limit(1))
        return None if found is None else _distribution(found)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """As in ``BaseStorage``."""
        model = TrialIntermediateValueModel
        value, kind = model.intermediate_value_to_stored_repr(intermediate_value)
        self._add(model, trial_id, {"step": step, "intermediate_value": value, "intermediate_value_type": kind})

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As in ``BaseStorage``."""
        self._add(TrialUserAttributeModel, trial_id, {"key": key, "value_json": json.dumps(value)})

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As in ``BaseStorage``."""
        self._add(TrialSystemAttributeModel, trial_id, {"key": key, "value_json": json.dumps(value)})

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """As in ``BaseStorage``."""
        if not state.is_finished():  # Of several who would begin a trial one may.
            self.n_writes += 1
            return super().set_trial_state_values(trial_id, state, values)
        with nullcontext() if self._together is not None else self.together():
            for objective, one in enumerate(values or ()):
                value, kind = TrialValueModel.value_to_stored_repr(one)
                self._add(TrialValueModel, trial_id, {"objective": objective, "value": value, "value_type": kind})
            ended = datetime.now(UTC).replace(tzinfo=None)
            self._add(TrialModel, trial_id, {"state": state, "datetime_complete": ended})
        return True

    def _add(self, model: Any, trial_id: int, row: dict[str, Any]) -> None:
        """Stores a row, now or together with others."""
        row = {"trial_id": trial_id, **row}
        if self._together is not None:
            self._together[model].append(row)
        else:
            self._store(defaultdict(list, {model: [row]}))

    def _store(self, rows: Rows) -> None:
        """Stores rows by their tables in one transaction, if their trials may still change."""
        self.n_writes += 1
        ended, dialect = rows.pop(TrialModel, []), self.engine.dialect.name
        ids = {row["trial_id"] for of_table in (*rows.values(), ended) for row in of_table}
        # What is one statement is a transaction by itself.
        is_one = not ended and [_upsert(dialect, model) is not None and len(rows[model]) for model in rows] == [1]
        with self.reading() if is_one else self.writing() as connection:
            # Who ends a trial has to be the only one.
            query = _STATES.with_for_update() if ended else _STATES
            found: dict[int, TrialState] = dict(connection.execute(query, {"ids": list(ids)}).all())
            for trial_id in ids:
                if trial_id not in found:
                    raise KeyError(f"there is no trial {trial_id}")
                self.check_trial_is_updatable(trial_id, found[trial_id])
            for model, of_table in rows.items():
                if (statement := _upsert(dialect, model)) is None:
                    name, _ = _CONTENTS[model]
                    for row in of_table:
                        connection.execute(delete(model).filter_by(trial_id=row["trial_id"], **{name: row[name]}))
                    statement = insert(model.__table__)
                connection.execute(statement, of_table)
            for row in ended:
                connection.execute(_END, {**row, "ended": row.pop("trial_id")})


@contextmanager
def _failures_as_optunas() -> Iterator[None]:
    """Failures of a database as Optuna raises them."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StorageInternalError("the database failed") from error


def _check_study(connection: Connection, study_id: int, *, alone: bool = False) -> None:
    """Makes sure that a study is there, and, where it is asked, that it is locked until the transaction ends."""
    query = select(StudyModel.study_id).filter_by(study_id=study_id)
    if connection.scalar(query.with_for_update() if alone else query) is None:
        raise KeyError(f"there is no study {study_id}")


@cache
def _upsert(dialect: str, model: Any) -> Any:
    """The statement that stores rows of a table, of which some may be there already; None where there is none."""
    name, changing = _CONTENTS[model]
    if dialect in ("mysql", "mariadb"):
        of_mysql = mysql.insert(model.__table__)
        return of_mysql.on_duplicate_key_update({one: of_mysql.inserted[one] for one in changing or (name,)})
    if dialect not in ("postgresql", "sqlite"):
        return None
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(model.__table__)
    if not changing:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(
        index_elements=["trial_id", name], set_={one: statement.excluded[one] for one in changing}
    )


def _trials(
    connection: Connection, heads: Select[Any], asked: Mapping[str, Any], unfinished: Mapping[int, FrozenTrial]
) -> dict[int, FrozenTrial]:
    """Trials by their ids, in the order of these, without their ``HISTORY``.

    Args:
        connection: To the database.
        heads: Asks for those of them.
        asked: What its answer depends on.
        unfinished: As they were when they were read before: what they were given by then does not change.
    """
    # First of all the states: of a trial that is finished by then the rest is all there.
    found = connection.execute(heads, asked).all()
    trials = {row[0]: _empty(row[0], *row[2:]) for row in found}
    n_drawn = {trial_id: n for trial_id, n, *_ in found}
    undrawn = dict(trials)
    for trial_id in unfinished.keys() & trials.keys():
        trial, before = trials[trial_id], unfinished[trial_id]
        if not trial.state.is_finished() and n_drawn[trial_id] == len(before.params):
            trial.params, trial.distributions = dict(before.params), dict(before.distributions)
            del undrawn[trial_id]
    ended = {trial_id: trial for trial_id, trial in trials.items() if trial.state.is_finished()}
    asked_for = {_DRAWN: undrawn, _SCORED: ended}
    for (kind, trial_id), of_trial in groupby(_contents_of(connection, trials, undrawn, ended), itemgetter(0, 1)):
        if trial_id not in asked_for.get(kind, trials):
            continue
        _, _, orders, names, numbers, texts = zip(*of_trial, strict=True)
        trial = trials[trial_id]
        if kind == _DRAWN:
            shared = _distributions(names, texts)
            trial.distributions = shared if trial.state.is_finished() else dict(shared)
            pairs = zip(shared.items(), numbers, strict=True)
            trial.params = {name: one.to_external_repr(number) for (name, one), number in pairs}
        elif kind == _SCORED:
            trial.values = [_number(*one) for one in zip(numbers, names, strict=True)]
        elif kind == _REPORTED:
            of_epochs = zip(orders, numbers, names, strict=True)
            trial.intermediate_values = {epoch: _number(*one) for epoch, *one in of_epochs}
        else:
            attributes = trial.user_attrs if kind == _NOTED else trial.system_attrs
            attributes |= {sys.intern(key): _parsed(text) for key, text in zip(names, texts, strict=True)}
    return trials


# What is known of a trial, in rows alike: its kind, the trial, its place among those of its kind, its name or the kind
# of a number, the number, and the text.
_DRAWN, _SCORED, _REPORTED, _NOTED, _NOTED_INSIDE = range(5)
_NOTHING = null()
_NO_ORDER: ColumnElement[Any] = literal_column("0")


def _contents(kind: int, model: Any, order: Any, name: Any, number: Any, text: Any) -> Select[Any]:
    return select(literal_column(str(kind)), model.trial_id, order, name, number, text)


_PARAMS = _contents(
    _DRAWN,
    TrialParamModel,
    TrialParamModel.param_id,
    TrialParamModel.param_name,
    TrialParamModel.param_value,
    TrialParamModel.distribution_json,
)
_VALUES = _contents(
    _SCORED,
    TrialValueModel,
    TrialValueModel.objective,
    cast(TrialValueModel.value_type, String(8)),
    TrialValueModel.value,
    _NOTHING,
)
_REPORTS = _contents(
    _REPORTED,
    TrialIntermediateValueModel,
    TrialIntermediateValueModel.step,
    cast(TrialIntermediateValueModel.intermediate_value_type, String(8)),
    TrialIntermediateValueModel.intermediate_value,
    _NOTHING,
)
_OWN, _INNER = (
    _contents(kind, model, _NO_ORDER, model.key, _NOTHING, model.value_json)
    for kind, model in ((_NOTED, TrialUserAttributeModel), (_NOTED_INSIDE, TrialSystemAttributeModel))
)
HISTORIES = _OWN.where(TrialUserAttributeModel.key == HISTORY)
_OWN = _OWN.where(TrialUserAttributeModel.key != HISTORY)
# Statements are made once: to put one together takes as long as to have it answered.
_OF_FEW = union_all(
    *(
        query.where(query.selected_columns[1].in_(bindparam(name, expanding=True)))
        for query, name in ((_PARAMS, "undrawn"), (_VALUES, "ended"), (_REPORTS, "all"), (_OWN, "all"), (_INNER, "all"))
    )
)
_TRIAL = TrialModel.__table__.c


def _heads(n_drawn: Any) -> Select[Any]:
    return select(
        _TRIAL.trial_id, n_drawn, _TRIAL.number, _TRIAL.state, _TRIAL.datetime_start, _TRIAL.datetime_complete
    ).order_by(_TRIAL.trial_id)


_OF_STUDY = (_TRIAL.study_id == bindparam("study")) & or_(
    _TRIAL.trial_id.in_(bindparam("ids", expanding=True)), _TRIAL.trial_id > bindparam("after")
)
_NOT_COUNTED: ColumnElement[Any] = literal_column("0")
_N_DRAWN = select(count()).where(TrialParamModel.trial_id == _TRIAL.trial_id).scalar_subquery()
_HEAD = _heads(_NOT_COUNTED).where(_TRIAL.trial_id == bindparam("trial"))
_HEADS, _HEADS_AGAIN = (_heads(n_drawn).where(_OF_STUDY) for n_drawn in (_NOT_COUNTED, _N_DRAWN))
_STATES = select(_TRIAL.trial_id, _TRIAL.state).where(_TRIAL.trial_id.in_(bindparam("ids", expanding=True)))
_END = update(TrialModel.__table__).where(_TRIAL.trial_id == bindparam("ended"))
_ATTRIBUTES = select(StudyUserAttributeModel.key, StudyUserAttributeModel.value_json).where(
    StudyUserAttributeModel.study_id == bindparam("study")
)
_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def _number(number: float | None, kind: str) -> float:
    """A number as Optuna stores it, since not every database has those that are none."""
    if kind == "FINITE":
        assert number is not None
        return number
    assert number is None
    return _SPECIAL[kind]


def _empty(
    trial_id: int, number: int, state: TrialState, start: datetime | None, complete: datetime | None = None
) -> FrozenTrial:
    """A trial of which nothing is known yet; its times are those of Greenwich."""
    return FrozenTrial(
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


def _local(stored: datetime | None) -> datetime | None:
    """A time as Optuna gives it, which stores that of Greenwich."""
    return stored and stored.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _contents_of(
    connection: Connection, trials: Mapping[int, Any], undrawn: Mapping[int, Any], ended: Mapping[int, Any]
) -> Iterator[Any]:
    """What is stored of trials of a study, and perhaps of others, by its kind and the trial; of few by one question."""
    if 0 < len(trials) <= _N_BY_IDS:
        asked = {"all": list(trials), "undrawn": list(undrawn), "ended": list(ended)}
        return iter(sorted(connection.execute(_OF_FEW, asked), key=itemgetter(0, 1, 2, 3)))
    these = (_PARAMS, undrawn), (_VALUES, ended), (_REPORTS, trials), (_OWN, trials), (_INNER, trials)
    return chain.from_iterable(rows_of(connection, *one) for one in these)


def rows_of(connection: Connection, query: Select[Any], trials: Mapping[int, Any]) -> Iterator[Any]:
    """What a query finds of these trials of a study, and perhaps of later ones, in order."""
    if not trials:
        return iter(())
    these: Any = trials.keys()
    if len(trials) > _N_BY_IDS:
        head, first = TrialModel, min(trials)
        study_id = select(head.study_id).where(head.trial_id == first).scalar_subquery()
        these = select(head.trial_id).where(head.study_id == study_id, head.trial_id >= first)
    _, trial_id, order, name, *_ = query.selected_columns
    query = query.where(trial_id.in_(these)).order_by(trial_id, name if order is _NO_ORDER else order)
    # The driver's own rows: to make an object of each takes longer than to read it.
    cursor: Any = connection.execute(query).cursor
    return chain.from_iterable(iter(lambda: tuple(cursor.fetchmany(_N_ROWS)), ()))


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
