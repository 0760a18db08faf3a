"""Linear maps and norms as structs of the C runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from .program import Array, Builder, Struct, Weights

LARGEST_BYTE = 127
# Of ``runtime/cell_int8.c``.
ONE_IN_GATES, ONE_IN_MULTIPLIERS = 4096, 65536


def numbers(values: Tensor) -> Array:
    """Trained numbers as they are written."""
    return np.asarray(values.detach().numpy(), np.float32)


def product(weight: Array, builder: Builder, scale: float) -> Struct:
    """Matrices [outputs, inputs, steps that follow each other], or one of them without the last axis.

    Args:
        weight: As trained.
        builder: Of the program.
        scale: What a byte of the input is worth, where bytes are multiplied.
    """
    taps = weight[..., None] if weight.ndim == 2 else weight
    n_outputs, n_inputs, _ = taps.shape
    builder.most_inputs = max(builder.most_inputs, n_inputs)
    fields: dict[str, Any] = {"n_inputs": n_inputs, "n_outputs": n_outputs}
    if builder.scales is not None:
        largest = np.abs(taps).max(axis=(1, 2))
        rows = np.where(largest > 0, largest / LARGEST_BYTE, 1.0).astype(np.float32)
        taps = np.rint(taps / rows[:, None, None]).astype(np.int8)
        fields |= {"scales": Weights(rows * np.float32(scale)), "multipliers": None, "inverse": 1 / scale}
    # An input after the other, as ``runtime/product.c`` reads it.
    fields["weights"] = Weights(taps.transpose(2, 1, 0).reshape(-1))
    return Struct("product", fields)


def gates_product(weight: Array, builder: Builder, scale: float) -> Struct:
    """A matrix of a recurrent cell; where bytes are multiplied, its sums become whole numbers of 1/4096."""
    made = product(weight, builder, scale)
    if builder.scales is not None:
        multipliers = np.rint(made.fields["scales"].values.astype(float) * ONE_IN_GATES * ONE_IN_MULTIPLIERS)
        made.fields |= {"scales": None, "multipliers": Weights(multipliers.clip(max=2**31 - 1).astype(np.int32))}
    return made


def scale_of(module: nn.Module, builder: Builder) -> float:
    """What a byte of a layer's input is worth."""
    return 1.0 if builder.scales is None else builder.scales.get(module, 1.0)


def linear(module: nn.Module, builder: Builder, scale: float | None = None) -> Struct:
    """``nn.Linear`` of every step; of bytes that are worth ``scale``, or what its own are."""
    assert isinstance(module, nn.Linear)
    builder.work(module.in_features * module.out_features)
    fields = {
        "product": product(numbers(module.weight), builder, scale or scale_of(module, builder)),
        "bias": None if module.bias is None else Weights(numbers(module.bias)),
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
