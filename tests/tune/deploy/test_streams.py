"""What was judged is what runs: the report, ``predict FILE``, ``predict -`` and ``serve`` decide a stream alike."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from data.files import load
from data.source import Source
from data.unlabelled import Unlabelled, read_unlabelled
from tests.runs import searched_and_judged
from tests.stored_models import measured, stored_model
from tune.cli.main import main
from tune.core.folders import BEST_MODEL
from tune.deploy.classifier import Classifier, OnnxClassifier, TorchClassifier
from tune.deploy.inputs import Wanted, windows
from tune.deploy.onnx_model import to_onnx
from tune.deploy.predictions import Prediction, predictions
from tune.deploy.queries import decoder_of, query_for
from tune.deploy.service import _read, respond
from tune.deploy.stream import decisions, sliding_for
from tune.evaluation.decision_rule import rule_in
from tune.report.exports import write_best_model
from tune.training.decisions import DecisionRule
from tune.training.model_folder import load_model, write_model

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab

PEOPLE = ("anna", "bob", "cleo", "dan", "eve")
RATE_HZ, SECONDS = 20, 60
# Waves move the first channel and claps the second, for two seconds every five.
EVENTS = [(5 * k + 2, 5 * k + 4, ("wave", "clap")[k % 2]) for k in range(SECONDS // 5)]


def write_streams(place: Path) -> Path:
    for number, person in enumerate(PEOPLE):
        (place / person).mkdir(parents=True)
        rng = np.random.default_rng(number)
        seconds = np.arange(SECONDS * RATE_HZ) / RATE_HZ
        values = rng.normal(0, 0.3, (len(seconds), 2))
        for begin, end, name in EVENTS:
            inside = (seconds >= begin) & (seconds < end)
            values[inside, ("wave", "clap").index(name)] += 2 * np.sin(8 * seconds[inside])
        rows = [f"{round(1000 * s)},{x:.5f},{y:.5f}" for s, (x, y) in zip(seconds, values, strict=True)]
        (place / person / "stream.csv").write_text("\n".join(["time_ms,x,y", *rows]) + "\n")
        listed = [f"{1000 * begin},{1000 * end},{name}" for begin, end, name in EVENTS]
        (place / person / "annotations.csv").write_text("\n".join(["start,end,label", *listed]) + "\n")
    return place


@pytest.fixture
def lab(new_lab: NewLab, tmp_path: Path) -> Lab:
    place = write_streams(tmp_path / "recordings")
    dataset = load(Source(place, place / "cache", window_seconds=1.0, hop_seconds=0.3))
    layers = {
        "dataset": "files",
        "data": {"path": str(place), "window_seconds": 1.0, "hop_seconds": 0.3},
        "search": {"trials": 1, "false_alarms_per_hour": 60.0},
        "training": {"epochs": 6, "patience": 6},
    }
    return new_lab("streams", layers, dataset=dataset)


def heard(classifier: Classifier, lines: list[str]) -> list[str]:
    """Decisions on standard input, those that follow each other as one."""
    said = [one.class_name for one in decisions(classifier, lines, sliding_for(classifier.facts, None, None, None))]
    return [name for k, name in enumerate(said) if k == 0 or name != said[k - 1]]


def served(classifier: Classifier, values: list[list[float]]) -> dict[str, Any]:
    query = query_for(classifier.facts)
    read = partial(_read, query, decoder_of(query), len(classifier.facts.channel_names))
    (answer,) = respond(classifier, read, [json.dumps({"sequences": [values]}).encode()])
    assert isinstance(answer, bytes)
    found: dict[str, Any] = json.loads(answer)["predictions"][0]
    return found


def test_what_was_judged_is_what_runs(lab: Lab, tmp_path: Path) -> None:
    finished, _ = searched_and_judged(lab)
    write_best_model(finished.study, finished.settings, finished.folder)
    model = load_model(finished.folder.root / BEST_MODEL)
    (evaluation,) = finished.study.user_attrs["evaluations"].values()
    rule = rule_in(evaluation["test"])
    assert rule is not None
    assert rule == rule_in(evaluation["validation"]) == model.description.decision
    assert rule.hop == round(0.3 * RATE_HZ)
    assert evaluation["validation"]["events"]["false_alarms_per_hour"] <= 60
    events = evaluation["test"]["events"]
    assert events["n_predicted"] > 3
    (drawn,) = finished.study.user_attrs["examples"]["streams"]["people"]
    names = model.description.class_names
    judged = [(names[int(label)], begin, end) for label, begin, end in drawn["predicted"]]
    assert len(judged) == events["n_predicted"]

    stream = tmp_path / "recordings" / drawn["name"] / "stream.csv"
    lines = stream.read_text().splitlines()
    for classifier in (TorchClassifier(model), OnnxClassifier(to_onnx(model), "streams.onnx")):
        (found,) = predictions(classifier, read_unlabelled(stream, classifier.facts.channel_names), Wanted())
        spans = [(one.class_name, one.begin, one.end) for one in found.timeline if one.class_name != "null"]
        assert [name for name, *_ in spans] == [name for name, *_ in judged]
        np.testing.assert_allclose([span[1:] for span in spans], [event[1:] for event in judged], atol=2e-3)
        assert_covers(found)
        assert heard(classifier, lines) == [one.class_name for one in found.timeline]
        values = [[float(cell) for cell in line.split(",")[1:]] for line in lines[1:]]
        answer = served(classifier, values)
        assert [(one["class"], one["begin"]) for one in answer["timeline"]] == [
            (one.class_name, pytest.approx(one.begin)) for one in found.timeline
        ]


def assert_covers(found: Prediction) -> None:
    """Nothing of a recording's time is left out."""
    assert found.timeline[0].begin == 0
    assert all(a.end == b.begin for a, b in zip(found.timeline, found.timeline[1:], strict=False))
    assert sum(one.n_windows for one in found.timeline) == found.n_windows


