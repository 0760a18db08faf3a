"""Every benchmark still runs, with as little to do as it can be given; what it measures then means nothing."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.processes import ROOT, SMALL, run, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Options that leave each of them seconds of work; {here} is an empty folder. A new one needs a line of its own.
LEAST: dict[str, str] = {
    "answers": "{here}/tiny.npz --timeout 1s --out {here}/answers.jsonl",
    "beyond_memory": "--gigabytes 0.001 --storage table disk",
    "bounded_sample": "--trials 12 --seeds 1",
    "calibration": "--data {here}/tiny.npz --seeds 1 --trials 1 --epochs 1",
    "claims": "--sqlite --workers 2 --trials 6",
    "compare_false_alarms": "--suites 1",
    "confirmation": "--studies 1",
    "experiments": "--save-dir {here} --page {here}/experiments.md",
    "device": "--seconds 0.01 --only gru",
    "export": "--seconds 0.01 --only gru",
    "ladder": "--protocol watch-people --seeds 1 --epochs 1 --only warp --out {here}/ladder.jsonl",
    "memory": "--dataset watch --trials 1 --epochs 1",
    # Else it needs aeon in an environment of its own.
    "minirocket": "--help",
    "padding": "--longest 600",
    "overhead": "--dataset watch --trials 1 --epochs 1",
    "people_alike": "--data watch",
    "portfolio": "--data watch --architectures gru --random 0 --seconds 0.1 --output {here}/portfolio.jsonl",
    "report": "--trials 5",
    "scale": "--trials 20 --pruners halving --kills 1 --within 9",
    "serve": "--model {here}/studies/one/best_model --seconds 0.2 --connections 1",
    "stopping": "--studies 2",
    "strategies": "--dataset watch --seconds 0.1 --seeds 1 --strategies 'sober 2' --output {here}/found.json",
    # Else it installs the published stack from the network, and measures minutes.
    "time_to_target": "--help",
    "workers": "--dataset watch --trials 2 --epochs 1 --repeats 1 --seconds 0.1",
}
NOT_HERE = {
    "aeon_minirocket": "runs in a virtual environment of its own, with aeon and numba",
    "traced_onnx": "needs onnxscript, which is in no lock file",
    "processor_time": "is no benchmark: several count with it",
    "published_stack": "runs in a virtual environment of its own, with packages that clash with ours",
}
BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    if name in NOT_HERE:
        pytest.skip(NOT_HERE[name])
    if name == "serve":
        if shutil.which("wrk") is None or not hasattr(os, "sched_setaffinity") or os.cpu_count() == 1:
            pytest.skip("needs wrk, Linux and two cores")
        run(*SMALL, "--trials=1", "--epochs=1", "--study-name=one", "--save-dir", str(tmp_path / "studies"))
    labels = np.arange(60) % 2
    tiny = {"values": np.repeat(labels, 8)[:, None] + 0.0, "lengths": np.full(60, 8), "labels": labels}
    np.savez(tmp_path / "tiny.npz", **tiny, groups=np.arange(60) // 10)  # type: ignore[arg-type]
    arguments = shlex.split(LEAST[name].format(here=tmp_path))
    process = start(*arguments, module=f"benchmarks.{name}", folder=tmp_path, environment=os.environ)
    output, errors = process.communicate(timeout=850)
    assert process.returncode == 0, errors
    assert output or name == "experiments"


def test_every_benchmark_is_run_or_says_why_not() -> None:
    assert set(BENCHMARKS) == {*LEAST, *NOT_HERE}
