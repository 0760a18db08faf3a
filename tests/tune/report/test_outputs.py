"""What a study leaves: a comparison in the right order, tables, files and lines that a person can read."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from optuna.trial import TrialState

from tests.runs import printed
from tests.tune.conftest import Lab, NewLab, StopAfter
from tune.cli.summary import print_comparison, print_start, print_summary
from tune.evaluation.test_evaluation import evaluate_selected, score_weights
from tune.experiments.comparison import compare, write_comparison
from tune.report.exports import describe_best, write_best
from tune.run import Finished
from tune.search.loop import Ended
from tune.study.study import best_trial
from tune.study.trial_files import load_weights, trial_folder
from tune.study.trials_table import COLUMNS, write_trials

CPU = torch.device("cpu")


def finished(lab: Lab, reason: str = "all trials finished") -> Finished:
    return Finished(lab.study(), lab.settings, lab.folder, Ended(reason), [])


def judge(lab: Lab) -> None:
    evaluate_selected(lab.context())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the finished study is kept for the next test, which gets a copy."""
    return tmp_path_factory.mktemp("kept") / "done"


@pytest.fixture
def done(new_lab: NewLab, kept: Path) -> Lab:
    """A study of three trials, judged and exported."""
    lab = new_lab("done", {"search": {"trials": 3, "pruner": "none"}})
    if kept.exists():
        shutil.copytree(kept, lab.place, dirs_exist_ok=True)
        return lab
    lab.search()
    judge(lab)
    write_trials(lab.study(), lab.folder)
    write_best(lab.study(), lab.settings, lab.folder)
    shutil.copytree(lab.place, kept)
    return lab


def test_the_stored_weights_score_what_the_trial_scored(done: Lab) -> None:
    best = best_trial(done.study())
    assert best is not None
    weights = load_weights(done.folder, best, 1)
    assert weights is not None
    found, _ = score_weights(done.context(), best, weights, "validation")
    assert found.scores.accuracy == pytest.approx(best.value)
    assert found.scores.loss == pytest.approx(best.user_attrs["validation_loss"], rel=1e-5)


def test_the_test_part_is_used_once_for_each_best_trial(done: Lab) -> None:
    before = done.study().user_attrs["evaluations"]
    judge(done)
    assert done.study().user_attrs["evaluations"] == before
    best = best_trial(done.study())
    assert best is not None
    assert before.keys() == {str(best.number)}
    assert before[str(best.number)].keys() == {"validation", "refit", "correct", "test"}


def test_without_a_test_part_only_validation_is_judged(new_lab: NewLab) -> None:
    lab = new_lab("study", {"split": {"test_fraction": 0.0}, "search": {"trials": 1}})
    lab.search()
    judge(lab)
    (found,) = lab.study().user_attrs["evaluations"].values()
    assert found.keys() == {"validation"}


def test_the_best_configuration_is_enough_to_build_it_again(done: Lab) -> None:
    written = json.loads((done.folder.root / "best_config.json").read_text())
    assert written == json.loads(json.dumps(describe_best(done.study(), done.settings, done.folder)))
    assert written["architecture"] == "gru"
    assert written["training"].keys() >= {"epochs", "learning_rate", "batch_size", "schedule"}
    assert written["data"]["fingerprint"] == done.splits.dataset.fingerprint
    assert written["scores"].keys() == {"train", "validation", "test"}
    assert (done.folder.root / written["trial_folder"] / "weights.safetensors").is_file()
    assert written["value"] == max(trial.value or 0.0 for trial in done.trials())


def test_no_complete_trial_has_no_best_configuration(new_lab: NewLab) -> None:
    lab = new_lab("study")
    with pytest.raises(ValueError, match="no complete trial"):
        describe_best(lab.study(), lab.settings, lab.folder)


def test_the_table_has_a_row_for_every_trial(done: Lab, new_lab: NewLab) -> None:
    rows = list(csv.DictReader(io.StringIO((done.folder.root / "trials.csv").read_text())))
    assert [row["number"] for row in rows] == ["0", "1", "2"]
    assert {row["state"] for row in rows} == {"complete"}
    on_a_device = ("flash_bytes", "ram_bytes", "macs")
    assert rows[0].keys() >= {*COLUMNS, "hidden_size", "learning_rate"} - {"latency_ms", "reason", *on_a_device}
    assert all(any(row[name] for row in rows) for name in rows[0])
    for row in rows:
        gap = float(row["train_accuracy"]) - float(row["validation_accuracy"])
        assert float(row["accuracy_gap"]) == pytest.approx(gap)
    empty = new_lab("empty")
    empty.study()
    write_trials(empty.study(), empty.folder)
    assert len((empty.folder.root / "trials.csv").read_text().splitlines()) == 1


def test_every_trial_has_its_configuration_and_history_which_can_be_made_again(done: Lab) -> None:
    for trial in done.trials():
        place = trial_folder(done.folder, trial)
        before = {path.name: path.read_bytes() for path in place.iterdir() if path.suffix in (".json", ".csv")}
        assert before.keys() == {"config.json", "history.csv"}
        history = list(csv.DictReader(io.StringIO(before["history.csv"].decode())))
        assert [int(row["epoch"]) for row in history] == sorted(trial.intermediate_values)
        for name in before:
            (place / name).unlink()
        write_trials(done.study(), done.folder)
        assert before == {path.name: path.read_bytes() for path in place.iterdir() if path.suffix in (".json", ".csv")}


