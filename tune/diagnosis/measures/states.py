"""What every layer of a network over time puts out, and what the head is given: watched while the network runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models import SequenceClassifier
from models.attention import SelfAttention
from models.conv_gru import ConvolutionAndPool
from models.enhanced_bilstm import CrossResolution
from models.front import ConvolutionalLayer
from models.recurrent import RecurrentLayer
from models.temporal_cnn import ResidualBlock
from models.transformer import FeedForward

RECURRENT = "recurrent layer"
# What is worth a picture, and what it is called; modules inside another one of these are part of it.
WATCHED: dict[type[nn.Module], str] = {
    RecurrentLayer: RECURRENT,
    ConvolutionalLayer: "convolution",
    ConvolutionAndPool: "convolution and pooling",
    ResidualBlock: "residual block",
    SelfAttention: "self-attention",
    FeedForward: "encoder layer",
    CrossResolution: "attention to the half-rate branch",
}


class Layer(NamedTuple):
    """What one layer put out.

    Attributes:
        name: What it is, such as ``recurrent layer 2``.
        states: Of every step; row i is meaningful for t < lengths[i].
        lengths: Steps that are left of each sequence.
    """

    name: str
    module: nn.Module
    states: Float[Tensor, "batch time features"]
    lengths: Int[Tensor, " batch"]

    @property
    def is_recurrent(self) -> bool:
        """Whether what it puts out is a hidden state that it carries from step to step."""
        return isinstance(self.module, RecurrentLayer)


class Recording(NamedTuple):
    """What happened in a network while it read sequences.

    Attributes:
        layers: In the order in which they were computed.
        pooled: What the head was given.
    """

    layers: tuple[Layer, ...]
    pooled: Float[Tensor, "batch features"]
    logits: Float[Tensor, "batch classes"]


def classes_in(labels: Int[Tensor, " batch"]) -> list[int]:
    """The classes that occur, in their order; of groups, the groups."""
    found: list[int] = torch.bincount(labels).nonzero().flatten().tolist()
    return found


def layer_names(network: SequenceClassifier) -> dict[str, str]:
    """What the layers worth watching are called, by their path in the network.

    A stage that holds none of the known layers is watched as a whole, so that a new architecture shows something too.
    """
    found: dict[str, str] = {}
    counts: dict[str, int] = {}

    def add(path: str, kind: str) -> None:
        if "half_rate" in path:
            kind = f"half-rate {kind}"
        counts[kind] = counts.get(kind, 0) + 1
        found[path] = f"{kind} {counts[kind]}"

    for index, stage in enumerate(network.stages):
        before = len(found)
        for path, module in stage.named_modules(prefix=f"stages.{index}"):
            inside_block = any(
                path.startswith(f"{other}.") and isinstance(network.get_submodule(other), ResidualBlock)
                for other in found
            )
            if type(module) in WATCHED and not inside_block:
                add(path, WATCHED[type(module)])
        if len(found) == before and list(stage.parameters()):
            add(f"stages.{index}", "stage")
    alone = {kind for kind, count in counts.items() if count == 1}
    return {path: name.removesuffix(" 1") if name[:-2] in alone else name for path, name in found.items()}


@contextmanager
def watching(network: SequenceClassifier) -> Iterator[list[Layer]]:
    """Collects what the layers put out, with its gradients' graph, whenever the network runs inside."""
    seen: list[Layer] = []
    lengths: list[Tensor] = []

    def note_lengths(module: nn.Module, given: tuple[Any, ...]) -> None:
        if len(given) > 1:
            lengths[:] = [given[1]]

    def keep(name: str, module: nn.Module, given: tuple[Any, ...], put_out: Any) -> None:
        values, left = put_out if isinstance(put_out, tuple) else (put_out, given[1] if len(given) > 1 else lengths[0])
        seen.append(Layer(name, module, values, left))

    handles = [stage.register_forward_pre_hook(note_lengths) for stage in network.stages]
    for path, name in layer_names(network).items():
        handles.append(
            network.get_submodule(path).register_forward_hook(
                lambda module, given, put_out, name=name: keep(name, module, given, put_out)
            )
        )
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def record(
    network: SequenceClassifier, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
) -> Recording:
    """Runs the network as it is in use, and keeps what happened in it."""
    network.eval()
    with watching(network) as layers:
        pooled = network.embed(values, lengths)
    return Recording(tuple(layers), pooled, network.head(pooled))


def resampled_paths(
    states: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"], n_points: int
) -> Float[Tensor, "batch points features"]:
    """Every sequence's states at evenly spaced shares of its own length, from its first step to its last.

    States between two steps are mixed from both.
    """
    place = torch.linspace(0, 1, n_points, dtype=states.dtype) * (lengths[:, None] - 1)  # [B, P]
    below = place.floor().long()
    above = torch.minimum(below + 1, lengths[:, None] - 1)
    rows = torch.arange(len(lengths))[:, None]
    return torch.lerp(states[rows, below], states[rows, above], (place - below)[..., None].to(states.dtype))


def between_class_share(
    paths: Float[Tensor, "batch points features"], labels: Int[Tensor, " batch"]
) -> Float[Tensor, " points"]:
    """How much of the states' variance at each point lies between the classes: 0 mixed, 1 apart.

    The ratio of between-class to total sum of squares, as in the analysis of variance (Fisher 1925, chapter VII).
    """
    centred = paths - paths.mean(dim=0)
    total = centred.square().sum(dim=(0, 2))
    between = torch.zeros_like(total)
    for one_class in classes_in(labels):
        members = centred[labels == one_class]
        between += len(members) * members.mean(dim=0).square().sum(dim=1)
    return torch.where(total > 0, between / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
