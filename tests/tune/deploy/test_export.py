"""``export``: what is written, what is said of it, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.c_programs import SANITIZED, compiled, needs, run
from tests.processes import ROOT
from tests.runs import printed
from tests.stored_models import measured
from tests.tune.conftest import Lab, make_parts, make_settings, make_toy
from tune.cli.commands import export as export_module
from tune.cli.commands.export import export_command
from tune.core.folders import SaveDir
from tune.core.problems import SettingsError
from tune.deploy import test_recordings as judged_module
from tune.deploy import verification as trials_module
from tune.deploy.classifier import Array
from tune.deploy.verification import invented, paired_drop
from tune.evaluation.test_evaluation import evaluate_selected
from tune.report.exports import write_best, write_best_model
from tune.training.model_folder import load_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Lab:
    """A study that was tested, once for all tests here."""
    place = tmp_path_factory.mktemp("tested")
    shutil.copy(empty_database, place)
    settings = make_settings({"search": {"trials": 1}, "space": {"shared": {"derived_channels": "both"}}})
    lab = Lab(place, settings, make_parts(make_toy(), settings))
    lab.search()
    evaluate_selected(lab.context())
    write_best(lab.study(), lab.settings, lab.folder)
    write_best_model(lab.study(), lab.settings, lab.folder)
    return lab


@pytest.fixture
def lab(tested: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A copy of it, whose recordings are read from memory: there is no reader for the toy."""
    shutil.copytree(tested.place, tmp_path / "studies")
    monkeypatch.setattr(judged_module, "load_splits", lambda settings: tested.splits)
    monkeypatch.setattr(trials_module, "TIMED_SECONDS", 0.0)
    monkeypatch.setattr(trials_module, "FEWEST_TIMED", 2)
    return replace(tested, place=tmp_path / "studies")


def export(lab: Lab, form: str = "onnx", code: int = 0, **options: object) -> str:
    """What is said."""
    plain = {"study_name": lab.name, "model": None, "out": None, "opset": 28, "max_drop": None, "data_path": None}
    codes: list[int] = []

    def exported() -> None:
        codes.append(export_command(SaveDir(lab.place), form=form, **{**plain, **options}))  # type: ignore[arg-type]

    said = printed(exported, width=200)
    assert codes == [code], said
    return said


def test_the_file_and_its_card(lab: Lab) -> None:
    said = export(lab)
    folder = lab.folder.root / "export"
    test = lab.splits.folds[0].test
    assert test is not None
    assert f"Tried on the test set: {len(test)} sequences" in said
    for name in ("PyTorch", "onnx", "int8"):
        assert re.search(rf"^{name} +\d+ kB +[\d.]+ +[\d.]+ ", said, re.MULTILINE), said
    card = (folder / "MODEL_CARD.md").read_text()
    stored = lab.study().user_attrs["evaluations"]["0"]["test"]
    low, high = stored["intervals_95"]["accuracy"]
    assert f"| accuracy | {stored['accuracy']:.3f} | {low:.3f} to {high:.3f} |" in card
    for name in test.class_names:
        assert f"| {name} | " in card
    assert all(name not in card for name in test.group_names)
    assert "trained once more on training and validation set" in card


def test_the_cards_lines_run_without_torch(lab: Lab, tmp_path: Path) -> None:
    export(lab)
    folder = lab.folder.root / "export"
    test = lab.splits.folds[0].test
    assert test is not None
    lines = re.search(r"```python\n(.*?)```", (folder / "MODEL_CARD.md").read_text(), re.DOTALL)
    assert lines is not None
    assert len(lines[1].strip().splitlines()) == 7
    # As the training reads it: a clock in front, and channels in any order.
    header = ",".join(["timestamp_ms", *reversed(test.channel_names)])
    columns = np.flip(test.sequence(0).numpy(), axis=1)
    columns = np.column_stack([1e12 + np.arange(len(columns)), columns])
    np.savetxt(folder / "recording.csv", columns, delimiter=",", header=header, comments="")
    blocked = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'onnx', 'tune', 'data', 'models'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", blocked + lines[1]],
        cwd=folder,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    probabilities = load_model(lab.folder.root / "best_model").probabilities(test)[0]
    name, probability = done.stdout.split()
    assert name == test.class_names[int(probabilities.argmax())]
    assert float(probability) == pytest.approx(float(probabilities.max()), abs=1e-4)


