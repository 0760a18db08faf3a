"""What the service does on one core: answers a second and latency at batch 1, beside bare onnxruntime in the same run.

The service is pinned to one core and asked from another, over loopback; bare onnxruntime then classifies the same
recording on the service's core, in turn with it. Both are also counted by the processor time that they use, which
other work on the machine hardly changes: the ratio is of these.

    PYTHONPATH=. .venv/bin/python benchmarks/serve.py --model studies/watch-gru/export/model.onnx --connections 1 4

Needs wrk (Debian: apt-get install wrk) and Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tune.deploy.classifier import Array, Classifier, load_classifier

ROOT = Path(__file__).resolve().parent.parent
SERVICE_CORE, ASKING_CORE = 0, 1
IN_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def recording_of(classifier: Classifier) -> Array:
    """A recording of the usual length; noise takes as long as any other."""
    facts = classifier.facts
    values = np.random.default_rng(0).standard_normal((facts.lengths.median, len(facts.channel_names)))
    return values.round(4).astype(np.float32)


def bare_rate(classifier: Classifier, recording: Array, seconds: float) -> float:
    """Predictions in a second of processor time, without anything around."""
    values, lengths = recording[None], np.array([len(recording)])
    n_runs, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        classifier.run(values, lengths)
        n_runs += 1
    return n_runs / (time.process_time() - begun)


def processor_seconds(process_id: int) -> float:
    """What a process has used so far."""
    numbers = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def script(recording: Array, folder: Path) -> Path:
    """What wrk sends."""
    body = json.dumps({"sequences": [[[round(float(value), 4) for value in step] for step in recording]]})
    path = folder / "ask.lua"
    path.write_text(f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = '{body}'\n")
    return path


def asked(address: str, lua: Path, n_connections: int, seconds: float) -> tuple[float, float, float]:
    """Answers a second, and latency in milliseconds: the median and what 99% stay under."""
    arguments = ["-t1", f"-c{n_connections}", f"-d{max(round(seconds), 1)}s", "--latency", "-s", str(lua)]
    pinned = ["taskset", "-c", str(ASKING_CORE)]
    said = subprocess.run(
        [*pinned, "wrk", *arguments, f"{address}/predict"], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in said.stdout:
        raise RuntimeError(said.stdout)
    latency = {
        share: float(number) * IN_MILLISECONDS[unit]
        for share, number, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said.stdout)
    }
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said.stdout)
    if rate is None:
        raise RuntimeError(said.stdout)
    return float(rate[1]), latency["50"], latency["99"]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4])
    given = parser.parse_args()
    os.sched_setaffinity(0, {SERVICE_CORE})
    classifier = load_classifier(given.model)
    recording = recording_of(classifier)
    command = [sys.executable, "-m", "tune", "serve", "--model", str(given.model), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = re.search(r"http://[\d.:]+", service.stdout.readline() if service.stdout else "")
        if address is None:
            raise RuntimeError("the service did not start")
        with tempfile.TemporaryDirectory() as folder:
            lua = script(recording, Path(folder))
            asked(address[0], lua, 1, 1)
            print(f"{given.model}: {recording.shape[0]} steps of {recording.shape[1]} channels\n")
            print("| connections | answers /s | median ms | p99 ms | answers /s a core | bare onnxruntime /s | ratio |")
            print("|---|---|---|---|---|---|---|")
            for n_connections in given.connections:
                before = bare_rate(classifier, recording, given.seconds / 2)
                used = -processor_seconds(service.pid)
                rate, middle, late = asked(address[0], lua, n_connections, given.seconds)
                used += processor_seconds(service.pid)
                bare = (before + bare_rate(classifier, recording, given.seconds / 2)) / 2
                full = rate * max(round(given.seconds), 1) / used
                print(
                    f"| {n_connections} | {rate:,.0f} | {middle:.2f} | {late:.2f} | {full:,.0f} | {bare:,.0f} | "
                    f"{full / bare:.2f} |"
                )
    finally:
        service.terminate()
        service.wait()


if __name__ == "__main__":
    main()
