"""The folder that is written: compiled for devices and run in an emulator of one, as a sketch, and what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.tensors.channels import Preparation
from tests.c_programs import CORTEX_M0, CORTEX_M4, SANITIZED, STRICT, compiled, emulated, needs, run, write_c
from tests.stored_models import stored_model
from tune.deploy.c.golden import chosen

LENGTHS = (11, 4, 1, 7, 12)
# What the networks of this project are mostly like: a stem, cells of a kind, a window kept.
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("gru", {"hidden_size": 16, "front_layers": 2, "front_channels": 8, "pooling": "attention"}),
    ("enhanced-bilstm", {"hidden_size": 4, "n_layers": 2}),
    ("temporal-cnn", {"conv_channels": 6}),
    ("transformer", {"n_heads": 2, "head_dim": 4, "feed_forward_size": 8, "positional_encoding": "rotary"}),
]
# Of a logit of these networks, whose logits spread by about one.
LARGEST_LOSS = 0.15
ARDUINO = """
#define HIGH 1
struct Port { void begin(long); void print(const char *); void print(char); void println(float, int); };
extern Port Serial;
unsigned long micros();
"""


@needs("arm-none-eabi-gcc")
@needs("qemu-system-arm")
@pytest.mark.parametrize("flags", [CORTEX_M4, CORTEX_M0], ids=["m4", "m0plus"])
@pytest.mark.parametrize(("name", "hyperparameters"), NETWORKS)
def test_a_device_comes_to_the_same(
    name: str, hyperparameters: dict[str, Any], flags: tuple[str, ...], tmp_path: Path
) -> None:
    model = stored_model(name, hyperparameters, Preparation("both", "both"))
    write_c(model, tmp_path, LENGTHS)
    strict = ["arm-none-eabi-gcc", *flags, *STRICT, "-Os", "-c", "-o", str(tmp_path / "model.o")]
    run([*strict, tmp_path / "src" / "model.c"])
    done = emulated(tmp_path, "check", flags)
    assert (done.returncode, "5 recordings" in done.stdout) == (0, True), done.stdout + done.stderr


@needs("arm-none-eabi-gcc")
@needs("qemu-system-arm")
@pytest.mark.parametrize("flags", [CORTEX_M4, CORTEX_M0], ids=["m4", "m0plus"])
@pytest.mark.parametrize(("name", "hyperparameters"), NETWORKS)
def test_a_device_multiplies_bytes_as_this_machine_does(
    name: str, hyperparameters: dict[str, Any], flags: tuple[str, ...], tmp_path: Path
) -> None:
    model = stored_model(name, hyperparameters, Preparation("both", "both"))
    write_c(model, tmp_path, LENGTHS, tolerance=LARGEST_LOSS, int8=True)
    here = run([compiled(tmp_path, "check", ["gcc", *SANITIZED])])
    there = emulated(tmp_path, "check", flags)
    assert there.returncode == 0, there.stdout + there.stderr
    assert _difference(there.stdout) == pytest.approx(_difference(here), abs=0.02)


def _difference(printed: str) -> float:
    found = re.search(r"differ by up to ([\d.e+-]+)", printed)
    assert found is not None
    return float(found[1])


@needs("riscv64-unknown-elf-gcc")
@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize(("name", "hyperparameters"), NETWORKS)
def test_another_processor_of_32_bits_has_it_compiled(
    name: str, hyperparameters: dict[str, Any], int8: bool, tmp_path: Path
) -> None:
    write_c(stored_model(name, hyperparameters), tmp_path, LENGTHS, tolerance=LARGEST_LOSS, int8=int8)
    flags = ["-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs", *STRICT, "-Os", "-c"]
    run(["riscv64-unknown-elf-gcc", *flags, "-o", tmp_path / "model.o", tmp_path / "src" / "model.c"])


@needs("arm-none-eabi-gcc")
@needs("qemu-system-arm")
def test_a_device_that_comes_to_something_else_is_noticed(tmp_path: Path) -> None:
    write_c(stored_model("gru", {"hidden_size": 4}), tmp_path, LENGTHS)
    code = tmp_path / "src" / "model.c"
    code.write_text(code.read_text().replace("return y * upper / lower;", "return 0.0f * x;"))
    assert emulated(tmp_path, "check", CORTEX_M4).returncode == 1


@needs("g++")
def test_the_sketch_compiles(tmp_path: Path) -> None:
    write_c(stored_model("gru", {"hidden_size": 4}), tmp_path, LENGTHS)
    (tmp_path / "arduino.h").write_text(ARDUINO)
    sketch = tmp_path / "examples" / "stream" / "stream.ino"
    flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++", "-include", str(tmp_path / "arduino.h")]
    run(["g++", *flags, "-I", tmp_path / "src", sketch])


def test_the_folder_is_an_arduino_library(tmp_path: Path) -> None:
    write_c(stored_model("gru", {"hidden_size": 4}, study="my study\nname=other"), tmp_path, LENGTHS)
    lines = (tmp_path / "library.properties").read_text().splitlines()
    entries = dict(line.split("=", 1) for line in lines)
    assert len(entries) == len(lines)
    # https://arduino.github.io/arduino-cli/latest/library-specification/#libraryproperties-file-format
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"} <= (
        entries.keys()
    )
    assert re.fullmatch(r"[A-Za-z][\w .-]{0,62}", entries["name"])
    assert entries["includes"] == "model.h"


def test_the_readme_is_of_this_network(tmp_path: Path) -> None:
    write_c(stored_model("gru", {"hidden_size": 4, "bidirectional": True}), tmp_path, LENGTHS)
    text = (tmp_path / "README.md").read_text()
    for said in (
        "2. ax (g)",
        "wave, circle, nod",
        "10 samples a second",
        "cycles of a Cortex-M4",
        "12 samples",
        "the 5 recordings",
        "end to the",
    ):
        assert said in text


def test_the_readme_says_that_recordings_were_stretched(tmp_path: Path) -> None:
    data = {"dataset": "toy", "resample_length": 12}
    for model, said in ((stored_model("gru", {"hidden_size": 4}, data=data), True), (stored_model("gru"), False)):
        write_c(model, tmp_path, LENGTHS)
        assert ("was brought to 12 samples" in (tmp_path / "README.md").read_text()) == said


def test_golden_recordings_are_short_and_of_different_classes() -> None:
    sequences = [np.zeros((steps, 1)) for steps in (9, 2, 3, 4, 5, 6, 7, 30_000)]
    best = [0, 0, 0, 1, 2, 2, 3, 4]
    assert chosen(sequences, np.eye(5)[best]) == [1, 3, 4, 6, 2]
    # One at least, however long.
    assert chosen(sequences[-1:], np.eye(5)[best[-1:]]) == [0]
