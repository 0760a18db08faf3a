"""How often a comparison calls equally good configurations different, and how often it finds a real difference.

Suites are simulated: the answers of networks whose true accuracy is known, judged by the tuner's own functions from the
table of answers to the verdict. All networks see the same sequences, some of which are hard. What varies beside chance:

- from training to training, how good the network of a seed and fold is (``training``, a standard deviation in logits);
- from person to person, how well a configuration suits them (``person``): configurations that are equally good over all
  people, and not on these eight.

    PYTHONPATH=. .venv/bin/python benchmarks/compare_false_alarms.py --suites 200
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tune.experiments.conclusions import Conclusions, conclude
from tune.experiments.evidence import Judged, Predictions
from tune.experiments.schema import Configuration, Suite

# Logits of a network that is right in about 95%.
LEVEL, SEQUENCE_SPREAD, PERSON_SPREAD = 3.9, 1.5, 0.6


@dataclass(frozen=True)
class Scenario:
    """How a simulated suite is made.

    Attributes:
        name: For the table.
        n_configurations: All equally good, but for ``lead``.
        n_seeds: Trainings of each.
        n_folds: Folds by person; 1 is a single split.
        n_people: Who are judged.
        n_each: Sequences of each.
        by_people: Whether people are the unit, as in a split by person.
        training: Standard deviation of a training's logit.
        person: Standard deviation of a configuration's logit for a person.
        lead: Logit by which the first configuration is better than the others.
    """

    name: str
    n_configurations: int = 2
    n_seeds: int = 5
    n_folds: int = 1
    n_people: int = 8
    n_each: int = 81
    by_people: bool = False
    training: float = 0.3
    person: float = 0.0
    lead: float = 0.0


SCENARIOS = (
    Scenario("one random split, 5 seeds, 648 sequences"),
    Scenario("the same, trainings vary much", training=0.8),
    Scenario("the same, 2 seeds", n_seeds=2, training=0.5),
    Scenario("5 folds, 5 seeds, 3,240 sequences", n_folds=5, n_each=405),
    Scenario("8 people held out in turn, 5 seeds", n_folds=8, n_each=405, by_people=True, person=0.3),
    Scenario("the same, people vary much", n_folds=8, n_each=405, by_people=True, person=0.8),
    Scenario("4 configurations on one random split: any of 6 pairs", n_configurations=4),
    Scenario("one split, first one truly better by about 2 points", lead=0.65),
    Scenario("8 people, first one truly better by about 2 points", n_folds=8, n_each=405, by_people=True, lead=0.65),
)


def suites(scenario: Scenario, n_suites: int, seed: int) -> Iterator[Conclusions]:
    """What simulated suites say."""
    names = [f"c{k}" for k in range(scenario.n_configurations)]
    suite = Suite(name="simulated", configurations=tuple(Configuration(name=name) for name in names))
    rng = np.random.default_rng(seed)
    for _ in range(n_suites):
        owner = np.repeat(np.arange(scenario.n_people), scenario.n_each)
        folds = owner % scenario.n_folds
        units = owner if scenario.by_people else np.arange(len(owner))
        unit = "people" if scenario.by_people else "sequences"
        judged = Judged("validation", units, folds, unit, scenario.n_people, scenario.by_people)
        # Common to all configurations: who is easy, and which sequence.
        easy = rng.normal(0, PERSON_SPREAD, scenario.n_people)[owner] + rng.normal(0, SEQUENCE_SPREAD, len(owner))
        found = []
        for k, name in enumerate(names):
            right = _answers(scenario, rng, easy + (scenario.lead if k == 0 else 0.0), owner, folds)
            found.append(Predictions(name, tuple(range(scenario.n_seeds)), right, (), 0))
        yield conclude(suite, judged, found)


def _answers(
    scenario: Scenario,
    rng: np.random.Generator,
    easy: NDArray[np.float64],
    owner: NDArray[np.int64],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    suits = rng.normal(0, scenario.person, scenario.n_people)[owner]
    trainings = rng.normal(0, scenario.training, (scenario.n_seeds, scenario.n_folds))[:, folds]
    chance = 1 / (1 + np.exp(-(LEVEL + easy + suits + trainings)))
    return (rng.random(chance.shape) < chance).astype(float)


def main() -> None:
    """A row a scenario: the share of suites in which any pair was called different."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--suites", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    print("| suite | accuracy | called different | in the picture |\n|---|---|---|---|")
    for scenario in SCENARIOS:
        n_different, n_in_picture, accuracies = 0, 0, []
        for found in suites(scenario, given.suites, given.seed):
            n_different += any(pair.different for pair in found.pairs)
            joined = 0 if found.ranks is None else max(map(len, found.ranks.groups), default=0)
            n_in_picture += found.ranks is not None and joined < len(found.ranked)
            accuracies += [row.accuracy.mean for row in found.rows if row.accuracy is not None]
        share, in_picture = n_different / given.suites, n_in_picture / given.suites
        print(f"| {scenario.name} | {np.mean(accuracies):.3f} | {share:.1%} | {in_picture:.1%} |", flush=True)


if __name__ == "__main__":
    main()
