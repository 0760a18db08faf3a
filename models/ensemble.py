"""The mean of what several networks say: of their probabilities, not of their logits.

Source: Lakshminarayanan, Pritzel & Blundell 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles" (arXiv 1612.01474), section 2.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .base import SequenceClassifier

ENSEMBLE = "ensemble"


def mixed(logits: Sequence[Float[Tensor, "batch classes"]], shares: Sequence[float]) -> Float[Tensor, "batch classes"]:
    """Logarithms of the mean probabilities, to be used as logits are.

    Args:
        logits: Of each member.
        shares: Of each member in the mean; their sum is 1.
    """
    weighted = [one.log_softmax(dim=1) + math.log(share) for one, share in zip(logits, shares, strict=True)]
    return torch.stack(weighted).logsumexp(dim=0)


class Ensemble(SequenceClassifier):
    """Several networks side by side, each of which looks at channels of its own.

    Args:
        members: Networks of the same classes.
        columns: Which of the channels each of them takes, in its order.
        shares: Of each member in the mean; their sum is 1.

    Raises:
        ValueError: If there is no member.
    """

    def __init__(
        self, members: Sequence[SequenceClassifier], columns: Sequence[Sequence[int]], shares: Sequence[float]
    ) -> None:
        if not members:
            raise ValueError("an ensemble needs a member")
        super().__init__(1 + max(max(one) for one in columns), members[0].n_classes)
        self.members = nn.ModuleList(members)
        self.columns, self.shares = [list(one) for one in columns], list(shares)
        self.stages = nn.ModuleList()
        self.closed_form = any(member.closed_form for member in members)  # type: ignore[misc]

    @property
    def networks(self) -> list[SequenceClassifier]:
        """The members."""
        return [member for member in self.members if isinstance(member, SequenceClassifier)]

    def embed(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch features"]:
        """See ``SequenceClassifier.embed``: those of all members, one after the other."""
        members = zip(self.networks, self.columns, strict=True)
        return torch.cat([member.embed(values[..., columns], lengths) for member, columns in members], dim=1)

    def head(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:  # type: ignore[override]
        """Logarithms of the mean probabilities, from what ``embed`` gives."""
        sizes = [member.pooling.n_outputs for member in self.networks]
        own = zip(self.networks, torch.split(features, sizes, dim=1), strict=True)
        return mixed([member.head(part) for member, part in own], self.shares)
