"""Which data set a path means, from the look at it to the name of the study."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner

from data.errors import DataError
from tests.processes import SMALL, run
from tune.cli.main import main
from tune.config.choice import data_name_of, with_dataset
from tune.config.settings import resolve


def record(folder: Path, n_people: int = 4, n_takes: int = 3) -> Path:
    """Two movements that a tiny network tells apart."""
    for movement, speed in (("slow", 0.3), ("fast", 0.9)):
        for person in range(n_people):
            for take in range(n_takes):
                rows = [
                    f"{20 * k},{math.sin(speed * k + person):.4f},{math.cos(speed * k + take):.4f}" for k in range(20)
                ]
                path = folder / movement / f"p{person}" / f"{take}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(["time_ms,ax,ay", *rows]))
    return folder


def test_a_path_alone_means_what_lies_there(tmp_path: Path) -> None:
    path = str(record(tmp_path / "mine"))
    assert with_dataset([{"data": {"path": path}}])[-1] == {"dataset": "files"}
    assert with_dataset([{"data": {"path": path}}, {"dataset": "watch"}])[-1] == {"dataset": "watch"}
    assert with_dataset([{"search": {"trials": 3}}]) == [{"search": {"trials": 3}}]
    everything = resolve().model_dump(mode="json")
    assert with_dataset([everything, {"data": {"path": path}}])[-1] == {"dataset": "files"}
    assert with_dataset([everything]) == [everything]
    with pytest.raises(DataError, match="nowhere is neither a file nor a folder"):
        with_dataset([{"data": {"path": str(tmp_path / "nowhere")}}])


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    record(tmp_path / "mine")
    assert with_dataset([{"data": {"path": "~/mine"}}])[-1] == {"dataset": "files"}


def test_the_setting_of_the_environment_alone_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUNE_DATA", str(record(tmp_path / "mine")))
    assert resolve(*with_dataset([])).dataset == "watch"


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/tmp/My gestures/", "My-gestures"),
        ("/tmp/v1.2", "v1.2"),
        ("/tmp/long.csv", "long"),
        ("/tmp/Mine_TRAIN.ts", "Mine"),
        ("/tmp/watch", "files-watch"),
        ("/tmp/жест", "files"),
    ],
)
def test_studies_are_named_after_the_recordings(path: str, subject: str) -> None:
    assert data_name_of(resolve({"dataset": "files", "data": {"path": path}})) == subject
    assert data_name_of(resolve({"dataset": "smartwatch", "data": {"path": path}})) == "smartwatch"


def test_ones_own_folder_trains_and_resumes(tmp_path: Path) -> None:
    path = str(record(tmp_path / "mine"))
    options = [one for one in SMALL if not one.startswith(("--classes", "--set=data"))]
    save_dir = str(tmp_path / "studies")
    output, _ = run("--data-path", path, "--trials", "2", "--save-dir", save_dir, *options)
    assert "the inner folders are taken for people, such as 'p0'" in output
    assert f"Study mine-gru: gru on {path}" in output
    best = json.loads((tmp_path / "studies" / "mine-gru" / "best_config.json").read_text())
    assert best["data"]["name"] == "files"
    # The study knows its data set, whatever lies beside the recordings by now.
    (tmp_path / "mine" / "gestures-dataset.zip").touch()
    run("--data-path", path, "--study-name", "mine-gru", "--resume", "--trials", "4", "--save-dir", save_dir)
    study = optuna.load_study(study_name="mine-gru", storage=f"sqlite:///{save_dir}/tune.db")
    assert len(study.trials) == 4


def test_a_look_at_ones_own_folder(tmp_path: Path) -> None:
    folder = record(tmp_path / "mine")
    copy = (folder / "slow" / "p0" / "0.csv").read_text()
    (folder / "slow" / "p1" / "0.csv").write_text(copy)
    picture = tmp_path / "look" / "examples.png"
    output = CliRunner().invoke(main, ["datasets", "--data-path", str(folder), "--picture", str(picture)]).output
    for line in (
        "sequences   24, of the kind 'gesture'",
        "lengths     20 steps each (0.4 s)",
        "rate        50 steps a second",
        "channels    2: ax from -",
        "classes     2: fast 12, slow 12",
        "people      4: p0 6, p1 6, p2 6, p3 6",
        "duplicates  1 exact copy",
        "judged      6 validation sequences of 1 person cannot tell an accuracy of 90% from",
        "- 1 of 24 sequences is an exact copy of another",
        f"Tune it: ./run_tuning.sh --data-path {folder}",
    ):
        assert line in output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_with_a_folder_is_one_sentence(tmp_path: Path) -> None:
    folder = record(tmp_path / "mine")
    (folder / "slow" / "p0" / "0.csv").write_text("time_ms,ax,ay\n0,1,abc\n")
    result = CliRunner().invoke(main, ["datasets", "--data-path", str(folder)])
    assert result.exit_code == 2
    assert "slow/p0/0.csv, row 2, column 'ay': 'abc' is not a number" in result.output
    result = CliRunner().invoke(main, ["--data-path", str(tmp_path / "nowhere"), "--save-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "nowhere is neither a file nor a folder" in result.output


def test_two_people_are_offered_the_split_by_name(tmp_path: Path) -> None:
    folder = record(tmp_path / "mine", n_people=2)
    picture = str(tmp_path / "examples.png")
    looked = CliRunner().invoke(main, ["datasets", "--data-path", str(folder), "--picture", picture])
    assert f"Tune it: ./run_tuning.sh --data-path {folder} --split stratified" in looked.output
    refused = CliRunner().invoke(main, ["--data-path", str(folder), "--save-dir", str(tmp_path)])
    assert refused.exit_code == 2
    assert "2 people are too few to be held out" in refused.output
    assert "--split stratified" in refused.output


def test_a_look_at_some_classes(tmp_path: Path) -> None:
    folder = record(tmp_path / "mine")
    for person in range(4):
        (folder / "none" / f"p{person}").mkdir(parents=True)
        shutil.copy(folder / "slow" / "p0" / "0.csv", folder / "none" / f"p{person}")
    options = ["--data-path", str(folder), "--picture", str(tmp_path / "a.png")]
    output = CliRunner().invoke(main, ["datasets", *options, "--classes", "2"]).output
    assert "classes     2: fast 12, none 4" in output
    assert f"Tune it: ./run_tuning.sh --data-path {folder} --classes 2" in output


def test_a_look_at_streams_explains_their_reading_in_twenty_lines(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "data" / "examples" / "annotations"
    options = ["--data-path", str(folder), "--picture", str(tmp_path / "a.png"), "--set=data.window_seconds=0.5"]
    output = CliRunner().invoke(main, ["datasets", *options]).output
    reading = output[: output.index("What looks wrong:")].splitlines()
    assert len(reading) <= 17
    for sentence in (
        "is read as 2 streams, each with its labels in a file beside it, such as 'annotations.csv' beside 'stream.csv'",
        "where nothing is labelled it is the class 'null': 45% of the time",
        "windows of 0.5 s, one every 0.24 s; none has two labels",
    ):
        assert any(sentence in line for line in reading)
    assert len(output.splitlines()) <= 20
    last = output.splitlines()[-1]
    how = "--set data.window_seconds=0.5 --split stratified --metric balanced_accuracy"
    assert last == f"Tune it: ./run_tuning.sh --data-path {folder} {how}"


def test_of_much_that_looks_wrong_the_gravest_is_said_in_twenty_lines(tmp_path: Path) -> None:
    """A clock that jumps, a class of one person, annotations outside of the stream, values of a broken line."""
    names = ("wave", "clap", "nod", "tap")
    for person in range(4):
        place = tmp_path / "mine" / f"P{person}"
        place.mkdir(parents=True)
        wild = {7: 1e9} if person == 1 else {}
        jump = 90_000_000 if person == 2 else 0
        rows = [f"{20 * k + jump * (k > 500)},{wild.get(k, k % 7)},{k % 5}" for k in range(1000)]
        (place / "stream.csv").write_text("\n".join(["time_ms,x,y", *rows]))
        named = [*names, "once"] if person == 3 else names
        spans = [f"{4000 * k + 1000},{4000 * k + 3000},{name}" for k, name in enumerate(named)]
        outside = ["400000000,400001000,wave"] if person == 0 else []
        (place / "annotations.csv").write_text("\n".join(["start,end,label", *spans, *outside]))
    options = ["--data-path", str(tmp_path / "mine"), "--picture", str(tmp_path / "a.png")]
    short = CliRunner().invoke(main, ["datasets", *options]).output.splitlines()
    whole = CliRunner().invoke(main, ["datasets", *options, "--all"]).output.splitlines()
    assert len(short) == 20 < len(whole)
    (folded,) = set(short) - set(whole)
    assert re.fullmatch(r"  … and \d+ more lines: --all shows all", folded)
    assert set(short) - {folded} < set(whole)
    wrong = [line for line in short if line.startswith("  - ")]
    assert wrong[0].startswith("  - 2 of 18 annotations hold no step of the stream")
    assert "jumps by" in wrong[1]
    assert short[1].lstrip().startswith(f"{tmp_path / 'mine'} is read as 4 streams")
    assert short[-1] == whole[-1]
    assert short[-1] == f"Tune it: ./run_tuning.sh --data-path {tmp_path / 'mine'} --metric balanced_accuracy"
    assert any("wild values" in line for line in whole)
