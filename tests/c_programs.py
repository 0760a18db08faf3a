"""Compilers and emulators for what is written in C; a test that needs one that is not there is skipped."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.stored_models import measured
from tune.deploy.c.calibration import input_scales
from tune.deploy.c.library import library_files, write_library
from tune.deploy.c.source import to_c
from tune.deploy.verification import recordings_of
from tune.training.model_folder import StoredModel

BOARD = Path(__file__).parent / "tune/deploy/c/board"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZED = (*STRICT, "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
CORTEX_M0 = ("-mcpu=cortex-m0plus", "-mthumb")


def needs(program: str) -> pytest.MarkDecorator:
    """Skips a test where a program is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def write_c(
    model: StoredModel, folder: Path, lengths: tuple[int, ...], tolerance: float = 1e-5, *, int8: bool = False
) -> None:
    """The folder of a network, checked on random recordings of these lengths."""
    data = measured(lengths)
    recordings = recordings_of(data)
    source = to_c(model, input_scales(model, recordings) if int8 else None)
    write_library(folder, library_files(model, source, (recordings, model.logits(data).numpy()), True, tolerance))


def compiled(folder: Path, program: str, compiler: Sequence[str]) -> Path:
    """A program of ``extras``, compiled with the network."""
    out = folder / program
    sources = [folder / "extras" / f"{program}.c", folder / "src" / "model.c"]
    command = [*compiler, "-I", str(folder / "src"), "-o", str(out), *map(str, sources), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return out


def emulated(
    folder: Path, program: str, flags: Sequence[str] = CORTEX_M4, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """A program of ``extras`` on a processor of a device."""
    start = ["--specs=rdimon.specs", "-T", str(BOARD / "mps2.ld"), str(BOARD / "start.c")]
    made = compiled(folder, program, ["arm-none-eabi-gcc", *flags, "-Os", *start])
    # Where its monitor listens to standard input as well, characters are lost.
    board = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"]
    return subprocess.run(
        [*board, "-semihosting", "-kernel", str(made)], input=given, capture_output=True, text=True, timeout=280
    )


def run(command: Sequence[str | Path], given: str = "") -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run([*map(str, command)], input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines_of(values: np.ndarray) -> str:
    """Samples as a stream of lines."""
    return "".join(",".join(map(repr, row)) + "\n" for row in values.tolist())
