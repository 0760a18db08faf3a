"""Every pooling against a plain loop over the sequences."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.pooling import POOLINGS, Pooling

N_FEATURES = 6


def looped(pooling: Pooling, sequence: Tensor) -> Tensor:
    """The pooled vector of one sequence [T, C] without padding."""
    half = N_FEATURES // 2
    match pooling.name:
        case "last" if pooling.bidirectional:
            return torch.cat([sequence[-1, :half], sequence[0, half:]])
        case "last":
            return sequence[-1]
        case "mean":
            return sequence.mean(dim=0)
        case "max":
            return sequence.max(dim=0).values
        case "mean_max":
            return torch.cat([sequence.mean(dim=0), sequence.max(dim=0).values])
    exponentials = (sequence @ pooling.score.weight[0]).exp()
    return (exponentials[:, None] * sequence).sum(dim=0) / exponentials.sum()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", POOLINGS)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), further=st.integers(0, 3), seed=st.integers(0, 99))
def test_pooling_is_what_a_loop_over_real_steps_gives(
    name: str, bidirectional: bool, lengths: list[int], further: int, seed: int
) -> None:
    torch.manual_seed(seed)
    pooling = Pooling(name, N_FEATURES, bidirectional).double()
    hidden = torch.randn(len(lengths), max(lengths) + further, N_FEATURES, dtype=torch.double)
    for row, length in enumerate(lengths):
        hidden[row, length:] = 1e6
    pooled = pooling(hidden, torch.tensor(lengths))
    expected = torch.stack([looped(pooling, hidden[row, :length]) for row, length in enumerate(lengths)])
    torch.testing.assert_close(pooled, expected)
    assert pooled.shape[1] == pooling.n_outputs


@pytest.mark.parametrize("name", POOLINGS)
def test_only_attention_has_parameters(name: str) -> None:
    n_numbers = sum(parameter.numel() for parameter in Pooling(name, N_FEATURES).parameters())
    assert n_numbers == (N_FEATURES if name == "attention" else 0)


def test_an_unknown_pooling_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"pooling must be one of last, .*got 'meanmax'; did you mean 'mean_max'\?"):
        Pooling("meanmax", N_FEATURES)
