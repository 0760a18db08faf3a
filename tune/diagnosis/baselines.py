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
from .model import Subject

RIVALS = ("rnn", "gru", "lstm")
DEFAULT_HIDDEN_SIZE = 64
LARGEST_HIDDEN_SIZE = 128
N_SEQUENCES, N_EPOCHS = 2000, 6


@dataclass(frozen=True, eq=False)
class Rival:
    """One of the networks that are compared.

    Attributes:
        name: Its architecture.
        fresh: As it is made.
        trained: The same after a brief training; None where that did not stay finite.
        accuracy: On the judged sequences after it.
        n_epochs: Of the training.
        n_sequences: It was trained on.
    """

    name: str
    fresh: SequenceClassifier
    trained: SequenceClassifier | None
    accuracy: float | None
    n_epochs: int
    n_sequences: int


def rivals(
    subject: Subject, against: Sequence[str], say: Callable[[str], None] = lambda sentence: None
) -> tuple[Rival, ...]:
    """Makes and briefly trains the subject's own kind, where it is one of ``RIVALS``, and those it is held against.

    Args:
        subject: Gives size, data and training settings.
        against: Some of ``RIVALS``.
        say: Told what takes long.
    """
    own = [subject.architecture] if subject.architecture in RIVALS else []
    names = [name for name in RIVALS if name in {*against, *own}]
    train, judged = _parts(subject)
    return tuple(_rival(subject, name, train, judged, say) for name in names)


def size_of(subject: Subject) -> tuple[int, int]:
    """Hidden size and layers of the rivals: the subject's own, where it has them."""
    size = subject.hyperparameters.get("hidden_size", DEFAULT_HIDDEN_SIZE)
    recurrent = "hidden_size" in subject.hyperparameters
    n_layers = subject.hyperparameters.get("n_layers", 1) if recurrent else 1
    return min(int(size), LARGEST_HIDDEN_SIZE), int(n_layers)


def _rival(
    subject: Subject, name: str, train: SequenceDataset, judged: SequenceDataset, say: Callable[[str], None]
) -> Rival:
    hidden_size, n_layers = size_of(subject)

    def made() -> SequenceClassifier:
        torch.manual_seed(subject.seed)
        return build(
            name, train.n_channels, train.n_classes, hidden_size=hidden_size, n_layers=n_layers, pooling="last"
        )

    say(f"Training a bare {name} for {N_EPOCHS} epochs on {len(train)} sequences, to compare with")
    fitted = brief_fit(made(), train, judged, subject.training, n_epochs=N_EPOCHS, seed=subject.seed)
    trained, accuracy = fitted if fitted is not None else (None, None)
    return Rival(name, made().eval(), trained, accuracy, N_EPOCHS, len(train))


def _parts(subject: Subject) -> tuple[SequenceDataset, SequenceDataset]:
    """Prepared sequences to train on, no more than ``N_SEQUENCES``, and the judged ones."""
    judged = subject.first
    measured = subject.parts.get("train", judged.measured)
    generator = torch.Generator().manual_seed(subject.seed)
    rows = torch.randperm(len(measured), generator=generator)[:N_SEQUENCES]
    return judged.prepare(measured.subset(rows)), judged.prepared
