"""Labelled sequences in memory: one long table of steps, and where each sequence begins and ends in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .errors import DataError
from .timeline import Timeline

# Properties that depend on the lengths alone, kept once worked out.
STEP_TABLES = ("offsets", "owners", "positions")


@dataclass(frozen=True, eq=False)
class SequenceDataset:
    """Sequences of different lengths, their labels, and who performed them.

    Sequence ``i`` is ``values[offsets[i] : offsets[i] + lengths[i]]``. Nothing is padded until a batch is made.

    Attributes:
        name: Registered name of the data set.
        kind: What the data is like: ``gesture`` (short, one movement each), ``activity`` (windows of a continuing
            movement) or ``landmarks`` (positions of body points). Chooses the default first trial.
        values: All steps of all sequences, one after the other.
        lengths: Steps of each sequence, each at least 1.
        labels: Class of each sequence, in ``0..n_classes-1``.
        class_names: One name a class.
        channel_names: One name a channel, with its unit where it is known.
        groups: Who performed each sequence, as an index into ``group_names``; None where that is not known.
        group_names: One name a person.
        recordings: Which recording each sequence was cut from; None where every sequence is its own recording.
        official: The publisher's own split: ``TRAIN``, ``VALIDATION`` or ``TEST`` for each sequence; None without one.
        sample_rate_hz: Steps a second; None where it is not known.
        notes: What the reader dropped or noticed, in sentences for the user.
        timeline: Where in their streams windows lie; None where they do not come from streams.
    """

    name: str
    kind: str
    values: Float[Tensor, "steps channels"]
    lengths: Int[Tensor, " sequences"]
    labels: Int[Tensor, " sequences"]
    class_names: tuple[str, ...]
    channel_names: tuple[str, ...]
    groups: Int[Tensor, " sequences"] | None = None
    group_names: tuple[str, ...] = ()
    recordings: Int[Tensor, " sequences"] | None = None
    official: Int[Tensor, " sequences"] | None = None
    sample_rate_hz: float | None = None
    notes: tuple[str, ...] = ()
    timeline: Timeline | None = None

    def __post_init__(self) -> None:
        """Checks that the parts fit together.

        Raises:
            ValueError: If they do not; the message says which part.
        """
        n = len(self.lengths)
        per_sequence = {"labels": self.labels, "groups": self.groups, "recordings": self.recordings}
        for field, part in {**per_sequence, "official": self.official}.items():
            if part is not None and len(part) != n:
                raise ValueError(f"{field} has {len(part)} entries for {n} sequences")
        if n == 0:
            raise ValueError("there is no sequence")
        if int(self.lengths.min()) < 1:
            raise ValueError(f"sequence {int(self.lengths.argmin())} has no step")
        if int(self.lengths.sum()) != len(self.values):
            raise ValueError(f"lengths sum to {int(self.lengths.sum())}, values has {len(self.values)} steps")
        if len(self.channel_names) != self.values.shape[1]:
            raise ValueError(f"{len(self.channel_names)} channel names for {self.values.shape[1]} channels")
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= len(self.class_names):
            raise ValueError(f"labels must be in 0..{len(self.class_names) - 1}")
        if self.groups is not None and not 0 <= int(self.groups.min()) <= int(self.groups.max()) < len(
            self.group_names
        ):
            raise ValueError(f"groups must be in 0..{len(self.group_names) - 1}")

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def n_channels(self) -> int:
        """Number of channels a step."""
        return self.values.shape[1]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @cached_property
    def offsets(self) -> Int[Tensor, " sequences"]:
        """First step of each sequence in ``values``."""
        return self.lengths.cumsum(0) - self.lengths

    @cached_property
    def owners(self) -> Int[Tensor, " steps"]:
        """Sequence of each step in ``values``."""
        return torch.repeat_interleave(torch.arange(len(self)), self.lengths)

    @cached_property
    def positions(self) -> Int[Tensor, " steps"]:
        """Place of each step within its sequence, from 0."""
        return torch.arange(len(self.values)) - self.offsets[self.owners]

    def with_values(self, values: Tensor, channel_names: tuple[str, ...] | None = None) -> SequenceDataset:
        """The same sequences with other values a step, and what has been worked out about their steps."""
        other = replace(self, values=values, channel_names=channel_names or self.channel_names)
        other.__dict__.update({name: self.__dict__[name] for name in STEP_TABLES if name in self.__dict__})
        return other

    def sequence(self, index: int) -> Float[Tensor, "time channels"]:
        """The steps of one sequence, as a view."""
        start = int(self.offsets[index])
        return self.values[start : start + int(self.lengths[index])]

    def subset(self, rows: Int[Tensor, " chosen"]) -> SequenceDataset:
        """The sequences at ``rows``, in that order; classes and people keep their numbers."""
        lengths = self.lengths[rows]
        starts = lengths.cumsum(0) - lengths
        steps = torch.arange(int(lengths.sum())) + torch.repeat_interleave(self.offsets[rows] - starts, lengths)
        return replace(
            self,
            values=self.values[steps],
            lengths=lengths,
            labels=self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            recordings=None if self.recordings is None else self.recordings[rows],
            official=None if self.official is None else self.official[rows],
            timeline=None if self.timeline is None else self.timeline.subset(rows),
        )

    def first_classes(self, n_classes: int) -> SequenceDataset:
        """Only the sequences of the first ``n_classes`` classes.

        Raises:
            DataError: If there are not that many, or fewer than two are asked for.
        """
        if not 2 <= n_classes <= self.n_classes:
            raise DataError(
                f"the first {n_classes} classes are asked for: {self.name} has {self.n_classes}, ask for 2 to that many"
            )
        if n_classes == self.n_classes:
            return self
        chosen = self.subset((self.labels < n_classes).nonzero().flatten())
        return replace(chosen, class_names=self.class_names[:n_classes])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that training can see; two data sets with one fingerprint are the same."""
        digest = hashlib.sha256()
        digest.update(repr((self.name, self.class_names, self.channel_names, self.sample_rate_hz)).encode())
        for part in (self.values, self.lengths, self.labels, self.groups, self.recordings, self.official):
            digest.update(b"|")
            if part is not None:
                digest.update(part.contiguous().numpy().data)
        if self.timeline is not None:
            digest.update(self.timeline.starts.contiguous().numpy().data)
            digest.update(np.ascontiguousarray(self.timeline.events).data)
        return digest.hexdigest()
