"""The mean of several networks: of their probabilities, each with channels of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from models import SequenceClassifier, build
from models.ensemble import Ensemble, mixed

LENGTHS = torch.tensor([12, 9, 4, 1])


def networks() -> list[SequenceClassifier]:
    torch.manual_seed(0)
    own: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("gru", 3, {"hidden_size": 5}),
        ("temporal-cnn", 2, {}),
        ("minirocket", 5, {"n_features": 84}),
    )
    return [build(name, n_channels, 4, **arguments).eval() for name, n_channels, arguments in own]


def values_of(n_channels: int = 5) -> Tensor:
    return torch.randn(len(LENGTHS), 12, n_channels, generator=torch.Generator().manual_seed(1))


COLUMNS = [[4, 0, 2], [1, 3], [0, 1, 2, 3, 4]]
SHARES = [0.25, 0.25, 0.5]


@torch.no_grad()
def test_it_says_the_mean_of_what_its_members_say() -> None:
    members, values = networks(), values_of()
    ensemble = Ensemble(members, COLUMNS, SHARES).eval()
    said = [member(values[..., own], LENGTHS).softmax(dim=1) for member, own in zip(members, COLUMNS, strict=True)]
    expected = sum(share * one for share, one in zip(SHARES, said, strict=True))
    assert isinstance(expected, Tensor)
    logits = ensemble(values, LENGTHS)
    assert torch.allclose(logits.exp(), expected, atol=1e-6)
    assert torch.allclose(logits.softmax(dim=1), expected, atol=1e-6)
    assert torch.equal(ensemble.head(ensemble.embed(values, LENGTHS)), logits)


@torch.no_grad()
def test_padding_does_not_matter() -> None:
    ensemble, values = Ensemble(networks(), COLUMNS, SHARES).eval(), values_of()
    together = ensemble(values, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = ensemble(values[row : row + 1, :length], LENGTHS[row : row + 1])
        assert torch.allclose(alone[0], together[row], atol=1e-5)


def test_an_ensemble_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a member"):
        Ensemble([], [], [])


@given(
    scale=st.floats(0.01, 300),
    n_members=st.integers(1, 6),
    seed=st.integers(0, 10_000),
)
def test_its_loss_is_at_most_the_mean_of_its_members(scale: float, n_members: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = [scale * torch.randn(7, 3, generator=generator) for _ in range(n_members)]
    labels = torch.randint(3, (7,), generator=generator)
    mean = mixed(logits, [1 / n_members] * n_members)
    assert torch.isfinite(mean).all()
    single = torch.stack([cross_entropy(one, labels) for one in logits]).mean()
    assert cross_entropy(mean, labels) <= single + 1e-4 * (1 + single)
