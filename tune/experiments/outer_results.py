"""What a nested evaluation says: how good the tuner's answer is on whom it never saw, and how optimistic validation is.

All of it is made from the studies in the database, which hold what each outer fold's answer scored on its test set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from optuna import Study
from optuna.storages import RDBStorage

from ..config.settings import resolve
from ..core.escaping import escaped, fenced, table_lines
from ..core.files import csv_text, write_text
from ..core.folders import StudyFolder
from ..core.json_files import readable
from ..evaluation.evaluate import FEWEST_PEOPLE, difference_interval, mean_interval
from ..report.figures.words import counted, interval, percent
from ..report.words import metric_name, points, score
from ..run import Finished
from ..search.loop import Ended
from ..search.progress import show_seconds
from ..study.companions import ENDINGS, find_companion
from ..study.ended import metric_value
from ..study.floors import FLOOR_NAME, floor_study
from ..study.samplers import n_finished
from ..study.selection import chosen_score, seconds_searched, selected
from ..study.study import all_parameters, best_trial, load_study, stored_settings, versions
from ..study.tested import evaluation_of, times_test_was_used
from ..training.metrics import METRIC_LABELS
from .comparison import overall_best
from .outer_folds import OuterFold


@dataclass(frozen=True)
class FoldResult:
    """What the tuner answered in one outer fold.

    Attributes:
        study: That has it; of all architectures the best.
        architecture: Registered name; that of the floor where it is handed over, since nothing beats it.
        trial: Its number, in the floor's study if it is the floor's.
        validation: The score that chose it: of its runs with fresh seeds or, without those, of the search.
        scores: Of what is handed over on the test set, as stored in the study.
        floor: Those of the floor, which are the same where it is the answer; None without one.
        n_looks: How often networks of its studies were judged on the test set.
        seconds: Training time of all searches, confirmations and floors.
    """

    tested: str
    study: str
    architecture: str
    trial: int
    configuration: dict[str, Any]
    hyperparameters: dict[str, Any]
    validation: float
    scores: dict[str, Any]
    floor: dict[str, Any] | None
    n_parameters: int
    n_trials: int
    n_looks: int
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """A nested evaluation as it stands.

    Attributes:
        outer: ``people`` or ``folds``.
        results: Of those that have been tested, in their order.
        command: Begins the same anew.
    """

    name: str
    outer: str
    metric: str
    folds: tuple[OuterFold, ...]
    results: tuple[FoldResult, ...]
    command: str


@dataclass(frozen=True)
class Estimate:
    """An accuracy on what was never seen, or a difference of two.

    Attributes:
        interval: 95%; None of a single unit.
    """

    accuracy: float
    interval: tuple[float, float] | None


def studies_of(storage: RDBStorage, fold: OuterFold) -> list[Study]:
    """The studies of an outer fold that are there: one, or one for each architecture."""
    found = [study for name in fold.study_names if (study := load_study(storage, name)) is not None]
    return [study for study in found if stored_settings(study) is not None]


def result_of(storage: RDBStorage, fold: OuterFold) -> FoldResult | None:
    """The tuner's answer in an outer fold; None as long as it has not been tested."""
    studies = studies_of(storage, fold)
    done = [
        Finished(study, resolve(stored_settings(study) or {}), StudyFolder(Path(), study.study_name), Ended(""), [])
        for study in studies
    ]
    best = overall_best(done) or next(iter(done), None)
    handed_over = None if best is None else selected(best.study, best.settings, best.folder)
    if best is None or handed_over is None:
        return None
    trial = handed_over.trial
    ensemble = handed_over.ensemble
    scores = (ensemble or evaluation_of(handed_over.study.user_attrs, trial)).get("test")
    if scores is None:
        return None
    score = chosen_score(best.study) if handed_over.study is best.study else None
    floor = floor_study(best.study)
    companions = [find_companion(study, kind) for study in studies for kind in ENDINGS]
    return FoldResult(
        tested=fold.tested,
        study=best.study.study_name,
        architecture=handed_over.settings.architecture,
        trial=trial.number,
        configuration=trial.params,
        hyperparameters=all_parameters(trial),
        validation=metric_value(trial) if score is None else score,
        scores=scores,
        floor=None if floor is None else evaluation_of(floor.user_attrs, best_trial(floor)).get("test"),
        n_parameters=trial.user_attrs["n_parameters"] if ensemble is None else ensemble["n_parameters"],
        n_trials=sum(map(n_finished, studies)),
        n_looks=max(times_test_was_used(study.user_attrs) for study in (*studies, handed_over.study)),
        seconds=sum(seconds_searched(study) for study in (*studies, *companions) if study is not None),
    )


