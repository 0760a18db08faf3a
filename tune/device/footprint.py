"""What a program takes on a device: flash, memory, multiply-adds; known as soon as the configuration is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .program import Program
from .runtime import parts_of

# Of each part of the runtime, as arm-none-eabi-gcc 12.2 makes it with -Os for a Cortex-M4 with its floating-point unit
# (tests/tune/device/test_footprint.py compares). What math.h takes is not among it: some 3 kB with newlib.
CODE_BYTES = {
    "activation": 12,
    "activation_int8": 184 + 516,
    "attention": 544,
    "attention_pooling": 262,
    "bidirectional": 424,
    "convolution": 290,
    "cross_attention": 104,
    "feed_forward": 174,
    "gru": 182,
    "halves": 120,
    "head": 8,
    "largest": 100,
    "last_pooling": 76,
    "learned_positions": 190,
    "linear": 42,
    "linear_stage": 34,
    "lstm": 154,
    "max_pooling": 72,
    "mean_max_pooling": 142,
    "mean_pooling": 88,
    "model": 588,
    "norm": 164,
    "norm_stage": 36,
    "preparation": 138,
    "product": 164,
    "product_int8": 300,
    "recurrent": 232,
    "residual": 136,
    "rnn": 70,
    "self_attention": 178,
    "sinusoidal": 120,
}
# Where each sequence's own mean and deviation are used; else the compiler leaves that out.
BY_INSTANCE_BYTES = 330
# A pointer, a whole number and a floating-point number alike.
WORD_BYTES = 4
STAGE_WORDS = 3
# As ``predict`` steadies a stream unless told otherwise.
SMOOTH = 3
# Places in the stream.
STREAM_WORDS = 5


@dataclass(frozen=True)
class Footprint:
    """What a network takes.

    Attributes:
        flash: Bytes of code and constants, without math.h.
        ram: Bytes of variables, without the stack, which needs some hundred.
        macs: Multiply-adds of a window.
    """

    flash: int
    ram: int
    macs: int


@dataclass(frozen=True)
class Stream:
    """What a stream keeps.

    Attributes:
        window: Samples.
        smooth: Windows whose probabilities are averaged.
    """

    window: int
    smooth: int = SMOOTH


def footprint(program: Program, stream: Stream, channel_names: Sequence[str], class_names: Sequence[str]) -> Footprint:
    """Of a 32-bit processor.

    Args:
        program: With its memory planned.
        stream: What is kept beside it.
        channel_names: Of the measured channels.
        class_names: Of the classes.
    """
    code = sum(CODE_BYTES.get(name, 0) for name in (*parts_of(program), "model"))
    code += BY_INSTANCE_BYTES * program.preparation.fields["by_instance"]
    weights = sum(_aligned(one.values.nbytes) for one in program.weights())
    words = sum(len(struct.fields) for struct in program.structs()) + STAGE_WORDS * len(list(program.stages()))
    names = sum(WORD_BYTES + _aligned(len(name.encode()) + 1) for name in (*channel_names, *class_names))
    kept = stream.window * len(channel_names) + stream.smooth * len(class_names)
    ram = WORD_BYTES * (program.n_numbers + kept + STREAM_WORDS)
    if program.precision == "int8":
        ram += _aligned(program.most_inputs)
    return Footprint(code + weights + WORD_BYTES * words + names, ram, program.macs)


def _aligned(n_bytes: int) -> int:
    return -(-n_bytes // WORD_BYTES) * WORD_BYTES
