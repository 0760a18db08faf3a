"""What is searched: for every architecture a dictionary of Optuna distributions.

Keys of ``SHARED`` are fields of ``training.TrainingSettings`` or of the channels' preparation; keys of a ``SPACES``
entry are constructor arguments of that architecture (a test compares). ``LIMITS`` bounds what a person may write
instead of a range given here.
"""

from __future__ import annotations

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
