"""A deep GRU: norm, dropout and a residual connection at every layer keep a tall stack trainable."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from .base import SequenceClassifier
from .checks import probability, whole_number
from .dropout import SequenceDropout
from .front import ConvolutionalFront
from .pooling import Pooling
from .recurrent import RecurrentLayer


class NormalisedStack(nn.Module):
    """GRU layers, each followed by layer norm (Ba et al. 2016) and dropout, and added to its own input.

    The first layer is not added to its input, whose width differs (residual connections: He et al. 2016; between
    recurrent layers: Wu et al. 2016, section 3.1).

    Args:
        n_inputs: Features of a step.
        hidden_size: Features that a direction puts out.
        n_layers: Number of layers.
        dropout: Of features, after every layer.
        bidirectional: Whether every layer also reads backwards.

    Attributes:
        n_outputs: Features of a step after the last layer.
    """

    def __init__(self, n_inputs: int, *, hidden_size: int, n_layers: int, dropout: float, bidirectional: bool) -> None:
        super().__init__()
        whole_number("n_layers", n_layers, 1, 16)
        probability("dropout", dropout)
        layers = [RecurrentLayer(nn.GRU, n_inputs, hidden_size, bidirectional)]
        self.n_outputs = layers[0].n_outputs
        layers += [RecurrentLayer(nn.GRU, self.n_outputs, hidden_size, bidirectional) for _ in range(n_layers - 1)]
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.LayerNorm(self.n_outputs) for _ in layers)
        self.dropout = SequenceDropout(dropout)

    def forward(
        self, values: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time outputs"], Int[Tensor, " batch"]]:
        """The last layer's features and the same lengths; padded steps hold finite values without meaning."""
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            hidden = self.dropout(norm(layer(values, lengths)))
            values = hidden if index == 0 else values + hidden
        return values, lengths


class DeepGRU(SequenceClassifier):
    """Optional convolutional stem, a deep stack of GRU layers, pooling, linear head.

    Args:
        hidden_size: Features that a direction puts out.
        n_layers: Recurrent layers.
        dropout: Of features, after every recurrent layer and before the head.
        bidirectional: Whether every recurrent layer also reads backwards.
        pooling: One of ``pooling.POOLINGS``.
        **front_options: Of ``ConvolutionalFront``, the convolutional stem.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 3,
        dropout: float = 0.0,
        bidirectional: bool = False,
        pooling: str = "last",
        **front_options: Any,
    ) -> None:
        super().__init__(n_channels, n_classes)
        front = ConvolutionalFront(n_channels, **front_options)
        stack = NormalisedStack(
            front.n_outputs, hidden_size=hidden_size, n_layers=n_layers, dropout=dropout, bidirectional=bidirectional
        )
        self.assemble([front, stack], Pooling(pooling, stack.n_outputs, bidirectional), dropout)
