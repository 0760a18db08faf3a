"""How good the configuration found by a default search is on people it has never seen.

Each person is held out in turn as test; validation people come from the others. Runs the command line as a user would.

    .venv/bin/python benchmarks/people_split.py --dataset smartwatch --trials 20
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = {"smartwatch": [f"U{number:02d}" for number in range(1, 9)]}


def main() -> None:
    """One study a person, then the mean."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dataset", default="smartwatch", choices=sorted(PEOPLE))
    arguments.add_argument("--trials", type=int, default=20)
    arguments.add_argument("--epochs", type=int, default=12)
    arguments.add_argument("--model-type", default="gru")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--people", nargs="*", help="only these (default: all)")
    given = arguments.parse_args()
    scores = []
    with tempfile.TemporaryDirectory() as place:
        for person in given.people or PEOPLE[given.dataset]:
            started = time.perf_counter()
            command = [
                str(ROOT / "run_tuning.sh"),
                *("--dataset", given.dataset, "--model-type", given.model_type, "--trials", str(given.trials)),
                *("--set", f'split.test_groups=["{person}"]', "--seed", str(given.seed), "--epochs", str(given.epochs)),
                *("--set", f"split.seed={given.seed}", "--save-dir", place, "--study-name", person),
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            best = json.loads((Path(place) / person / "best_config.json").read_text())
            scores.append(best["scores"]["test"]["accuracy"])
            found = f"test {scores[-1]:.4f}, validation {best['value']:.4f}, trial {best['trial']}"
            print(f"{person}: {found}, {time.perf_counter() - started:.0f} s", flush=True)
    print(f"mean over {len(scores)} people: {fmean(scores):.4f}")


if __name__ == "__main__":
    main()
