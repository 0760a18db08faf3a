"""The text of ``model.h`` and ``model.c``: the parts of the runtime that a network needs, and its numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.streams.null_class import null_class
from data.tensors.channels import SMALLEST_DEVIATION

from ...core.problems import Problem, SettingsError
from ...device.footprint import WORD_BYTES, Footprint, Stream, footprint
from ...device.layers import untranslated
from ...device.lowering import program_for
from ...device.parts import parts_of, read
from ...device.program import Array, Buffer, Part, Program, Scales, Stage, Struct, Weights
from ...training.decisions import DecisionRule
from ...training.model_folder import StoredModel
from ..inputs import fewest_steps
from ..metadata import facts_of
from ..stream import Sliding, sliding_for

PLACE_OF_GENERATED = "/* GENERATED */\n"
NUMBERS_A_LINE = 8
KINDS = {"float32": "float", "int8": "signed char", "int16": "short", "int32": "int"}


@dataclass(frozen=True, eq=False)
class Source:
    """A network in C.

    Attributes:
        header: ``model.h``.
        code: ``model.c``.
        program: What they compute.
    """

    header: str
    code: str
    program: Program


def refuse_unwritable(model: StoredModel) -> None:
    """Says before any work why a network cannot be written as C.

    Raises:
        SettingsError: If it cannot.
    """
    missing = untranslated(model.network)
    if missing:
        rule = f"cannot be written as C: there is no translation of its {' and '.join(missing)}"
        own = model.description.network is not None
        way_out = "--format torch-export can write it" if own else "--format onnx can write it"
        raise SettingsError([Problem("architecture", model.description.architecture, rule, way_out)])


def to_c(model: StoredModel, scales: Scales | None = None) -> Source:
    """The whole network in C: measured values in, logits and calibrated probabilities out.

    Args:
        model: From its folder.
        scales: As ``calibration.input_scales`` gives them, to multiply bytes; None for floating point.

    Raises:
        SettingsError: If the architecture cannot be written.
    """
    refuse_unwritable(model)
    description, facts = model.description, facts_of(model)
    sliding = sliding_of(model)
    program = program_for(
        model.network,
        (model.preparation, model.normaliser),
        description.channel_names,
        description.lengths.longest,
        sliding.window,
        scales,
    )
    sizes = {
        "N_CHANNELS": len(description.channel_names),
        "N_CLASSES": len(description.class_names),
        "MAX_STEPS": program.longest,
        "FEWEST_STEPS": fewest_steps(facts),
        "WINDOW": sliding.window,
        "HOP": sliding.rule.hop,
        "SMOOTH": sliding.rule.n_windows,
        **_threshold(sliding.rule, null_class(description.class_names)),
        "TEMPERATURE": number(description.temperature),
    }
    return Source(_header(model, sizes), _code(model, program), program)


def tanh_table() -> Array:
    """Of ``runtime/activation_int8.c``."""
    table: Array = np.rint(32767 * np.tanh(np.arange(257) / 32)).astype(np.int16)
    return table


def sliding_of(model: StoredModel) -> Sliding:
    """How ``predict -`` cuts a stream, unless told otherwise."""
    return sliding_for(facts_of(model), None, None, None)


def size_of(model: StoredModel, source: Source) -> Footprint:
    """What a network takes on a device."""
    sliding, description = sliding_of(model), model.description
    stream = Stream(sliding.window, sliding.rule.n_windows)
    return footprint(source.program, stream, description.channel_names, description.class_names)


def _threshold(rule: DecisionRule, null: int | None) -> dict[str, object]:
    needed: dict[str, object] = {} if rule.threshold is None else {"THRESHOLD": number(rule.threshold)}
    needed |= {"MIN_WINDOWS": rule.min_windows} if rule.min_windows > 1 else {}
    return {"NULL_CLASS": null, **needed} if needed and null is not None else {}


def _header(model: StoredModel, sizes: dict[str, object]) -> str:
    description = model.description
    step = 0 if description.sample_rate_hz is None else round(1e6 / description.sample_rate_hz)
    generated = [
        "/*",
        f" * {_comment(description.study)}: {_comment(description.in_words())}, trial {description.trial}.",
        " * Written by seqtune, ./run_tuning.sh export --format c. C99; needs math.h and no memory but its own static",
        " * variables: one call at a time.",
        " */",
        "#ifndef SEQTUNE_MODEL_H",
        "#define SEQTUNE_MODEL_H",
        "",
        *(f"#define MODEL_{name} {value}" for name, value in sizes.items()),
        *([f"#define MODEL_SAMPLE_MICROSECONDS {step}UL"] if 0 < step < 2**31 else []),
    ]
    return read("model.h").replace(PLACE_OF_GENERATED, "\n".join(generated) + "\n")


def _code(model: StoredModel, program: Program) -> str:
    description, parts = model.description, parts_of(program)
    texts = [
        '#include "model.h"',
        "#include <math.h>\n#include <stddef.h>\n#include <string.h>",
        f"#define SMALLEST_DEVIATION {number(SMALLEST_DEVIATION)}\n#define MOST_INPUTS {program.most_inputs}",
        *([array_text("tanh_table", tanh_table())] if "activation_int8" in parts else []),
        *parts.values(),
        "/* This network: its memory, its weights, its layers. */",
        *_names("class", description.class_names),
        *_names("channel", description.channel_names),
        *_network(program),
        read("model.c"),
    ]
    return "\n\n".join(text.strip() for text in texts) + "\n"


def _network(program: Program) -> list[str]:
    """Definitions of everything that is of this network alone."""
    stages = list(program.stages())
    names: dict[int, str] = {id(one): f"weights_{k}" for k, one in enumerate(program.weights())}
    names |= {id(one): f"layer_{k}" for k, one in enumerate(program.structs())}
    names |= {id(one): f"stage_{k}" for k, one in enumerate(stages)}
    names[id(program.preparation)] = "preparation"
    return [
        _memory(program),
        *(array_text(names[id(one)], one.values) for one in program.weights()),
        "\n".join(f"static const struct stage {names[id(one)]};" for one in stages),
        *(_struct(one, names) for one in program.structs()),
        "\n".join(_stages(program.chain, names)),
        f"#define FIRST_STAGE (&{names[id(program.chain[0])]})",
        f"static const float *const network_logits = {_field(program.logits, names)};",
    ]


def _memory(program: Program) -> str:
    views = [f"float numbers[{program.n_words}];"]
    if program.precision == "int8":
        views += [f"int whole[{program.n_words}];", f"signed char bytes[{WORD_BYTES * program.n_words}];"]
    return f"static union {{ {' '.join(views)} }} memory;"


def array_text(name: str, values: Array) -> str:
    """The definition of a constant array."""
    kind = KINDS[values.dtype.name]
    write = number if values.dtype.kind == "f" else str
    written = [write(one) for one in values.tolist()]
    lines = [", ".join(written[k : k + NUMBERS_A_LINE]) for k in range(0, len(written), NUMBERS_A_LINE)]
    return f"static const {kind} {name}[{len(written)}] = {{\n    " + ",\n    ".join(lines) + "\n};"


def _struct(struct: Struct, names: dict[int, str]) -> str:
    fields = ", ".join(f".{name} = {_field(value, names)}" for name, value in struct.fields.items())
    return f"static const struct {struct.kind} {names[id(struct)]} = {{{fields}}};"


def _stages(chain: Sequence[Stage], names: dict[int, str]) -> list[str]:
    lines = []
    for stage, following in zip(chain, [*chain[1:], None], strict=True):
        for beside in stage.layer.fields.values():
            if isinstance(beside, list):
                lines += _stages(beside, names)
        layer = names[id(stage.layer)]
        after = "NULL" if following is None else f"&{names[id(following)]}"
        lines.append(f"static const struct stage {names[id(stage)]} = {{{stage.function}, &{layer}, {after}}};")
    return lines


def _field(value: object, names: dict[int, str]) -> str:
    match value:
        case None:
            return "NULL"
        case Buffer():
            return f"memory.{value.kind} + {value.offset * (WORD_BYTES if value.kind == 'bytes' else 1)}"
        case Part():
            return f"{_field(value.of, names)} + {value.first}"
        case Struct():
            return f"&{names[id(value)]}"
        case Weights():
            return names[id(value)]
        case list():
            return f"&{names[id(value[0])]}"
        case float():
            return number(value)
        case _:
            return str(value)


def _names(kind: str, names: Sequence[str]) -> list[str]:
    size = "MODEL_N_CLASSES" if kind == "class" else "MODEL_N_CHANNELS"
    listed = ",\n    ".join(map(_text, names))
    return [f"const char *const model_{kind}_names[{size}] = {{\n    {listed}\n}};"]


def number(value: float) -> str:
    """A floating-point number as C reads it back to the bit."""
    return f"{value:.9e}f"


def _text(text: str) -> str:
    """A string of C; whatever is not plain ASCII as bytes of UTF-8, in octal, which nothing behind can lengthen."""
    plain = {byte for byte in range(32, 127)} - set(b'"\\?')
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode()) + '"'


def _comment(text: str) -> str:
    return re.sub(r"[^\w .,:;()=+-]", "_", text, flags=re.ASCII)
