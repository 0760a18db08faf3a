"""How far back a network learns: the gradient of its loss at every step of the input and of its hidden states.

Torch's recurrent layers compute all steps in one call, whose intermediate states no gradient can be asked for. Here
each cell is run step by step with the same weights instead, so that the gradient of a state is the whole of it: what
the pooling reads from it and what all later steps do.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.stats import linregress
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from models import SequenceClassifier
from models.recurrent import RecurrentLayer

from .states import layer_names, watching

INPUT = "the input"
WITH_MEMORY = ", with its cell state"


class GradientNorms(NamedTuple):
    """Norms of the gradient of every sequence's loss, in the order in which steps are read.

    Attributes:
        norms: Row i is meaningful for t < lengths[i].
        lengths: Steps of each sequence there.
    """

    name: str
    norms: Float[Tensor, "batch time"]
    lengths: Int[Tensor, " batch"]


class Decay(NamedTuple):
    """An exponential fitted to norms that fall from step to step.

    Attributes:
        factor: What is left after each step further back; above 1 where they grow.
        n_steps: Steps that it was fitted to.
        r_squared: Share of the logarithms' variance that it explains.
    """

    factor: float
    n_steps: int
    r_squared: float

    @property
    def half_life(self) -> float:
        """Steps after which half is left; infinite where nothing is lost."""
        return math.log(0.5) / math.log(self.factor) if 0 < self.factor < 1 else math.inf


class StepByStep(nn.Module):
    """A cell of torch's, run a step at a time, that keeps its states.

    Attributes:
        states: After each step, [batch, features]; of an LSTM these are its outputs h.
        memories: An LSTM's cell states c, which carry its memory; empty for others.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell
        self.states: list[Tensor] = []
        self.memories: list[Tensor] = []

    def forward(self, steps: Float[Tensor, "time batch inputs"]) -> tuple[Float[Tensor, "time batch outputs"], None]:
        """All states, from the very tensors that the next step is given."""
        self.states, self.memories, state = [], [], None
        for step in steps.unbind():
            _, state = self.cell(step[None], state)
            if isinstance(state, tuple):
                self.memories.append(state[1])
            self.states.append(state[0] if isinstance(state, tuple) else state)
        return torch.cat(self.states), None


def gradient_norms(
    network: SequenceClassifier,
    values: Float[Tensor, "batch time channels"],
    lengths: Int[Tensor, " batch"],
    labels: Int[Tensor, " batch"],
) -> list[GradientNorms]:
    """Norms of d loss / d input_t, then of d loss / d h_t for every layer over time, of every sequence by itself.

    Computed in double precision on a copy, so that what has almost vanished is still a number. A layer that reads
    backwards as well has an entry for each direction, in the order in which that direction reads. An LSTM hands two
    things to its next step: its output h, which is the first entry, and its cell state; the second is of both.
    """
    network = copy.deepcopy(network).double().eval()
    unrolled: list[tuple[str, StepByStep, str]] = []
    for path, name in layer_names(network).items():
        module = network.get_submodule(path)
        if isinstance(module, RecurrentLayer):
            for index, cell in enumerate(list(module.cells)):
                stepwise = StepByStep(cell)
                module.cells[index] = stepwise
                direction = "" if len(module.cells) == 1 else (" forwards", " backwards")[index]
                unrolled.append((name, stepwise, direction))
    inputs = values.double().requires_grad_()
    with watching(network) as layers:
        logits = network(inputs, lengths)
    # The sum: in evaluation mode no sequence reaches another one's loss.
    loss = cross_entropy(logits, labels, reduction="sum")

    def gradients(tensors: Sequence[Tensor]) -> list[Tensor]:
        found = torch.autograd.grad(loss, tensors, allow_unused=True, retain_graph=True)
        return [torch.zeros_like(at) if one is None else one for at, one in zip(tensors, found, strict=True)]

    norms = [GradientNorms(INPUT, gradients([inputs])[0].norm(dim=2), lengths)]
    for layer in layers:
        if not layer.is_recurrent:
            norms.append(GradientNorms(layer.name, gradients([layer.states])[0].norm(dim=2), layer.lengths))
            continue
        for name, stepwise, direction in unrolled:
            if name == layer.name:
                of_states = torch.cat(gradients(stepwise.states)).norm(dim=2).T  # [B, T]
                norms.append(GradientNorms(f"{name}{direction}", of_states, layer.lengths))
                if stepwise.memories:
                    of_memories = torch.cat(gradients(stepwise.memories)).norm(dim=2).T
                    together = torch.hypot(of_states, of_memories)
                    norms.append(GradientNorms(f"{name}{direction}{WITH_MEMORY}", together, layer.lengths))
    return norms


def from_the_end(found: GradientNorms, rows: Int[Tensor, " chosen"] | None = None) -> Float[Tensor, " steps"]:
    """Mean norm at the last step, the one before it, and so on, over the sequences that are that long.

    It ends where fewer than half of the sequences go on, so that the mean is of much the same sequences everywhere.
    """
    norms, lengths = (found.norms, found.lengths) if rows is None else (found.norms[rows], found.lengths[rows])
    n_steps = int(lengths.median())
    back = torch.arange(n_steps)
    place = (lengths[:, None] - 1 - back).clamp_min(0)
    there = (back < lengths[:, None]).to(norms.dtype)
    return (norms.gather(1, place) * there).sum(dim=0) / there.sum(dim=0)


def fit_decay(norms: Float[Tensor, " steps"] | Sequence[float]) -> Decay | None:
    """Fits ``norm = a * factor ** steps back`` by least squares of the logarithms; None with fewer than three norms.

    Args:
        norms: At the last step, the one before it, and so on; zeros have no logarithm and are left out.
    """
    given = torch.as_tensor(norms, dtype=torch.double)
    steps = torch.arange(len(given), dtype=torch.double)[given > 0]
    logs = given[given > 0].log()
    if len(logs) < 3:
        return None
    line = linregress(steps.numpy(), logs.numpy())
    return Decay(math.exp(line.slope), len(logs), line.rvalue**2 if logs.std() > 0 else 1.0)
