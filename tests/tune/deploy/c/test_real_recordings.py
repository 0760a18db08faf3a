"""Real recordings through the C of every architecture; and the whole way from a data set to a stream in C."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import data
from data.sequences import SequenceDataset
from data.source import Source
from data.tensors.channels import Preparation, derive, fit_normaliser, n_prepared_channels
from models import ARCHITECTURES, build
from tests.c_programs import compiled, emulated, lines_of, needs, run
from tests.processes import ROOT
from tests.stored_models import stored_model
from tune.deploy.c.compiled import CompiledClassifier
from tune.deploy.c.source import to_c
from tune.deploy.classifier import classify
from tune.deploy.metadata import facts_of
from tune.deploy.verification import TOLERANCE, recordings_of
from tune.training.model_folder import ModelDescription, StoredModel

pytestmark = [needs("gcc"), pytest.mark.slow]
SMALL: dict[str, dict[str, Any]] = {
    "temporal-cnn": {"conv_channels": 12},
    "transformer": {"n_heads": 2, "head_dim": 8, "feed_forward_size": 16, "positional_encoding": "rotary"},
    "enhanced-bilstm": {"hidden_size": 12, "front_layers": 1, "front_channels": 12},
}


def untrained(dataset: SequenceDataset, name: str) -> StoredModel:
    """A network for the recordings of a data set, each channel prepared in every way."""
    preparation = Preparation("both", "both")
    hyperparameters = SMALL.get(name, {"hidden_size": 16, "pooling": "mean_max", "bidirectional": True})
    if name == "bilstm":
        hyperparameters = {"hidden_size": 16, "pooling": "attention"}
    normaliser = fit_normaliser(derive(dataset, preparation.derived_channels))
    plain = stored_model(preparation=preparation).description.model_dump()
    lengths = dataset.lengths.sort().values
    described = {
        **plain,
        "architecture": name,
        "hyperparameters": hyperparameters,
        "channel_names": dataset.channel_names,
        "class_names": dataset.class_names,
        "normaliser": {"mean": normaliser.mean.tolist(), "deviation": normaliser.deviation.tolist()},
        "lengths": {"shortest": int(lengths[0]), "median": int(lengths.median()), "longest": int(lengths[-1])},
    }
    torch.manual_seed(0)
    n_channels = n_prepared_channels(dataset.channel_names, preparation)
    network = build(name, n_channels, dataset.n_classes, **hyperparameters).eval()
    return StoredModel(ModelDescription.model_validate(described), network)


@pytest.mark.real_data
@pytest.mark.parametrize("dataset_name", ["watch", "smartwatch"])
@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "minirocket"])
def test_logits_of_real_recordings(name: str, dataset_name: str, real_data: Path, tmp_path: Path) -> None:
    dataset = data.load(dataset_name, Source(real_data, tmp_path))
    model = untrained(dataset, name)
    part = dataset.subset(torch.arange(0, len(dataset), 5))
    logits = classify(CompiledClassifier(to_c(model), facts_of(model)), recordings_of(part))[0]
    assert np.abs(logits - model.logits(part).numpy()).max() < TOLERANCE


def test_from_a_data_set_to_a_stream_on_a_device(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    here = ["--study-name", "device", "--save-dir", str(tmp_path)]

    def tune(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tune", *arguments, *here],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    small = {"space.gru.hidden_size": 8, "space.gru.front_channels": 8, "confirmation.configurations": 0}
    layers = [word for path, value in small.items() for word in ("--set", f"{path}={value}")]
    limits = ["--max-flash", "96k", "--max-ram", "8k", "--max-macs", "2M", "--device-precision", "int8"]
    search = ["--dataset", "watch", "--model-type", "gru", "--trials", "1", "--epochs", "1", "--workers", "1"]
    tune("--no-floors", "--ensemble", "off", *search, *layers, *limits)
    recording = data.load("watch", Source(None, tmp_path)).sequence(0).numpy()
    stream = lines_of(np.concatenate([recording, recording[::-1]]))
    expected = list(csv.DictReader(tune("predict", "-", given=stream).splitlines()))
    for precision, name, closeness in (("float32", "model-c", 1e-3), ("int8", "model-c-int8", 0.1)):
        said = tune("export", "--format", "c", "--precision", precision)
        assert ("which --precision int8 writes" in said) == (precision == "float32")
        folder = tmp_path / "device" / "export" / name
        run([compiled(folder, "check", ["gcc", "-std=c99", "-O2"])])
        printed = [run([compiled(folder, "example", ["gcc", "-std=c99", "-O2"])], stream)]
        if shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm"):
            printed.append(emulated(folder, "example", given=stream).stdout)
        for text in printed:
            rows = list(csv.DictReader(text.splitlines()))
            assert [row["step"] for row in rows] == [one["sample"] for one in expected] != []
            for row, one in zip(rows, expected, strict=True):
                assert float(row["probability"]) == pytest.approx(float(one["probability"]), abs=closeness)
                assert row["class"] == one["class"] or precision == "int8"