def test_weights_of_every_fold_are_kept(new_lab: NewLab) -> None:
    lab = new_lab("study", {"split": {"folds": 2}, "search": {"trials": 1}})
    lab.search()
    trial, *_ = lab.trials()
    weights = load_weights(lab.folder, trial, 2)
    assert weights is not None
    assert len(weights) == 2
    assert load_weights(lab.folder, trial, 3) is None


def studies(new_lab: NewLab, metric: str, values: dict[str, float | None]) -> list[Finished]:
    found = []
    for name, value in values.items():
        lab = replace(new_lab(name, {"search": {"metric": metric}}), name=name)
        study = lab.study()
        trial = study.ask()
        for attribute in ("best_epochs", "history"):
            trial.set_user_attr(attribute, [])
        for attribute in ("epochs_run", "seed", "n_parameters"):
            trial.set_user_attr(attribute, 10)
        for attribute in ("accuracy", "macro_f1", "loss"):
            trial.set_user_attr(f"train_{attribute}", 0.5)
            trial.set_user_attr(f"validation_{attribute}", 0.5)
        for attribute in ("accuracy_gap", "training_seconds"):
            trial.set_user_attr(attribute, 1.5)
        trial.set_user_attr("fixed_parameters", {})
        study.tell(trial, value, state=TrialState.PRUNED if value is None else None)
        lab.folder.root.mkdir(parents=True, exist_ok=True)
        (lab.folder.root / "best_config.json").write_text(name)
        found.append(finished(lab))
    return found


@pytest.mark.parametrize(
    ("metric", "order"),
    [("accuracy", ["high", "middle", "zero", "none"]), ("loss", ["zero", "middle", "high", "none"])],
)
def test_the_comparison_has_the_best_first_and_the_unfinished_last(
    new_lab: NewLab, tmp_path: Path, metric: str, order: list[str]
) -> None:
    done = studies(new_lab, metric, {"none": None, "middle": 0.5, "zero": 0.0, "high": 0.9})
    rows = write_comparison(done, tmp_path)
    assert [row.study for row in rows] == order
    table = list(csv.DictReader(io.StringIO((tmp_path / "comparison.csv").read_text())))
    assert [row["study"] for row in table] == order
    assert table[-1]["validation"] == ""
    assert (tmp_path / "best_config.json").read_text() == order[0]
    assert f'href="../{order[1]}/report.html"' in (tmp_path / "report.html").read_text()
    assert f"[its report](../{order[0]}/report.html)" in (tmp_path / "report.md").read_text()
    assert {one.study.user_attrs["compared_in"] for one in done} == {tmp_path.name}
    assert "best first" in printed(print_comparison, rows, tmp_path, width=120)


def test_nothing_to_compare_is_an_empty_table(tmp_path: Path) -> None:
    assert compare([]) == write_comparison([], tmp_path) == []
    assert not (tmp_path / "best_config.json").exists()


def test_the_start_says_what_is_tuned_on_what(done: Lab) -> None:
    text = printed(print_start, "toy-gru", done.settings, done.splits)
    assert "Study toy-gru: gru on toy" in text
    assert "36 sequences, 3 classes, 2 channels, 6 people" in text
    assert "nobody is in two parts" in text
    lone = replace(done.splits.dataset, values=done.splits.dataset.values[:, :1], channel_names=("x",))
    assert "3 classes, 1 channel, 6 people" in printed(
        print_start, "toy-gru", done.settings, replace(done.splits, dataset=lone)
    )


def test_a_target_that_is_reached_is_left_out_of_the_command_to_go_on(done: Lab) -> None:
    reached = done.with_settings({"search": {"target": 0.01}})
    assert "--resume --save-dir" in (text := printed(print_summary, finished(reached)))
    assert text.rstrip().endswith("--set search.target=null")


def test_the_summary_says_what_was_found_and_how_far_to_believe_it(done: Lab) -> None:
    text = printed(print_summary, finished(done))
    assert "\n\n\n" not in text
    for part in (
        "3 trials complete",
        "Best: trial",
        "Test, trained once more on training and validation set: accuracy",
        "--trials 6",
        "trials.csv",
    ):
        assert part in text
    best = best_trial(done.study())
    assert best is not None
    # The formula gives no luck to who is always right.
    assert ("optimistic: among" in text) == (best.user_attrs["validation_accuracy"] < 1)


def test_the_summary_of_a_study_without_a_complete_trial(new_lab: NewLab, stop_after: type[StopAfter]) -> None:
    lab = new_lab("study")
    lab.search(stop_after(0))
    text = printed(print_summary, finished(lab, "interrupted"))
    assert "Ended: interrupted" in text
    assert "1 left to go on with" in text
    assert "--resume" in text
    assert "--trials" not in text
    assert "no best configuration yet" in text


def test_the_dashboard_learns_what_the_score_is_called(done: Lab) -> None:
    assert done.study().metric_names == ["validation accuracy"]
