"""Dropout between layers over time."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import dropout, pad


class SequenceDropout(nn.Module):
    """Drops the same features at all steps of a sequence.

    Source: Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks",
    section 4. It draws one number where a dropout of single values draws one a step, which on a CPU takes half as long
    as a convolution, and what it draws does not depend on how far a sequence is padded.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, values: Float[Tensor, "batch time features"]) -> Float[Tensor, "batch time features"]:
        """Drops features and scales the others up, in training mode only."""
        if not self.training or self.probability == 0:
            return values
        kept = values.new_ones(values.shape[0], 1, values.shape[2])
        return values * dropout(kept, self.probability)


class StepDropout(nn.Module):
    """Drops whole steps of a sequence.

    Source: Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification", there of
    words. A step that is dropped is zero and keeps its place; what is drawn does not depend on how far a sequence is
    padded.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(
        self, values: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time features"]:
        """Drops steps and scales the others up, in training mode only; padding becomes zero."""
        if not self.training or self.probability == 0:
            return values
        longest = int(lengths.max())
        kept = dropout(values.new_ones(len(values), longest, 1), self.probability)
        return values * pad(kept, (0, 0, 0, values.shape[1] - longest))
