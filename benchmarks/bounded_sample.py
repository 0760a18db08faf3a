"""Whether a draw that learns from a bounded number of trials comes to as good a result as one that learns from all.

    PYTHONPATH=. .venv/bin/python -m benchmarks.bounded_sample --trials 1000 --seeds 3

Three objectives whose least is 0, with noise: the tuner's own hyperparameters, of which a third matters, and two test
functions (Ackley 1987, Levy & Montalvo 1985). What is printed is the regret, without its noise, of the trial that was
the best by its noisy score, for the bounds in turn with the same seeds; they differ from the smallest bound on.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tune.config.settings import resolve
from tune.study import samplers

NOISE = 0.01
Function = Callable[[Mapping[str, Any]], float]


def own_space() -> tuple[dict[str, BaseDistribution], Function]:
    """What is searched for a GRU: each hyperparameter weighs four fifths of the one before, every third counts."""
    space, _ = resolve({}).ranges()
    counting = {name: 0.8**k for k, name in enumerate(list(space)[::3])}

    def function(params: Mapping[str, Any]) -> float:
        return 0.2 * sum(weight * (place_of(space[name], params[name]) - 0.3) ** 2 for name, weight in counting.items())

    return space, function


def place_of(distribution: BaseDistribution, value: Any) -> float:
    """Where a value lies in its range, from 0 to 1; the first choice is where the least is."""
    if isinstance(distribution, CategoricalDistribution):
        return 0.3 if value == distribution.choices[0] else 1.0
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = distribution.low, distribution.high
    if low == high:
        return 0.3
    return math.log(value / low) / math.log(high / low) if distribution.log else (value - low) / (high - low)


def ackley(x: np.ndarray) -> float:
    """Many shallow valleys around a deep one; divided to be about 1 at most."""
    waves = np.exp(np.cos(2 * np.pi * x).mean())
    return float((20 - 20 * np.exp(-0.2 * np.sqrt((x**2).mean())) + math.e - waves) / 20)


def levy(x: np.ndarray) -> float:
    """Valleys along every axis; divided to be about 1 at most."""
    w = 1 + (x - 1) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return float((np.sin(np.pi * w[0]) ** 2 + middle + last) / 100)


def of_vectors(function: Callable[[np.ndarray], float], n: int) -> tuple[dict[str, BaseDistribution], Function]:
    """The same over ``n`` hyperparameters."""
    space: dict[str, BaseDistribution] = {f"x{k}": FloatDistribution(-8, 10) for k in range(n)}
    return space, lambda params: function(np.array([params[name] for name in space]))


def regrets(space: dict[str, BaseDistribution], function: Function, seed: int, n_trials: int) -> list[float]:
    """After each trial, of the one that was best so far."""
    generator = np.random.default_rng(seed)
    study = optuna.create_study(sampler=samplers.make_sampler("tpe", seed), direction="minimize")
    best = math.inf
    found: list[float] = []
    for _ in range(n_trials):
        trial = study.ask(space)
        true = function(trial.params)
        noisy = true + float(generator.normal(0, NOISE))
        study.tell(trial, noisy)
        found.append(true if noisy < best else found[-1])
        best = min(best, noisy)
    return found


def main() -> None:
    """Prints a line for each objective, seed and bound."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--trials", type=int, default=1000)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--bounds", type=int, nargs="+", default=[250, 10**9])
    given = arguments.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    objectives = {"own space": own_space(), "Ackley, 6": of_vectors(ackley, 6), "Levy, 10": of_vectors(levy, 10)}
    moments = [n for n in (250, 500, 1000, 2000) if n <= given.trials] or [given.trials]
    print(f"{'':10} seed bound      {' '.join(f'{n:>7}' for n in moments)}  processor", flush=True)
    for seed in range(given.seeds):
        for name, (space, function) in objectives.items():
            for bound in given.bounds:
                samplers.MOST_TO_LEARN_FROM, begun = bound, time.process_time()
                found = regrets(space, function, seed, given.trials)
                row = " ".join(f"{found[n - 1]:7.4f}" for n in moments)
                print(f"{name:10} {seed:4} {bound:<10} {row} {time.process_time() - begun:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