def test_the_use_of_the_test_part_is_on_record(lab: Lab) -> None:
    path = lab.folder.root / "best_config.json"
    assert json.loads(path.read_text())["times_test_was_used"] == 1
    assert "used 1 time before" in _card(lab, "onnx")
    assert lab.study().user_attrs["test_uses"] == [{"trial": 0, "for": "export"}]
    assert json.loads(path.read_text())["times_test_was_used"] == 2
    # The same network on the same data tells nothing new.
    assert "used 2 times before" in _card(lab, "int8")
    assert json.loads(path.read_text())["times_test_was_used"] == 2


def _card(lab: Lab, form: str) -> str:
    export(lab, form)
    name = "MODEL_CARD.md" if form == "onnx" else f"MODEL_CARD-{form}.md"
    return (lab.folder.root / "export" / name).read_text()


@pytest.mark.parametrize("form", ["int8", pytest.param("c-int8", marks=needs("gcc"))])
def test_too_much_lost_is_refused(form: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, refused = (lab.place / (name + ".onnx" * (form == "int8")) for name in ("kept", "refused"))
    export(lab, form, max_drop=1.0, out=kept)
    assert kept.exists()
    if form == "int8":
        assert (lab.place / "MODEL_CARD-kept.onnx.md").exists()
    # Worse than any rounding: every answer is another class.
    monkeypatch.setattr(export_module, "_expected", _others)
    said = export(lab, form, code=1, max_drop=0.005, out=refused)
    assert "Not exported: it loses" in said
    assert "--max-drop allows 0.005" in said
    assert not refused.exists()
    said = export(lab, "onnx", code=1, out=lab.place / "refused.onnx")
    assert "its logits differ from torch's" in said
    assert not (lab.place / "refused.onnx").exists()


def _others(stored: object, judged: judged_module.Judged, reference: object, sequences: object) -> Array:
    assert judged.part is not None
    right = torch.nn.functional.one_hot(judged.part.labels, judged.part.n_classes)
    return right.float().numpy()


def test_without_its_study_it_is_tried_on_noise(lab: Lab, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    (lab.folder.root / "best_model").rename(alone)
    said = export(lab, study_name=None, model=alone, out=tmp_path / "model.onnx")
    assert "No accuracy can be stated" in said
    assert "This file was not judged" in (tmp_path / "MODEL_CARD.md").read_text()
    said = export(lab, "int8", code=1, study_name=None, model=alone, max_drop=0.5, out=tmp_path / "other.onnx")
    assert "--max-drop cannot be judged" in said


def test_what_cannot_be_exported(lab: Lab) -> None:
    for options, said in (
        ({"study_name": "toy-gro"}, "did you mean 'toy-gru'"),
        ({"out": Path("model.pt2")}, r"must end in \.onnx"),
        ({"model": Path("somewhere")}, "each says which network"),
        ({"model": Path("somewhere"), "study_name": None}, r"model\.json"),
    ):
        with pytest.raises(SettingsError, match=said):
            export(lab, **options)


@needs("gcc")
def test_c_is_tried_on_the_recordings_and_written_as_a_folder(lab: Lab) -> None:
    said = export(lab, "c")
    folder = lab.folder.root / "export" / "model-c"
    assert re.search(r"^c +\d+ kB +[\d.]+ ", said, re.MULTILINE), said
    assert "of flash" in said
    assert {path.name for path in folder.iterdir()} == {
        "MODEL_CARD.md", "README.md", "examples", "extras", "library.properties", "src",
    }  # fmt: skip
    assert "README.md" in (folder / "MODEL_CARD.md").read_text()
    assert "5 recordings" in run([compiled(folder, "check", ["gcc", *SANITIZED])])


@needs("gcc")
def test_c_of_bytes_says_what_is_lost(lab: Lab) -> None:
    said = export(lab, "c-int8", max_drop=1.0)
    folder = lab.folder.root / "export" / "model-c-int8"
    assert re.search(r"^c-int8 +\d+ kB ", said, re.MULTILINE), said
    assert "are bytes" in (folder / "README.md").read_text()
    assert "5 recordings" in run([compiled(folder, "check", ["gcc", *SANITIZED])])


@needs("gcc")
def test_c_that_comes_to_something_else_is_not_written(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "_expected", _others)
    assert "its logits differ from torch's" in export(lab, "c", code=1, out=lab.place / "c")
    assert not (lab.place / "c").exists()


def test_c_without_a_compiler_or_into_a_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab.place / "file").write_text("mine")
    for changes, out, said in (
        ({"CC": "no-such-compiler"}, None, "no-such-compiler.*cannot be run"),
        ({"CC": "false"}, None, "cannot compile the network"),
        ({"CC": "", "PATH": ""}, None, "needs a C compiler"),
        ({"CC": "cc"}, lab.place / "file", "is a file; C is written as a folder"),
    ):
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=said):
            export(lab, "c", out=out)


