"""A network as a sequence of calls: layers that pass steps on to each other, with their weights and their memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray
from torch import nn

Array = NDArray[Any]
Precision = Literal["float32", "int8"]
Kind = Literal["numbers", "whole", "bytes"]
Scales = Mapping[nn.Module, float]


@dataclass(eq=False)
class Weights:
    """Trained numbers, which stay in flash."""

    values: Array


@dataclass(eq=False)
class Buffer:
    """Memory that a layer writes while the network is computed.

    Attributes:
        size: Of what it holds.
        first: Phase in which it is first written; a phase ends where a whole sequence has been gathered.
        last: Phase in which it is last read; two buffers that never live in one phase may be in one place.
        kind: Of what it holds: floating-point ``numbers``, ``whole`` numbers or ``bytes``.
        offset: The word of the memory of all at which it begins, once that is planned.
    """

    size: int
    first: int
    last: int
    kind: Kind = "numbers"
    offset: int = 0

    @property
    def words(self) -> int:
        """Of four bytes."""
        return -(-self.size // 4) if self.kind == "bytes" else self.size


@dataclass(frozen=True)
class Part:
    """Of a buffer, from its number ``first`` on."""

    of: Buffer
    first: int


@dataclass(eq=False)
class Struct:
    """A ``struct`` of the runtime with its fields; None is a null pointer, a string a name of the runtime."""

    kind: str
    fields: dict[str, Any]


@dataclass(eq=False)
class Stage:
    """A layer: the function of the runtime that is given its steps, the file that has it, and what it works on."""

    function: str
    source: str
    layer: Struct


Chain = list[Stage]


@dataclass(eq=False)
class Program:
    """What is computed.

    Attributes:
        preparation: Struct of how measured channels become the network's inputs.
        chain: Layers in their order; one of them may have a chain of its own beside.
        logits: Where they are in the end.
        n_words: Size of the memory in which every buffer has its place.
        sources: Files of the runtime that are needed by name alone.
        longest: Steps of the longest sequence.
        macs: Multiply-adds of a window.
        precision: Of what is multiplied.
        most_inputs: Of a matrix.
    """

    preparation: Struct
    chain: Chain
    logits: Buffer
    n_words: int
    sources: set[str]
    longest: int
    macs: int
    precision: Precision
    most_inputs: int

    def stages(self) -> Iterator[Stage]:
        """Every layer, those of a chain beside before the layer that feeds it."""
        yield from _stages(self.chain)

    def structs(self) -> Iterator[Struct]:
        """Every struct once, each after those that it points to."""
        seen: set[int] = set()
        for root in (self.preparation, *(stage.layer for stage in self.stages())):
            yield from _structs(root, seen)

    def weights(self) -> list[Weights]:
        """All trained numbers, once each."""
        found = {
            id(one): one for struct in self.structs() for one in struct.fields.values() if isinstance(one, Weights)
        }
        return list(found.values())


def _stages(chain: Chain) -> Iterator[Stage]:
    for stage in chain:
        for beside in stage.layer.fields.values():
            if isinstance(beside, list):
                yield from _stages(beside)
        yield stage


def _structs(struct: Struct, seen: set[int]) -> Iterator[Struct]:
    if id(struct) in seen:
        return
    seen.add(id(struct))
    for value in struct.fields.values():
        if isinstance(value, Struct):
            yield from _structs(value, seen)
    yield struct


@dataclass
class Builder:
    """What has been written of a program so far.

    Attributes:
        longest: Steps of the longest sequence, where the next layer stands.
        window: Steps of a window there.
        phase: In which the next layer is given its steps.
        latest: The last phase so far.
        scales: Of bytes, for what goes into a layer: what one of them is worth. None computes in floating point.
        most_inputs: Of a matrix so far.
    """

    longest: int
    window: int
    phase: int = 0
    latest: int = 0
    macs: int = 0
    buffers: list[Buffer] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    scales: Scales | None = None
    most_inputs: int = 0

    def buffer(self, size: int, in_int8: Kind = "numbers") -> Buffer:
        """Memory for the present phase, of numbers or, where bytes are multiplied, of what ``in_int8`` says."""
        self.buffers.append(Buffer(size, self.phase, self.phase, "numbers" if self.scales is None else in_int8))
        return self.buffers[-1]

    def sequence(self, size: int, in_int8: Kind = "numbers") -> Buffer:
        """Memory that gathers a whole sequence: with it a new phase begins, in which it is read."""
        rows = self.buffer(size, in_int8)
        self.next_phase(rows)
        return rows

    def next_phase(self, *live: Buffer) -> None:
        """Begins a phase, in which these are still read."""
        self.latest += 1
        self.phase = self.latest
        for one in live:
            one.last = self.phase

    def work(self, macs_per_step: int) -> None:
        """Counts multiply-adds."""
        self.macs += self.window * macs_per_step

    def shorten(self, stride: int) -> None:
        """Fewer steps from here on, rounded up."""
        self.longest, self.window = (-(-steps // stride) for steps in (self.longest, self.window))