def with_results(storage: RDBStorage, evaluation: Evaluation) -> Evaluation:
    """The evaluation as its studies are now."""
    results = (result_of(storage, fold) for fold in evaluation.folds)
    return replace(evaluation, results=tuple(one for one in results if one is not None))


def units_of(evaluation: Evaluation, *, of_floor: bool = False) -> dict[str, tuple[float, int]]:
    """Accuracy and number of sequences of each person or, where folds are tested, of each fold."""
    found: dict[str, tuple[float, int]] = {}
    for one in evaluation.results:
        scores = one.floor if of_floor else one.scores
        if scores is None:
            continue
        units = {one.tested: scores} if evaluation.outer == "folds" else scores.get("per_person") or {}
        found |= {name: (unit["accuracy"], unit["n_sequences"]) for name, unit in units.items()}
    return found


def gain(evaluation: Evaluation) -> Estimate | None:
    """How much better the answers are than the floors, mean over the units; None where a floor is missing."""
    units, floors = units_of(evaluation), units_of(evaluation, of_floor=True)
    if not units or units.keys() != floors.keys():
        return None
    differences = np.array([share - floors[name][0] for name, (share, _) in units.items()])
    return Estimate(float(differences.mean()), difference_interval(differences))


def estimate(units: dict[str, tuple[float, int]], *, pooled: bool = False) -> Estimate:
    """The mean over the units or, pooled, the share of correct predictions among all sequences."""
    accuracies, sizes = (np.array(column, dtype=float) for column in zip(*units.values(), strict=True))
    weights = sizes if pooled else np.ones_like(sizes)
    interval = mean_interval(accuracies, weights, int(sizes.sum()))
    return Estimate(float(np.average(accuracies, weights=weights)), interval)


def optimism(evaluation: Evaluation) -> float:
    """How much better validation was than test on average; of a loss, how much lower."""
    sign = -1 if evaluation.metric == "loss" else 1
    return sign * fmean(one.validation - one.scores[evaluation.metric] for one in evaluation.results)


def conclusions(evaluation: Evaluation) -> Iterator[str]:
    """What the answers say, in sentences."""
    results, units = evaluation.results, units_of(evaluation)
    tested = {one.tested for one in results}
    if missing := [fold.tested for fold in evaluation.folds if fold.tested not in tested]:
        yield f"Not tested yet, and left out of what follows: {'; '.join(missing)}."
    if not results:
        return
    what = "people" if evaluation.outer == "people" else "outer folds"
    mean, pooled = estimate(units), estimate(units, pooled=True)
    yield f"Accuracy of the tuner's answer, mean over {len(units)} {what}: {_with_interval(mean, what)}."
    if len(units) > 1:
        (worst, (low, _)), *_, (best, (high, _)) = sorted(units.items(), key=lambda unit: unit[1][0])
        spread = points(stdev(accuracy for accuracy, _ in units.values()))
        yield f"Standard deviation {spread}, from {percent(low)} ({worst}) to {percent(high)} ({best})."
    n_sequences = sum(n for _, n in units.values())
    yield f"Pooled over {counted(n_sequences, 'sequence')}, each tested once: {_with_interval(pooled, what)}."
    yield from _gain_words(evaluation, what)
    yield _optimism_words(evaluation)
    if what == "people" and len(units) < FEWEST_PEOPLE:
        yield f"{len(units)} people say little of how people differ."
    if evaluation.outer == "folds":
        known = any(one.scores.get("per_person") for one in results)
        why = "the same people are trained on" if known else "it is not known who performed a sequence"
        yield f"It says nothing about new people: {why}."
    yield (
        "The outer folds share most of their training data: how other data would change the tuner's answer is only "
        "partly in the interval (Bengio & Grandvalet 2004)."
    )
    for one in results:
        if one.n_looks > 1:
            yield f"{one.tested} was tested on {one.n_looks} times: that score is no longer quite unseen."


