"""Good values to begin with, for every kind of data, and how they are moved into the ranges that are searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from .spaces import OFF, OWN_DEFAULTS, Scalar, Space

# The first trials of every study: what is known to work on this kind of data, the quickest first. Keys that an
# architecture lacks are left out; nothing of a first trial is drawn at random.
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
    "front_norm": "batch",
    "front_dropout": 0.0,
    "conv_channels": 64,
    "conv_kernel_size": 5,
    "pool_size": 2,
    "attention_heads": 4,
    "attention_head_dim": 16,
    "cross_resolution": False,
    "gated_residual": False,
    "temporal_dropout": 0.0,
    "feature_dropout": 0.0,
    "n_heads": 4,
    "head_dim": 16,
    "feed_forward_size": 128,
    "positional_encoding": "sinusoidal",
    "n_blocks": 3,
    "dilation_growth": 2,
    "residual": True,
    "conv_norm": "batch",
    "n_features": 10_000,
    # As far as the data goes.
    "receptive_field": 4_096,
}

# Each ingredient's worth on people who were never seen is in benchmarks/README.md.
_VARIED: dict[str, Scalar] = {
    "derived_channels": "both",
    "label_smoothing": 0.1,
    "mixup": 0.4,
    "weight_averaging": 0.0,
    "scaling": 0.1,
    "rotation": 0.2,
    "time_warp": 0.0,
    "time_crop": 0.0,
    "channel_dropout": 0.0,
    "flip": False,
    # Searched only where classes are uneven and count the same.
    "class_balance": "weights",
}

_GESTURE: dict[str, Scalar] = {
    **_RECURRENT_KNOWN_GOOD,
    **_VARIED,
    "batch_size": 64,
    # A steady rate whose weights are averaged is at its best after 3 to 5 epochs; one cycle needs 4 to 8 (the time to a
    # target in benchmarks/README.md).
    "schedule": "plateau",
    "learning_rate": 5e-3,
    "weight_averaging": 0.97,
    # The copy by instance knows nothing of how somebody wears the sensor.
    "normalisation": "both",
    "front_stride": 1,
}

INITIAL_CONFIGURATIONS: dict[str, tuple[dict[str, Scalar], ...]] = {
    "gesture": (_GESTURE,),
    "activity": (
        {
            **_RECURRENT_KNOWN_GOOD,
            **_VARIED,
            "batch_size": 64,
            "normalisation": "both",
            "front_layers": 3,
            "front_stride": 2,
            "pool_size": 4,
            # Worth two points on one set of activities and nothing sure on another; it costs gestures one.
            "channel_dropout": 0.1,
        },
    ),
    "landmarks": (
        {
            **_RECURRENT_KNOWN_GOOD,
            **_VARIED,
            "batch_size": 32,
            "normalisation": "global",
            "front_stride": 1,
            "derived_channels": "none",
            "rotation": 0.1,
        },
    ),
}

# Of a network, where less is smaller.
SIZES = (
    *("hidden_size", "front_channels", "conv_channels", "attention_head_dim", "head_dim", "feed_forward_size"),
    *("n_layers", "n_blocks", "n_features"),
)

# What a search tries beside the first configuration, as changes of it, whatever the data, the most useful first. A
# network that wants a steady rate, one that wants to anneal, a small one, a plain one and a large one seldom fail on
# the same data. ``benchmarks/portfolio.py`` evaluates and orders them.
VARIANTS: tuple[dict[str, Scalar], ...] = (
    # Annealed to nothing, and the weights as they are at the end.
    {"schedule": "one_cycle", "learning_rate": 1e-2, "weight_averaging": 0.0},
    # The recording as it is: its level and its amplitude may be what tells the classes apart.
    {
        "normalisation": "global",
        "derived_channels": "none",
        "mixup": 0.0,
        "scaling": 0.0,
        "rotation": 0.0,
        "weight_averaging": 0.9,
    },
    # Small and held back, for few sequences.
    {
        "hidden_size": 32,
        "conv_channels": 32,
        "feed_forward_size": 64,
        "n_blocks": 2,
        "front_channels": 32,
        "dropout": 0.5,
        "schedule": "cosine",
        "weight_averaging": 0.0,
        "time_crop": 0.2,
        "time_warp": 0.2,
    },
    # Large and slow, for long sequences and many classes.
    {
        "hidden_size": 128,
        "conv_channels": 128,
        "feed_forward_size": 256,
        "n_blocks": 5,
        "n_layers": 2,
        "front_channels": 128,
        "front_kernel_size": 7,
        "conv_kernel_size": 7,
        "learning_rate": 2e-3,
        "schedule": "one_cycle",
        "weight_averaging": 0.0,
    },
)

# What one architecture wants otherwise, whatever the data.
ADAPTED: dict[str, dict[str, Scalar]] = {
    # Attention without recurrence is unsteady at 1e-2: 0.949 against 0.959 on five people held out.
    "transformer": {"learning_rate": 3e-3},
    # Its kernels take differences themselves: given as channels too, they gained two points on one set and lost four on
    # another (benchmarks/README.md).
    "minirocket": {"derived_channels": "none"},
}

# What a choice comes to where no three channels are the axes of one sensor.
WITHOUT_TRIPLES = {"magnitude": "none", "both": "differences"}


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


def initial_configurations(kind: str, architecture: str, searched: Space) -> list[dict[str, Scalar]]:
    """The initial configurations of an architecture for data of this kind: a value for all that is searched."""
    moved = [
        _completed(searched, {**OFF, **values, **_adapted(architecture)}) for values in INITIAL_CONFIGURATIONS[kind]
    ]
    return [values for k, values in enumerate(moved) if values not in moved[:k]]


def ever_smaller(searched: Space, values: dict[str, Scalar]) -> Iterator[dict[str, Scalar]]:
    """A configuration, then its network forwards only, then of half the size, and again, until the ranges end."""
    yield values
    before, values = None, {**values, **moved_into(searched, {"bidirectional": False})}
    while values != before:
        yield values
        halves = {name: size // 2 for name in SIZES if isinstance(size := values.get(name), int)}
        before, values = values, {**values, **moved_into(searched, halves)}


def portfolio(kind: str, architecture: str, searched: Space) -> list[dict[str, Scalar]]:
    """What is tried beside the default configurations; as those, a value for all that is searched."""
    first, adapted = {**OFF, **INITIAL_CONFIGURATIONS[kind][0]}, _adapted(architecture)
    tried = initial_configurations(kind, architecture, searched)
    n_known = len(tried)
    for changed in VARIANTS:
        values = _completed(searched, {**first, **changed, **adapted})
        tried += [] if values in tried else [values]
    return tried[n_known:]


def _adapted(architecture: str) -> dict[str, Scalar]:
    return ADAPTED.get(architecture) or OWN_DEFAULTS.get(architecture, {})


def _completed(searched: Space, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The values moved into the ranges; of choices without the value the likest, or the one that is named first."""
    completed = moved_into(searched, values)
    for name, distribution in searched.items():
        if name not in completed and isinstance(distribution, CategoricalDistribution):
            likest = WITHOUT_TRIPLES.get(str(values.get(name)))
            first, *_ = distribution.choices
            completed[name] = likest if likest in distribution.choices else first  # type: ignore[assignment]
    return completed
