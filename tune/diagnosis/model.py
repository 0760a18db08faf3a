"""What is diagnosed: networks, and sequences that none of them was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from data.sequences import SequenceDataset
from data.tensors.batches import Batch, gather, ordered_batches
from models import SequenceClassifier

from ..training.fit import TrainingSettings
from ..training.train import EVALUATION_BATCH_SIZE

MOST_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class Judged:
    """A network and sequences to judge it by.

    Attributes:
        network: In evaluation mode, on the CPU.
        prepare: Turns sequences as measured into what the network is given.
        temperature: What its logits are divided by.
    """

    network: SequenceClassifier
    prepare: Callable[[SequenceDataset], SequenceDataset]
    temperature: float
    measured: SequenceDataset

    @cached_property
    def prepared(self) -> SequenceDataset:
        """The sequences as the network is given them."""
        return self.prepare(self.measured)

    @cached_property
    def outputs(self) -> tuple[Float[Tensor, "sequences classes"], Float[Tensor, "sequences features"]]:
        """Logits of every sequence, and what the head was given for it."""
        self.network.eval()
        logits = torch.empty(len(self.measured), self.measured.n_classes)
        pooled: Tensor | None = None
        with torch.no_grad():
            for rows, (values, lengths, _) in ordered_batches(self.prepared, EVALUATION_BATCH_SIZE):
                given = self.network.embed(values, lengths)
                if pooled is None:
                    pooled = torch.empty(len(self.measured), given.shape[1])
                pooled[rows] = given
                logits[rows] = self.network.head(given)
        assert pooled is not None  # There is at least one sequence.
        return logits, pooled

    def batch(self, rows: Int[Tensor, " chosen"]) -> tuple[Int[Tensor, " chosen"], Batch]:
        """These sequences as one padded batch, longest first, with the rows in that order."""
        rows = rows[self.prepared.lengths[rows].argsort(descending=True, stable=True)]
        return rows, gather(self.prepared, rows)


@dataclass(frozen=True, eq=False)
class Diagnosed:
    """Everything that a diagnosis looks at.

    Attributes:
        title: Name of the study or the folder.
        judged: One entry, or one for each fold of cross-validation.
        part: What the sequences are: ``validation``, ``test`` or ``all``.
        parts: How many sequences of whom are in which part: name and sequences, as measured.
        notes: Which network this is and what it is judged on, in sentences.
        history: The epochs of every fold's fit; empty where they are not known.
        best_epochs: Number of the epoch whose weights these are, of every fold.
        training: How the network was trained; None where that is not known.
        seed: Of everything that is drawn.
        unjudged: Which classes a part does not judge, in sentences.
        member: The network that is looked into where several are judged together; None where that is the judged one.
    """

    title: str
    architecture: str
    hyperparameters: dict[str, Any]
    judged: tuple[Judged, ...]
    part: str
    parts: dict[str, SequenceDataset]
    notes: tuple[str, ...]
    history: tuple[tuple[dict[str, Any], ...], ...] = ()
    best_epochs: tuple[int, ...] = ()
    training: TrainingSettings | None = None
    seed: int = 0
    unjudged: tuple[str, ...] = ()
    member: Judged | None = None
    _chosen: dict[tuple[int, int], Tensor] = field(default_factory=dict, repr=False)

    @property
    def first(self) -> Judged:
        """The network that is looked into; of cross-validation, the first fold's."""
        return self.member or self.judged[0]

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the logits."""
        return self.first.measured.class_names

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def part_words(self) -> str:
        """The part that errors are shown of, in words."""
        return {"all": "all sequences"}.get(self.part, f"the {self.part} set")

    @cached_property
    def labels(self) -> Int[Tensor, " sequences"]:
        """Of all judged sequences, fold after fold."""
        return torch.cat([one.measured.labels for one in self.judged])

    @cached_property
    def lengths(self) -> Int[Tensor, " sequences"]:
        """As measured, of all judged sequences."""
        return torch.cat([one.measured.lengths for one in self.judged])

    @cached_property
    def probabilities(self) -> Float[Tensor, "sequences classes"]:
        """Calibrated, of all judged sequences."""
        return torch.cat([(one.outputs[0] / one.temperature).softmax(dim=1) for one in self.judged])

    @cached_property
    def raw_probabilities(self) -> Float[Tensor, "sequences classes"]:
        """As the networks put them out, of all judged sequences."""
        return torch.cat([one.outputs[0].softmax(dim=1) for one in self.judged])

    @cached_property
    def predicted(self) -> Int[Tensor, " sequences"]:
        """The likeliest class of all judged sequences."""
        return self.probabilities.argmax(dim=1)

    @cached_property
    def longest(self) -> int:
        """Steps of the longest sequence that the first network is judged by."""
        return int(self.first.measured.lengths.max())

    def place(self, row: int) -> tuple[int, int]:
        """Fold and row within it of a judged sequence."""
        for fold, one in enumerate(self.judged):
            if row < len(one.measured):
                return fold, row
            row -= len(one.measured)
        raise IndexError("there are not that many sequences")

    def name_of(self, row: int) -> str:
        """How a person finds the sequence again: its number in the part, and who performed it."""
        fold, within = self.place(row)
        measured = self.judged[fold].measured
        who = "" if measured.groups is None else f", {measured.group_names[int(measured.groups[within])]}"
        return f"{self.part if self.part != 'all' else 'sequence'} {row}{who}"

    def chosen(self, per_class: int, most: int, most_steps: int = MOST_STEPS) -> Int[Tensor, " rows"]:
        """Rows of the first network's sequences, as many of each class, drawn once.

        Args:
            per_class: Sequences of each class, as far as there are that many.
            most: In all.
            most_steps: In all when padded, so that long sequences take no more time and memory than short ones.
        """
        most = max(2, min(most, most_steps // self.longest))
        key = (per_class, most)
        if key not in self._chosen:
            generator = torch.Generator().manual_seed(self.seed)
            labels = self.first.measured.labels
            per_class = max(1, min(per_class, most // max(self.n_classes, 1)))
            rows = []
            for one_class in range(self.n_classes):
                members = (labels == one_class).nonzero().flatten()
                rows.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
            self._chosen[key] = torch.cat(rows)[:most]
        return self._chosen[key]
