"""Many writes as one: all there or none, and others see nothing of them before. Trials are as Optuna reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna import Study
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event

from tests.tune.conftest import Lab, NewLab
from tune.core.errors import StorageError
from tune.study.database import HISTORY
from tune.study.storage import open_storage, sqlite_url
from tune.study.store import engine_of, one_look, one_transaction, storage_of
from tune.study.study import load_study, with_histories, with_history

SPACE: dict[str, optuna.distributions.BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1, log=True),
    "size": IntDistribution(1, 9, step=2),
    "cell": CategoricalDistribution(["gru", "lstm", None]),
}
EPOCH = {
    "epoch": 1,
    "train_loss": 0.5,
    "train_accuracy": 0.5,
    "learning_rate": 0.1,
    "gradient_norm": 1.0,
    "validation": {"accuracy": 0.5, "macro_f1": 0.5, "loss": 0.5},
    "seconds": 0.1,
}


def test_all_is_stored_at_the_end_and_others_see_nothing_before(new_lab: NewLab) -> None:
    lab = new_lab("many")
    study, other = lab.study(), lab.study()
    trial = study.ask()
    with one_transaction(study):
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("note", {"c": "ü"})
        study.tell(trial, 0.5)
        assert other.get_trials()[trial.number].state == TrialState.RUNNING
    for seen in (study.get_trials()[trial.number], other.get_trials()[trial.number]):
        assert (seen.params, seen.value, seen.user_attrs["note"]) == ({"x": x}, 0.5, {"c": "ü"})


def test_what_goes_wrong_undoes_all_of_it(new_lab: NewLab) -> None:
    lab = new_lab("none")
    study = lab.study()
    trial = study.ask()
    before = dict(lab.study().get_trials()[trial.number].user_attrs)

    def store_half() -> None:
        with one_transaction(study):
            trial.set_user_attr("good", 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_half()
    assert lab.study().get_trials()[trial.number].user_attrs == before
    trial.set_user_attr("after", 2)
    assert lab.study().get_trials()[trial.number].user_attrs == {**before, "after": 2}


def test_a_second_writer_waits_its_turn(new_lab: NewLab) -> None:
    lab = new_lab("two")
    study, other = lab.study(), lab.study()
    trial, theirs = study.ask(), other.ask()
    with one_transaction(study):
        trial.set_user_attr("mine", 1)
    with one_transaction(other):
        theirs.set_user_attr("theirs", 2)
    attributes = [trial.user_attrs for trial in lab.study().get_trials()[-2:]]
    assert (attributes[0]["mine"], attributes[1]["theirs"]) == (1, 2)


def test_nobody_waits_for_what_is_computed_before_it_is_stored(new_lab: NewLab) -> None:
    lab = new_lab("slow")
    study, other = lab.study(), lab.study()
    trial = study.ask()
    with one_transaction(study):
        trial.set_user_attr("mine", 1)
        theirs = other.ask()
        theirs.set_user_attr("theirs", 2)
    attributes = [trial.user_attrs for trial in lab.study().get_trials()[-2:]]
    assert (attributes[0]["mine"], attributes[1]["theirs"]) == (1, 2)


def test_an_ended_trial_is_not_written_to(new_lab: NewLab) -> None:
    study = new_lab("ended").study()
    trial = study.ask()
    study.tell(trial, 0.5)
    with pytest.raises(UpdateFinishedTrialError), one_transaction(study):
        trial.set_user_attr("late", 1)
    assert "late" not in study.get_trials()[trial.number].user_attrs


def opened_elsewhere(lab: Lab) -> Study:
    """The study, as another process has it."""
    study = load_study(open_storage(sqlite_url(lab.place / "tune.db")), lab.name)
    assert study is not None
    return study


def test_a_look_reads_once_and_again_what_this_process_changes(new_lab: NewLab) -> None:
    lab = new_lab("look")
    study, other = lab.study(), opened_elsewhere(lab)
    mine, theirs = study.ask(), other.ask()
    with one_look(study):
        before = study.get_trials(deepcopy=False)
        theirs.report(0.5, 1)
        assert statements_of(study, partial(study.get_trials, deepcopy=False)) == []
        assert study.get_trials(deepcopy=False)[theirs.number] is before[theirs.number]
        mine.report(0.25, 1)
        found = study.get_trials(deepcopy=False)
        assert found[mine.number].intermediate_values == {1: 0.25}
        assert found[theirs.number].intermediate_values == {1: 0.5}
    other.tell(theirs, 0.5)
    beside = optuna.create_study(storage=storage_of(study))
    with one_look(study):
        assert beside.get_trials() == []
        assert study.get_trials(deepcopy=False)[theirs.number].state == TrialState.COMPLETE


def test_what_a_running_trial_was_given_is_read_once_until_there_is_more(new_lab: NewLab) -> None:
    lab = new_lab("params")
    study, other = lab.study(), opened_elsewhere(lab)
    theirs = other.ask()
    for names in (["x"], ["x"], ["x", "y"]):
        for name in names:
            theirs.suggest_float(name, 0, 1)
        assert study.get_trials()[theirs.number].params == theirs.params


def test_nothing_else_touches_optunas_private_parts() -> None:
    private = re.compile(r"(?<!self)\._(storage|trial_id|study_id|backend)\b|optuna\S*\._(rdb|cached)")
    root = Path(__file__).parents[3]
    touching = {
        str(path.relative_to(root))
        for package in ("data", "models", "tune")
        for path in (root / package).rglob("*.py")
        if private.search(path.read_text())
    }
    assert touching == {"tune/study/store.py", "tune/study/database.py"}


ATTRIBUTES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"reason": "Ω", "a": None}, {"b": [0.1, math.inf], "a": {"c": 1}}]
)
SCORES = st.sampled_from([0.1, 0.5, -math.inf, math.inf])


@st.composite
def trials(draw: st.DrawFn) -> FrozenTrial:
    state = draw(st.sampled_from(TrialState))
    params = {"rate": draw(st.sampled_from([1e-4, 0.3])), "size": draw(st.sampled_from([1, 5])), "cell": None}
    names = [] if state == TrialState.WAITING else draw(st.permutations(list(SPACE)))
    return create_trial(
        state=state,
        values=[draw(SCORES), draw(SCORES)] if state == TrialState.COMPLETE else None,
        params={name: params[name] for name in names},
        distributions={name: SPACE[name] for name in names},
        user_attrs={**draw(ATTRIBUTES), **draw(st.sampled_from([{}, {HISTORY: [[EPOCH]]}]))},
        system_attrs=draw(ATTRIBUTES),
        intermediate_values=draw(st.dictionaries(st.integers(1, 12), SCORES | st.just(math.nan), max_size=3)),
    )


def test_trials_are_as_optuna_reads_them_but_for_the_history(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "tune.db")
    storage, plain_storage = open_storage(url), optuna.storages.RDBStorage(url)

    @settings(max_examples=20, deadline=None)
    @given(first=st.lists(trials(), max_size=5), second=st.lists(trials(), max_size=3))
    def check(first: list[FrozenTrial], second: list[FrozenTrial]) -> None:
        study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
        plain = optuna.load_study(study_name=study.study_name, storage=plain_storage)
        for more in (first, second):
            study.add_trials(more)
            check_alike(study, plain)
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
        check_alike(study, plain)

    check()


def check_alike(study: Study, plain: Study) -> None:
    found, expected = study.get_trials(deepcopy=False), plain.get_trials()
    complete = [one.user_attrs for one in with_histories(study, found)]
    # repr, since NaN is not equal to itself, and the order counts.
    assert [repr({**one, HISTORY: None}) for one in complete] == [
        repr({**without(one), HISTORY: None}) for one in expected
    ]
    assert [one.get(HISTORY) for one in complete] == [one.user_attrs.get(HISTORY) for one in expected]
    for one in expected:
        one.user_attrs = without(one)
    assert [repr(one) for one in found] == [repr(one) for one in expected]


def without(trial: FrozenTrial) -> dict[str, Any]:
    return {name: value for name, value in trial.user_attrs.items() if name != HISTORY}


def statements_of(study: Study, act: Callable[[], object]) -> list[str]:
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    event.listen(engine_of(study), "before_cursor_execute", note)
    act()
    event.remove(engine_of(study), "before_cursor_execute", note)
    return statements


def test_trials_are_read_once_a_process_and_by_as_many_statements_however_many_they_are(
    new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune.study.database._N_BY_IDS", 8)
    n_statements = []
    for n_trials in (3, 12, 24):
        lab = new_lab(f"study-{n_trials}")
        lab.study().add_trials([create_trial(value=0.5, user_attrs={HISTORY: [[EPOCH]]}) for _ in range(n_trials)])
        storage = open_storage(sqlite_url(lab.place / "tune.db"))
        study = load_study(storage, lab.name, with_trials=False)
        assert study is not None
        n_statements.append(len(statements_of(study, partial(study.get_trials, deepcopy=False))))
        again = load_study(storage, lab.name, with_trials=False)
        assert again is not None
        assert again.get_trials(deepcopy=False)[-1] is study.get_trials(deepcopy=False)[-1]
        found = study.get_trials(deepcopy=False)
        asked = statements_of(study, partial(with_histories, study, found))
        assert sum("value_json" in statement for statement in asked) == 1
    assert n_statements == [2, 6, 6]


def test_a_distribution_is_one_object_for_all_trials(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.search()
    lab.search()
    spaces = [trial.distributions for trial in lab.study().get_trials(deepcopy=False) if trial.distributions]
    assert len(spaces) > 1
    assert len({id(space["learning_rate"]) for space in spaces}) == 1


def test_a_study_in_the_place_of_a_deleted_one_has_its_own_trials(new_lab: NewLab) -> None:
    lab = new_lab("study")
    first = lab.study()
    first.add_trial(create_trial(value=0.5))
    storage = open_storage(sqlite_url(lab.place / "tune.db"))
    kept = load_study(storage, lab.name, with_trials=False)
    assert kept is not None
    assert kept.get_trials()[-1].value == 0.5
    optuna.delete_study(study_name=lab.name, storage=storage)
    assert load_study(storage, lab.name) is None
    lab.study()
    found = load_study(storage, lab.name)
    assert found is not None
    assert not any(trial.state.is_finished() for trial in found.get_trials())


def test_a_damaged_history_is_told(new_lab: NewLab) -> None:
    lab = new_lab("study")
    study = lab.study()
    study.add_trial(create_trial(value=0.5, user_attrs={HISTORY: [[{**EPOCH, "seconds": "long"}]]}))
    with pytest.raises(StorageError, match=r"is damaged .*seconds"):
        with_history(study, study.get_trials()[-1])