TRACED = """
import numpy
from data.tensors.channels import Preparation
from tests.stored_models import measured, stored_ensemble, stored_model
from tune.deploy.classifier import TorchClassifier, classify
from tune.deploy.torch_program import TorchProgram, to_torch_program
from tune.deploy.verification import padding_difference, recordings_of

models = [stored_ensemble()]
for name, hyperparameters in (
    ("conv1d-gru", {"bidirectional": True, "pool_size": 3, "hidden_size": 4}),
    ("enhanced-bilstm", {"hidden_size": 4, "n_layers": 1, "front_layers": 1, "front_stride": 2}),
    ("minirocket", {"n_features": 420, "receptive_field": 33}),
):
    models.append(stored_model(name, hyperparameters, Preparation("both", "both")))
for model in models:
    program = TorchProgram(to_torch_program(model), model)
    sequences = recordings_of(measured((11, 4, 1, 7, 10, 60)))
    expected = classify(TorchClassifier(model), sequences)[0]
    print(numpy.abs(classify(program, sequences)[0] - expected).max(), padding_difference(program, sequences))
"""


def test_a_torch_program_gives_the_same_for_any_batch() -> None:
    # In a process of its own: the checks of shapes that tests put around the networks cannot be traced.
    done = subprocess.run(
        [sys.executable, "-c", TRACED],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert max(map(float, done.stdout.split())) < 1e-5


def test_what_is_lost_is_compared_sequence_by_sequence() -> None:
    part = measured(tuple([3] * 100))
    right = torch.nn.functional.one_hot(part.labels, 5).float()
    worse = right.clone()
    worse[:10] = right[:10].roll(1, dims=1)
    same, drop = paired_drop(right, right, part), paired_drop(right, worse, part)
    assert (same.accuracy, same.interval) == (0.0, (0.0, 0.0))
    assert drop.accuracy == pytest.approx(0.1)
    # Of 100 independent sequences, 0.1 +- 1.96 sqrt(.1 .9 / 100).
    assert drop.interval == pytest.approx((0.041, 0.159), abs=0.02)
    assert drop.resampled == "sequences"


def test_invented_sequences_look_like_the_training_data() -> None:
    sequences = invented([500, 400], np.array([1.0, -5.0]), np.array([0.1, 2.0]))
    assert [one.shape for one in sequences] == [(500, 2), (400, 2)]
    np.testing.assert_allclose(np.concatenate(sequences).mean(axis=0), [1.0, -5.0], atol=0.3)
