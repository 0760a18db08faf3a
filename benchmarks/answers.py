"""What the default command hands over, data set by data set, beside the floors that cost seconds.

    .venv/bin/python -m benchmarks.answers watch smartwatch ../shared/data/archive/*_TRAIN.ts --seeds 0,1,2
    .venv/bin/python -m benchmarks.answers

Each line is one run of `./run_tuning.sh --timeout 5m` with nothing else set but data and seed; what is handed
over is judged on the test set by the run itself (`best_config.json`). Runs that have been made are kept in
`benchmarks/results/answers.jsonl` and not made again, so the table grows a night at a time; without data
it is only printed. `--checkout` measures
another version of the product, under a name of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from benchmarks.processor_time import adopt_orphans, processor_seconds

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Answer:
    """What one run handed over; accuracies and macro F1 are of the test set, None where there was no time.

    Attributes:
        delivered: How many networks of which architectures were handed over.
        seconds: Processor time of the run, its floors, confirmation and exports included.
    """

    version: str
    data: str
    seed: int
    delivered: str
    accuracy: float | None
    macro_f1: float | None
    validation: float | None
    n_trials: int
    minirocket: float | None
    forest: float | None
    seconds: float


def measure(run: tuple[Path, str], data: str, seed: int, timeout: str, save_dir: Path) -> Answer:
    """Runs the default command and reads what it wrote.

    Args:
        run: A checkout, and the version that it is.
        data: A registered data set, or the path of recordings.
        seed: Of the study.
        timeout: As the command line takes it.
        save_dir: For the study; what an interrupted run has left in it is thrown away, since its time would not count.

    Raises:
        CalledProcessError: If the command fails.
    """
    checkout, version = run
    name = f"{version}-{Path(data).stem.lower()}-{seed}"
    before = processor_seconds()
    shutil.rmtree(save_dir, ignore_errors=True)
    path = Path(data).resolve()
    subprocess.run(
        [
            "./run_tuning.sh",
            *(["--data-path", str(path)] if path.exists() else ["--dataset", data]),
            *("--seed", str(seed), "--timeout", timeout, "--study-name", name, "--save-dir", str(save_dir)),
        ],
        cwd=checkout,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = processor_seconds() - before
    found = save_dir / name / "best_config.json"
    # Where the time ends before one epoch has, there is nothing to hand over.
    nothing: dict[str, Any] = {"architecture": "nothing", "scores": {"test": {}}, "value": None}
    best: dict[str, Any] = json.loads(found.read_text(encoding="utf-8")) if found.exists() else nothing
    floors = best.get("floors") or {}

    def test(floor: str) -> float | None:
        return ((floors.get(floor) or {}).get("test") or {}).get("accuracy")

    scores, mean = best["scores"]["test"], best.get("ensemble") or {}
    members = [one["architecture"] for one in mean.get("members", ())] or [best["architecture"]]
    return Answer(
        version,
        Path(data).stem,
        seed,
        " + ".join(f"{members.count(name)} {name}" for name in dict.fromkeys(members)),
        scores.get("accuracy"),
        scores.get("macro_f1"),
        best["value"],
        len(pd.read_csv(save_dir / name / "trials.csv")),
        test("minirocket"),
        test("forest"),
        seconds,
    )


def table(answers: pd.DataFrame) -> str:
    """Test accuracy of what was handed over and of the floors: means over seeds, and the first one's range."""
    shown = answers.groupby(["version", "data"], sort=False).agg(
        seeds=("seed", "count"),
        accuracy=("accuracy", "mean"),
        range=("accuracy", lambda values: float(np.ptp(values))),
        minirocket=("minirocket", "mean"),
        forest=("forest", "mean"),
        delivered=("delivered", lambda names: ", ".join(sorted(set(names)))),
        trials=("n_trials", "mean"),
        seconds=("seconds", "mean"),
    )
    return shown.round(3).round({"trials": 0, "seconds": 0}).to_string()


@click.command()
@click.argument("data", nargs=-1)
@click.option("--seeds", default="0", show_default=True, help="With commas between.")
@click.option("--timeout", default="5m", show_default=True)
@click.option("--checkout", type=click.Path(exists=True, path_type=Path), default=HERE.parent, help="To run in.")
@click.option("--version", default="now", show_default=True, help="Name of that checkout in the table.")
@click.option("--out", type=click.Path(path_type=Path), default=HERE / "results" / "answers.jsonl", help="Runs so far.")
def main(data: tuple[str, ...], seeds: str, timeout: str, checkout: Path, version: str, out: Path) -> None:
    """Runs what has not been run yet on DATA, names of data sets or paths of recordings; prints the table."""
    adopt_orphans()
    out.parent.mkdir(exist_ok=True)
    out.touch()
    for seed in map(int, seeds.split(",")):
        for name in data:
            done = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
            if any((one["version"], one["data"], one["seed"]) == (version, Path(name).stem, seed) for one in done):
                continue
            answer = measure(
                (checkout.resolve(), version),
                name,
                seed,
                timeout,
                out.parent / "studies" / f"{version}-{Path(name).stem}-{seed}",
            )
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(answer)) + "\n")
    click.echo(table(pd.read_json(out, lines=True)))


if __name__ == "__main__":
    main()
