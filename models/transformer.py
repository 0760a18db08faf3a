"""A transformer encoder: attention instead of recurrence."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from .attention import SelfAttention
from .base import SequenceClassifier
from .checks import choice, probability, whole_number
from .dropout import SequenceDropout
from .front import ConvolutionalFront
from .pooling import Pooling
from .positions import POSITIONAL_ENCODINGS, LearnedPositions, rotary, sinusoidal


class FeedForward(nn.Module):
    """Layer norm, a wide hidden layer with GELU (Hendrycks & Gimpel 2016), dropout, and a residual connection.

    Args:
        n_features: Features of a step, before and after.
        feed_forward_size: Features of the hidden layer.
        dropout: Of features, before they are added.
    """

    def __init__(self, n_features: int, feed_forward_size: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(n_features),
            nn.Linear(n_features, feed_forward_size),
            nn.GELU(),
            nn.Linear(feed_forward_size, n_features),
        )
        self.dropout = SequenceDropout(dropout)

    def forward(self, values: Float[Tensor, "batch time features"]) -> Float[Tensor, "batch time features"]:
        """Features of every step, each from its own only."""
        added: Tensor = self.dropout(self.layers(values))
        return values + added


class Encoder(nn.Module):
    """A linear map to ``n_heads * head_dim`` features, positions, and layers of attention and feed-forward.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3, with the norms of Xiong et al. 2020 (see
    ``SelfAttention``) and therefore one more after the last layer.

    Args:
        n_inputs: Features of a step.
        n_heads: Heads of every layer.
        head_dim: Features of a head.
        feed_forward_size: Hidden features between two attentions.
        n_layers: Number of layers.
        dropout: Of features, at the end of both halves of every layer.
        positional_encoding: One of ``positions.POSITIONAL_ENCODINGS``.

    Attributes:
        n_outputs: Features of a step after the last layer.
    """

    def __init__(
        self,
        n_inputs: int,
        *,
        n_heads: int,
        head_dim: int,
        feed_forward_size: int,
        n_layers: int,
        dropout: float,
        positional_encoding: str,
    ) -> None:
        super().__init__()
        whole_number("n_heads", n_heads, 1, 64)
        whole_number("head_dim", head_dim, 2, 512)
        whole_number("feed_forward_size", feed_forward_size, 1, 16_384)
        whole_number("n_layers", n_layers, 1, 16)
        probability("dropout", dropout)
        choice("positional_encoding", positional_encoding, POSITIONAL_ENCODINGS)
        self.n_outputs = n_heads * head_dim
        self.head_dim = head_dim
        self.positional_encoding = positional_encoding
        self.embedding = nn.Linear(n_inputs, self.n_outputs)
        if positional_encoding == "learned":
            self.positions = LearnedPositions(self.n_outputs)
        self.attentions = nn.ModuleList(
            SelfAttention(self.n_outputs, n_heads, head_dim, dropout) for _ in range(n_layers)
        )
        self.feed_forwards = nn.ModuleList(
            FeedForward(self.n_outputs, feed_forward_size, dropout) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(self.n_outputs)

    def forward(
        self, values: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time outputs"], Int[Tensor, " batch"]]:
        """The last layer's features and the same lengths; padded steps hold finite values without meaning."""
        time = values.shape[1]
        hidden = self.embedding(values)
        rotation = None
        match self.positional_encoding:
            case "sinusoidal":
                hidden = hidden + sinusoidal(time, self.n_outputs, like=hidden)
            case "learned":
                hidden = self.positions(hidden, lengths)
            case _:
                rotation = rotary(time, self.head_dim, like=hidden)
        for attention, feed_forward in zip(self.attentions, self.feed_forwards, strict=True):
            hidden, _ = attention(hidden, lengths, rotation)
            hidden = feed_forward(hidden)
        return self.norm(hidden), lengths


class Transformer(SequenceClassifier):
    """Optional convolutional stem, transformer encoder, pooling, linear head.

    Args:
        n_heads: Heads of every layer.
        head_dim: Features of a head; the encoder has ``n_heads * head_dim`` features.
        feed_forward_size: Hidden features between two attentions.
        n_layers: Layers of attention and feed-forward.
        dropout: Of features, at the end of both halves of every layer and before the head.
        positional_encoding: One of ``positions.POSITIONAL_ENCODINGS``.
        pooling: One of ``pooling.POOLINGS``.
        **front_options: Of ``ConvolutionalFront``, the convolutional stem.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        n_heads: int = 4,
        head_dim: int = 16,
        feed_forward_size: int = 128,
        n_layers: int = 2,
        dropout: float = 0.0,
        positional_encoding: str = "sinusoidal",
        pooling: str = "mean",
        **front_options: Any,
    ) -> None:
        super().__init__(n_channels, n_classes)
        front = ConvolutionalFront(n_channels, **front_options)
        encoder = Encoder(
            front.n_outputs,
            n_heads=n_heads,
            head_dim=head_dim,
            feed_forward_size=feed_forward_size,
            n_layers=n_layers,
            dropout=dropout,
            positional_encoding=positional_encoding,
        )
        self.assemble([front, encoder], Pooling(pooling, encoder.n_outputs), dropout)
