"""What a program takes on a device: flash, memory, multiply-adds; known as soon as the configuration is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .parts import parts_of
from .program import Program

# Of each part of the runtime, as arm-none-eabi-gcc 12.2 makes it with -Os for a Cortex-M4 with its floating-point unit:
# least squares over 26 networks in both precisions, since the compiler puts short functions into those that call them
# (tests/tune/device/test_footprint.py compares). What math.h takes is not among it: some 3 kB with newlib.
CODE_BYTES = {
    "activation": 256,
    "activation_int8": 548,
    "around": 86,
    "attention": 540,
    "attention_pooling": 262,
    "bidirectional": 361,
    "both_ways": 193,
    "cell": -12,
    "cell_int8": 364,
    "convolution": 306,
    "cross_attention": 115,
    "feed_forward": 177,
    "gru": 176,
    "gru_int8": 155,
    "halves": 131,
    "head": -47,
    "kept": -65,
    "kept_int8": 10,
    "largest": 97,
    "last_pooling": 69,
    "learned_positions": 182,
    "linear": -13,
    "linear_stage": 37,
    "lstm": 139,
    "lstm_int8": 206,
    "max_pooling": 68,
    "mean_max_pooling": 108,
    "mean_pooling": 79,
    "model": 533,
    "norm": 109,
    "norm_stage": 47,
    "pooling": -55,
    "preparation": 83,
    "product": 524,
    "product_int8": 541,
    "recurrent": 52,
    "residual": 182,
    "rnn": 53,
    "rnn_int8": 33,
    "self_attention": 174,
    "sinusoidal": 123,
    "stage": 7,
}
# Where each sequence's own mean and deviation are used; else the compiler leaves that out.
BY_INSTANCE_BYTES = 330
# A pointer, a whole number and a floating-point number alike.
WORD_BYTES = 4
STAGE_WORDS = 3
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
    smooth: int


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
    ram = WORD_BYTES * (program.n_words + kept + STREAM_WORDS)
    if program.precision == "int8":
        ram += _aligned(program.most_inputs)
    return Footprint(code + weights + WORD_BYTES * words + names, ram, program.macs)


def _aligned(n_bytes: int) -> int:
    return -(-n_bytes // WORD_BYTES) * WORD_BYTES
