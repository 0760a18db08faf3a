"""Noise on every value of more than memory, of which that of any sequences is drawn alone."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

# torch.randn draws so many numbers from as many words of its generator, and where all of them are no multiple of that
# the last ones once more (Box & Muller 1958; normal_fill in ATen/native/cpu/DistributionTemplates.h).
BLOCK = 16
# A generator's state has 5 kB: so many are kept, or one for so many values.
MOST_STATES, FEWEST_VALUES = 1 << 14, 1 << 14


class Noise:
    """``torch.randn(lengths.sum(), n_channels)`` to the bit, as the steps of sequences one after the other.

    Args:
        lengths: Steps of each sequence.
        n_channels: Of each step.
        generator: Is left as torch.randn would leave it.
        fewest: Values from one kept state of the generator to the next, at least.
    """

    def __init__(
        self,
        lengths: Int[Tensor, " sequences"],
        n_channels: int,
        generator: torch.Generator,
        fewest: int | None = None,
    ) -> None:
        self._ends, self._n_channels = lengths.cumsum(0) * n_channels, n_channels
        self._begins = self._ends - lengths * n_channels
        n_values = self._n_values = int(self._ends[-1])
        self._every = BLOCK * -(-max(fewest or FEWEST_VALUES, n_values // MOST_STATES) // BLOCK)
        self._few = torch.randn(n_values, generator=generator) if n_values <= BLOCK else None
        self._states, words = [], torch.empty(self._every, dtype=torch.int32)
        for begin in range(0, n_values, self._every) if self._few is None else ():
            self._states.append(generator.get_state())
            words[: n_values - begin].random_(generator=generator)
        self._last = torch.randn(BLOCK, generator=generator) if self._states and n_values % BLOCK else None

    def __getitem__(self, rows: Int[Tensor, " chosen"]) -> Float[Tensor, "steps channels"]:
        """That of the steps of these sequences, one after the other."""
        generator, words = torch.Generator(), torch.empty(self._every, dtype=torch.int32)
        spans = zip(self._begins[rows].tolist(), self._ends[rows].tolist(), strict=True)
        return torch.cat([self._between(*span, generator, words) for span in spans]).view(-1, self._n_channels)

    def _between(self, begin: int, end: int, generator: torch.Generator, words: Tensor) -> Tensor:
        if self._few is not None:
            return self._few[begin:end]
        first = begin // BLOCK * BLOCK
        state, n_passed = divmod(first, self._every)
        generator.set_state(self._states[state])
        words[:n_passed].random_(generator=generator)
        noise = torch.randn(BLOCK * -(-(end - first) // BLOCK), generator=generator)[begin - first : end - first]
        n_before = self._n_values - BLOCK
        if self._last is not None and end > n_before:
            again = max(begin, n_before)
            noise[again - begin :] = self._last[again - n_before : end - n_before]
        return noise
