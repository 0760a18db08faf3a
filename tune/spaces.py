"""What is searched: for every architecture a dictionary of Optuna distributions, and the good values to begin with.

Keys of ``SHARED`` are fields of ``training.TrainingSettings`` or of the channels' preparation; keys of a ``SPACES``
entry are constructor arguments of that architecture (a test compares). ``LIMITS`` bounds what a person may write
instead of a range given here.
"""

from __future__ import annotations

from collections.abc import Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Scalar = bool | int | float | str
Space = dict[str, BaseDistribution]

SHARED: Space = {
    "learning_rate": FloatDistribution(5e-4, 3e-2, log=True),
    "batch_size": CategoricalDistribution([32, 64, 128]),
    "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
    "schedule": CategoricalDistribution(["one_cycle", "cosine", "plateau"]),
    "normalisation": CategoricalDistribution(["global", "instance", "both"]),
}

FRONT: Space = {
    "front_layers": IntDistribution(0, 3),
    "front_channels": IntDistribution(16, 128, log=True),
    "front_kernel_size": IntDistribution(3, 7, step=2),
    "front_stride": IntDistribution(1, 2),
}

RECURRENT: Space = {
    "hidden_size": IntDistribution(16, 256, log=True),
    "n_layers": IntDistribution(1, 3),
    "dropout": FloatDistribution(0.0, 0.5),
    "bidirectional": CategoricalDistribution([False, True]),
    "pooling": CategoricalDistribution(["last", "mean", "max", "mean_max", "attention"]),
    "layer_norm": CategoricalDistribution([False, True]),
    **FRONT,
}

SPACES: dict[str, Space] = {
    "rnn": RECURRENT,
    "gru": RECURRENT,
    "lstm": RECURRENT,
    "conv1d-gru": {
        "conv_channels": IntDistribution(16, 128, log=True),
        "conv_kernel_size": IntDistribution(3, 7, step=2),
        "pool_size": IntDistribution(2, 4),
        **{key: RECURRENT[key] for key in ("hidden_size", "n_layers", "dropout", "bidirectional", "pooling")},
    },
    "deep-gru": {
        "hidden_size": IntDistribution(16, 256, log=True),
        "n_layers": IntDistribution(2, 4),
        "dropout": FloatDistribution(0.0, 0.5),
        "bidirectional": CategoricalDistribution([False, True]),
        "pooling": RECURRENT["pooling"],
        **FRONT,
    },
}

# Lowest and highest value that makes sense anywhere; a configuration may widen a range up to here.
LIMITS: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-7, 10.0),
    "batch_size": (2, 65_536),
    "weight_decay": (0.0, 10.0),
    "hidden_size": (1, 4_096),
    "n_layers": (1, 16),
    "dropout": (0.0, 0.95),
    "front_layers": (0, 8),
    "front_channels": (1, 2_048),
    "front_kernel_size": (1, 63),
    "front_stride": (1, 8),
    "conv_channels": (1, 2_048),
    "conv_kernel_size": (1, 63),
    "pool_size": (1, 16),
}

# Kernels are centred on a step.
ODD = frozenset({"front_kernel_size", "conv_kernel_size"})

# The first trials of every study: what is known to work on this kind of data, the quickest first. Keys that an
# architecture lacks are left out; a key that is missing here is sampled.
_RECURRENT_KNOWN_GOOD: dict[str, Scalar] = {
    "learning_rate": 1e-2,
    "weight_decay": 1e-2,
    "schedule": "one_cycle",
    "hidden_size": 64,
    "n_layers": 1,
    "dropout": 0.3,
    "bidirectional": True,
    "pooling": "mean_max",
    "layer_norm": False,
    "front_layers": 2,
    "front_channels": 64,
    "front_kernel_size": 5,
    "conv_channels": 64,
    "conv_kernel_size": 5,
    "pool_size": 2,
}

_GESTURE: dict[str, Scalar] = {
    **_RECURRENT_KNOWN_GOOD,
    "batch_size": 64,
    # Removes how somebody wears the sensor: on people held out 0.92 where the global one alone has 0.88.
    "normalisation": "instance",
    "front_stride": 1,
}

KNOWN_GOOD: dict[str, tuple[dict[str, Scalar], ...]] = {
    "gesture": (
        # Half the steps and half the updates: on people who were trained on nearly as good as the second, in less than
        # half of its time.
        {
            **_GESTURE,
            "normalisation": "global",
            "front_layers": 1,
            "front_stride": 2,
            "batch_size": 128,
            "learning_rate": 2e-2,
        },
        _GESTURE,
    ),
    "activity": (
        {
            **_RECURRENT_KNOWN_GOOD,
            "batch_size": 64,
            "normalisation": "both",
            "front_layers": 3,
            "front_stride": 2,
            "pool_size": 4,
        },
    ),
    "landmarks": ({**_RECURRENT_KNOWN_GOOD, "batch_size": 32, "normalisation": "global", "front_stride": 1},),
}


def nearest(distribution: BaseDistribution, value: Scalar) -> Scalar | None:
    """The value of ``distribution`` that is nearest to ``value``; None for a category that it does not have."""
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        if value in choices:
            return value
        if isinstance(value, str | bool) or not all(isinstance(choice, int | float) for choice in choices):
            return None
        return min(choices, key=lambda choice: abs(choice - value))  # type: ignore[operator]
    if isinstance(value, str) or not isinstance(distribution, IntDistribution | FloatDistribution):
        return None
    clipped = min(max(value, distribution.low), distribution.high)
    if distribution.step and not distribution.log:
        clipped = distribution.low + round((clipped - distribution.low) / distribution.step) * distribution.step
    return int(clipped) if isinstance(distribution, IntDistribution) else float(clipped)


def moved_into(searched: Space, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Those of the values that are searched, moved into the ranges where these are narrower."""
    moved = {key: nearest(searched[key], value) for key, value in values.items() if key in searched}
    return {key: value for key, value in moved.items() if value is not None}


def known_good(kind: str, searched: Space) -> list[dict[str, Scalar]]:
    """The known-good configurations for data of this kind, as far as they are searched; each only once."""
    moved = [moved_into(searched, values) for values in KNOWN_GOOD[kind]]
    return [values for k, values in enumerate(moved) if values not in moved[:k]]
