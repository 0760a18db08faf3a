"""New recordings classified: from every format, from a stream, with a folder or an ONNX file, and what is refused."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data import DataError
from data.unlabelled import read_unlabelled
from tests.processes import ROOT
from tests.stored_models import CHANNELS, CLASSES, LENGTHS, measured, stored_model
from tune.config.schema import Lengths
from tune.deploy.classifier import Classifier, OnnxClassifier, TorchClassifier
from tune.deploy.inputs import Wanted, windows
from tune.deploy.onnx_model import to_onnx
from tune.deploy.predictions import predictions
from tune.deploy.stream import Decision, decisions, sliding_for

Array = NDArray[Any]
MODEL = stored_model("gru", {"hidden_size": 6, "pooling": "mean"})
EXPECTED = MODEL.probabilities(measured()).numpy()
TABLE = [measured().sequence(k).numpy() for k in range(len(LENGTHS))]
HEADER = ",".join(CHANNELS)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return OnnxClassifier(to_onnx(MODEL), "toy.onnx")


def text(values: Array, header: str | None = HEADER, separator: str = ",") -> str:
    lines = [separator.join(map(repr, row)) for row in values.astype(float).tolist()]
    return "\n".join(([header] if header else []) + lines) + "\n"


def probabilities_of(classifier: Classifier, path: Path, **wanted: Any) -> Array:
    return np.stack([one.probabilities for one in predictions(classifier, read_unlabelled(path), Wanted(**wanted))])


def test_every_format_gives_what_torch_gives(classifier: Classifier, tmp_path: Path) -> None:
    several = [k for k, length in enumerate(LENGTHS) if length > 1]
    for k in several:
        (tmp_path / "folder" / "deeper").mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / "deeper" / f"{k}.csv").write_text(text(TABLE[k]))
    found = probabilities_of(classifier, tmp_path / "folder")
    np.testing.assert_allclose(found, EXPECTED[several], atol=1e-5)
    (tmp_path / "plain.tsv").write_text(text(TABLE[0], None, "\t"))
    np.save(tmp_path / "one.npy", TABLE[0])
    np.savez(tmp_path / "padded.npz", X=np.stack([TABLE[0][:4], TABLE[1]]), sample_rate_hz=10.0)
    np.testing.assert_allclose(probabilities_of(classifier, tmp_path / "plain.tsv"), EXPECTED[:1], atol=1e-5)
    np.testing.assert_allclose(probabilities_of(classifier, tmp_path / "one.npy"), EXPECTED[:1], atol=1e-5)
    np.testing.assert_allclose(probabilities_of(classifier, tmp_path / "padded.npz")[1], EXPECTED[1], atol=1e-5)


def test_a_long_table_gives_an_answer_a_sequence(classifier: Classifier, tmp_path: Path) -> None:
    rows = [f"s{k},{','.join(map(repr, row))},x" for k in (0, 3) for row in TABLE[k].astype(float).tolist()]
    (tmp_path / "long.csv").write_text(f"sequence_id,{HEADER},label\n" + "\n".join(rows))
    found = list(predictions(classifier, read_unlabelled(tmp_path / "long.csv"), Wanted()))
    assert [one.place.split(", ")[-1] for one in found] == ["sequence 's0'", "sequence 's3'"]
    np.testing.assert_allclose([one.probabilities for one in found], EXPECTED[[0, 3]], atol=1e-5)


def test_columns_are_found_by_their_names(classifier: Classifier, tmp_path: Path) -> None:
    turned = np.column_stack([TABLE[0][:, [3, 1]], np.arange(len(TABLE[0])), TABLE[0][:, [0, 2]]])
    (tmp_path / "turned.csv").write_text(text(turned, "AZ,ax,temperature,heat [°C],ay (g)"))
    np.testing.assert_allclose(probabilities_of(classifier, tmp_path / "turned.csv"), EXPECTED[:1], atol=1e-5)
    (tmp_path / "others.csv").write_text(text(TABLE[0], "one,two,three,four"))
    np.testing.assert_allclose(probabilities_of(classifier, tmp_path / "others.csv"), EXPECTED[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text(TABLE[0][:, :3], "a,b,c"), "has 3 channels; the network takes 4"),
        (text(TABLE[0], "heat,ax,ay,other"), r"has no channel 'az \(g\)'"),
        (text(TABLE[0]).replace("\n", "\n,,,\n", 1), r"row 2, column 'heat': there is no value"),
        (text(TABLE[0], None).replace("\n", "\nnan,1,1,1\n", 1), r"row 2, column 1: there is no value"),
        (text(np.column_stack([np.arange(11) / 50, TABLE[0]]), f"time_s,{HEADER}"), "at 50 steps a second"),
        (HEADER + "\n", "no row"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_classified_is_a_sentence(
    classifier: Classifier, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=said):
        list(predictions(classifier, read_unlabelled(tmp_path / "bad.csv"), Wanted()))


def test_too_short_is_a_sentence(tmp_path: Path) -> None:
    lengths = {"shortest": 8, "median": 8, "longest": 12}
    strict = TorchClassifier(stored_model("gru", {"hidden_size": 6}, lengths=lengths))
    (tmp_path / "short.csv").write_text(text(TABLE[0][:3]))
    with pytest.raises(DataError, match="too short: it has 3 steps"):
        list(predictions(strict, read_unlabelled(tmp_path / "short.csv"), Wanted()))


@pytest.mark.parametrize(("jump", "n_classified"), [(70, 1), (25, 0)])
def test_stretches_that_are_too_short_are_passed_over_and_said(tmp_path: Path, jump: int, n_classified: int) -> None:
    lengths = {"shortest": 60, "median": 60, "longest": 100}
    strict = TorchClassifier(stored_model("gru", {"hidden_size": 6}, lengths=lengths))
    seconds = np.arange(jump + 25) / 10 + np.where(np.arange(jump + 25) < jump, 0, 86_400)
    rows = np.column_stack([seconds, np.resize(TABLE[0], (jump + 25, len(CHANNELS)))])
    (tmp_path / "jumps.csv").write_text(text(rows, f"time_s,{HEADER}"))
    said: list[str] = []
    found = predictions(strict, read_unlabelled(tmp_path / "jumps.csv"), Wanted(), said.append)
    if n_classified:
        (one,) = found
        assert one.place.endswith("rows 2 to 71")
        assert "rows 72 to 96 is too short: it has 25 steps" in said[0]
    else:
        with pytest.raises(DataError, match="too short"):
            list(found)


def test_another_rate_is_brought_to_the_networks(classifier: Classifier, tmp_path: Path) -> None:
    steps = np.linspace(0, len(TABLE[0]) - 1, 5 * (len(TABLE[0]) - 1) + 1)
    finer = np.column_stack([np.interp(steps, np.arange(len(TABLE[0])), column) for column in TABLE[0].T])
    (tmp_path / "finer.csv").write_text(text(finer))
    with pytest.raises(DataError, match="--resample"):
        probabilities_of(classifier, tmp_path / "finer.csv", sample_rate_hz=50.0)
    found = probabilities_of(classifier, tmp_path / "finer.csv", sample_rate_hz=50.0, resample=True)
    np.testing.assert_allclose(found, EXPECTED[:1], atol=1e-4)


def test_long_recordings_are_cut_as_in_training_and_vote(tmp_path: Path) -> None:
    lengths = {"shortest": 12, "median": 12, "longest": 12}
    cutting = TorchClassifier(stored_model("gru", {"hidden_size": 6, "pooling": "mean"}, lengths=lengths))
    values = measured((40,), seed=3).values.numpy()
    cut = windows(values, cutting.facts)
    assert [len(one) for one in cut] == [12] * 5
    assert np.array_equal(cut[1], values[6:18])
    np.save(tmp_path / "long.npy", values)
    (found,) = predictions(cutting, read_unlabelled(tmp_path / "long.npy"), Wanted())
    each = np.stack([cutting.run(one[None], np.array([12]))[1][0] for one in cut])
    np.testing.assert_allclose(found.probabilities, each.mean(axis=0), atol=1e-6)
    assert found.n_windows == 5
    assert found.n_agree == (each.argmax(axis=1) == each.mean(axis=0).argmax()).sum()
    assert len(windows(values[:18], TorchClassifier(MODEL).facts)) == 1


def streamed(classifier: Classifier, lines: Sequence[str], **wanted: Any) -> list[Decision]:
    how = sliding_for(classifier.facts, wanted.get("window"), wanted.get("hop"), wanted.get("smooth", 1))
    return list(decisions(classifier, lines, how))


def test_a_stream_is_decided_window_by_window(classifier: Classifier) -> None:
    values = measured((30,), seed=4).values.numpy()
    for lines in (
        text(values).splitlines(),
        text(values, None, " ").splitlines(),
        text(values, None, ";").splitlines(),
    ):
        found = streamed(classifier, lines, window=10, hop=5)
        assert [one.step for one in found] == [10, 15, 20, 25, 30]
        expected = [classifier.run(values[None, end - 10 : end], np.array([10]))[1][0] for end in range(10, 31, 5)]
        assert [one.class_name for one in found] == [CLASSES[int(one.argmax())] for one in expected]
        np.testing.assert_allclose([one.probability for one in found], [one.max() for one in expected], atol=1e-5)
    smooth = streamed(classifier, text(values).splitlines(), window=10, hop=5, smooth=3)
    assert smooth[-1].probability == pytest.approx(float(np.mean(expected[-3:], axis=0).max()), abs=1e-5)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["1,2,3"], "line 1 has 3 channels; the network takes 4"),
        (["1,2,3,4", "1,2"], "line 2 has 2 fields"),
        (["1,2,3,4", "1,nan,3,4"], "line 2: 'nan' is not a finite number"),
        (["1,2,3,4", "1,two,3,4"], "line 2: 'two' is not a number"),
        ([], "too short: it has 0 samples"),
        ([f"time_ms,{HEADER}", *(f"{20 * k},1,2,3,4" for k in range(12))], "50 steps a second"),
    ],
)
def test_a_bad_stream_is_a_sentence(classifier: Classifier, lines: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        streamed(classifier, lines)


BLOCKER = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "optuna", "safetensors"):
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, NoTorch())
from tune.cli.main import main
main(sys.argv[1:])
"""


