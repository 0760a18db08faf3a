"""How a network without recurrence is told the order of the steps."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

POSITIONAL_ENCODINGS = ("sinusoidal", "learned", "rotary")
N_LEARNED_POSITIONS = 512
# Of the slowest wave, as a multiple of 2 pi steps: Vaswani et al. 2017, section 3.5; Su et al. 2021, section 3.2.2.
LONGEST_WAVE = 10_000.0

# Cosine and sine of the angle by which every pair of features is turned at every step, each [time, pairs].
Rotation = tuple[Tensor, Tensor]


def angles(time: int, n_pairs: int, like: Tensor) -> Float[Tensor, "time pairs"]:
    """Angle of every pair of features at every step: from one radian a step down to almost ``1 / LONGEST_WAVE``."""
    # Half precision has no number for every step, so that only sines and cosines may be as short as the features.
    dtype = torch.promote_types(like.dtype, torch.float32)
    steps, pairs = (torch.arange(n, dtype=dtype, device=like.device) for n in (time, n_pairs))
    return steps[:, None] * LONGEST_WAVE ** (-pairs / n_pairs)


def sinusoidal(time: int, n_features: int, like: Tensor) -> Float[Tensor, "time features"]:
    """Sines in the first half of the features, cosines in the second, without the last of an odd number.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.5, with the features in another order.
    """
    turned = angles(time, (n_features + 1) // 2, like)
    return torch.cat([turned.sin(), turned.cos()], dim=1)[:, :n_features].to(like.dtype)


def rotary(time: int, head_dim: int, like: Tensor) -> Rotation:
    """The rotation of queries and keys at every step.

    Source: Su et al. 2021, "RoFormer: enhanced transformer with rotary position embedding", equations 14 and 15. The
    product of a query and a key then depends on the distance of their steps only.
    """
    turned = angles(time, head_dim // 2, like)
    return turned.cos().to(like.dtype), turned.sin().to(like.dtype)


def rotated(
    heads: Float[Tensor, "batch heads time head_dim"], rotation: Rotation
) -> Float[Tensor, "batch heads time head_dim"]:
    """Turns pairs of features, the first half with the second; of an odd number the last one stays as it is."""
    cosine, sine = rotation
    n_pairs = cosine.shape[1]
    first, second, rest = heads[..., :n_pairs], heads[..., n_pairs : 2 * n_pairs], heads[..., 2 * n_pairs :]
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine, rest], dim=-1)


class LearnedPositions(nn.Module):
    """A trained vector for every step, added to its features.

    A sequence that is longer than the table stretches the table over its own length, with vectors between two entries
    mixed from them (as Dosovitskiy et al. 2021, section 3.2, do for larger pictures). How far a sequence is padded
    therefore makes no difference.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        # Small beside the features, so that a network begins almost without an order (Radford et al. 2018: 0.02).
        self.table = nn.Parameter(0.02 * torch.randn(N_LEARNED_POSITIONS, n_features))

    def forward(
        self, values: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time features"]:
        """Adds the vectors of the steps."""
        time = values.shape[1]
        # A graph that is being traced must hold for any time; what follows gives the same for a short one.
        if not torch.compiler.is_compiling() and time <= N_LEARNED_POSITIONS:
            return values + self.table[:time]
        last = N_LEARNED_POSITIONS - 1
        stretch = (last / (lengths - 1).clamp(min=last))[:, None]  # one where a sequence fits
        places = (torch.arange(time, device=lengths.device) * stretch).clamp(max=last)  # [B, T]
        below = places.floor().long()
        between = (places - below)[..., None].to(values)
        above = (below + 1).clamp(max=last)
        return values + torch.lerp(self.table[below], self.table[above], between)
