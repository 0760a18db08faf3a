"""Which few configurations a search should try beside its first one: chosen greedily, judged on data left out.

Every configuration is what changes of the first one: the variants of ``tune/config/initial.py``, and others drawn at
random, the same for all data sets. Each is trained on each data set as a trial would be, and scored on its test set
with the weights of its best validation epoch; lines that are in the file are not made again.

    PYTHONPATH=. .venv/bin/python benchmarks/portfolio.py --output ../portfolio.jsonl --random 8 --seconds 60 \
        --architectures gru temporal-cnn --data watch ../data/GunPoint_TRAIN.ts

What comes next is always the configuration that adds most to the mean, over the data sets, of the best score so far
(as in auto-sklearn 2.0, Feurer et al. 2022, arXiv 2007.04074). Each data set is judged by what is chosen without it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
import torch
from optuna.samplers import RandomSampler

from data.tensors.channels import Preparation
from tune.config.initial import VARIANTS, initial_configurations, moved_into
from tune.config.settings import Settings, resolve
from tune.config.spaces import SHARED, SPACES, Scalar
from tune.core.seeds import derive_seed
from tune.training.fold_fits import begin_fits, fit_runs
from tune.training.hyperparameters import fields_of, training_settings
from tune.training.metrics import score
from tune.training.splits import Splits, load_splits, settled
from tune.training.train import NonFiniteLossError, predict

CPU = torch.device("cpu")
FIRST = "first"
# Decided by the size of the training set.
NOT_DRAWN = ("batch_size",)

Scores = dict[str, dict[str, float]]


def changes(architecture: str, n_random: int) -> dict[str, dict[str, Scalar]]:
    """What changes of the first configuration, by name."""
    named = {FIRST: {}, **{f"variant {k}": dict(changed) for k, changed in enumerate(VARIANTS)}}
    space = {name: one for name, one in {**SHARED, **SPACES[architecture]}.items() if name not in NOT_DRAWN}
    for k in range(n_random):
        seed = derive_seed("portfolio", architecture, k)
        named[f"random {k}"] = optuna.create_study(sampler=RandomSampler(seed)).ask(space).params
    return named


def evaluated(settings: Settings, splits: Splits, changed: dict[str, Scalar], seconds: float) -> dict[str, Any]:
    """One configuration, trained until it ends or its processor time is up."""
    searched, fixed = settings.ranges()
    first, *_ = initial_configurations(splits.dataset.kind, settings.architecture, searched)
    parameters = {**fixed, **first, **moved_into(searched, changed)}
    training = training_settings(settings, parameters, seed=derive_seed("portfolio", "fit"))
    (fit,) = begin_fits(parameters, settings, splits, training, CPU)
    (run,) = fit_runs([fit], splits, parameters, training, lambda: None)
    began = time.process_time()
    try:
        while time.process_time() - began < seconds and next(run, None) is not None:
            pass
    except NonFiniteLossError:
        return {"score": 0.0, "validation": 0.0, "epochs": len(fit.history), "seconds": time.process_time() - began}
    finally:
        run.close()  # type: ignore[attr-defined]
    fit.judged.load_state_dict(fit.best_weights)
    test = splits.prepared(0, "test", fields_of(Preparation, parameters))
    return {
        "score": score(predict(fit.judged, test, CPU), test.labels).accuracy,
        "validation": fit.best.validation.accuracy,
        "epochs": len(fit.history),
        "seconds": time.process_time() - began,
        "n_parameters": sum(weight.numel() for weight in fit.model.parameters()),
    }


def chosen(scores: Scores, data: Sequence[str], n: int) -> list[str]:
    """The first configuration and, greedily, those that add most to the mean best score over these data sets."""
    line = [FIRST]
    left = [name for name in scores if name != FIRST and all(one in scores[name] for one in data)]
    while left and len(line) < n:
        line.append(max(left, key=lambda name: fmean(max(scores[k][one] for k in [*line, name]) for one in data)))
        left.remove(line[-1])
    return line


def table(lines: Iterable[dict[str, Any]], n: int) -> str:
    """For each architecture what is chosen, and how good that is on each data set that it was chosen without."""
    by_architecture: dict[str, Scores] = {}
    for line in lines:
        by_architecture.setdefault(line["architecture"], {}).setdefault(line["name"], {})[line["data"]] = line["score"]
    text = []
    for architecture, scores in by_architecture.items():
        data = sorted(scores[FIRST])
        text += [f"{architecture}, all data sets: {', '.join(chosen(scores, data, n))}", ""]
        text += ["| left out | first | chosen without it, the best of them | the best of all |", "|---|---|---|---|"]
        rows = []
        for one in data:
            without = chosen(scores, [other for other in data if other != one], n) if len(data) > 1 else [FIRST]
            best = max(scores[name][one] for name in scores if one in scores[name])
            rows.append((scores[FIRST][one], max(scores[name][one] for name in without), best))
            text.append(f"| {one} | {' | '.join(f'{value:.3f}' for value in rows[-1])} |")
        text += [f"| mean | {' | '.join(f'{fmean(column):.3f}' for column in zip(*rows, strict=True))} |", ""]
    return "\n".join(text)


def main() -> None:
    """Evaluates what is missing, then prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], help="registered data sets, and files of others")
    parser.add_argument("--architectures", nargs="+", default=["gru", "temporal-cnn"], choices=SPACES)
    parser.add_argument("--random", type=int, default=8, help="configurations beside the variants")
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time of a fit")
    parser.add_argument("--n", type=int, default=5, help="configurations to choose")
    parser.add_argument("--output", type=Path, required=True, help="JSON lines, outside the project")
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    known = [json.loads(line) for line in given.output.read_text().splitlines()] if given.output.exists() else []
    done = {(line["data"], line["architecture"], line["name"]) for line in known}
    for place in given.data:
        where = {"dataset": "files", "data": {"path": place}} if Path(place).exists() else {"dataset": place}
        for architecture in given.architectures:
            settings = resolve(where, {"architecture": architecture, "split": {"folds": 0}})
            splits = load_splits(settings)
            settings, _ = settled(settings, splits)
            for name, changed in changes(architecture, given.random).items():
                if (data := Path(place).stem, architecture, name) in done:
                    continue
                found = evaluated(settings, splits, changed, given.seconds)
                known.append({"data": data, "architecture": architecture, "name": name, "changed": changed, **found})
                with given.output.open("a") as file:
                    file.write(json.dumps(known[-1]) + "\n")
                print(f"{data} {architecture} {name}: {found['score']:.3f} in {found['seconds']:.0f} s", flush=True)
    print(table(known, given.n))


if __name__ == "__main__":
    main()