def predict(*arguments: str, stdin: str = "", expect: int = 0) -> tuple[str, str]:
    """Output and errors of ``predict`` where neither torch nor Optuna is installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "default"}
    process = subprocess.run(
        [sys.executable, "-c", BLOCKER, "predict", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert process.returncode == expect, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process.stdout, process.stderr


def test_an_onnx_file_is_used_without_torch(tmp_path: Path) -> None:
    model = tmp_path / "toy.onnx"
    model.write_bytes(to_onnx(MODEL))
    (tmp_path / "one.csv").write_text(text(TABLE[0]))
    output, _ = predict("--model", str(model), "--probabilities", str(tmp_path / "one.csv"))
    (row,) = csv.DictReader(io.StringIO(output))
    assert row["file"] == str(tmp_path / "one.csv")
    assert row["class"] == CLASSES[int(EXPECTED[0].argmax())]
    assert float(row["probability"]) == pytest.approx(EXPECTED[0].max(), abs=1e-4)
    np.testing.assert_allclose([float(row[name]) for name in CLASSES], EXPECTED[0], atol=1e-4)
    predict("--model", str(model), "--out", str(tmp_path / "out.csv"), str(tmp_path / "one.csv"))
    assert (tmp_path / "out.csv").read_text().startswith("file,class,probability,windows\n")
    output, errors = predict("--model", str(model), "--window=5", "--hop=3", "-", stdin=text(TABLE[0]))
    assert [line.split(",")[0] for line in output.splitlines()] == ["sample", "5", "8", "11"]
    assert "3 decisions; latency" in errors
    (tmp_path / "bad.csv").write_text(text(TABLE[0][:, :2], "a,b"))
    _, errors = predict("--model", str(model), str(tmp_path / "bad.csv"), expect=2)
    assert errors.startswith("error: ")
    assert "2 channels" in errors


@pytest.mark.parametrize("named", ["a folder", "files"])
def test_what_cannot_be_classified_does_not_keep_the_others_from_it(tmp_path: Path, named: str) -> None:
    model, folder = tmp_path / "toy.onnx", tmp_path / "new"
    model.write_bytes(to_onnx(MODEL))
    folder.mkdir()
    contents = {"a": text(TABLE[0]), "b": text(TABLE[0][:, :2], "a,b"), "c": "ax,ay\n1,two\n", "d": text(TABLE[0])}
    for name, content in contents.items():
        (folder / f"{name}.csv").write_text(content)
    (folder / "e.csv").write_bytes(bytes(range(256)))
    files = [str(folder / f"{name}.csv") for name in "abcde"]
    output, errors = predict("--model", str(model), *([str(folder)] if named == "a folder" else files), expect=2)
    assert [row["file"] for row in csv.DictReader(io.StringIO(output))] == [files[0], files[3]]
    first, *others = errors.splitlines()
    assert first == "error: 2 recordings were classified, the others not:"
    assert [one.split()[0].rstrip(":,") for one in others] == [files[1], files[2], files[4]]


def test_lengths_must_be_possible() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Lengths(shortest=0, median=1, longest=1)


def test_torch_and_onnx_agree(classifier: Classifier) -> None:
    values = torch.randn(2, 9, 4).numpy()
    lengths = np.array([9, 4])
    for one, other in zip(classifier.run(values, lengths), TorchClassifier(MODEL).run(values, lengths), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
