"""The studies of a suite, in this process: what is created, what a search finds first, and what cannot be paired."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tune.core.errors import StudyError
from tune.core.folders import SaveDir
from tune.core.problems import SettingsError
from tune.core.stopping import StopRequested, StopWatch
from tune.experiments.evidence import check_same_sequences, judged_sequences, predictions_of
from tune.experiments.running import SplitsOnce, found_by_search, judged_part, prepared, refuse_existing, run_all
from tune.experiments.schema import Configuration, Protocol, Suite
from tune.experiments.settings import entries_of
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import all_parameters, best_trial, load_study

TINY: dict[str, Any] = {
    "dataset": "watch",
    "data": {"classes": 2, "window_seconds": 4.0},
    "split": {"test_fraction": 0.3, "validation_fraction": 0.2, "folds": 0},
    "training": {"epochs": 1},
    "space": {"gru": {"front_layers": 1, "front_stride": 4, "front_channels": 4, "n_layers": 1, "hidden_size": 4}},
}
SEARCH = {"search": {"trials": 1}, "space": {"gru": {"hidden_size": [5, 6], "front_channels": 4}}}


def suite_with(**configuration: Any) -> Suite:
    found = Configuration(name="found", **configuration)
    return Suite(name="tiny", settings=TINY, configurations=(found, Configuration(name="given")))


def test_a_search_comes_first_and_its_best_is_trained_with_fresh_seeds(tmp_path: Path) -> None:
    suite = suite_with(found_by_search=SEARCH)
    entry, _ = entries_of(suite, suite.protocols[0], ())
    storage, loaded = open_storage(sqlite_url(tmp_path / "tune.db")), SplitsOnce()
    ended = StopWatch()
    ended.request(signal.SIGINT)
    with pytest.raises(StopRequested):
        found_by_search(storage, SaveDir(tmp_path), entry, loaded, ended, print)
    assert load_study(storage, "tiny.found") is None  # What the search will find is not known yet.
    said: list[str] = []
    found = found_by_search(storage, SaveDir(tmp_path), entry, loaded, StopWatch(), said.append)
    running = prepared(storage, SaveDir(tmp_path), entry, 2, loaded, found)
    search = load_study(storage, "tiny.found.search")
    assert search is not None
    best = best_trial(search)
    assert best is not None
    searched, fixed = running.settings.ranges()
    assert searched == {}
    assert fixed == {**fixed, **all_parameters(best)}
    assert fixed["hidden_size"] in (5, 6)
    assert any("a search of 1 trials finds" in sentence for sentence in said)
    found = found_by_search(storage, SaveDir(tmp_path), entry, loaded, StopWatch(), said.append)
    again = prepared(storage, SaveDir(tmp_path), entry, 2, loaded, found)
    assert again.settings == running.settings
    assert len(search.get_trials(deepcopy=False)) == 1
    with pytest.raises(StudyError, match="go on with it"):
        refuse_existing(storage, [entry])


def test_the_test_part_is_judged_where_there_is_one(tmp_path: Path) -> None:
    suite = suite_with()
    entry, _ = entries_of(suite, suite.protocols[0], ())
    storage, loaded = open_storage(sqlite_url(tmp_path / "tune.db")), SplitsOnce()
    running = prepared(storage, SaveDir(tmp_path), entry, 1, loaded, {})
    assert run_all([running], 1, StopWatch(), print) == []
    judged = judged_sequences(running.splits, judged_part(suite.protocols[0], running.splits))
    test = running.splits.folds[0].test
    assert test is not None
    assert (judged.part, len(judged.units), judged.new_people) == ("test", len(test), True)
    assert judged.unit == "recordings"  # Three people are too few to be resampled.
    found = predictions_of(running, "test", 5)
    scores = found.trials[0].user_attrs["answers"]["scores"]
    assert found.right.mean() == pytest.approx(scores[0]["accuracy"])
    assert predictions_of(running, "validation", 5).numbers == ()


def test_a_test_part_that_is_not_there_cannot_be_judged() -> None:
    suite = Suite(
        name="tiny",
        settings={**TINY, "split": {"test_fraction": 0.0}},
        protocols=(Protocol(name="p", judged="test"),),
        configurations=(Configuration(name="a"), Configuration(name="b", settings={"split": {"seed": 1}})),
    )
    loaded = SplitsOnce()
    splits = {e.configuration.name: loaded.of_entry(e) for e in entries_of(suite, suite.protocols[0], ())}
    with pytest.raises(SettingsError, match="the split has no test set"):
        judged_part(suite.protocols[0], splits["a"])
    with pytest.raises(SettingsError, match="configuration b"):
        check_same_sequences(splits, "validation")
