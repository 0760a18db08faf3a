"""A bidirectional LSTM with attention, a half-rate branch, gated residual connections and dropout of its inputs."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from .attention import MultiHeadAttention, SelfAttention
from .base import SequenceClassifier
from .checks import flag, probability, whole_number
from .dropout import SequenceDropout, StepDropout
from .front import ConvolutionalFront
from .masks import shortened, step_mask
from .pooling import Pooling
from .recurrent import RecurrentStack


class InputDropout(nn.Module):
    """Drops whole steps and whole features of what the recurrent layers are given.

    Args:
        temporal_dropout: Probability of dropping a step.
        feature_dropout: Probability of dropping a feature at all steps (Tompson et al. 2015, "Efficient object
            localization using convolutional networks", section 3.2).
    """

    def __init__(self, temporal_dropout: float, feature_dropout: float) -> None:
        super().__init__()
        self.steps = StepDropout(temporal_dropout)
        self.features = SequenceDropout(feature_dropout)

    def forward(
        self, values: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time features"], Int[Tensor, " batch"]]:
        """What is left and the same lengths."""
        return self.features(self.steps(values, lengths)), lengths


class CrossResolution(nn.Module):
    """Recurrent layers at the full rate that attend to a recurrent layer at half of it.

    The half-rate branch reads the averages of every two steps, and so remembers twice as long; that two branches of
    different resolution gather from each other by attention is of Chen et al. 2021, "CrossViT", section 3.3.

    Args:
        full_rate: Reads every step.
        half_rate: Reads the averages of every two.
        n_heads: Heads with which every step attends to the half-rate branch.
        head_dim: Features of a head.
        dropout: Of features, before what was gathered is added.
    """

    def __init__(
        self, full_rate: RecurrentStack, half_rate: RecurrentStack, n_heads: int, head_dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.full_rate = full_rate
        self.half_rate = half_rate
        self.norm = nn.LayerNorm(full_rate.n_outputs)
        self.attention = MultiHeadAttention(full_rate.n_outputs, n_heads, head_dim, half_rate.n_outputs)
        self.dropout = SequenceDropout(dropout)

    def forward(
        self, values: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time outputs"], Int[Tensor, " batch"]]:
        """Features of every step at the full rate and the same lengths."""
        hidden, _ = self.full_rate(values, lengths)
        slower, fewer = self.half_rate(*halved(values, lengths))
        gathered = self.attention(self.norm(hidden), slower, step_mask(fewer, slower.shape[1]))
        return hidden + self.dropout(gathered), lengths


def halved(
    values: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
) -> tuple[Float[Tensor, "batch shorter features"], Int[Tensor, " batch"]]:
    """Averages of every two real steps, the last of an odd number alone; padding becomes zero."""
    real = step_mask(lengths, values.shape[1])
    sums, n_real = _sums_of_two(values * real), _sums_of_two(real.to(values))
    return sums / n_real.clamp(min=1), shortened(lengths, 2)


def _sums_of_two(steps: Float[Tensor, "batch time features"]) -> Float[Tensor, "batch shorter features"]:
    n_sequences, time, n_features = steps.shape
    return pad(steps, (0, 0, 0, time % 2)).view(n_sequences, -1, 2, n_features).sum(dim=2)


class EnhancedBiLSTM(SequenceClassifier):
    """``BiLSTM`` and what can be added to it; with every addition off it is ``BiLSTM``, to the parameter.

    In their order: convolutional front, dropout of steps and of features, bidirectional layers of LSTM with gated
    residual connections, attention to a half-rate branch, self-attention, pooling, linear head.

    Args:
        hidden_size: Features that a direction puts out.
        n_layers: Recurrent layers.
        dropout: Of features, between recurrent layers, after each attention and before the head.
        pooling: One of ``pooling.POOLINGS``.
        layer_norm: Whether to normalise between recurrent layers.
        gated_residual: Whether gates carry past every recurrent layer but the first (see ``recurrent.Highway``).
        cross_resolution: Whether to attend to a half-rate branch (see ``CrossResolution``).
        attention_heads: Heads of the self-attention; 0 for no self-attention. The attention to the half-rate branch
            has as many, at least one.
        attention_head_dim: Features of a head.
        temporal_dropout: Of whole steps, before the recurrent layers.
        feature_dropout: Of whole features, before the recurrent layers.
        **front_options: Of ``ConvolutionalFront``, the convolutional stem.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 2,
        dropout: float = 0.0,
        pooling: str = "last",
        layer_norm: bool = False,
        gated_residual: bool = True,
        cross_resolution: bool = True,
        attention_heads: int = 4,
        attention_head_dim: int = 16,
        temporal_dropout: float = 0.0,
        feature_dropout: float = 0.0,
        **front_options: Any,
    ) -> None:
        super().__init__(n_channels, n_classes)
        flag("cross_resolution", cross_resolution)
        whole_number("attention_heads", attention_heads, 0, 64)
        whole_number("attention_head_dim", attention_head_dim, 2, 512)
        probability("temporal_dropout", temporal_dropout)
        probability("feature_dropout", feature_dropout)
        front = ConvolutionalFront(n_channels, **front_options)
        stack = RecurrentStack(
            nn.LSTM,
            front.n_outputs,
            hidden_size=hidden_size,
            n_layers=n_layers,
            dropout=dropout,
            bidirectional=True,
            layer_norm=layer_norm,
            gated_residual=gated_residual,
        )
        stages: list[nn.Module] = [front]
        if temporal_dropout or feature_dropout:
            stages.append(InputDropout(temporal_dropout, feature_dropout))
        if cross_resolution:
            half_rate = RecurrentStack(
                nn.LSTM, front.n_outputs, hidden_size=hidden_size, n_layers=1, dropout=0.0, bidirectional=True
            )
            stages.append(CrossResolution(stack, half_rate, max(attention_heads, 1), attention_head_dim, dropout))
        else:
            stages.append(stack)
        if attention_heads:
            stages.append(SelfAttention(stack.n_outputs, attention_heads, attention_head_dim, dropout))
        self.assemble(stages, Pooling(pooling, stack.n_outputs, bidirectional=True), dropout)
