"""What the layers of a diagnosed network put out while it reads chosen sequences."""

from __future__ import annotations

from torch import Tensor

from .measures.states import Layer, record
from .model import Diagnosed

N_PER_CLASS, MOST = 20, 400


def recorded(diagnosed: Diagnosed) -> tuple[tuple[Layer, ...], Tensor]:
    """What the layers put out for sequences of every class, and the labels of these."""
    _, (values, lengths, labels) = diagnosed.first.batch(diagnosed.chosen(N_PER_CLASS, MOST))
    return record(diagnosed.first.network, values, lengths).layers, labels


def shown_layers(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The recurrent layers; where there are none, the last one."""
    recurrent = tuple(layer for layer in layers if layer.is_recurrent)
    return recurrent or layers[-1:]
