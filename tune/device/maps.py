"""Linear maps and norms as structs of the C runtime."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from .program import Array, Builder, Struct, Weights, packed


def numbers(values: Tensor) -> Array:
    """Trained numbers as they are written."""
    return np.asarray(values.detach().numpy(), np.float32)


def linear(module: nn.Module, builder: Builder) -> Struct:
    """``nn.Linear`` of every step."""
    assert isinstance(module, nn.Linear)
    builder.work(module.in_features * module.out_features)
    fields = {
        "weights": packed(numbers(module.weight)),
        "bias": None if module.bias is None else Weights(numbers(module.bias)),
        "n_inputs": module.in_features,
        "n_outputs": module.out_features,
    }
    return Struct("linear", fields)


def norm(module: nn.Module) -> Struct:
    """``nn.LayerNorm`` over the features."""
    assert isinstance(module, nn.LayerNorm)
    fields = {
        "scale": Weights(numbers(module.weight)),
        "shift": Weights(numbers(module.bias)),
        "n_features": module.normalized_shape[0],
        "epsilon": float(module.eps),
    }
    return Struct("norm", fields)