def windowed(**description: Any) -> TorchClassifier:
    """An untrained network of windows of a second."""
    lengths = {"shortest": 10, "median": 10, "longest": 10}
    names = ("null", "wave", "clap", "nod", "tap")
    return TorchClassifier(stored_model("gru", {"hidden_size": 4}, lengths=lengths, class_names=names, **description))


def test_a_single_window_is_decided_by_the_threshold_too() -> None:
    window = [Unlabelled("window", measured((10,)).values.numpy(), None, None)]
    for threshold, said in ((1.0, "null"), (0.0, "wave, clap, nod, tap")):
        classifier = windowed(decision=DecisionRule(hop=3, threshold=threshold))
        (found,) = predictions(classifier, window, Wanted())
        assert found.class_name in said
        assert found.probability == found.probabilities[classifier.facts.class_names.index(found.class_name)]
        assert [one.class_name for one in found.timeline] == [found.class_name]


def test_networks_of_earlier_versions_have_no_rule(tmp_path: Path) -> None:
    model = windowed().model
    description = model.description.model_dump(exclude={"format", "weights_sha256"})
    write_model(tmp_path, description, model.network.state_dict())
    assert "decision" not in json.loads((tmp_path / "model.json").read_text())
    classifier = TorchClassifier(load_model(tmp_path))
    (found,) = predictions(classifier, [Unlabelled("long", measured((40,)).values.numpy(), None, None)], Wanted())
    assert (found.n_windows, found.timeline) == (7, ())
    assert sliding_for(classifier.facts, None, None, None).rule == DecisionRule(hop=2, n_windows=3)


def test_predict_has_a_row_for_every_stretch(tmp_path: Path) -> None:
    values, plain = measured((60,)).values.numpy(), windowed(decision=DecisionRule(hop=3))
    cut = windows(values, plain.facts)
    likeliest = plain.run(np.stack(cut), np.full(len(cut), 10))[1][:, 1:].max(axis=1)
    rule = DecisionRule(hop=3, n_windows=1, threshold=float(np.median(likeliest)))
    model = windowed(decision=rule).model
    description = model.description.model_dump(exclude={"format", "weights_sha256"})
    write_model(tmp_path / "model", description, model.network.state_dict())
    np.save(tmp_path / "stream.npy", values)
    said = CliRunner().invoke(main, ["predict", "--model", str(tmp_path / "model"), str(tmp_path / "stream.npy")])
    head, *rows = csv.reader(said.output.splitlines())
    assert head == ["file", "begin", "end", "class", "probability", "windows"]
    assert len(rows) > 1
    assert [row[1] for row in rows] == ["0.000", *(row[2] for row in rows[:-1])]
    # Windows of a second, one every 0.3 s: the last that is whole ends after 5.8 s.
    assert rows[-1][2] == "5.800"
    assert sum(int(row[5]) for row in rows) == 17
