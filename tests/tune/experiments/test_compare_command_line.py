"""A comparison as a person runs it: killed, resumed, looked at, and refused where it would make no sense."""

from __future__ import annotations

import csv
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests import databases
from tests.processes import start

# What is slow on a machine that is busy with other things is not wrong.
pytestmark = pytest.mark.timeout(1800)

# Two exercises, two tiny networks, three folds of people: a run takes a fraction of a second.
SUITE: dict[str, Any] = {
    "name": "tiny",
    "description": "Is a larger network better?",
    "settings": {
        "dataset": "watch",
        "data": {"classes": 2, "window_seconds": 4.0},
        "split": {"folds": 3, "test_fraction": 0.0},
        "training": {"epochs": 4},
        "space": {"gru": {"front_layers": 1, "front_channels": 4, "front_stride": 4, "n_layers": 1}},
    },
    "configurations": [
        {"name": "four", "settings": {"space": {"gru": {"hidden_size": 4}}}, "published": [{"value": 0.5}]},
        {"name": "eight", "settings": {"space": {"gru": {"hidden_size": 8}}}},
    ],
}


def trials(save_dir: Path, name: str) -> list[FrozenTrial]:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{save_dir}/tune.db").get_trials(deepcopy=False)


def run(*arguments: str, expect: int = 0) -> tuple[str, str]:
    """Output and errors of a tuner that ends with the expected exit code and without a traceback."""
    process = start(*arguments)
    output, errors = process.communicate()
    assert process.returncode == expect, output + errors
    assert "Traceback" not in errors
    return output, errors


def wait_for_epochs(save_dir: Path, name: str, n_epochs: int, process: subprocess.Popen[str]) -> None:
    """Until a study has come to so many epochs."""
    while process.poll() is None:
        if databases.n_epochs(save_dir, name) >= n_epochs:
            return
        time.sleep(0.02)
    pytest.fail(f"ended by itself: {process.communicate()}")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A comparison that was killed in its second configuration and then resumed: its folder, suite and output."""
    save_dir = tmp_path_factory.mktemp("compared")
    suite = save_dir / "tiny.json"
    suite.write_text(json.dumps(SUITE))
    process = start("compare", str(suite), "--seeds=2", f"--save-dir={save_dir}")
    try:
        wait_for_epochs(save_dir, "tiny.eight", 2, process)
    finally:
        process.kill()
        process.communicate()
    assert not all(trial.state.is_finished() for trial in trials(save_dir, "tiny.eight"))
    output, _ = run("compare", str(suite), "--seeds=2", "--resume", f"--save-dir={save_dir}")
    return save_dir, suite, output


def test_a_killed_comparison_goes_on_and_is_paired(compared: tuple[Path, Path, str]) -> None:
    save_dir, _, output = compared
    assert "goes on where it was" in output
    four, eight = (trials(save_dir, f"tiny.{name}") for name in ("four", "eight"))
    for runs in (four, eight):
        assert [trial.state for trial in runs] == [TrialState.COMPLETE] * 2
    assert [trial.user_attrs["seed"] for trial in four] == [trial.user_attrs["seed"] for trial in eight]
    assert len({trial.user_attrs["seed"] for trial in four}) == 2
    for trial in (*four, *eight):
        found = trial.user_attrs["answers"]
        assert found["part"] == "validation"
        assert len(found["right"]) == 3
        accuracies = [scores["accuracy"] for scores in found["scores"]]
        assert sum(accuracies) / 3 == pytest.approx(trial.value)


def test_the_results_are_there_and_agree(compared: tuple[Path, Path, str]) -> None:
    save_dir, _, output = compared
    folder = save_dir / "tiny"
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * 3
    found = json.loads((folder / "comparison.json").read_text())
    (protocol,) = found["protocols"]
    assert protocol["judged"]["resampled"] == ["seeds", "people"]
    assert (protocol["judged"]["n_people"], protocol["judged"]["new_people"]) == (10, True)
    n_sequences = protocol["judged"]["n_sequences"]
    by_name = {one["name"]: one for one in protocol["configurations"]}
    assert by_name["four"]["n_parameters"] < by_name["eight"]["n_parameters"]
    for name, one in by_name.items():
        runs = trials(save_dir, f"tiny.{name}")
        n_right = sum(bin(int(digits, 16)).count("1") for t in runs for digits in t.user_attrs["answers"]["right"])
        assert one["accuracy"] == pytest.approx(n_right / (2 * n_sequences))
        assert one["interval_95"][0] <= one["accuracy"] <= one["interval_95"][1]
    (pair,) = protocol["pairs"]
    assert pair["difference"] == pytest.approx(by_name["four"]["accuracy"] - by_name["eight"]["accuracy"])
    assert pair["p_value_holm"] == pytest.approx(pair["p_value"])
    text = (folder / "comparison.md").read_text()
    assert "| four |" in text
    assert "50.00%" in text
    assert "Intervals and tests draw both seeds and people (10) anew" in text
    assert all(sentence in text and sentence in output for sentence in protocol["sentences"])
    assert (folder / "critical_difference.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((save_dir / "tiny.four" / "best_config.json").read_text())["architecture"] == "gru"


def test_all_that_it_leaves_is_whole_and_results_can_be_made_again(compared: tuple[Path, Path, str]) -> None:
    save_dir, suite, _ = compared
    output, _ = run("status", "--check", f"--save-dir={save_dir}")
    assert "All is well" in output
    before = (save_dir / "tiny" / "comparison.csv").read_bytes()
    (save_dir / "tiny" / "comparison.csv").unlink()
    run("compare", str(suite), "--seeds=2", "--results-only", f"--save-dir={save_dir}")
    assert (save_dir / "tiny" / "comparison.csv").read_bytes() == before


def test_two_workers_add_a_seed(compared: tuple[Path, Path, str]) -> None:
    save_dir, suite, _ = compared
    run("compare", str(suite), "--seeds=3", "--resume", "--workers=2", f"--save-dir={save_dir}", "--only=four")
    assert [trial.state for trial in trials(save_dir, "tiny.four")] == [TrialState.COMPLETE] * 3


def test_what_makes_no_sense_is_refused_before_anything_is_trained(compared: tuple[Path, Path, str]) -> None:
    save_dir, suite, _ = compared
    _, errors = run("compare", str(suite), "--seeds=2", f"--save-dir={save_dir}", expect=2)
    assert "exists already: go on with it (--resume)" in errors
    other = save_dir / "other.json"
    changed = json.loads(json.dumps(SUITE))
    changed["name"] = "other"
    changed["configurations"][1]["settings"] = {"data": {"classes": 3}}
    other.write_text(json.dumps(changed))
    _, errors = run("compare", str(other), "--seeds=1", f"--save-dir={save_dir}", expect=2)
    assert "is judged on other sequences than four" in errors
    other.write_text(json.dumps({**SUITE, "configurations": [{"nme": "a"}]}))
    _, errors = run("compare", str(other), "--seeds=none", f"--save-dir={save_dir}", expect=2)
    assert "did you mean 'name'?" in errors
