"""C of this machine, as a classifier: what is written for a device is first tried here, on real recordings."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.problems import Problem, SettingsError
from ..classifier import Array
from ..metadata import Facts
from .source import Source

COMPILERS = ("cc", "gcc", "clang")
LONGEST_COMPILATION_SECONDS = 600
FLAGS = ("-std=c99", "-shared", "-fPIC")
# Older compilers turn loops into vector instructions from here on only.
OPTIMISED = ("-O3",)


def find_compiler() -> list[str]:
    """The C compiler of this machine, as the beginning of a command.

    Raises:
        SettingsError: If there is none.
    """
    if named := shlex.split(os.environ.get("CC", "")):
        return named
    for name in COMPILERS:
        if found := shutil.which(name):
            return [found]
    rule = (
        f"needs a C compiler on this machine, to try the code before it is written; there is no {', '.join(COMPILERS)}"
    )
    raise SettingsError([Problem("--format", "c", rule, "install one (Debian: apt install gcc), or name it in CC")])


class CompiledClassifier:
    """``model.c``, compiled for this machine.

    Args:
        source: To compile.
        facts: Of the network.
        optimised: By which options.

    Raises:
        SettingsError: If there is no compiler, or it cannot compile C99.
    """

    def __init__(self, source: Source, facts: Facts, optimised: Sequence[str] = OPTIMISED) -> None:
        self.facts = facts
        folder = Path(tempfile.mkdtemp(prefix="seqtune-c-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        (folder / "model.h").write_text(source.header, encoding="utf-8")
        (folder / "model.c").write_text(source.code, encoding="utf-8")
        library = folder / "model.so"
        command = [*find_compiler(), *FLAGS, *optimised, "-o", str(library), str(folder / "model.c"), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_COMPILATION_SECONDS)
        except OSError as error:
            raise SettingsError([Problem("CC", command[0], f"cannot be run: {error.strerror}")]) from error
        if done.returncode != 0:
            said = " ".join(done.stderr.split())[:300]
            raise SettingsError([Problem("CC", command[0], f"cannot compile the network: {said}")])
        self._library = ctypes.CDLL(str(library))

    def run(self, values: Array, lengths: Array) -> tuple[Array, Array]:
        """See ``Classifier``."""
        logits = np.empty((len(values), len(self.facts.class_names)), np.float32)
        probabilities = np.empty_like(logits)
        values = np.ascontiguousarray(values, np.float32)
        for row, n_steps in enumerate(lengths.tolist()):
            if self._library.model_classify(_pointer(values[row]), n_steps, _pointer(logits[row])) != 0:
                raise ValueError(f"{n_steps} steps; the C was written for sequences of up to its longest")
            self._library.model_probabilities(_pointer(logits[row]), _pointer(probabilities[row]))
        return logits, probabilities


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
