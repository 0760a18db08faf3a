"""An ONNX file gives what torch gives: every architecture, every preparation, any batch, whatever is in the padding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from torch import nn

from data.batches import gather
from data.channels import DERIVED, NORMALISATIONS, Preparation
from models import ARCHITECTURES
from models.positions import N_LEARNED_POSITIONS
from tests.models.test_contract import CASES
from tests.stored_models import LENGTHS, measured, stored_model
from tune.deployment.onnx_model import OLDEST_OPSET, OPSET, to_onnx
from tune.model_folder import StoredModel
from tune.problems import SettingsError

Array = NDArray[Any]
BIDIRECTIONAL = [(name, pooling) for name in ("rnn", "gru", "lstm") for pooling in ("last", "mean_max")]


def session_of(content: bytes) -> InferenceSession:
    return InferenceSession(content, providers=["CPUExecutionProvider"])


def padded(lengths: tuple[int, ...] = LENGTHS, further: int = 0, filling: float = 0.0) -> tuple[Array, Array, Array]:
    """Values and lengths of a batch as measured, longest first, and which row of the data set each is."""
    dataset = measured(lengths)
    batch = gather(dataset, torch.arange(len(dataset)))
    values = np.full((len(lengths), max(lengths) + further, dataset.n_channels), filling, np.float32)
    for row, (steps, length) in enumerate(zip(batch.values, batch.lengths.tolist(), strict=True)):
        values[row, :length] = steps[:length].numpy()
    return values, batch.lengths.numpy(), torch.argsort(dataset.lengths, descending=True, stable=True).numpy()


def differs(model: StoredModel, session: InferenceSession, lengths: tuple[int, ...] = LENGTHS, **padding: Any) -> float:
    """Largest difference between the logits of the file and those of torch."""
    values, n_steps, rows = padded(lengths, **padding)
    logits, probabilities = session.run(None, {"values": values, "lengths": n_steps})
    expected = model.logits(measured(lengths))[torch.from_numpy(rows)].numpy()
    calibrated = model.probabilities(measured(lengths))[torch.from_numpy(rows)].numpy()
    assert np.abs(probabilities - calibrated).max() < 1e-5
    return float(np.abs(logits - expected).max())


@pytest.mark.parametrize(("name", "hyperparameters"), CASES)
def test_every_architecture(name: str, hyperparameters: dict[str, Any]) -> None:
    model = stored_model(name, dict(hyperparameters))
    session = session_of(to_onnx(model))
    assert differs(model, session) < 1e-5
    assert differs(model, session, further=4, filling=math.nan) < 1e-5
    assert differs(model, session, (1,)) < 1e-5
    assert differs(model, session, (2, 1, 30)) < 1e-5


@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_every_preparation(normalisation: str, derived: str) -> None:
    model = stored_model("gru", {"hidden_size": 6}, Preparation(normalisation, derived))
    session = session_of(to_onnx(model))
    assert differs(model, session) < 1e-5
    assert differs(model, session, further=3, filling=math.nan) < 1e-5
    assert differs(model, session, (1,)) < 1e-5


def test_positions_beyond_the_table_are_stretched() -> None:
    model = stored_model("transformer", {"positional_encoding": "learned", "n_layers": 1})
    with torch.no_grad():
        model.network.stages[1].positions.table.mul_(50)  # type: ignore[union-attr, operator]
    session = session_of(to_onnx(model))
    assert differs(model, session, (N_LEARNED_POSITIONS + 90, 30, N_LEARNED_POSITIONS)) < 1e-4


@pytest.mark.parametrize("opset", [OLDEST_OPSET, OPSET])
def test_the_versions_of_the_operators(opset: int) -> None:
    model = stored_model("enhanced-bilstm", preparation=Preparation("both", "both"))
    content = to_onnx(model, opset=opset)
    assert onnx.load_from_string(content).opset_import[0].version == opset
    assert differs(model, session_of(content)) < 1e-5
