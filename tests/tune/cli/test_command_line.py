"""The command line as a person uses it: real processes, real signals, a real database."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests import databases
from tests.processes import ROOT, SMALL, run, start, tiny_recordings
from tune.config.spaces import SPACES

EXPORTS = (
    "best_config.json",
    "trials.csv",
    "optimization_history.png",
    "parallel_coordinate.png",
    "plots.html",
    "report.html",
    "report.md",
)


def trials(save_dir: Path, name: str) -> list[FrozenTrial]:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{save_dir}/tune.db").get_trials(deepcopy=False)


def outcome(trial: FrozenTrial) -> tuple[object, ...]:
    """Everything that must not depend on interruptions."""
    history = [
        [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in fold]
        for fold in trial.user_attrs["history"]
    ]
    return trial.number, trial.state, trial.params, trial.values, trial.intermediate_values, history


def wait_for(save_dir: Path, name: str, n_finished: int, process: subprocess.Popen[str]) -> None:
    """Until the study has so many finished trials."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"ended by itself: {process.communicate()}")
        if databases.n_finished(save_dir, name) >= n_finished:
            return
        time.sleep(0.02)
    pytest.fail("took too long")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of six trials that nothing happened to."""
    save_dir = tmp_path_factory.mktemp("uninterrupted")
    run(*SMALL, "--save-dir", str(save_dir), "--study-name", "whole", "--trials", "6", cold=True)
    return save_dir


@pytest.mark.slow
def test_a_finished_study_leaves_every_export(uninterrupted: Path) -> None:
    folder = uninterrupted / "whole"
    for name in EXPORTS:
        assert (folder / name).stat().st_size > 100, name
    best = json.loads((folder / "best_config.json").read_text())
    finished = trials(uninterrupted, "whole")
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    assert best["value"] == max(trial.value or 0.0 for trial in complete)
    assert best["scores"]["test"]["n_sequences"] > 0
    assert not set(best["split"]["parts"][0]["train"]["people"]) & set(best["split"]["parts"][0]["test"]["people"])
    assert len((folder / "trials.csv").read_text().splitlines()) == 1 + 6
    assert len(list((folder / "trials").glob("*/history.csv"))) == 6
    assert [path.parent.name[:4] for path in (folder / "trials").glob("*/weights.safetensors")] == [
        f"{best['trial']:04d}"
    ]
    assert not list((folder / ".checkpoints").glob("*"))


@pytest.mark.slow
def test_a_study_that_is_given_more_trials_equals_one_that_had_them_from_the_start(tmp_path: Path) -> None:
    """Where trials do not come in brackets, whose last one has what is left of the number asked for."""
    words = (*SMALL, "--pruner", "median", "--save-dir", str(tmp_path))
    run(*words, "--study-name", "whole", "--trials", "6")
    run(*words, "--study-name", "parts", "--trials", "4")
    run("--resume", "--save-dir", str(tmp_path), "--study-name", "parts", "--trials", "6")
    resumed = trials(tmp_path, "parts")
    assert [outcome(trial) for trial in resumed] == [outcome(trial) for trial in trials(tmp_path, "whole")]
    assert len({json.dumps(trial.params, sort_keys=True) for trial in resumed}) == 6


@pytest.mark.slow
def test_kill_9_loses_nothing_and_changes_nothing(uninterrupted: Path, tmp_path: Path) -> None:
    arguments = (*SMALL, "--save-dir", str(tmp_path), "--study-name", "killed", "--trials", "6", "--resume")
    for n_finished in (1, 4):
        process = start(*arguments)
        wait_for(tmp_path, "killed", n_finished, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    run(*arguments)
    survived = trials(tmp_path, "killed")
    assert all(trial.state.is_finished() for trial in survived)
    assert [outcome(trial) for trial in survived] == [outcome(trial) for trial in trials(uninterrupted, "whole")]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stores_what_is_there_and_ends(tmp_path: Path, number: signal.Signals, code: int) -> None:
    arguments = (*SMALL, "--save-dir", str(tmp_path), "--study-name", "stopped", "--trials", "500")
    process = start(*arguments)
    wait_for(tmp_path, "stopped", 2, process)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code, output + errors
    assert "Traceback" not in errors
    assert "--resume" in output
    assert (tmp_path / "stopped" / "best_config.json").exists()
    n_begun = len(trials(tmp_path, "stopped"))
    run("--save-dir", str(tmp_path), "--study-name", "stopped", "--resume", "--trials", str(n_begun))
    states = [trial.state for trial in trials(tmp_path, "stopped")]
    assert TrialState.RUNNING not in states
    assert len(states) == n_begun


def test_an_existing_study_is_not_touched_without_resume(uninterrupted: Path) -> None:
    _, errors = run(*SMALL, "--save-dir", str(uninterrupted), "--study-name", "whole", expect=2)
    for way_out in ("--resume", "--study-name", "--warm-start"):
        assert way_out in errors


def test_a_changed_study_is_refused_with_its_differences(uninterrupted: Path) -> None:
    arguments = ("--save-dir", str(uninterrupted), "--study-name", "whole", "--resume", "--epochs", "9")
    _, errors = run(*arguments, "--set", "space.gru.dropout=0.1", expect=2)
    assert "training.epochs: 4 in the study, 9 now" in errors
    assert "space.gru.dropout" in errors


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    config = tmp_path / "mine.json"
    config.write_text('{"training": {"epochs": 0, "epochs": -1}, "spce": {}, "space": {"gru": {"hidden_size": NaN}}}')
    _, errors = run(
        "--config", str(config), "--trials", "many", "--timeout", "soon", "--set", "space.gru.poling=max",
        "--model-type", "gruu", "--save-dir", str(tmp_path), expect=2,
    )  # fmt: skip
    for mistake in ("epochs", "spce", "NaN", "search.trials", "soon", "poling", "gruu", "twice"):
        assert mistake in errors
    assert "did you mean 'space'?" in errors
    assert not (tmp_path / "tune.db").exists()


@pytest.mark.parametrize("arguments", [("--enhanced",), ("--model-type", "gru", "--standard")])
def test_only_a_bilstm_is_enhanced(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    _, errors = run(*arguments, "--save-dir", str(tmp_path), expect=2)
    assert "goes with --model-type bilstm" in errors
    assert not (tmp_path / "tune.db").exists()


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tune.db").write_bytes(b"no database at all" * 100)
    _, errors = run(*SMALL, "--save-dir", str(tmp_path), expect=3)
    assert "tune.db" in errors
    assert (tmp_path / "tune.db").read_bytes() == b"no database at all" * 100


def test_a_target_ends_the_study(tmp_path: Path) -> None:
    output, _ = run(*SMALL, "--save-dir", str(tmp_path), "--trials", "50", "--target", "0.3")
    assert "target 0.3 reached" in output
    assert len([trial for trial in trials(tmp_path, "watch-gru") if trial.state.is_finished()]) < 50


def test_a_timeout_ends_the_study(tmp_path: Path) -> None:
    output, _ = run(*SMALL, "--save-dir", str(tmp_path), "--trials", "5000", "--timeout", "2s")
    assert "time is up" in output


@pytest.mark.slow
def test_status_and_report_tell_and_restore(uninterrupted: Path) -> None:
    output, _ = run("status", "--save-dir", str(uninterrupted))
    assert "whole" in output
    assert "6/6" in output
    before = (uninterrupted / "whole" / "best_config.json").read_bytes()
    for name in EXPORTS:
        (uninterrupted / "whole" / name).unlink()
    run("report", "--save-dir", str(uninterrupted))
    assert all((uninterrupted / "whole" / name).exists() for name in EXPORTS)
    assert (uninterrupted / "whole" / "best_config.json").read_bytes() == before


@pytest.mark.slow
def test_every_architecture_in_turn(tmp_path: Path) -> None:
    tiny = (
        "--data-path", str(tiny_recordings(tmp_path)), "--epochs=1", "--trials=1", "--auto-tune-all",
        "--set=space.shared.batch_size=32", "--folds=0",
    )  # fmt: skip
    output, _ = run(*tiny, "--save-dir", str(tmp_path))
    for architecture in SPACES:
        assert (tmp_path / f"tiny-{architecture}" / "best_config.json").exists()
        assert architecture in output
    assert "Overall best" in output
    studies = [optuna.load_study(study_name=f"tiny-{name}", storage=f"sqlite:///{tmp_path}/tune.db") for name in SPACES]
    judged = [study for study in studies if study.user_attrs.get("evaluations")]
    best = max(studies, key=lambda study: study.best_value)
    assert [study.best_value for study in judged] == [best.best_value]
    assert len((tmp_path / "tiny-all" / "comparison.csv").read_text().splitlines()) == 1 + len(SPACES)


def test_every_command_and_option_has_help() -> None:
    import click

    from tune.cli.main import main

    for name, command in main.commands.items():
        assert command.help, name
        for parameter in command.params:
            if not isinstance(parameter, click.Argument):  # which the help of its command explains
                assert isinstance(parameter, click.Option)
                assert parameter.help, f"{name} {parameter.name}"


def test_the_printed_settings_are_the_file_of_defaults() -> None:
    output, _ = run("config")
    assert output == (ROOT / "default_tuning_config.json").read_text()


def test_lists_of_models_and_datasets() -> None:
    assert "conv1d-gru" in run("models")[0]
    assert "smartwatch" in run("datasets")[0]
