"""Whether ``torch.onnx.export`` could take the place of the graph that is written by hand: the same networks by both.

Everything is traced but recurrent layers, which become one operator each (``torch.onnx.ops.symbolic``), and batch norm,
which is folded into the convolution before it. Needs onnxscript, which is in no lock file.

    PYTHONPATH=. .venv/bin/python benchmarks/traced_onnx.py [--seconds 1] [--opset 20]
"""

from __future__ import annotations

import argparse
import copy
import logging
import time
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.export import BATCHES, DATA, PLAIN_GRU, model_of, rounds
from models import ARCHITECTURES
from models.front import ConvolutionalLayer, MaskedBatchNorm
from models.recurrent import RecurrentLayer
from tune.deploy.classifier import OnnxClassifier, TorchClassifier
from tune.deploy.graph import Deployed
from tune.deploy.metadata import INPUTS, OUTPUTS, facts_of
from tune.deploy.onnx_layers import CELLS
from tune.deploy.onnx_model import to_onnx
from tune.training.model_folder import StoredModel

EXAMPLE_BATCH, EXAMPLE_TIME = 3, 17


class SymbolicLayer(nn.Module):
    """``RecurrentLayer`` as one operator of ONNX.

    Args:
        layer: A recurrent layer.
    """

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        cells: list[Any] = list(layer.cells)
        self.operator, order, attributes = CELLS[type(cells[0])]
        self.size, self.n_directions = cells[0].hidden_size, len(cells)
        direction = "bidirectional" if len(cells) == 2 else "forward"
        self.attributes = {"hidden_size": self.size, "direction": direction, **attributes}

        def gates(name: str) -> Tensor:
            blocks = [getattr(cell, name).detach().view(len(order), self.size, -1) for cell in cells]
            return torch.stack([block[list(order)].flatten(0, 1) for block in blocks])

        self.register_buffer("inner", gates("weight_ih_l0"))
        self.register_buffer("recurrent", gates("weight_hh_l0"))
        self.register_buffer("bias", torch.cat([gates("bias_ih_l0"), gates("bias_hh_l0")], dim=1)[..., 0])

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Hidden states of every step."""
        inputs: list[Any] = [values.transpose(0, 1), self.inner, self.recurrent, self.bias]
        if self.n_directions == 2:
            inputs.append(lengths.to(torch.int32))
        shape = (values.shape[1], self.n_directions, values.shape[0], self.size)
        hidden = torch.onnx.ops.symbolic(self.operator, inputs, self.attributes, dtype=values.dtype, shape=shape)
        return hidden.permute(2, 0, 1, 3).flatten(2)


def prepare(module: nn.Module) -> None:
    """Puts what can be traced in the place of recurrent layers and batch norm."""
    for name, child in module.named_children():
        if isinstance(child, RecurrentLayer):
            setattr(module, name, SymbolicLayer(child))
        elif isinstance(child, ConvolutionalLayer) and isinstance(child.norm, MaskedBatchNorm):
            child.convolution, child.norm = fuse_conv_bn_eval(child.convolution, child.norm), nn.Identity()
        else:
            prepare(child)


def traced(model: StoredModel, opset: int) -> bytes:
    """The whole network as ``to_onnx`` has it."""
    network = copy.deepcopy(model.network)
    prepare(network)
    whole = Deployed(StoredModel(model.description, network)).eval()
    values = torch.zeros(EXAMPLE_BATCH, EXAMPLE_TIME, len(model.description.channel_names))
    lengths = torch.arange(EXAMPLE_TIME - EXAMPLE_BATCH + 1, EXAMPLE_TIME + 1)
    free = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        whole,
        (values, lengths),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=({0: free, 1: free}, {0: free}),
        opset_version=opset,
        verbose=False,
    )
    assert program is not None
    file = program.model_proto
    for node in file.graph.node:
        node.ClearField("metadata_props")  # where in the source each comes from: half of a small file
    del file.graph.value_info[:]
    onnx.helper.set_model_props(file, dict(facts_of(model).as_metadata()))
    return bytes(file.SerializeToString())


def classifier_of(content: bytes) -> OnnxClassifier:
    """It in onnxruntime, unchecked: traced files have more operators than ours."""
    from tune.deploy import onnx_check

    onnx_check.OPERATORS |= {node.op_type for node in onnx.load_from_string(content).graph.node}
    return OnnxClassifier(content, "traced")


def difference(one: Any, other: Any, n_channels: int) -> float:
    """Largest difference of logits, over batches of several sizes whose padding is not a number."""
    rng = np.random.default_rng(0)
    largest = 0.0
    for lengths in ((11, 4, 1, 7), (1,), (1, 1), (64, 63, 5), (200,)):
        values = rng.standard_normal((len(lengths), max(lengths) + 2, n_channels)).astype(np.float32)
        for row, length in enumerate(lengths):
            values[row, length:] = np.nan
        found = [classifier.run(values, np.array(lengths))[0] for classifier in (one, other)]
        largest = max(largest, float(np.abs(found[0] - found[1]).max()))
    return largest


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--opset", type=int, default=20)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    print("| data | network | batch | traced / written | s to trace | ms to write | kB traced | kB written | differs |")
    print("|---|---|---|---|---|---|---|---|---|")
    for data, (kind, channels, n_classes, n_steps) in DATA.items():
        for architecture in (PLAIN_GRU, *ARCHITECTURES):
            model = model_of(architecture, kind, channels, n_classes)
            begun = time.process_time()
            other = traced(model, chosen.opset)
            between = time.process_time()
            own = to_onnx(model)
            seconds, milliseconds = between - begun, 1000 * (time.process_time() - between)
            forms = [classifier_of(other), OnnxClassifier(own, architecture)]
            differs = difference(forms[0], TorchClassifier(model), len(channels))
            for batch_size in BATCHES:
                rates = rounds([*forms], n_steps, batch_size, chosen.seconds)
                print(
                    f"| {data} | {architecture} | {batch_size} | {rates[0] / rates[1]:.2f} | {seconds:.1f} | "
                    f"{milliseconds:.0f} | {len(other) / 1000:.0f} | {len(own) / 1000:.0f} | {differs:.0e} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
