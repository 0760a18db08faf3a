"""Does the reported 95% interval hold the winner's true accuracy, and does the best validation score's?

Simulated studies of a task whose truth is known: a network names a sequence rightly with the probability
sigmoid(ability + person + sequence), where ability is that of its configuration and its seed. 30 configurations are
tried; from there on everything is the tuner's own: what is confirmed and in which order within 40% of the time, who
wins, and the interval that is reported (``tune/search/racing.py``, ``tune/evaluation/evaluate.py``).

    PYTHONPATH=. .venv/bin/python benchmarks/confirmation.py --studies 200
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from data.sequences import SequenceDataset
from tune.evaluation.evaluate import Evaluation, evaluate, wilson_interval
from tune.search.racing import Candidate, decided, difference, standing

N_CONFIGURATIONS, N_CONFIRMED, N_SEEDS = 30, 3, 5
# Of thirty trials half are pruned after a quarter; what they take together, in runs of full length.
SEARCH_RUNS = 30 * 0.625
TIME_SHARE = 0.4
SEED_SCATTER, SEQUENCE_SCATTER = 0.15, 2.0
N_POPULATION = 20_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """One kind of data.

    Attributes:
        name: For the table.
        n_sequences: Of the validation set, and as many of the test set.
        n_people: In each of the two; 0 where they are not known, and do not differ.
        person_scatter: Of people's own difficulty, in logits.
    """

    name: str
    n_sequences: int
    n_people: int
    person_scatter: float


TASKS = (
    Task("640 sequences, people not known", 640, 0, 0.0),
    Task("200 sequences, people not known", 200, 0, 0.0),
    Task("800 sequences of 10 people", 800, 10, 0.7),
    Task("800 sequences of 5 people", 800, 5, 0.7),
)


@dataclass(frozen=True, eq=False)
class Part:
    """Sequences to be judged on: how easy each is, and whose it is."""

    ease: Floats
    dataset: SequenceDataset

    def judge(self, ability: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which of them a network of this ability names rightly."""
        return rng.random(len(self.ease)) < _sigmoid(ability + self.ease)

    def evaluate(self, right: NDArray[np.bool_], seed: int) -> Evaluation:
        """As the tuner reports it."""
        logits = torch.tensor(np.where(right[:, None], [2.0, 0.0], [0.0, 2.0]), dtype=torch.float32)
        return evaluate([logits], [self.dataset], seed=seed)


def draw_part(task: Task, rng: np.random.Generator) -> Part:
    """People and sequences of a task, drawn anew."""
    n = task.n_sequences
    people = np.arange(n) % task.n_people if task.n_people else None
    ease = SEQUENCE_SCATTER * rng.standard_normal(n)
    if people is not None:
        ease += task.person_scatter * rng.standard_normal(task.n_people)[people]
    dataset = SequenceDataset(
        name="simulated",
        kind="gesture",
        values=torch.zeros(n, 1),
        lengths=torch.ones(n, dtype=torch.long),
        labels=torch.zeros(n, dtype=torch.long),
        class_names=("right", "wrong"),
        channel_names=("x",),
        groups=None if people is None else torch.from_numpy(people),
        group_names=tuple(f"person {k}" for k in range(task.n_people)),
    )
    return Part(ease, dataset)


def true_accuracy(task: Task, ability: float) -> float:
    """Of a network on people and sequences without end."""
    scatter = np.hypot(SEQUENCE_SCATTER, task.person_scatter if task.n_people else 0.0)
    grid = (np.arange(N_POPULATION) + 0.5) / N_POPULATION
    # The normal quantiles by way of the error function's inverse.
    normal = np.sqrt(2) * torch.erfinv(torch.from_numpy(2 * grid - 1)).numpy()
    return float(_sigmoid(ability + scatter * normal).mean())


@dataclass(frozen=True)
class Result:
    """Of one simulated study.

    Attributes:
        covered: Whether the winner's reported interval holds the true accuracy of the network that was tested.
        plain_covered: The same of the usual interval over sequences around the best validation score.
        plain_too_good: By how much the best validation score is above the truth.
        confirmed_too_good: The same of the winner's mean over fresh seeds.
        width: Of the reported interval.
        wrongly_told_apart: Whether a runner-up that is truly better, or as good, was called worse.
    """

    covered: bool
    plain_covered: bool
    plain_too_good: float
    confirmed_too_good: float
    width: float
    wrongly_told_apart: bool


def simulate(task: Task, seed: int) -> Result:
    """One study from its search to its report."""
    rng = np.random.default_rng(seed)
    validation, test = draw_part(task, rng), draw_part(task, rng)
    abilities = 6.0 - rng.exponential(0.8, N_CONFIGURATIONS)

    def train(configuration: int) -> float:
        return float(abilities[configuration] + SEED_SCATTER * rng.standard_normal())

    networks = [train(k) for k in range(N_CONFIGURATIONS)]
    answers = [validation.judge(network, rng) for network in networks]
    scores = [float(right.mean()) for right in answers]
    order = sorted(range(N_CONFIGURATIONS), key=lambda k: (-scores[k], k))
    chosen = order[:N_CONFIRMED] + [k for k in (0,) if k not in order[:N_CONFIRMED]]
    candidates = [Candidate(k, "search", scores[k], 1.0) for k in chosen]
    runs: dict[tuple[int, int], float | None] = {}
    limit = TIME_SHARE * SEARCH_RUNS
    while (stood := standing(candidates, runs, N_SEEDS, maximize=True, limit=limit)).missing:
        for trial, repetition in stood.missing:
            runs[trial, repetition] = float(validation.judge(train(trial), rng).mean())
    ranked = decided(candidates, runs, stood.dropped, maximize=True)
    winner, tested = ranked[0], train(ranked[0])
    low, high = test.evaluate(test.judge(tested, rng), seed).intervals["accuracy"]
    plain_low, plain_high = wilson_interval(scores[order[0]], task.n_sequences)
    plain_truth = true_accuracy(task, networks[order[0]])
    fresh = [score for (trial, _), score in runs.items() if trial == winner and score is not None]
    others = [k for k in ranked[1:] if k not in stood.dropped and abilities[k] >= abilities[winner]]
    return Result(
        covered=low <= true_accuracy(task, tested) <= high,
        plain_covered=plain_low <= plain_truth <= plain_high,
        plain_too_good=scores[order[0]] - plain_truth,
        confirmed_too_good=fmean(fresh) - true_accuracy(task, float(abilities[winner])),
        width=high - low,
        wrongly_told_apart=any(difference(runs, winner, k).distinguishable for k in others),
    )


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)), dtype=np.float64)


def main() -> None:
    """Prints a row for every task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| task | reported interval covers | its width | best validation score, plain, covers | is too good by |")
    print("|---|---|---|---|---|")
    for task in TASKS:
        found = [simulate(task, 1000 * options.seed + k) for k in range(options.studies)]
        print(
            f"| {task.name} | {fmean(one.covered for one in found):.1%} | {fmean(one.width for one in found):.3f} | "
            f"{fmean(one.plain_covered for one in found):.1%} | {fmean(one.plain_too_good for one in found):+.4f}, "
            f"confirmed {fmean(one.confirmed_too_good for one in found):+.4f} |",
            flush=True,
        )
        wrong = fmean(one.wrongly_told_apart for one in found)
        print(f"  wrongly told apart: {wrong:.1%}")


if __name__ == "__main__":
    main()
