"""How long a trial trains and in how large batches, where that is left to the size of the training set.

It is decided when a study begins and stored with its settings, so that all that follows sees plain numbers. What the
figures rest on is in ``benchmarks/README.md``.
"""

from __future__ import annotations

from optuna.distributions import CategoricalDistribution
from pydantic import JsonValue

from .initial import nearest
from .ranges import to_plain
from .settings import Settings
from .spaces import CLOSED_FORM, SHARED

LEFT_TO_SIZE = ("epochs", "patience")

# A part too small for enough steps in these gets more epochs, one with more than enough fewer.
EPOCHS = 12
LEAST_STEPS, MOST_STEPS = 300, 12_000
LEAST_EPOCHS, MOST_EPOCHS = 3, 200

# An epoch has so many steps at least, as far as batch norm, which wants some sequences in each, allows.
STEPS_PER_EPOCH = 8
SMALLEST_BATCH = 8
REFERENCE_BATCH = 64


def sized(settings: Settings, n_sequences: int) -> tuple[Settings, list[str]]:
    """The settings with epochs, patience and batch sizes for a training set of ``n_sequences``, and what to say of it.

    Who gives one of them gets what was given; the built-in batch sizes count as not given.
    """
    training, shared, said = settings.training, settings.space["shared"], []
    if shared["batch_size"] == to_plain(SHARED["batch_size"]):
        shared = {**shared, "batch_size": fitting_batch_sizes(n_sequences)}
        settings = settings.model_copy(update={"space": {**settings.space, "shared": shared}})
    batch_size = _reference_batch_size(settings)
    epochs = training.epochs or epochs_for(n_sequences, batch_size)
    patience = training.patience or max(1, epochs // 2)
    if not training.epochs and settings.architecture not in CLOSED_FORM:
        said.append(
            f"{n_sequences:,} sequences to train on: up to {epochs} epochs a trial, {-(-n_sequences // batch_size)} "
            f"steps each in batches of {batch_size} (--epochs sets another number)"
        )
    training = training.model_copy(update={"epochs": epochs, "patience": patience})
    return settings.model_copy(update={"training": training}), said


def epochs_for(n_sequences: int, batch_size: int) -> int:
    """``EPOCHS``, or as many as make between ``LEAST_STEPS`` and ``MOST_STEPS``, within the limits of epochs."""
    steps_per_epoch = -(-n_sequences // batch_size)
    n_steps = min(max(EPOCHS * steps_per_epoch, LEAST_STEPS), MOST_STEPS)
    return min(max(-(-n_steps // steps_per_epoch), LEAST_EPOCHS), MOST_EPOCHS)


def fitting_batch_sizes(n_sequences: int) -> JsonValue:
    """The built-in batch sizes, none so large that an epoch has fewer than ``STEPS_PER_EPOCH``; one if all agree."""
    distribution = SHARED["batch_size"]
    choices = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
    largest = max(SMALLEST_BATCH, -(-n_sequences // STEPS_PER_EPOCH))
    fitting = sorted({min(int(str(choice)), largest) for choice in choices})
    return list(fitting) if len(fitting) > 1 else fitting[0]


def _reference_batch_size(settings: Settings) -> int:
    """The batch size that epochs are reckoned for; a closed-form fit has none of its own."""
    searched, fixed = settings.ranges()
    size = nearest(searched["batch_size"], REFERENCE_BATCH) if "batch_size" in searched else fixed.get("batch_size")
    return int(size or REFERENCE_BATCH)
