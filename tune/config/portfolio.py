"""What a search tries beside the first configuration: others that differ in what matters, the most useful first.

Each is what changes of the first configuration, whatever the data. A network that wants a steady rate, one that wants
to anneal, a small one, a plain one and a large one seldom fail on the same data. ``benchmarks/portfolio.py`` evaluates
and orders them; ``benchmarks/README.md`` says how far that has been done.
"""

from __future__ import annotations

from .spaces import Scalar

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
