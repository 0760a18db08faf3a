"""What a program takes on a device: flash, memory, multiply-adds; known as soon as the configuration is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .program import Program
from .parts import parts_of

# Of each part of the runtime, as arm-none-eabi-gcc 12.2 makes it with -Os for a Cortex-M4 with its floating-point unit:
# least squares over 25 networks in both precisions, since the compiler puts short functions into those that call them
# (tests/tune/device/test_footprint.py compares). What math.h takes is not among it: some 3 kB with newlib.
CODE_BYTES = {
    "activation": 209,
    "activation_int8": 521,
    "around": 39,
    "attention": 550,
    "attention_pooling": 255,
    "bidirectional": 458,
    "bidirectional_int8": 332,
    "cell": -33,
    "cell_int8": 337,
    "convolution": 306,
    "cross_attention": 102,
    "feed_forward": 182,
    "gru": 149,
    "gru_int8": 146,
    "halves": 118,
    "head": -40,
    "kept_int8": 15,
    "largest": 100,
    "last_pooling": 67,
    "learned_positions": 182,
    "linear": -6,
    "linear_stage": 42,
    "lstm": 137,
    "lstm_int8": 201,
    "max_pooling": 55,
    "mean_max_pooling": 137,
    "mean_pooling": 79,
    "model": 540,
    "norm": 116,
    "norm_stage": 44,
    "pooling": -48,
    "preparation": 90,
    "product": 400,
    "product_int8": 671,
    "recurrent": 238,
    "residual": 190,
    "rnn": 60,
    "rnn_int8": 21,
    "self_attention": 184,
    "sinusoidal": 126,
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
