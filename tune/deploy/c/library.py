"""The folder that is written: an Arduino library, which any other compiler takes as well."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ...core.files import write_text
from ...device.footprint import Footprint
from ...device.program import Precision
from ...training.model_folder import StoredModel
from ..card import counted
from ..classifier import Array
from ..metadata import facts_of
from ..stream import Sliding
from .golden import chosen, golden_header
from .source import Source, size_of, sliding_of

PRECISIONS = {
    "float32": "float32",
    "int8": "weights and what they are multiplied with are bytes, sums have 32 bits, gates and states of recurrent "
    "cells are fixed point; what lies between two layers is float32",
}
# On a Cortex-M4 with its floating-point unit: least and most of GRU, LSTM and temporal CNN, as benchmarks/device.py
# counts them in QEMU.
CYCLES_A_MAC = {"float32": (6.6, 10.2), "int8": (4.7, 9.6)}
BACKWARDS = "it also reads from the end to the beginning"
TEMPLATES = Path(__file__).parent / "templates"


def library_files(
    model: StoredModel, source: Source, tried: tuple[Sequence[Array], Array], real: bool, tolerance: float
) -> dict[str, str]:
    """All files of the folder by their names in it.

    Args:
        model: What was written.
        source: Its C.
        tried: Sequences that it was tried on, as measured, and the logits that it has to come to.
        real: Whether these are recordings, and not noise.
        tolerance: By how much a logit may differ.
    """
    sequences, expected = tried
    picked = chosen(sequences, expected)
    golden = [sequences[k] for k in picked]
    about = _about(model, size_of(model, source), sliding_of(model), source.program.precision)
    about |= {
        "n_golden": len(picked),
        "golden_of": "recordings" if real else "invented sequences",
        "golden_from": "PyTorch's",
        "real": real,
        "keeps": _why_it_keeps(source),
        "longest": source.program.longest,
        "precision": PRECISIONS[source.program.precision],
    }
    return {
        "src/model.h": source.header,
        "src/model.c": source.code,
        "extras/golden.h": golden_header(golden, expected[picked], tolerance),
        "extras/check.c": _template("check.c"),
        "extras/example.c": _template("example.c"),
        "examples/stream/stream.ino": _template("stream.ino"),
        "library.properties": _filled("library.properties", about),
        "README.md": _filled("README.md", about),
    }


def write_library(folder: Path, files: dict[str, str]) -> None:
    """Writes them; each is whole or not there.

    Raises:
        OSError: If one cannot be written.
    """
    for name, text in files.items():
        write_text(folder / name, text)


def _about(model: StoredModel, size: Footprint, sliding: Sliding, precision: Precision) -> dict[str, object]:
    description = model.description
    return {
        "name": re.sub(r"\W+", "_", f"seqtune_{description.study}", flags=re.ASCII)[:60],
        "study": _line(description.study),
        "trial": description.trial,
        "what": _line(description.in_words()),
        "classes": [_line(name) for name in description.class_names],
        "channels": [_line(name) for name in description.channel_names],
        "numbers": counted(len(description.channel_names), "number", "numbers"),
        "rate": facts_of(model).sample_rate_hz,
        "size": size,
        "stretched": description.data.resample_length,
        "window": sliding.window,
        "hop": sliding.rule.hop,
        "cycles": [float(f"{size.macs * each:.1e}") for each in CYCLES_A_MAC[precision]],
        "smooth": sliding.rule.n_windows,
    }


def _why_it_keeps(source: Source) -> str:
    kinds = {stage.function for stage in source.program.stages()}
    reasons = [
        reason
        for function, reason in (
            ("push_bidirectional", BACKWARDS),
            ("push_both_ways", BACKWARDS),
            ("push_self_attention", "every step attends to all others"),
        )
        if function in kinds
    ]
    return " and ".join(dict.fromkeys(reasons))


def _line(text: str) -> str:
    """A name from elsewhere, on one line."""
    return " ".join(text.split())


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _filled(name: str, about: dict[str, object]) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_template(name)).render(about)