def _with_interval(found: Estimate, what: str) -> str:
    if found.interval is None:
        return percent(found.accuracy)
    low, high = found.interval
    return f"{percent(found.accuracy)} (95% interval {interval(low, high)}, over {what})"


def _gain_words(evaluation: Evaluation, what: str) -> Iterator[str]:
    """Whether tuning is worth it."""
    found = gain(evaluation)
    if found is None:
        return
    of_floor = estimate(units_of(evaluation, of_floor=True)).accuracy
    n_floors = sum(one.scores == one.floor for one in evaluation.results)
    if n_floors == len(evaluation.results):
        yield f"Each of the answers was the untuned floor, {FLOOR_NAME}: nothing beat it on validation."
        return
    span = ""
    if found.interval is not None:
        low, high = (f"{100 * bound:+.1f}".replace("-", "−") for bound in found.interval)
        span = f" (95% interval of the difference {low} to {high} points, over {what})"
    verdict = f"{points(abs(found.accuracy))} {'better' if found.accuracy > 0 else 'worse'}"
    yield (
        f"Untuned, {FLOOR_NAME} has {percent(of_floor)}: the tuner's answer is "
        f"{verdict if found.accuracy else 'as good'}{span}."
    )
    if n_floors:
        yield f"In {n_floors} of {len(evaluation.results)} outer folds nothing beat it, and it was the answer."


def _optimism_words(evaluation: Evaluation) -> str:
    metric, difference = evaluation.metric, optimism(evaluation)
    validation = fmean(one.validation for one in evaluation.results)
    test = fmean(one.scores[metric] for one in evaluation.results)
    size = f"{abs(difference):.3f}" if metric == "loss" else points(abs(difference))
    verdict = f"{size} too {'optimistic' if difference > 0 else 'pessimistic'}" if difference else "just right"
    return (
        f"Validation {metric_name(metric)} was {score(validation, metric)} on average over the outer folds, test "
        f"{score(test, metric)}: validation was {verdict}."
    )


