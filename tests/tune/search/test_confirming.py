"""After the search the best are trained again with fresh seeds, interrupted or not, and the winner is what is used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import text

from tests.runs import printed
from tests.tune.conftest import Lab, NewLab, Outline, StopAfter
from tune.cli.summary import print_summary
from tune.core.errors import StudyError
from tune.core.stopping import StopWatch
from tune.run import Finished, confirm_and_judge, exported, is_confirmed
from tune.search.confirmation import runs_of, seed_of, sentences
from tune.search.confirming import Confirmer, find_confirmation, line_up, open_confirmation
from tune.search.progress import Progress
from tune.study.ended import REPETITION
from tune.study.leases import lease_trial
from tune.study.locks import try_trial_lock
from tune.study.selection import cost_of_run, cost_searched, kept_trials, promising_trials, selected_trial
from tune.study.storage import open_storage, sqlite_url
from tune.study.store import engine_of
from tune.study.study import RUN_OF, best_trial, resume_study
from tune.study.trial_files import REFIT_WEIGHTS, trial_folder

CPU = torch.device("cpu")
ALL = {"configurations": 2, "seeds": 2, "time_share": None}
SEARCH: dict[str, Any] = {
    "search": {"trials": 4, "pruner": "none"},
    "confirmation": ALL,
}


def run(lab: Lab, stop: StopWatch | None = None, *, with_exports: bool = False) -> tuple[Finished, list[str]]:
    """One run, as a new process would make it, and what it said; the exports take longer than all the rest."""
    said: list[str] = []

    @contextmanager
    def show(progress: Progress) -> Iterator[Progress]:
        yield progress
        said.extend(progress.said)

    stop = stop or StopWatch()
    ended = lab.search(stop)
    finished = Finished(lab.study(), lab.settings, lab.folder, ended, [])
    assert is_confirmed(finished)
    finished = confirm_and_judge(finished, lab.splits, show=show, stop=stop)
    return exported(finished) if with_exports else finished, said


def confirmation_of(lab: Lab) -> optuna.Study:
    found = find_confirmation(lab.study())
    assert found is not None
    return found


def record(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(lab.study().user_attrs["confirmation"]))
    return found


def without_clock(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in ("latency_ms", "seconds")}


def pretend(lab: Lab, scores: dict[int, list[float | None]]) -> None:
    """Stores confirmation runs with these scores, as if they had been made."""
    study = lab.study()
    confirmation = open_confirmation(lab.context(study)).study
    trials = study.get_trials(deepcopy=False)
    for number, values in scores.items():
        for repetition, value in enumerate(values):
            attributes = {RUN_OF: number, REPETITION: repetition, "accuracy_gap": 0.1, "training_seconds": 0.1}
            state = TrialState.PRUNED if value is None else TrialState.COMPLETE
            confirmation.add_trial(create_trial(state=state, value=value, user_attrs=attributes))
            assert trials[number].params


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the study is kept for the next test, which gets a copy."""
    return tmp_path_factory.mktemp("kept") / "searched"


@pytest.fixture
def searched(new_lab: NewLab, kept: Path) -> Lab:
    """A study that has ended its search and was not confirmed."""
    lab = new_lab("searched", SEARCH)
    if kept.exists():
        shutil.copytree(kept, lab.place, dirs_exist_ok=True)
        return lab
    lab.search()
    shutil.copytree(lab.place, kept)
    return lab


