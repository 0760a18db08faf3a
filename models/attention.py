"""Multi-head attention over time that sees real steps only."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from .dropout import SequenceDropout
from .masks import step_mask
from .positions import Rotation, rotated


class MultiHeadAttention(nn.Module):
    """Every step of one sequence gathers from the real steps of a context, in several ways at once.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.2. Heads and their width are free of the number
    of features, which a linear map restores. There is no dropout of single weights: what it draws would depend on how
    far a sequence is padded.

    Args:
        n_features: Features of a step, before and after.
        n_heads: Number of heads.
        head_dim: Features of a query, a key and a value of one head.
        n_context_features: Features of a step of the context; those of the sequence itself if left out.
    """

    def __init__(self, n_features: int, n_heads: int, head_dim: int, n_context_features: int | None = None) -> None:
        super().__init__()
        self.n_heads = n_heads
        width = n_heads * head_dim
        self.query = nn.Linear(n_features, width, bias=False)
        self.key_value = nn.Linear(n_context_features or n_features, 2 * width, bias=False)
        self.output = nn.Linear(width, n_features)

    def forward(
        self,
        values: Float[Tensor, "batch time features"],
        context: Float[Tensor, "batch context_time context_features"],
        real: Bool[Tensor, "batch context_time 1"],
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "batch time features"]:
        """What every step gathers.

        Args:
            values: Steps that ask; what comes out at padded ones means nothing.
            context: Steps that answer; padded ones may hold any finite value.
            real: Which steps of the context are real; at least one of each sequence.
            rotation: Of queries and keys, where these tell their positions by it.
        """
        queries = self._heads(self.query(values))
        keys, gathered = (self._heads(part) for part in self.key_value(context).chunk(2, dim=-1))
        if rotation is not None:
            queries, keys = rotated(queries, rotation), rotated(keys, rotation)
        mask = real.transpose(1, 2)[:, None]  # [B, 1, 1, T]: the same for every head and query
        heads = scaled_dot_product_attention(queries, keys, gathered, attn_mask=mask)
        mixed: Tensor = self.output(heads.transpose(1, 2).flatten(2))
        return mixed

    def _heads(self, steps: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch heads time head_dim"]:
        return steps.view(*steps.shape[:2], self.n_heads, -1).transpose(1, 2)


class SelfAttention(nn.Module):
    """Layer norm, attention of a sequence to itself, dropout, and a residual connection around them.

    The norm is inside the residual connection, which makes training without a warm-up possible (Xiong et al. 2020, "On
    layer normalization in the transformer architecture", figure 1b).

    Args:
        n_features: Features of a step, before and after.
        n_heads: Number of heads.
        head_dim: Features of one head.
        dropout: Of features, before they are added.
    """

    def __init__(self, n_features: int, n_heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_features)
        self.attention = MultiHeadAttention(n_features, n_heads, head_dim)
        self.dropout = SequenceDropout(dropout)

    def forward(
        self,
        values: Float[Tensor, "batch time features"],
        lengths: Int[Tensor, " batch"],
        rotation: Rotation | None = None,
    ) -> tuple[Float[Tensor, "batch time features"], Int[Tensor, " batch"]]:
        """Features of every step and the same lengths; padded steps hold finite values without meaning."""
        normalised = self.norm(values)
        gathered = self.attention(normalised, normalised, step_mask(lengths, values.shape[1]), rotation)
        return values + self.dropout(gathered), lengths