def table(evaluation: Evaluation) -> list[list[str]]:
    """A heading, then a row for each outer fold that has been tested."""
    metric = evaluation.metric
    also = [] if metric == "accuracy" else [metric]
    with_floors = any(one.floor for one in evaluation.results)
    rows = [
        [
            "tested",
            "architecture",
            "trial",
            "parameters",
            f"validation {metric_name(metric)}",
            *(f"test {metric_name(name)}" for name in (*also, "accuracy")),
            *(["of the floor"] * with_floors),
            "sequences",
            "trials",
            "training time",
        ]
    ]
    for one in evaluation.results:
        rows.append(
            [
                one.tested,
                one.architecture,
                str(one.trial),
                f"{one.n_parameters:,}",
                score(one.validation, metric),
                *(score(one.scores[name], name) for name in (*also, "accuracy")),
                *([score((one.floor or {}).get("accuracy"), "accuracy")] * with_floors),
                str(one.scores["n_sequences"]),
                str(one.n_trials),
                show_seconds(one.seconds),
            ]
        )
    return rows


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Writes ``evaluation.md``, ``evaluation.csv`` and ``evaluation.json``."""
    write_text(folder / "evaluation.csv", _csv(evaluation))
    write_text(folder / "evaluation.json", readable(_as_json(evaluation)) + "\n")
    write_text(folder / "evaluation.md", markdown(evaluation))


def markdown(evaluation: Evaluation) -> str:
    """The sentences and the table."""
    head, *rows = table(evaluation)
    lines = [f"# {escaped(evaluation.name)}", ""]
    lines += ["The whole tuner ran within each outer fold, and its answer was tested on what it had never seen.", ""]
    lines += [*(f"- {escaped(sentence)}" for sentence in conclusions(evaluation)), ""]
    lines += table_lines(head, rows, 2)
    units = units_of(evaluation)
    if len(units) > len(evaluation.results):
        people = [(name, percent(share), str(n)) for name, (share, n) in units.items()]
        lines += ["", *table_lines(("person", "test accuracy", "sequences"), people)]
    lines += ["", "What was selected, of the searched hyperparameters:", ""]
    for one in evaluation.results:
        values = ", ".join(f"{name} {_value(value)}" for name, value in one.configuration.items()) or "none searched"
        lines.append(f"- {escaped(one.tested)}: {escaped(one.study)}, trial {one.trial}: {escaped(values)}")
    lines += ["", "To begin the same anew:", "", fenced(evaluation.command)]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _csv(evaluation: Evaluation) -> str:
    metrics = [name for name in METRIC_LABELS if all(name in one.scores for one in evaluation.results)]
    head = ["tested", "study", "architecture", "trial", "n_parameters", f"validation_{evaluation.metric}"]
    head += [f"test_{metric}" for metric in metrics]
    head += ["floor_test_accuracy", "n_sequences", "n_trials", "seconds", "hyperparameters"]
    rows = [
        [one.tested, one.study, one.architecture, one.trial, one.n_parameters, one.validation]
        + [one.scores[metric] for metric in metrics]
        + [(one.floor or {}).get("accuracy"), one.scores["n_sequences"], one.n_trials, round(one.seconds, 3)]
        + [json.dumps(one.hyperparameters)]
        for one in evaluation.results
    ]
    return csv_text(head, rows)


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    units = units_of(evaluation)
    found = {name: estimate(units, pooled=name == "pooled") for name in ("mean", "pooled")} if units else {}
    better = gain(evaluation)
    return {
        "name": evaluation.name,
        "outer": evaluation.outer,
        "metric": evaluation.metric,
        "command": evaluation.command,
        "versions": versions(),
        "n_folds": len(evaluation.folds),
        "n_tested": len(evaluation.results),
        "intervals_over": "people" if evaluation.outer == "people" else "folds",
        "accuracy": {name: {"value": one.accuracy, "interval_95": one.interval} for name, one in found.items()},
        "standard_deviation": stdev(share for share, _ in units.values()) if len(units) > 1 else None,
        "gain_over_floor": better and {"value": better.accuracy, "interval_95": better.interval},
        "optimism": optimism(evaluation) if evaluation.results else None,
        "units": {name: {"accuracy": share, "n_sequences": n} for name, (share, n) in units.items()},
        "folds": [
            {
                "tested": one.tested,
                "study": one.study,
                "architecture": one.architecture,
                "trial": one.trial,
                "hyperparameters": one.hyperparameters,
                "n_parameters": one.n_parameters,
                "n_trials": one.n_trials,
                "seconds": one.seconds,
                "times_test_was_used": one.n_looks,
                "floor_test_accuracy": (one.floor or {}).get("accuracy"),
                "validation": one.validation,
                "test": {name: one.scores[name] for name in (*METRIC_LABELS, "n_sequences") if name in one.scores},
            }
            for one in evaluation.results
        ],
        "sentences": list(conclusions(evaluation)),
    }
