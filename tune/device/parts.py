"""The hand-kept part of the C: files of ``runtime/``, of which a network takes those that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .program import Precision, Program

FOLDER = Path(__file__).parent / "runtime"
OWN_INCLUDE = re.compile(r'^#include "(\w+)\.c"\n', re.MULTILINE)
SYSTEM_INCLUDE = re.compile(r"^#include <\w+\.h>\n", re.MULTILINE)
# Of bytes.
INSTEAD = {name: f"{name}_int8" for name in ("product", "kept", "cell", "gru", "lstm", "rnn")}


def read(name: str) -> str:
    """A file of the runtime."""
    return (FOLDER / name).read_text(encoding="utf-8")


def parts_of(program: Program) -> dict[str, str]:
    """Parts that a program needs, as ``parts`` gives them."""
    names = ["preparation", *sorted(program.sources), *(stage.source for stage in program.stages())]
    return parts(names, program.precision)


def parts(names: Iterable[str], precision: Precision = "float32") -> dict[str, str]:
    """Parts of the runtime by name: each once, after those that it includes, and without its includes."""
    instead = INSTEAD if precision == "int8" else {}
    found: dict[str, str] = {}

    def add(name: str) -> None:
        name = instead.get(name, name)
        if name in found:
            return
        text = read(f"{name}.c")
        for other in OWN_INCLUDE.findall(text):
            add(other)
        found[name] = SYSTEM_INCLUDE.sub("", OWN_INCLUDE.sub("", text)).strip()

    for name in names:
        add(name)
    return found
