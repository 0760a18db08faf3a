"""Labelled sequences in memory: one long table of steps, and where each sequence begins and ends in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .errors import DataError
from .mapped import release
from .timeline import Timeline

# Properties that depend on the lengths alone, kept once worked out.
STEP_TABLES = ("offsets", "owners", "positions")
# Values that are copied at once where a data set is gone through piece by piece, and where it is looked at as a whole.
PIECE_VALUES, SAMPLE_VALUES = 1 << 20, 1 << 22


@dataclass(frozen=True, eq=False)
class SequenceDataset:
    """Sequences of different lengths, their labels, and who performed them.

    Sequence ``i`` is ``values[offsets[i] : offsets[i] + lengths[i]]``. Nothing is padded until a batch is made.

    Of a streamed data set (``starts`` is given) the values may lie in a mapped file and be larger than memory: a subset
    is other places in the same table, and sequences are copied and prepared a batch at a time, by ``packed``.

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
        starts: First step of each sequence in ``values``, in any order and overlapping; None: one after the other.
        view: What ``packed`` makes of the sequences that it has copied, given them and their rows; see ``seen``.
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
    starts: Int[Tensor, " sequences"] | None = None
    view: Callable[[SequenceDataset, Tensor], SequenceDataset] | None = None

    def __post_init__(self) -> None:
        """Checks that the parts fit together.

        Raises:
            ValueError: If they do not; the message says which part.
        """
        n = len(self.lengths)
        per_sequence = {"labels": self.labels, "groups": self.groups, "recordings": self.recordings}
        for field, part in {**per_sequence, "official": self.official, "starts": self.starts}.items():
            if part is not None and len(part) != n:
                raise ValueError(f"{field} has {len(part)} entries for {n} sequences")
        if n == 0:
            raise ValueError("there is no sequence")
        if int(self.lengths.min()) < 1:
            raise ValueError(f"sequence {int(self.lengths.argmin())} has no step")
        if self.starts is not None:
            if int(self.starts.min()) < 0 or int((self.starts + self.lengths).max()) > len(self.values):
                raise ValueError(f"a sequence lies outside of the {len(self.values)} steps of values")
        elif int(self.lengths.sum()) != len(self.values):
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
        return self.starts if self.starts is not None else self.lengths.cumsum(0) - self.lengths

    @cached_property
    def owners(self) -> Int[Tensor, " steps"]:
        """Sequence of each step in ``values``.

        Raises:
            TypeError: If the data set is streamed, where a step may be in several.
        """
        if self.starts is not None:
            raise TypeError("a streamed data set is to be packed first")
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
        if self.view is not None:
            return self.packed(torch.tensor([index])).values
        start = int(self.offsets[index])
        return self.values[start : start + int(self.lengths[index])]

    def subset(self, rows: Int[Tensor, " chosen"]) -> SequenceDataset:
        """The sequences at ``rows``, in that order; classes and people keep their numbers."""
        values, starts = self.values, None
        if self.starts is None:
            values = self._steps(rows)
        else:
            starts = self.starts[rows]
        return replace(
            self,
            values=values,
            starts=starts,
            view=None if self.view is None else partial(_of_subset, self.view, rows),
            lengths=self.lengths[rows],
            labels=self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            recordings=None if self.recordings is None else self.recordings[rows],
            official=None if self.official is None else self.official[rows],
            timeline=None if self.timeline is None else self.timeline.subset(rows),
        )

    def _steps(self, rows: Int[Tensor, " chosen"]) -> Float[Tensor, "steps channels"]:
        lengths = self.lengths[rows]
        begins = lengths.cumsum(0) - lengths
        steps = torch.arange(int(lengths.sum())) + torch.repeat_interleave(self.offsets[rows] - begins, lengths)
        return self.values[steps]

    def packed(self, rows: Int[Tensor, " chosen"] | None = None) -> SequenceDataset:
        """The sequences at ``rows`` (None: all), copied one after the other and as ``view`` makes them."""
        if self.starts is None:
            return self if rows is None else self.subset(rows)
        rows = torch.arange(len(self)) if rows is None else rows
        chosen = replace(self.subset(rows), values=self._steps(rows), starts=None, view=None)
        release(self.values)
        return chosen if self.view is None else self.view(chosen, rows)

    def seen(self, make: Callable[..., SequenceDataset], *arguments: Any, each: Sequence[Any] = ()) -> SequenceDataset:
        """``make(self, *arguments, *each)``; of a streamed data set one of which ``packed`` gives that.

        Args:
            make: Makes sequences of others, one by one.
            arguments: Of ``make``.
            each: Have an entry a sequence, and ``make`` gets those of the sequences that it is given.
        """
        if self.starts is None:
            return make(self, *arguments, *each)
        return replace(self, view=partial(_seen, self.view, make, arguments, each))

    def pieces(self, most_values: int = PIECE_VALUES) -> Iterator[Int[Tensor, " rows"]]:
        """All rows in their order, about so many values at a time."""
        piece = (self.lengths.cumsum(0) - 1) * self.n_channels // most_values
        yield from torch.split(torch.arange(len(self)), torch.unique_consecutive(piece, return_counts=True)[1].tolist())

    def sample(self, most_values: int = SAMPLE_VALUES) -> Int[Tensor, " rows"]:
        """Evenly spaced rows, of about so many values at most; all where there are no more."""
        n_values = int(self.lengths.sum()) * self.n_channels
        return torch.arange(0, len(self), max(1, -(-n_values // most_values)))

    def sampled(self) -> SequenceDataset:
        """The same data set; of a streamed one a copy of evenly spaced sequences, to be looked at as a whole."""
        return self if self.starts is None else self.packed(self.sample())

    def with_notes(self, *notes: str) -> SequenceDataset:
        """The same data set with further notes, and what has been worked out about it."""
        other = replace(self, notes=(*self.notes, *notes))
        other.__dict__.update({name: one for name, one in self.__dict__.items() if name not in other.__dict__})
        return other

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
        digest.update(b"|")
        for rows in self.pieces() if self.starts is not None else (None,):
            digest.update(self.packed(rows).values.contiguous().numpy().data)
        for part in (self.lengths, self.labels, self.groups, self.recordings, self.official):
            digest.update(b"|")
            if part is not None:
                digest.update(part.contiguous().numpy().data)
        if self.timeline is not None:
            digest.update(self.timeline.starts.contiguous().numpy().data)
            digest.update(np.ascontiguousarray(self.timeline.events).data)
        return digest.hexdigest()


def _seen(
    before: Callable[[SequenceDataset, Tensor], SequenceDataset] | None,
    make: Callable[..., SequenceDataset],
    arguments: Sequence[Any],
    each: Sequence[Any],
    packed: SequenceDataset,
    rows: Tensor,
) -> SequenceDataset:
    packed = packed if before is None else before(packed, rows)
    return make(packed, *arguments, *(one[rows] for one in each))


def _of_subset(
    view: Callable[[SequenceDataset, Tensor], SequenceDataset], rows: Tensor, packed: SequenceDataset, chosen: Tensor
) -> SequenceDataset:
    return view(packed, rows[chosen])
