"""A nested evaluation as a person runs it: ended by signals and kills, gone on with, recomputed from its studies."""

from __future__ import annotations

import csv
import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import optuna
import pytest
from scipy.stats import t

from tests.databases import n_epochs
from tests.processes import run, start

# What is slow on a machine that is busy with other things is not wrong.
pytestmark = pytest.mark.timeout(1800)

PEOPLE = ("Ann", "Bob", "Cid", "[red]Dot")
N_EACH = 5
SMALL = (
    "--trials=2",
    "--epochs=8",
    "--confirm=0",
    "--set=split.folds=0",
    "--set=space.gru.hidden_size=[4, 8]",
    "--set=space.gru.n_layers=1",
    "--set=space.gru.front_layers=1",
    "--set=space.shared.batch_size=[8, 16]",
)


def recordings(folder: Path, people: tuple[str, ...] = PEOPLE) -> Path:
    """Two gestures, one that rises and one that falls, in one table; without people where there are none."""
    draw = random.Random(1)
    rows = [f"sequence_id,label,{'person,' if people else ''}time,x,y"]
    for person in people or ("nobody",) * 4:
        for label, slope in (("up", 1), ("down", -1)):
            for _ in range(N_EACH):
                sequence, shift = f"s{len(rows)}", draw.gauss(0, 1)
                for step in range(12):
                    x = shift + slope * step / 10 + draw.gauss(0, 1.5)
                    who = f"{person}," if people else ""
                    rows.append(f"{sequence},{label},{who}{step / 10:.1f},{x:.3f},{draw.gauss(0, 1):.3f}")
    path = folder / "gestures.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def arguments(table: Path, save_dir: Path, *more: str, outer: str = "people") -> tuple[str, ...]:
    place = (f"--data-path={table}", f"--save-dir={save_dir}", "--study-name=mine")
    return ("evaluate", f"--outer={outer}", *place, *SMALL, *more)


