"""Noise of some sequences is that of all of them, to the bit."""

from __future__ import annotations

import pytest
import torch

from data.tensors.noise import Noise


@pytest.mark.parametrize("n_channels", [1, 3, 16])
@pytest.mark.parametrize("longest", [1, 2, 40])
@pytest.mark.parametrize("n_sequences", [1, 5, 211])
def test_it_is_that_of_the_whole(n_channels: int, longest: int, n_sequences: int) -> None:
    lengths = torch.randint(1, longest + 1, (n_sequences,), generator=torch.Generator().manual_seed(n_channels))
    one, other = (torch.Generator().manual_seed(5) for _ in range(2))
    whole = torch.split(torch.randn(int(lengths.sum()), n_channels, generator=one), lengths.tolist())
    noise = Noise(lengths, n_channels, other, fewest=100)
    assert torch.equal(torch.rand(9, generator=one), torch.rand(9, generator=other)), "the generator is elsewhere"
    rows = torch.randint(n_sequences, (30,), generator=one)
    assert torch.equal(noise[rows], torch.cat([whole[row] for row in rows.tolist()]))
