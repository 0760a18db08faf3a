"""Running the tuner as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tests.warm import Forked

ROOT = Path(__file__).resolve().parent.parent

# Set, every tuner loads its libraries itself, as it does for people; so it is with ``--chaos``.
ALWAYS_COLD = "SEQTUNE_TESTS_COLD"

# Small networks on two exercises, cut into long windows: a trial takes a fraction of a second.
SMALL = (
    "--classes=2",
    "--epochs=4",
    "--stop=never",
    "--set=split.folds=0",
    "--set=data.window_seconds=2",
    "--set=space.gru.hidden_size=[4, 8]",
    "--set=space.gru.n_layers=1",
    '--set=space.gru.front_layers={"low": 1, "high": 2}',
    '--set=space.gru.front_stride={"low": 3, "high": 4}',
    "--set=space.gru.front_channels=8",
    "--set=space.shared.batch_size=[64, 128]",
    "--set=confirmation.configurations=0",
    "--set=search.floors=false",
)


def tiny_recordings(folder: Path) -> Path:
    """96 sequences of 24 steps, by twelve people: for what has to be trained, but not to become good."""
    generator, labels = np.random.default_rng(0), np.arange(96) % 2
    np.savez(
        folder / "tiny.npz",
        values=generator.normal(size=(96 * 24, 2)) + 0.4 * np.repeat(labels, 24)[:, None],
        lengths=np.full(96, 24),
        labels=np.array(["up", "down"])[labels],
        groups=np.array([f"person {k}" for k in range(12)])[np.arange(96) // 8],
    )
    return folder / "tiny.npz"


def start(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    own_group: bool = False,
    preexec: Callable[[], None] | None = None,
    cold: bool = False,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    module: str = "tune",
    folder: Path | None = None,
) -> subprocess.Popen[str]:
    """A running tuner, or another ``module``, with these variables added to its environment.

    In a process group of its own, a signal can reach its workers too, as Ctrl-C does. ``preexec`` is
    called in the process before it begins. ``cold`` has it load its libraries itself, as it does for people.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if name != "SEQTUNE_DATA"},
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": "default",
        **(environment or {}),
    }
    warm = sys.platform == "linux" and preexec is None and not (cold or os.environ.get(ALWAYS_COLD))
    command = () if warm else (sys.executable, "-m")
    return (Forked if warm else subprocess.Popen)(
        (*command, module, *arguments),
        cwd=folder,
        stdout=stdout,
        stderr=stderr,
        text=True,
        env=environment,
        start_new_session=own_group,
        preexec_fn=preexec,
    )


def run(*arguments: str, expect: int = 0, cold: bool = False, folder: Path | None = None) -> tuple[str, str]:
    """Output and errors of a tuner that ends with the expected exit code and without a traceback."""
    process = start(*arguments, cold=cold, folder=folder)
    output, errors = process.communicate(timeout=900)
    assert process.returncode == expect, output + errors
    assert "Traceback" not in errors
    return output, errors


def start_worker(place: Path) -> subprocess.Popen[str]:
    """Another process that searches the toy study in ``place``, as ``tests.tune.conftest.work`` does."""
    return start(str(place), module="tests.tune.conftest", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
