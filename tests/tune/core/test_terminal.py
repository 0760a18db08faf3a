"""A reader that has left, as ``head`` does, ends a command without a word and with the exit code of SIGPIPE."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Literal

import pytest

from tests.processes import SMALL, run, start
from tune.core.terminal import CLOSED_PIPE


@pytest.fixture(scope="module")
def save_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a study of one trial."""
    place = tmp_path_factory.mktemp("terminal")
    run(*SMALL, "--epochs=1", "--trials=1", "--study-name=one", "--save-dir", str(place))
    return place


def with_closed(stream: Literal["stdout", "stderr"], *arguments: str) -> tuple[int, str]:
    """Exit code of the tuner when nobody reads one of its streams, and what it says on the other."""
    reading, writing = os.pipe()
    os.close(reading)
    stdout, stderr = (writing, subprocess.PIPE) if stream == "stdout" else (subprocess.PIPE, writing)
    try:
        process = start(*arguments, stdout=stdout, stderr=stderr)
        ended = process.communicate(timeout=300)
    finally:
        os.close(writing)
    return process.returncode, "".join(one or "" for one in ended)


@pytest.mark.parametrize(
    "arguments",
    ["--help", "run --help", "config", "models", "datasets", "status", "status --check", "report", "run --resume"],
)
def test_nobody_reads_the_output(save_dir: Path, arguments: str) -> None:
    at = [] if arguments in ("--help", "config", "models", "datasets") else ["--save-dir", str(save_dir)]
    named = ["--study-name", "one"] if "run --resume" in arguments else []
    assert with_closed("stdout", *arguments.split(), *at, *named) == (CLOSED_PIPE, "")


def test_nobody_reads_predictions(save_dir: Path) -> None:
    model = save_dir / "one" / "best_model"
    recording = save_dir / "recording.csv"
    recording.write_text("a,b,c,d,e,f\n" + "0,0,0,0,0,0\n" * 200)
    arguments = ("predict", "--model", str(model), "--sample-rate", "50", str(recording))
    run(*arguments)
    assert with_closed("stdout", *arguments) == (CLOSED_PIPE, "")


@pytest.mark.parametrize(
    "arguments", ["--no-such-option", "config --set training.epochs=-1", "status --save-dir nowhere"]
)
def test_nobody_reads_the_errors(arguments: str) -> None:
    assert with_closed("stderr", *arguments.split()) == (CLOSED_PIPE, "")
