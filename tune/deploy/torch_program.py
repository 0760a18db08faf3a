"""A network as a program of ``torch.export``: one ``.pt2`` file that torch runs without any of our code."""

from __future__ import annotations

import copy
import io
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch.nn.functional import linear, pad

from models.conv_gru import ConvolutionAndPool
from models.enhanced_bilstm import CrossResolution
from models.ensemble import Ensemble
from models.front import ConvolutionalLayer
from models.recurrent import RecurrentLayer

from ..core.problems import Problem, SettingsError
from ..training.model_folder import StoredModel
from .graph import Deployed

# Any sizes but one and two: those would be taken for constants.
EXAMPLE_BATCH, EXAMPLE_TIME = 3, 17
LARGEST_STRIDE = 4096
# Of a network whose layers are not known here.
UNKNOWN_STRIDE = 16


class ScannedCell(nn.Module):
    """What one of torch's recurrent cells computes, as a loop over time that a traced program keeps as a loop.

    Traced itself, ``nn.GRU`` is unrolled to the length of its example.

    Args:
        cell: One of ``nn.RNN``, ``nn.GRU`` and ``nn.LSTM``, of one layer and direction.
    """

    def __init__(self, cell: nn.RNNBase) -> None:
        super().__init__()
        self.mode, self.hidden_size = cell.mode, cell.hidden_size
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            setattr(self, name, getattr(cell, name))

    def forward(self, steps: Tensor) -> tuple[Tensor, None]:
        """Hidden states of every step, [time, batch, hidden], as the cell gives them."""
        inputs = linear(steps, self.weight_ih_l0, self.bias_ih_l0)  # type: ignore[arg-type]
        zeros = steps.new_zeros(steps.shape[1], self.hidden_size)
        weight, bias = self.weight_hh_l0, self.bias_hh_l0

        def recurrent(hidden: Tensor) -> Tensor:
            return linear(hidden, weight, bias)  # type: ignore[arg-type]

        def plain(hidden: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
            new = torch.tanh(given + recurrent(hidden))
            return new, new.clone()

        def gated(hidden: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
            (reset, update, new), (own_reset, own_update, own_new) = given.chunk(3, 1), recurrent(hidden).chunk(3, 1)
            candidate = torch.tanh(new + torch.sigmoid(reset + own_reset) * own_new)
            renewed = candidate + torch.sigmoid(update + own_update) * (hidden - candidate)
            return renewed, renewed.clone()

        def with_memory(state: tuple[Tensor, Tensor], given: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
            hidden, memory = state
            into, forget, new, out = (given + recurrent(hidden)).chunk(4, 1)
            memory = torch.sigmoid(forget) * memory + torch.sigmoid(into) * torch.tanh(new)
            hidden = torch.sigmoid(out) * torch.tanh(memory)
            return (hidden, memory), hidden.clone()

        begin: Any = (zeros, zeros.clone()) if self.mode == "LSTM" else zeros
        combine: Any = {"LSTM": with_memory, "GRU": gated}.get(self.mode, plain)
        return scan(combine, begin, inputs)[1], None


class ScannedLayer(nn.Module):
    """``RecurrentLayer`` of such cells; each sequence is reversed within its own length by looking its steps up."""

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.cells = nn.ModuleList(ScannedCell(cell) for cell in layer.cells)  # type: ignore[arg-type]

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """The hidden states of every step."""
        steps = values.transpose(0, 1)
        forwards = self.cells[0](steps)[0]
        if len(self.cells) == 1:
            return forwards.transpose(0, 1)  # type: ignore[no-any-return]
        step = torch.arange(steps.shape[0], device=lengths.device)[:, None]
        order = torch.where(step < lengths, lengths - 1 - step, step)[..., None]
        backwards = self.cells[1](steps.gather(0, order.expand_as(steps)))[0]
        restored = backwards.gather(0, order.expand_as(backwards))
        return torch.cat([forwards, restored], dim=2).transpose(0, 1)


class Padded(nn.Module):
    """``Deployed`` with further padding and one more sequence, which never matter.

    A trace takes sizes of one for constants: no layer may be left with a single step, nor with a single sequence.
    """

    def __init__(self, deployed: Deployed, n_further: int) -> None:
        super().__init__()
        self.deployed, self.n_further = deployed, n_further

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Deployed``."""
        more = torch.cat([lengths, lengths.new_ones(1)])
        logits, probabilities = self.deployed(pad(values, (0, 0, 0, self.n_further, 0, 1)), more)
        return logits[:-1], probabilities[:-1]


def total_stride(network: nn.Module) -> int:
    """How many steps become one, through all layers that shorten time; of several networks, in the slowest."""
    if isinstance(network, Ensemble):
        return max(map(total_stride, network.members))
    total = 1
    for module in network.modules():
        if isinstance(module, ConvolutionalLayer):
            total *= module.stride
        elif isinstance(module, ConvolutionAndPool):
            total *= module.pool_size
        elif isinstance(module, CrossResolution):
            total *= 2
    return total


def with_scanned_layers(module: nn.Module) -> None:
    """Puts a ``ScannedLayer`` in the place of every recurrent layer."""
    for name, child in module.named_children():
        if isinstance(child, RecurrentLayer):
            setattr(module, name, ScannedLayer(child))
        else:
            with_scanned_layers(child)


def to_torch_program(model: StoredModel) -> bytes:
    """The whole network as a ``.pt2`` file, for batches of any size and length; see ``graph.Deployed``."""
    network = copy.deepcopy(model.network)
    with_scanned_layers(network)
    stride = total_stride(network)
    if stride > LARGEST_STRIDE:
        rule = f"makes one step of {stride:,}: at most {LARGEST_STRIDE:,} can be traced"
        raise SettingsError([Problem("architecture", model.description.architecture, rule, "--format onnx can do it")])
    whole = Deployed(StoredModel(model.description, network))
    if model.description.network is not None:
        stride = max(stride, UNKNOWN_STRIDE)
    deployed = (Padded(whole, 2 * stride) if stride > 1 else whole).eval()
    values = torch.zeros(EXAMPLE_BATCH, EXAMPLE_TIME, len(model.description.channel_names))
    lengths = torch.arange(EXAMPLE_TIME - EXAMPLE_BATCH + 1, EXAMPLE_TIME + 1)
    free = torch.export.Dim.DYNAMIC
    content = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own insides
        try:
            program = torch.export.export(deployed, (values, lengths), dynamic_shapes=({0: free, 1: free}, {0: free}))
        except Exception as error:  # Whatever a stranger's code makes torch raise.
            if model.description.network is None:
                raise
            rule = f"cannot be traced by torch.export: {' '.join(str(error).split())[:300]}"
            raise SettingsError([Problem("architecture", model.description.architecture, rule)]) from error
        torch.export.save(program, content)
    return content.getvalue()


class TorchProgram:
    """A ``.pt2`` file that this process has written, as a classifier.

    Args:
        content: Of the file; one from elsewhere is not for this, since reading it runs what it says.
        model: What it was made of.
    """

    def __init__(self, content: bytes, model: StoredModel) -> None:
        from .metadata import facts_of

        self.facts = facts_of(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._module = torch.export.load(io.BytesIO(content)).module()

    def run(self, values: Any, lengths: Any) -> tuple[Any, Any]:
        """See ``Classifier``."""
        with torch.no_grad():
            logits, probabilities = self._module(torch.from_numpy(values), torch.from_numpy(lengths))
        return logits.numpy(), probabilities.numpy()