def trials(save_dir: Path, name: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{save_dir}/tune.db").get_trials(deepcopy=False)


def results(save_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((save_dir / "mine-outer" / "evaluation.json").read_text())
    return found


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """All that must not depend on interruptions."""
    for fold in found["folds"]:
        del fold["seconds"]
    return found


def best_of(save_dir: Path, study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((save_dir / study / "best_config.json").read_text())
    return found


def wait_for_epochs(save_dir: Path, name: str, process: subprocess.Popen[str]) -> None:
    """Until a study has come to its second epoch."""
    while process.poll() is None:
        if n_epochs(save_dir, name) >= 2:
            return
        time.sleep(0.02)
    pytest.fail(f"ended by itself: {process.communicate()}")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, table: Path) -> tuple[Path, str]:
    """An evaluation that nothing happened to: its folder, and what was said."""
    save_dir = tmp_path_factory.mktemp("evaluated")
    output, _ = run(*arguments(table, save_dir))
    return save_dir, output


def test_everybody_is_tested_once_by_a_study_that_never_saw_them(evaluated: tuple[Path, str]) -> None:
    save_dir, _ = evaluated
    found = results(save_dir)
    assert [fold["tested"] for fold in found["folds"]] == sorted(PEOPLE)
    for fold in found["folds"]:
        best = best_of(save_dir, fold["study"])
        (parts,) = best["split"]["parts"]
        assert parts["test"] == {"n_sequences": 2 * N_EACH, "people": [fold["tested"]]}
        assert fold["tested"] not in parts["train"]["people"] + parts["validation"]["people"]
        assert best["times_test_was_used"] == fold["times_test_was_used"] == 1
        assert (best["architecture"], best["trial"]) == (fold["architecture"], fold["trial"])
        assert best["value"] == fold["validation"]
        for metric in ("accuracy", "macro_f1", "loss"):
            assert best["scores"]["test"][metric] == fold["test"][metric]
        assert len(trials(save_dir, fold["study"])) == fold["n_trials"] == 2


def test_the_totals_are_those_of_the_studies(evaluated: tuple[Path, str]) -> None:
    save_dir, output = evaluated
    found = results(save_dir)
    best = [best_of(save_dir, fold["study"]) for fold in found["folds"]]
    tests = [one["scores"]["test"] for one in best]
    mean, deviation = fmean(one["accuracy"] for one in tests), stdev(one["accuracy"] for one in tests)
    assert found["accuracy"]["mean"]["value"] == pytest.approx(mean)
    n_right = sum(round(one["accuracy"] * one["n_sequences"]) for one in tests)
    assert found["accuracy"]["pooled"]["value"] == pytest.approx(n_right / (len(PEOPLE) * 2 * N_EACH))
    assert found["standard_deviation"] == pytest.approx(deviation)
    assert found["optimism"] == pytest.approx(fmean(one["value"] for one in best) - mean)
    low, high = found["accuracy"]["mean"]["interval_95"]
    half_width = t.ppf(0.975, len(PEOPLE) - 1) * deviation / len(PEOPLE) ** 0.5
    assert low <= max(mean - 0.9 * half_width, 0)
    assert high >= min(mean + 0.9 * half_width, 1)
    floors = [one["floors"]["minirocket"]["test"]["accuracy"] for one in best]
    assert [fold["floor_test_accuracy"] for fold in found["folds"]] == floors
    assert found["gain_over_floor"]["value"] == pytest.approx(mean - fmean(floors))
    low, high = found["gain_over_floor"]["interval_95"]
    assert low - 1e-9 <= mean - fmean(floors) <= high + 1e-9
    n_floors = sum(one["floors"]["selected"] == "minirocket" for one in best)
    assert n_floors == sum(fold["architecture"] == "minirocket" for fold in found["folds"])
    text = (save_dir / "mine-outer" / "evaluation.md").read_text()
    assert (f"In {n_floors} of 4 outer folds nothing beat it" in text) == (0 < n_floors < 4)
    assert "4 people say little of how people differ." in text
    assert "\\[red\\]Dot" in text
    assert "evaluate --outer people" in text
    assert "[red]Dot" in output
    rows = list(csv.DictReader((save_dir / "mine-outer" / "evaluation.csv").read_text().splitlines()))
    assert [float(row["test_accuracy"]) for row in rows] == [one["accuracy"] for one in tests]
    assert "4 people, each tested in an outer fold of their own; 4 to run, of 2 trials each. How long" in output
    assert "3 outer folds of 4 left to run: about" in output


def test_the_test_score_is_that_of_the_network_on_that_person(
    evaluated: tuple[Path, str], table: Path, tmp_path: Path
) -> None:
    save_dir, _ = evaluated
    _, *rows = table.read_text().splitlines()
    unseen = [row.split(",") for row in rows if row.split(",")[2] == "Bob"]
    labels = {row[0]: row[1] for row in unseen}
    (tmp_path / "bob.csv").write_text("\n".join(["sequence_id,time,x,y", *(",".join([r[0], *r[3:]]) for r in unseen)]))
    output, _ = run("predict", f"--model={save_dir}/mine-outer-Bob/best_model", str(tmp_path / "bob.csv"))
    answers = {row["file"].split("'")[1]: row["class"] for row in csv.DictReader(output.splitlines())}
    assert answers.keys() == labels.keys()
    n_right = sum(label == answers[sequence] for sequence, label in labels.items())
    scores = next(fold for fold in results(save_dir)["folds"] if fold["tested"] == "Bob")["test"]
    assert n_right / len(labels) == pytest.approx(scores["accuracy"])


def test_signals_and_kills_change_nothing(evaluated: tuple[Path, str], table: Path, tmp_path: Path) -> None:
    ends = (("Ann", signal.SIGINT, 130), ("Bob", signal.SIGTERM, 143), ("Cid", signal.SIGKILL, -9))
    for person, number, code in ends:
        process = start(*arguments(table, tmp_path))
        wait_for_epochs(tmp_path, f"mine-outer-{person}", process)
        process.send_signal(number)
        output, errors = process.communicate()
        assert process.returncode == code, errors
        assert ("the same command goes on with it" in output) == (number != signal.SIGKILL)
    output, _ = run(*arguments(table, tmp_path))
    assert "; 2 to run, of 2 trials each" in output
    assert without_times(results(tmp_path)) == without_times(results(evaluated[0]))


def test_again_it_writes_the_same_and_trains_nothing(evaluated: tuple[Path, str], table: Path) -> None:
    save_dir, _ = evaluated
    files = {path: path.read_bytes() for path in (save_dir / "mine-outer").iterdir()}
    assert {path.suffix for path in files} == {".md", ".csv", ".json"}
    for path in files:
        path.unlink()
    output, _ = run(*arguments(table, save_dir))
    assert "in an outer fold of their own: all of them are done" in output
    assert "Ended:" not in output
    assert {path: path.read_bytes() for path in files} == files
    output, _ = run("status", "--check", f"--save-dir={save_dir}")
    assert "All is well" in output


def test_what_would_mix_folds_is_refused(evaluated: tuple[Path, str], table: Path) -> None:
    save_dir, _ = evaluated
    _, errors = run(*arguments(table, save_dir, "--epochs=9"), expect=2)
    assert "training.epochs: 8 in the study, 9 now" in errors
    left_out = [one for one in arguments(table, save_dir) if not one.startswith("--epochs")]
    _, errors = run(*left_out, expect=2)
    assert "training.epochs: 8 in the study" in errors
    _, errors = run(*arguments(table, save_dir, "--resume"), expect=2)
    assert "No such option" in errors
    _, errors = run(*arguments(table, save_dir, "--split=stratified"), expect=2)
    assert "cannot go with --split stratified" in errors


def test_more_trials_are_more_in_every_fold(evaluated: tuple[Path, str], table: Path, tmp_path: Path) -> None:
    """With two workers; in a copy, so that the first evaluation stays what it is."""
    shutil.copytree(evaluated[0], tmp_path, dirs_exist_ok=True)
    run(*arguments(table, tmp_path, "--trials=3", "--workers=2"))
    found = results(tmp_path)
    assert [fold["n_trials"] for fold in found["folds"]] == [3] * 4
    changed = [fold for fold in found["folds"] if fold["times_test_was_used"] > 1]
    said = [sentence for sentence in found["sentences"] if "no longer quite unseen" in sentence]
    assert len(said) == len(changed)


def test_data_without_people_is_tested_in_stratified_folds(tmp_path: Path) -> None:
    path = recordings(tmp_path, ())
    _, errors = run(*arguments(path, tmp_path / "studies"), expect=2)
    assert "does not say who performed a sequence (use --outer folds)" in errors
    run(
        *arguments(
            path, tmp_path / "studies", "--n-folds=3", "--folds=2", "--metric=macro_f1", "--no-floors", outer="folds"
        )
    )
    found = results(tmp_path / "studies")
    assert [fold["tested"] for fold in found["folds"]] == [f"fold {k} of 3" for k in (1, 2, 3)]
    assert sum(fold["test"]["n_sequences"] for fold in found["folds"]) == 4 * 2 * N_EACH
    for k, fold in enumerate(found["folds"], start=1):
        split = best_of(tmp_path / "studies", fold["study"])["split"]
        assert (split["kind"], split["outer_fold"]) == ("stratified", [k, 3])
    assert found["gain_over_floor"] is None
    difference = fmean(fold["validation"] - fold["test"]["macro_f1"] for fold in found["folds"])
    assert found["optimism"] == pytest.approx(difference)
    assert any("it is not known who performed a sequence" in sentence for sentence in found["sentences"])
