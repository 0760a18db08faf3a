"""What a byte is worth at the entry of every layer, measured on training recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...device.maps import LARGEST_BYTE
from ...device.program import Scales
from ...training.model_folder import StoredModel
from ..classifier import Array
from ..graph import Deployed

MOST_RECORDINGS = 200


def input_scales(model: StoredModel, recordings: Sequence[Array]) -> Scales:
    """Scales by which the largest value that ever goes into a layer is the largest byte.

    Args:
        model: To be written.
        recordings: Of the training, as measured, each [steps, channels]; of many, some.
    """
    largest: dict[nn.Module, float] = {}

    def watch(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if isinstance(value := inputs[0], Tensor) and value.numel():
            largest[module] = max(largest.get(module, 0.0), float(value.abs().max()))

    network = Deployed(model).eval()
    layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv1d | nn.RNNBase)]
    handles = [layer.register_forward_pre_hook(watch) for layer in layers]
    picked = np.linspace(0, len(recordings) - 1, min(len(recordings), MOST_RECORDINGS)).astype(int)
    try:
        with torch.no_grad():
            # One by one: in a batch of several, padding would be among them.
            for k in picked:
                one = torch.from_numpy(np.ascontiguousarray(recordings[k], np.float32))
                network(one[None], torch.tensor([len(one)]))
    finally:
        for handle in handles:
            handle.remove()
    return {layer: value / LARGEST_BYTE for layer, value in largest.items() if value > 0}
