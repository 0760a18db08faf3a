"""When a search should end: how often it would have gained what its judges can tell, and how much of it is saved.

Each rule is asked before every bracket but the first, by the best scores of the brackets before. Without ``--data`` the
brackets are simulated: how good the best configuration of each truly is, judged on so many sequences. With it, studies
of small networks on shortened sequences are run to their end, without any rule; those in the file are not run again.

    PYTHONPATH=. .venv/bin/python benchmarks/stopping.py
    PYTHONPATH=. .venv/bin/python benchmarks/stopping.py --output ../stopping.jsonl --data ../data/GunPoint_TRAIN.ts
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from numpy.typing import NDArray
from scipy.special import gammaincinv

from tune.config.settings import Settings, resolve
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.search.loop import ThisProcess
from tune.search.progress import Progress
from tune.study.brackets import N_IN_BRACKET
from tune.study.context import RunContext
from tune.study.gain import has_nothing_to_gain, standard_error
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import create_study
from tune.training.splits import Splits, load_splits, settled

CPU = torch.device("cpu")
N_STEPS = 25
SMALL: dict[str, Any] = {
    "space": {
        "gru": {"hidden_size": {"low": 8, "high": 32}, "n_layers": 1, "front_channels": {"low": 8, "high": 32}},
        "temporal-cnn": {"n_blocks": {"low": 1, "high": 3}, "conv_channels": {"low": 8, "high": 32}, "front_layers": 0},
    },
    "training": {"refit": False, "epochs": 27},
    "confirmation": {"configurations": 0},
    "data": {"resample_length": N_STEPS},
}
N_BRACKETS, N_STUDIES = 22, 1_000
Rule = Callable[[Sequence[float], int, int], bool]


def _scale(bests: Sequence[float]) -> float:
    """Mean excess over the lowest: the scale of an exponential tail, were they drawn alike (Rényi 1953)."""
    low, *others = sorted(bests)
    return float(np.mean(others)) - low


def lacks_less(bests: Sequence[float], n_to_come: int, n_judged: int) -> bool:
    """What the search does: the best lacks less than a standard error of 100%."""
    return has_nothing_to_gain(max(bests), n_judged)


def expects_less(bests: Sequence[float], n_to_come: int, n_judged: int) -> bool:
    """The expected gain of such a tail, s (1 / (k + 1) + 1 / (k + 2) + ...), is less than a standard error."""
    if len(bests) < 2:
        return False
    gain = _scale(bests) * sum(1 / (len(bests) + k) for k in range(1, n_to_come + 1))
    return gain < standard_error(max(bests), n_judged)


def is_unlikely(bests: Sequence[float], n_to_come: int, n_judged: int) -> bool:
    """With 90% confidence about s, more than a standard error is gained with a probability of at most 5%."""
    if len(bests) < 3:
        return False
    scale = _scale(bests) * (len(bests) - 1) / gammaincinv(len(bests) - 1, 0.1)
    error = standard_error(max(bests), n_judged)
    return bool(n_to_come / (len(bests) + 1) * np.exp(-error / max(scale, 1e-9)) < 0.05)


RULES: dict[str, Rule] = {
    "lacks less than a standard error": lacks_less,
    "expects less than one": expects_less,
    "gains one with 5% at most": is_unlikely,
}


def truths(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """True accuracy of the best configuration of each bracket."""
    noise, k = rng.standard_normal(N_BRACKETS), np.arange(N_BRACKETS)
    return {
        "all alike, 90%": 0.9 + 0.005 * noise,
        "88 +- 2%": 0.88 + 0.02 * noise,
        "a heavy tail from 85%": 0.85 + 0.02 * rng.exponential(size=N_BRACKETS),
        "improves by .3 points each": 0.85 + 0.003 * k + 0.015 * noise,
        "80 to 90%, soon": 0.8 + 0.1 * (1 - np.exp(-k / 4)) + 0.01 * noise,
        "99.5%": 0.995 + 0.003 * noise,
    }


def ended(rule: Rule, scores: Sequence[float], n_judged: int) -> tuple[int, bool]:
    """Brackets that are run, and whether those that are not would have gained more than the standard error."""
    for k in range(1, len(scores)):
        if rule(scores[:k], len(scores) - k, n_judged):
            best = max(scores[:k])
            return k, max(scores) - best > standard_error(best, n_judged)
    return len(scores), False


def simulate(n_studies: int) -> None:
    """Prints the table of the rules."""
    print("| brackets | judged | rule | brackets run | gave away more than a standard error |\n|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    studies = [truths(rng) for _ in range(n_studies)]
    for kind in studies[0]:
        for n_judged in (60, 500, 3_000):
            judged = [rng.binomial(n_judged, np.clip(one[kind], 0, 1)) / n_judged for one in studies]
            for name, rule in RULES.items():
                found = np.array([ended(rule, scores.tolist(), n_judged) for scores in judged])
                n_run, gave_away = found.mean(axis=0)
                print(f"| {kind} | {n_judged} | {name} | {n_run:.1f} of {N_BRACKETS} | {gave_away:.1%} |")


def bests_of(settings: Settings, splits: Splits) -> list[float]:
    """The best score of each bracket of a study."""
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(Path(place), "long")
        study = create_study(open_storage(sqlite_url(Path(place) / "tune.db")), folder, settings, splits)
        progress = Progress(settings.search.metric, settings.n_epochs, settings.search.trials)
        ThisProcess().run(RunContext(study, settings, splits, folder, CPU), progress, StopWatch())
        bests = [max(trial.intermediate_values.values(), default=0.0) for trial in study.get_trials(deepcopy=False)]
        return [max(bests[k : k + N_IN_BRACKET]) for k in range(0, len(bests), N_IN_BRACKET)]


def main() -> None:
    """Simulates, or runs what is missing, and prints what each rule comes to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=N_STUDIES, help="simulated ones of each kind")
    parser.add_argument("--data", nargs="*", default=[], help="registered data sets, and files of others")
    parser.add_argument("--architectures", nargs="+", default=["gru", "temporal-cnn"])
    parser.add_argument("--trials", type=int, default=54)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--output", type=Path, help="JSON lines, outside the project")
    given = parser.parse_args()
    if not given.data:
        simulate(given.studies)
        return
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    known = [json.loads(line) for line in given.output.read_text().splitlines()] if given.output.exists() else []
    done = {(line["data"], line["architecture"], line["seed"]) for line in known}
    for seed, place, architecture in ((s, p, a) for s in given.seeds for p in given.data for a in given.architectures):
        if (name := Path(place).stem, architecture, seed) in done:
            continue
        where = {"dataset": "files", "data": {"path": place}} if Path(place).exists() else {"dataset": place}
        search = {"trials": given.trials, "seed": seed, "floors": False, "stop": "never"}
        settings = resolve(SMALL, where, {"architecture": architecture, "search": search})
        splits = load_splits(settings)
        settings, _ = settled(settings, splits)
        n_judged = sum(len(fold.validation) for fold in splits.folds)
        line = {"data": name, "architecture": architecture, "seed": seed, "n_judged": n_judged}
        known.append({**line, "bests": bests_of(settings, splits)})
        with given.output.open("a") as file:
            file.write(json.dumps(known[-1]) + "\n")
    print("| data | network | seed | judged | best score of each bracket | brackets run by each rule |")
    print("|---|---|---|---|---|---|")
    for line in known:
        bests = ", ".join(f"{best:.3f}" for best in line["bests"])
        runs = [ended(rule, line["bests"], line["n_judged"]) for rule in RULES.values()]
        shown = ", ".join(f"{n}{' (gave away more)' if gave_away else ''}" for n, gave_away in runs)
        print(f"| {line['data']} | {line['architecture']} | {line['seed']} | {line['n_judged']} | {bests} | {shown} |")


if __name__ == "__main__":
    main()