def test_every_configuration_gets_the_same_fresh_seeds(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    finished, said = run(lab)
    found, runs = record(lab), confirmation_of(lab).get_trials(deepcopy=False)
    numbers = [trial.number for trial in promising_trials(lab.study(), 2)]
    assert [one["trial"] for one in found["configurations"]] == numbers
    assert [trial.state for trial in runs] == [TrialState.COMPLETE] * 2 * len(numbers)
    assert sorted((trial.user_attrs[RUN_OF], trial.user_attrs[REPETITION]) for trial in runs) == sorted(
        (number, repetition) for number in numbers for repetition in range(2)
    )
    searched = {trial.user_attrs["seed"] for trial in lab.trials()}
    for one in found["configurations"]:
        assert one["seeds"] == [seed_of(lab.settings, 0), seed_of(lab.settings, 1)]
        assert not searched & set(one["seeds"])
        assert one["mean"] == pytest.approx(sum(one["scores"]) / 2)
    by_number = {trial.number: trial for trial in lab.trials()}
    for trial in runs:
        assert trial.params == by_number[trial.user_attrs[RUN_OF]].params
        assert trial.user_attrs["seed"] == seed_of(lab.settings, trial.user_attrs[REPETITION])
    assert any("fresh seeds" in sentence for sentence in said)
    assert finished.ended.reason == "4 trials finished"


def test_the_winner_is_what_is_tested_once_and_given_away(searched: Lab) -> None:
    """The search's second scores higher with fresh seeds."""
    first, second = (trial.number for trial in promising_trials(searched.study(), 2)[:2])
    others = [trial.number for trial in promising_trials(searched.study(), 2)[2:]]
    pretend(searched, {first: [0.5, 0.6], second: [0.9, 0.8], **{number: [0.1, 0.1] for number in others}})
    finished, _ = run(searched, with_exports=True)
    found, study, root = record(searched), searched.study(), searched.folder.root
    assert found["winner"] == second
    assert found["runner_up"]["trial"] == first
    assert found["luck"] == pytest.approx((study.get_trials()[first].value or 0.0) - 0.55)
    chosen = selected_trial(study)
    assert chosen is not None
    assert chosen.number == second
    assert study.user_attrs["evaluations"].keys() == {str(second)}
    assert study.user_attrs["evaluations"][str(second)].keys() == {"validation", "refit", "correct", "test"}
    best = json.loads((root / "best_config.json").read_text())
    assert (best["trial"], best["times_test_was_used"]) == (second, 1)
    assert best["confirmation"] == found
    assert json.loads((root / "best_model" / "model.json").read_text())["trial"] == second
    assert (trial_folder(searched.folder, chosen) / REFIT_WEIGHTS).is_file()
    shown = printed(print_summary, finished)
    assert f"Best: trial {second}, validation accuracy 85.00% with 2 fresh seeds" in shown
    assert f"Trial {second} is better with fresh seeds" in shown
    # The same again uses nothing twice.
    run(searched)
    assert without_clock(record(searched)) == without_clock(found)
    assert searched.study().user_attrs["evaluations"] == study.user_attrs["evaluations"]


def test_an_interrupted_confirmation_ends_with_the_same_bits(
    new_lab: NewLab, stop_after: type[StopAfter], outline: Outline
) -> None:
    whole, broken = new_lab("whole", SEARCH), new_lab("broken", SEARCH)
    run(whole)
    broken.search()
    for n_steps in (5, 8):
        finished, _ = run(broken, stop_after(n_steps))
        assert finished.ended.reason == "interrupted"
        assert "evaluations" not in broken.study().user_attrs
    assert any(trial.state == TrialState.RUNNING for trial in confirmation_of(broken).get_trials())
    run(broken)
    expected = confirmation_of(whole).get_trials(deepcopy=False)
    assert [outline(trial) for trial in confirmation_of(broken).get_trials(deepcopy=False)] == list(
        map(outline, expected)
    )
    assert without_clock(record(broken)) == without_clock(record(whole))
    assert broken.study().user_attrs["evaluations"] == whole.study().user_attrs["evaluations"]


def test_more_trials_later_confirm_what_is_new_and_a_second_look_is_marked(searched: Lab) -> None:
    run(searched)
    before = {run for run, _ in runs_of(confirmation_of(searched)).items()}
    n_before = len(confirmation_of(searched).get_trials())
    more = searched.with_settings({"search": {"trials": 9}, "confirmation": {"configurations": 4}})
    run(more)
    found = runs_of(confirmation_of(more))
    numbers = {trial.number for trial in promising_trials(more.study(), 4)}
    assert {number for number, _ in found} >= numbers
    assert before <= found.keys()
    assert len(confirmation_of(more).get_trials()) == n_before + len(found.keys() - before)
    looks = more.study().user_attrs["evaluations"]
    assert looks.keys() >= {str(record(more)["winner"])}


def test_without_time_the_best_of_the_search_is_tested(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH, {"confirmation": {"time_share": 1e-6}})
    _, said = run(lab)
    best = best_trial(lab.study())
    assert best is not None
    assert "confirmation" not in lab.study().user_attrs
    assert lab.study().user_attrs["evaluations"].keys() == {str(best.number)}
    assert any("--confirm-seeds 2" in sentence for sentence in said)
    assert not confirmation_of(lab).get_trials()


def pretend_of(lab: Lab, number: int, attribute: str, value: float) -> None:
    """As if a trial had this on its record."""
    study = lab.study()
    change = text("UPDATE trial_user_attributes SET value_json = :value WHERE key = :key AND trial_id = :id")
    with engine_of(study).begin() as connection:
        trial = study.get_trials()[number]
        connection.execute(change, {"value": str(value), "key": attribute, "id": trial._trial_id})


def make_dear(lab: Lab, number: int) -> None:
    """As if the trial's network were so large that all the others cost nothing."""
    pretend_of(lab, number, "n_parameters", 10**9)


def test_the_number_of_runs_that_is_shown_does_not_move(searched: Lab) -> None:
    """Though rounds are lined up one after the other, and some may be out before the last."""
    lab = searched.with_settings({"confirmation": {"time_share": 9.0, "seeds": 3}})
    shown: list[tuple[int, int]] = []
    observer = Progress("accuracy", 3, n_trials=4)
    observer.after_trial = lambda: shown.append((observer.n_done, observer.n_trials))
    Confirmer(lab.context()).confirm(observer, StopWatch())
    assert [done for done, _ in shown] == list(range(len(shown)))
    (most,) = {most for _, most in shown}
    assert len(shown) <= most <= 3 * 3


def test_the_clock_decides_nothing_of_what_is_run(searched: Lab) -> None:
    for trial in searched.trials():
        pretend_of(searched, trial.number, "training_seconds", 10.0 ** (trial.number - 2))
    lab = searched.with_settings({"confirmation": {"time_share": 0.9}})
    run(lab)
    candidates = promising_trials(lab.study(), 2)
    allowed = 0.9 * cost_searched(lab.study())
    runs = [trial.user_attrs[RUN_OF] for trial in confirmation_of(lab).get_trials()]
    costs = {trial.number: cost_of_run(trial, lab.settings) for trial in candidates}
    assert runs
    assert sum(costs[number] for number in runs) <= allowed
    assert allowed < sum(costs.values()) * 2


def test_a_leader_that_is_too_slow_to_be_confirmed_is_delivered_all_the_same(searched: Lab) -> None:
    """Every other trial would be confirmed in a fraction of the time that is left."""
    best = best_trial(searched.study())
    assert best is not None
    make_dear(searched, best.number)
    lab = searched.with_settings({"confirmation": {"time_share": 0.9}})
    finished, said = run(lab, with_exports=True)
    assert not confirmation_of(lab).get_trials()
    assert lab.study().user_attrs["evaluations"].keys() == {str(best.number)}
    written = json.loads((lab.folder.root / "best_config.json").read_text())
    assert (written["trial"], written["confirmed"], written["confirmation"]) == (best.number, False, None)
    shown = printed(print_summary, finished)
    sentence = f"Trial {best.number}, the best of the search, has not been confirmed by runs with fresh seeds"
    assert any(
        "is not confirmed by runs with fresh seeds, since that costs more than 90% of the search" in one for one in said
    )
    assert sentence in shown
    assert sentence in (lab.folder.root / "report.md").read_text()


def test_what_was_confirmed_before_gives_way_to_a_new_leader_without_time(searched: Lab) -> None:
    run(searched)
    old = record(searched)["winner"]
    study, last = searched.study(), searched.trials()[-1]
    study.add_trial(
        create_trial(
            value=1.1, params={**last.params}, distributions=last.distributions, user_attrs={**last.user_attrs}
        )
    )
    make_dear(searched, len(searched.trials()) - 1)
    # Until the confirmation has been tried again, what it found before stands.
    chosen = selected_trial(study)
    assert chosen is not None
    assert chosen.number == old
    run(searched.with_settings({"search": {"trials": 5}, "confirmation": {"time_share": 0.9}}))
    chosen = selected_trial(searched.study())
    assert chosen is not None
    assert chosen.number == len(searched.trials()) - 1


def test_it_says_when_there_was_no_time_for_all_and_how_to_get_it(searched: Lab) -> None:
    first, second, *others = (trial.number for trial in promising_trials(searched.study(), 2))
    pretend(searched, {number: [0.5, 0.5] for number in (first, second, *others)})
    run(searched)
    found = {**record(searched), "cut_short": True, "time_share": 0.4, "n_runs": 3}
    (said,) = [sentence for sentence in sentences(found) if "runs in 40% of the search's time" in sentence]
    assert f"3 of {found['n_runs_in_full']} runs" in said
    assert "--confirm-seeds 2 makes up for the rest" in said


def test_a_timeout_leaves_time_for_the_last_fit(searched: Lab) -> None:
    """No time at all is left: nothing is confirmed, and the best is tested all the same."""
    run(searched, StopWatch(1e-6))
    assert len(searched.study().user_attrs["evaluations"]) == 1
    assert all(trial.state == TrialState.WAITING for trial in confirmation_of(searched).get_trials())


def test_a_configuration_that_does_not_stay_finite_is_out(searched: Lab) -> None:
    first, *others = (trial.number for trial in promising_trials(searched.study(), 2))
    pretend(searched, {first: [None], **{number: [0.5, 0.5] for number in others}})
    run(searched)
    found = record(searched)
    assert found["winner"] == others[0]
    assert found["configurations"][0]["dropped_because"] == "a run went wrong"
    assert found["configurations"][0]["mean"] is None


def test_runs_that_are_no_longer_wanted_are_withdrawn(searched: Lab) -> None:
    context = searched.context()
    runs = open_confirmation(context)
    confirmation, folder = runs.study, runs.folder
    line_up(context, runs, [(0, 0), (0, 1), (1, 0)])
    settings = line_up(context, runs, [(0, 1)]).settings
    waiting = confirmation.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    assert [(trial.user_attrs[RUN_OF], trial.user_attrs[REPETITION]) for trial in waiting] == [(0, 1)]
    assert settings.search.trials == 1
    assert not runs_of(confirmation)
    lease = lease_trial(confirmation, folder, 3)
    assert lease is not None
    # Nothing but what was lined up is ever run, however much room there seems to be.
    assert lease_trial(confirmation, folder, 3) is None
    lease.lock.release()


def test_another_process_that_confirms_is_left_to_it(searched: Lab) -> None:
    lock = try_trial_lock(searched.study(), searched.folder, "confirmation")
    assert lock is not None
    finished, _ = run(searched)
    assert finished.ended.reason == "another process confirms and tests the best"
    assert "evaluations" not in searched.study().user_attrs
    lock.release()


def test_its_study_is_no_study_of_its_own_and_takes_nobody_elses_name(searched: Lab) -> None:
    storage = open_storage(sqlite_url(searched.place / "tune.db"))
    optuna.create_study(storage=storage, study_name="toy-gru-confirmation")
    confirmation = open_confirmation(searched.context()).study
    assert confirmation.study_name == "toy-gru-confirmation-2"
    assert open_confirmation(searched.context()).study.study_name == "toy-gru-confirmation-2"
    with pytest.raises(StudyError, match="holds the confirmation runs of 'toy-gru'"):
        resume_study(confirmation, searched.settings, searched.splits)


def test_the_default_one_is_confirmed_even_if_it_was_ended_early(new_lab: NewLab) -> None:
    lab = new_lab("study", {**SEARCH, "search": {"trials": 3}})
    study = lab.study()
    spaces: dict[str, BaseDistribution] = {
        "hidden_size": optuna.distributions.IntDistribution(4, 8),
    }

    def add(state: TrialState, value: float | None, size: int, **attributes: Any) -> FrozenTrial:
        one = create_trial(
            state=state, value=value, params={"hidden_size": size}, distributions=spaces, user_attrs=attributes
        )
        study.add_trial(one)
        return study.get_trials()[-1]

    known = add(TrialState.PRUNED, None, 4, origin="known-good", accuracy_gap=0.1)
    add(TrialState.PRUNED, None, 8, accuracy_gap=0.1)
    values = [(0.7, 5), (0.9, 6), (0.9, 6), (0.8, 7)]
    complete = [add(TrialState.COMPLETE, value, size) for value, size in values]
    promising = [trial.number for trial in promising_trials(study, 2)]
    # The same configuration is not confirmed twice.
    assert promising == [complete[1].number, complete[3].number, known.number]
    assert [trial.number for trial in kept_trials(study)] == promising


def test_the_record_tells_of_the_random_split_and_the_time_a_sequence_takes(searched: Lab) -> None:
    run(searched)
    found = record(searched)
    split = found["random_split"]
    assert split["difference"] == pytest.approx(split["random"] - split["people"])
    assert any("random split" in sentence for sentence in found["sentences"])
    assert found["latency_ms"] > 0
