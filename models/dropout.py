"""Dropout between layers over time."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import dropout


class SequenceDropout(nn.Module):
    """Drops the same features at all steps of a sequence.

    Source: Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks",
    section 4. It draws one number where a dropout of single values draws one a step, which on a CPU takes half as long
    as a convolution, and what it draws does not depend on how far a sequence is padded.

    Args:
        probability: Of dropping a feature.
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
