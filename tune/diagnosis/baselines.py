"""A vanilla RNN, a GRU and an LSTM of the same size, bare, to see in which of them the gradient vanishes.

Bare means: no convolution in front, one direction, and a head that is given the last hidden state alone. Whatever an
early step teaches such a network has to come back through every later step; poolings over time, strides and a second
direction are ways around that, and would hide it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from data.sequences import SequenceDataset
from models import SequenceClassifier, build

from .fitting import brief_fit
from .model import Diagnosed

BASELINES = ("rnn", "gru", "lstm")
DEFAULT_HIDDEN_SIZE = 64
LARGEST_HIDDEN_SIZE = 128
N_SEQUENCES, N_EPOCHS = 2000, 6


@dataclass(frozen=True, eq=False)
class Baseline:
    """One of the networks that are compared.

    Attributes:
        trained: The same after a brief training; None where that did not stay finite.
        accuracy: On the judged sequences after it.
    """

    name: str
    fresh: SequenceClassifier
    trained: SequenceClassifier | None
    accuracy: float | None
    n_epochs: int
    n_sequences: int


def baselines(
    diagnosed: Diagnosed, against: Sequence[str], say: Callable[[str], None] = lambda sentence: None
) -> tuple[Baseline, ...]:
    """Makes and briefly trains ``against`` and the diagnosed network's kind, where it is in ``BASELINES``."""
    own = [diagnosed.architecture] if diagnosed.architecture in BASELINES else []
    names = [name for name in BASELINES if name in {*against, *own}]
    train, judged = _parts(diagnosed)
    return tuple(_rival(diagnosed, name, train, judged, say) for name in names)


def size_of(diagnosed: Diagnosed) -> tuple[int, int]:
    """Hidden size and layers of the baselines: the diagnosed network's own, where it has them."""
    size = diagnosed.hyperparameters.get("hidden_size", DEFAULT_HIDDEN_SIZE)
    recurrent = "hidden_size" in diagnosed.hyperparameters
    n_layers = diagnosed.hyperparameters.get("n_layers", 1) if recurrent else 1
    return min(int(size), LARGEST_HIDDEN_SIZE), int(n_layers)


def _rival(
    diagnosed: Diagnosed, name: str, train: SequenceDataset, judged: SequenceDataset, say: Callable[[str], None]
) -> Baseline:
    hidden_size, n_layers = size_of(diagnosed)

    def made() -> SequenceClassifier:
        torch.manual_seed(diagnosed.seed)
        return build(
            name, train.n_channels, train.n_classes, hidden_size=hidden_size, n_layers=n_layers, pooling="last"
        )

    say(f"Training a bare {name} for {N_EPOCHS} epochs on {len(train)} sequences, to compare with")
    fitted = brief_fit(made(), train, judged, diagnosed.training, n_epochs=N_EPOCHS, seed=diagnosed.seed)
    trained, accuracy = fitted if fitted is not None else (None, None)
    return Baseline(name, made().eval(), trained, accuracy, N_EPOCHS, len(train))


def _parts(diagnosed: Diagnosed) -> tuple[SequenceDataset, SequenceDataset]:
    """Prepared sequences to train on, no more than ``N_SEQUENCES``, and the judged ones."""
    judged = diagnosed.first
    measured = diagnosed.parts.get("train", judged.measured)
    generator = torch.Generator().manual_seed(diagnosed.seed)
    rows = torch.randperm(len(measured), generator=generator)[:N_SEQUENCES]
    return judged.prepare(measured.subset(rows).packed()), judged.prepared
