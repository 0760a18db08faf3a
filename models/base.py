"""The one contract of every architecture, and the skeleton that keeps it: mask, stages over time, pooling, head."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn

from .checks import probability, whole_number
from .front import ConvolutionalFront
from .masks import check_lengths, step_mask
from .pooling import Pooling


class SequenceClassifier(nn.Module):
    """Classifies sequences of different lengths that share a batch.

    Padding never matters: outside training mode a sequence has the same logits alone and among longer ones, whatever
    stands after its last step, and in either mode no gradient flows there.

    An architecture is a subclass whose constructor takes ``(n_channels, n_classes)`` and its hyperparameters by
    keyword, each a plain value with a default, and ends in ``assemble``. A stage is a module from ``(values, lengths)``
    to ``(values, lengths)`` that may change the number of features and shorten time. It finds the padding finite
    (zero, if it is the first stage), and keeps what stands there out of the real steps. All of their constructors raise
    a ``ValueError`` for a hyperparameter that is out of range.

    Args:
        n_channels: Channels of a step.
        n_classes: Classes to tell apart.

    Attributes:
        closed_form: Whether it is fitted by ``fit_features`` and the solution of a linear head, and its features have
            no gradient; else all of it is trained by gradients.
    """

    __signature__: ClassVar[inspect.Signature]
    closed_form: ClassVar[bool] = False
    stages: nn.ModuleList
    pooling: Pooling
    head: nn.Sequential

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Names the hyperparameters of the stem in the signature of a constructor that passes them on."""
        super().__init_subclass__(**kwargs)
        signature = inspect.signature(cls.__init__)
        parameters = list(signature.parameters.values())[1:]
        if parameters and parameters[-1].name == "front_options":
            parameters[-1:] = list(inspect.signature(ConvolutionalFront).parameters.values())[1:]
        cls.__signature__ = signature.replace(parameters=parameters)

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__()
        whole_number("n_channels", n_channels, 1, 65_536)
        whole_number("n_classes", n_classes, 2, 65_536)
        self.n_classes = n_classes

    def assemble(self, stages: Iterable[nn.Module], pooling: Pooling, dropout: float) -> None:
        """Registers the parts in their order: stages, pooling, and a linear head after dropout."""
        probability("dropout", dropout)
        self.stages = nn.ModuleList(stages)
        self.pooling = pooling
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(pooling.n_outputs, self.n_classes))

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch classes"]:
        """Computes the logits of each sequence.

        Args:
            values: Padded sequences; row i is meaningful for t < lengths[i].
            lengths: Real steps of each sequence, each in 1..time.

        Raises:
            ValueError: If a length is outside 1..time.
        """
        logits: Tensor = self.head(self.embed(values, lengths))
        return logits

    def embed(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch features"]:
        """One vector for each sequence, from what ``forward`` takes: what the head is given."""
        time = values.shape[1]
        check_lengths(lengths, time)
        # A product with the mask would leave NaN standing.
        hidden = values.masked_fill(~step_mask(lengths, time), 0.0)
        for stage in self.stages:
            hidden, lengths = stage(hidden, lengths)
        pooled: Tensor = self.pooling(hidden, lengths)
        return pooled

    def fit_features(self, sample: Callable[[int], tuple[Tensor, Tensor]]) -> None:
        """Fits what stands before the head of a network in closed form.

        Args:
            sample: Draws as many training sequences as it is asked for: padded values, and lengths.
        """
        raise TypeError(f"{type(self).__name__} is trained by gradients")


def n_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
