"""An ONNX file gives what torch gives: every architecture, every preparation, any batch, whatever is in the padding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions

from data.tensors.batches import gather
from data.tensors.channels import DERIVED, NORMALISATIONS, Preparation
from models.positions import N_LEARNED_POSITIONS
from tests.models.test_contract import CASES
from tests.stored_models import LENGTHS, measured, stored_ensemble, stored_model
from tune.core.problems import SettingsError
from tune.deploy.onnx_check import OPERATORS, refuse_foreign
from tune.deploy.onnx_model import OLDEST_OPSET, OPSET, refuse_untranslated, to_onnx
from tune.training.model_folder import StoredModel

Array = NDArray[Any]
BIDIRECTIONAL = [(name, pooling) for name in ("rnn", "gru", "lstm") for pooling in ("last", "mean_max")]


def session_of(content: bytes) -> InferenceSession:
    options = SessionOptions()
    # Threads that wait for work take it from the tests beside.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(content, options, providers=["CPUExecutionProvider"])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def padded(lengths: tuple[int, ...] = LENGTHS, further: int = 0, filling: float = 0.0) -> tuple[Array, Array, Array]:
    """Values and lengths of a batch as measured, longest first, and which row of the data set each is."""
    dataset = measured(lengths)
    batch = gather(dataset, torch.arange(len(dataset)))
    values = np.full((len(lengths), max(lengths) + further, dataset.n_channels), filling, np.float32)
    for row, (steps, length) in enumerate(zip(batch.values, batch.lengths.tolist(), strict=True)):
        values[row, :length] = steps[:length].numpy()
    return values, batch.lengths.numpy(), torch.argsort(dataset.lengths, descending=True, stable=True).numpy()


def differs(
    model: StoredModel,
    session: InferenceSession,
    lengths: tuple[int, ...] = LENGTHS,
    closeness: float = 1e-5,
    **padding: Any,
) -> float:
    """Largest difference between the logits of the file and those of torch; probabilities are as close as said."""
    values, n_steps, rows = padded(lengths, **padding)
    logits, probabilities = session.run(None, {"values": values, "lengths": n_steps})
    expected = model.logits(measured(lengths))[torch.from_numpy(rows)].numpy()
    calibrated = model.probabilities(measured(lengths))[torch.from_numpy(rows)].numpy()
    assert np.abs(probabilities - calibrated).max() < closeness
    return float(np.abs(logits - expected).max())


@pytest.mark.parametrize(("name", "hyperparameters"), CASES)
def test_every_architecture(name: str, hyperparameters: dict[str, Any]) -> None:
    model = stored_model(name, dict(hyperparameters))
    content = to_onnx(model)
    refuse_foreign(content, "own file")
    session = session_of(content)
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


def test_bytes_for_weights_change_little_and_take_a_quarter() -> None:
    for name in ("gru", "bilstm", "transformer", "temporal-cnn", "enhanced-bilstm"):
        model = stored_model(name)
        whole, small = to_onnx(model), to_onnx(model, int8=True)
        refuse_foreign(small, "own file")
        assert len(small) < 0.4 * len(whole), name
        assert 0 < differs(model, session_of(small), closeness=0.05) < 0.1, name


def test_every_operator_that_may_be_read_is_one_that_is_written() -> None:
    written: set[str] = set()
    cases: list[Any] = [case.values for case in CASES]
    models = [stored_model(name, dict(one), Preparation("both", "both")) for name, one in cases]
    for model in (*models, stored_ensemble()):
        for int8 in (False, True):
            written |= {node.op_type for node in onnx.load_from_string(to_onnx(model, int8=int8)).graph.node}
    assert written == OPERATORS


def test_a_stage_without_a_translation_is_told_before_any_work() -> None:
    class Strange(torch.nn.Module):
        pass

    model = stored_model("gru")
    model.network.stages.append(Strange())
    with pytest.raises(SettingsError, match=r"gru.*no translation of its Strange"):
        refuse_untranslated(model.network, "gru")
    with pytest.raises(SettingsError, match="Strange"):
        to_onnx(model)


def test_several_networks_are_one_file() -> None:
    model = stored_ensemble()
    content = to_onnx(model)
    refuse_foreign(content, "own file")
    session = session_of(content)
    for lengths in (LENGTHS, (1,), (2, 1, 30)):
        assert differs(model, session, lengths) < 1e-4
    assert differs(model, session, further=4, filling=math.nan) < 1e-4
    session = session_of(to_onnx(model, opset=OLDEST_OPSET, int8=True))
    assert differs(model, session, closeness=0.1) < 0.2
