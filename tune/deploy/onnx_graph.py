"""Building an ONNX graph node by node: names, constants and weights, and which steps of a padded batch are real.

Graphs are written rather than traced. ``torch.onnx.export`` (torch 2.13.0, onnxscript 0.7.2, onnx-ir 1.1.0, onnxruntime
1.32.0) was tried with every recurrent layer as one symbolic operator (benchmarks/traced_onnx.py). Its logits are right,
to 2e-6, for all architectures, poolings and directions, batches from 1 and times from 1. It was not taken because

- a graph takes 1.2 to 5.5 s of processor time, and two more the first time, against 1 to 9 ms;
- of versions 20 to 28 of the operators, attention works in 20 to 22 and 25: in 23 and 24 onnxruntime refuses its mask,
  and the files for 26 to 28 call themselves 18, which has no attention;
- it has no int8. ``quantize_dynamic`` of onnxruntime leaves GRU as it is and makes of LSTM an operator of Microsoft's;
- one short sequence takes a temporal CNN 1.3 and a transformer 1.2 times as long (recurrent networks 1.05 to 1.15, and
  batches of 64 the same), with nine operators more that a reader of files has to let through;
- it needs onnxscript and onnx-ir, and warns of its own insides and of torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor

Array = NDArray[Any]
# Symmetric: one of the 256 numbers of a byte is not used, so that zero is exactly zero.
LARGEST_INT8 = 127


@dataclass
class Graph:
    """What has been written so far.

    Attributes:
        int8: Whether weights are stored in a byte each.
        nodes: In the order in which they are computed.
        initialisers: Weights and constants by their names.
    """

    int8: bool = False
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: dict[str, onnx.TensorProto] = field(default_factory=dict)
    _known: dict[Any, str] = field(default_factory=dict)

    def outputs(self, operator: str, inputs: list[str], n_outputs: int, **attributes: Any) -> list[str]:
        """Adds a node; the same node of the same inputs is computed once.

        Returns:
            Names of its outputs.
        """
        key = (operator, tuple(inputs), n_outputs, repr(sorted(attributes.items())))
        if key not in self._known:
            number = len(self.nodes)
            names = [f"{operator}_{number}" + (f"_{k}" if k else "") for k in range(n_outputs)]
            self.nodes.append(helper.make_node(operator, inputs, names, name=names[0], **attributes))
            self._known[key] = names[0]
        first = self._known[key]
        return [first + (f"_{k}" if k else "") for k in range(n_outputs)]

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one output and returns its name; an empty name is an input that is left out."""
        return self.outputs(operator, list(inputs), 1, **attributes)[0]

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """The name of a constant; equal ones are one."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = f"constant_{len(self.initialisers)}"
            self.initialisers[name] = numpy_helper.from_array(array, name)
            self._known[key] = name
        return self._known[key]

    def integers(self, *values: int) -> str:
        """The name of a constant vector of whole numbers, such as axes."""
        return self.constant(values, np.int64)

    def weight(self, values: Tensor | Array, channel_axes: tuple[int, ...] | None = None) -> str:
        """The name of trained numbers.

        Args:
            values: The numbers.
            channel_axes: With ``int8`` these numbers are stored in a byte each, with a scale of its own at every place
                along these axes, and made floating point again when the file is loaded; None keeps them.
        """
        array = np.asarray(values.detach().numpy() if isinstance(values, Tensor) else values, np.float32)
        if not self.int8 or channel_axes is None:
            return self.constant(array)
        rounded, scale = quantised(array, channel_axes)
        # Cast and Mul are computed once, when a session is made; DequantizeLinear would be computed every time.
        return self(
            "Mul", self("Cast", self.constant(rounded, np.int8), to=onnx.TensorProto.FLOAT), self.constant(scale)
        )


def quantised(array: Array, channel_axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Numbers as bytes, and the scale that they are multiplied with, at every place along ``channel_axes``."""
    others = tuple(axis for axis in range(array.ndim) if axis not in channel_axes)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / LARGEST_INT8, 1.0).astype(np.float32)
    return np.rint(array / scale).astype(np.int8), scale


@dataclass(frozen=True)
class Steps:
    """A padded batch inside a graph.

    Attributes:
        hidden: Name of the features, [batch, time, features].
        lengths: Name of the real steps of each sequence, [batch], whole numbers.
    """

    graph: Graph
    hidden: str
    lengths: str

    def with_hidden(self, hidden: str) -> Steps:
        """The same steps with other features."""
        return Steps(self.graph, hidden, self.lengths)

    @property
    def time(self) -> str:
        """Number of steps of the batch, one whole number."""
        graph = self.graph
        # Shapes are the same whatever the features are, but not after a stride, which changes the lengths too.
        key = ("time", self.lengths)
        if key not in graph._known:
            graph._known[key] = graph("Shape", self.hidden, start=1, end=2)
        return graph("Squeeze", graph._known[key])

    @property
    def counted(self) -> str:
        """0, 1, 2 … for every step, [time]."""
        zero, one = (self.graph.constant(k, np.int64) for k in (0, 1))
        return self.graph("Range", zero, self.time, one)

    @property
    def real(self) -> str:
        """Which steps are real, [batch, time, 1]."""
        graph = self.graph
        shorter = graph("Less", self.counted, graph("Unsqueeze", self.lengths, graph.integers(1)))
        return graph("Unsqueeze", shorter, graph.integers(2))

    @property
    def weights(self) -> str:
        """One for a real step, zero for a padded one, [batch, time, 1]."""
        return self.graph("Cast", self.real, to=onnx.TensorProto.FLOAT)

    @property
    def n_real(self) -> str:
        """The lengths as real numbers, [batch, 1]."""
        as_float = self.graph("Cast", self.lengths, to=onnx.TensorProto.FLOAT)
        return self.graph("Unsqueeze", as_float, self.graph.integers(1))

    def masked(self) -> Steps:
        """The same with zero wherever a step is not real, even if not a number stands there."""
        return self.with_hidden(self.graph("Where", self.real, self.hidden, self.graph.constant(0.0)))

    def shortened(self, hidden: str, stride: int) -> Steps:
        """Features after a layer that divides the lengths by ``stride`` and rounds up."""
        if stride == 1:
            return self.with_hidden(hidden)
        graph = self.graph
        more = graph("Add", self.lengths, graph.constant(stride - 1, np.int64))
        return Steps(graph, hidden, graph("Div", more, graph.constant(stride, np.int64)))
