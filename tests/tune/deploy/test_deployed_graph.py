"""The padded module prepares as ``data.channels`` does, and gives what the tuner itself computes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tensors.channels import DERIVED, NORMALISATIONS, Preparation, prepare_measured
from tests.stored_models import CLASSES, measured, stored_model
from tune.deploy.classifier import TorchClassifier, classify, padded
from tune.deploy.graph import Deployed

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=6).map(tuple)


@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@settings(max_examples=20)
@given(lengths=LENGTHS, seed=st.integers(0, 1000), further=st.integers(0, 3))
def test_it_prepares_as_in_training(
    normalisation: str, derived: str, lengths: tuple[int, ...], seed: int, further: int
) -> None:
    model = stored_model("gru", {"hidden_size": 2}, Preparation(normalisation, derived))
    dataset = measured(lengths, seed)
    expected = prepare_measured(dataset, model.normaliser, model.preparation)
    values, n_steps = padded([dataset.sequence(k).numpy() for k in range(len(dataset))])
    filled = torch.nn.functional.pad(torch.from_numpy(values), (0, 0, 0, further))
    for row, length in enumerate(lengths):
        filled[row, length:] = torch.nan
    found = Deployed(model).prepared(filled, torch.from_numpy(n_steps))
    for row, length in enumerate(lengths):
        torch.testing.assert_close(found[row, :length], expected.sequence(row), atol=2e-5, rtol=1e-5)


def test_logits_and_probabilities_are_the_tuners() -> None:
    model = stored_model("bilstm", {"hidden_size": 5}, Preparation("both", "both"))
    dataset = measured((9, 3, 12, 1, 7))
    logits, probabilities = classify(TorchClassifier(model), [dataset.sequence(k).numpy() for k in range(5)], 2)
    torch.testing.assert_close(torch.from_numpy(logits), model.logits(dataset), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.from_numpy(probabilities), model.probabilities(dataset), atol=1e-5, rtol=0)
    assert probabilities.shape == (5, len(CLASSES))
