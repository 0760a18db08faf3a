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
    "derived_channels": CategoricalDistribution(["none", "differences", "magnitude", "both"]),
    "label_smoothing": FloatDistribution(0.0, 0.2),
    "focal_gamma": FloatDistribution(0.0, 3.0),
    "confidence_penalty": FloatDistribution(0.0, 0.3),
    "mixup": FloatDistribution(0.0, 0.8),
    "mixup_at": CategoricalDistribution(["embedding", "input"]),
    "weight_averaging": CategoricalDistribution([0.0, 0.9, 0.97, 0.99]),
    "jitter": FloatDistribution(0.0, 0.3),
    "scaling": FloatDistribution(0.0, 0.3),
    "rotation": FloatDistribution(0.0, 0.6),
    "time_warp": FloatDistribution(0.0, 0.5),
    "time_crop": FloatDistribution(0.0, 0.4),
    "channel_dropout": FloatDistribution(0.0, 0.3),
    "flip": CategoricalDistribution([False, True]),
    # Searched where classes are uneven and the metric counts them equally: see ``suitability``.
    "class_balance": CategoricalDistribution(["none", "weights", "sampler"]),
}

# Of those, what is off unless a configuration switches it on or gives a range: each cost trials and did not pay for
# them on our data (benchmarks/README.md).
OFF: dict[str, Scalar] = {
    "focal_gamma": 0.0,
    "confidence_penalty": 0.0,
    "mixup_at": "embedding",
    "jitter": 0.0,
}

# What is solved instead of trained: of those above it has the channels' alone.
CLOSED_FORM = frozenset({"minirocket"})
OF_THE_CHANNELS = ("normalisation", "derived_channels")

FRONT: Space = {
    "front_layers": IntDistribution(0, 3),
    "front_channels": IntDistribution(16, 128, log=True),
    "front_kernel_size": IntDistribution(3, 7, step=2),
    "front_stride": IntDistribution(1, 2),
    "front_norm": CategoricalDistribution(["batch", "layer"]),
    "front_dropout": FloatDistribution(0.0, 0.3),
}

# On data of a few thousand sequences nothing beyond these sizes was better, and a trial of it takes the time of ten.
RECURRENT: Space = {
    "hidden_size": IntDistribution(16, 128, log=True),
    "n_layers": IntDistribution(1, 2),
    "dropout": FloatDistribution(0.0, 0.5),
    "bidirectional": CategoricalDistribution([False, True]),
    "pooling": CategoricalDistribution(["last", "mean", "max", "mean_max", "attention"]),
    "layer_norm": CategoricalDistribution([False, True]),
    **FRONT,
}

BILSTM: Space = {key: distribution for key, distribution in RECURRENT.items() if key != "bidirectional"}

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
        "hidden_size": IntDistribution(16, 128, log=True),
        "n_layers": IntDistribution(2, 3),
        "dropout": FloatDistribution(0.0, 0.5),
        "bidirectional": CategoricalDistribution([False, True]),
        "pooling": RECURRENT["pooling"],
        **FRONT,
    },
    "bilstm": BILSTM,
    # Zero, or false, switches a part off.
    "enhanced-bilstm": {
        "attention_heads": IntDistribution(0, 8),
        "attention_head_dim": IntDistribution(8, 32, step=8),
        "cross_resolution": CategoricalDistribution([False, True]),
        "gated_residual": CategoricalDistribution([False, True]),
        "temporal_dropout": FloatDistribution(0.0, 0.3),
        "feature_dropout": FloatDistribution(0.0, 0.3),
        **BILSTM,
    },
    "transformer": {
        "n_heads": IntDistribution(1, 8),
        "head_dim": IntDistribution(8, 32, step=8),
        "feed_forward_size": IntDistribution(32, 512, log=True),
        "n_layers": IntDistribution(1, 3),
        "dropout": FloatDistribution(0.0, 0.5),
        "positional_encoding": CategoricalDistribution(["sinusoidal", "learned", "rotary"]),
        "pooling": RECURRENT["pooling"],
        **FRONT,
    },
    "temporal-cnn": {
        "n_blocks": IntDistribution(1, 6),
        "conv_channels": IntDistribution(16, 128, log=True),
        "conv_kernel_size": IntDistribution(3, 7, step=2),
        "dilation_growth": IntDistribution(1, 3),
        "residual": CategoricalDistribution([False, True]),
        "conv_norm": CategoricalDistribution(["batch", "layer"]),
        "dropout": FloatDistribution(0.0, 0.5),
        "pooling": RECURRENT["pooling"],
        **FRONT,
    },
    # No kernel is made to span more than four times the steps that are usual in the data (``suited``).
    "minirocket": {
        "n_features": CategoricalDistribution([2_500, 5_000, 10_000]),
        "receptive_field": IntDistribution(9, 4_096, log=True),
    },
}


# Those of networks of one's own that this process has met (``own_network``).
OWN_SPACES: dict[str, Space] = {}
# And what their constructors say, which is their first trial.
OWN_DEFAULTS: dict[str, dict[str, Scalar]] = {}


def own_space(architecture: str) -> Space:
    """What is searched of an architecture alone."""
    return SPACES[architecture] if architecture in SPACES else OWN_SPACES[architecture]


def shared_space(architecture: str) -> Space:
    """Those of the shared hyperparameters that mean something for an architecture."""
    if architecture not in CLOSED_FORM:
        return SHARED
    return {name: SHARED[name] for name in OF_THE_CHANNELS}


# Lowest and highest value that makes sense anywhere; a configuration may widen a range up to here.
LIMITS: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-7, 10.0),
    "batch_size": (2, 65_536),
    "weight_decay": (0.0, 10.0),
    "label_smoothing": (0.0, 0.9),
    "focal_gamma": (0.0, 10.0),
    "confidence_penalty": (0.0, 10.0),
    "mixup": (0.0, 10.0),
    "weight_averaging": (0.0, 0.9999),
    "jitter": (0.0, 10.0),
    "scaling": (0.0, 2.0),
    "rotation": (0.0, 3.2),
    "time_warp": (0.0, 2.0),
    "time_crop": (0.0, 0.9),
    "channel_dropout": (0.0, 0.9),
    "hidden_size": (1, 4_096),
    "n_layers": (1, 16),
    "dropout": (0.0, 0.95),
    "front_layers": (0, 8),
    "front_channels": (1, 2_048),
    "front_kernel_size": (1, 63),
    "front_stride": (1, 8),
    "front_dropout": (0.0, 0.95),
    "conv_channels": (1, 2_048),
    "conv_kernel_size": (1, 63),
    "pool_size": (1, 16),
    "attention_heads": (0, 64),
    "attention_head_dim": (2, 512),
    "temporal_dropout": (0.0, 0.95),
    "feature_dropout": (0.0, 0.95),
    "n_heads": (1, 64),
    "head_dim": (2, 512),
    "feed_forward_size": (1, 16_384),
    "n_blocks": (1, 16),
    "dilation_growth": (1, 8),
    "n_features": (84, 100_000),
    "receptive_field": (9, 65_536),
}

# Kernels are centred on a step.
ODD = frozenset({"front_kernel_size", "conv_kernel_size"})
