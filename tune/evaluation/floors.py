"""What the floors of a study come to, and how far the trial to use is from the one that is a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from data.sequences import SequenceDataset

from ..config.settings import resolve
from ..core.seeds import derive_seed
from ..core.stopping import StopWatch
from ..study.companions import companion_context
from ..study.context import RunContext
from ..study.floors import FLOORS, floor_study, stored_floors
from ..study.locks import study_lock
from ..study.records import mean_scores
from ..study.selection import selected_trial
from ..study.stored import Floor, Forest, Majority, PairedDifference, Scores
from ..study.study import FLOOR_OF, best_trial, stored_settings
from ..study.tested import evaluation_of
from ..training.metrics import METRIC_LABELS, score
from ..training.predictions import unpack
from ..training.splits import Splits
from .evaluate import FEWEST_PEOPLE
from .forest import forest_scores
from .last_fit import refit_splits
from .statistics.paired import difference_of_networks
from .test_evaluation import evaluate_selected


def describe_majority(splits: Splits) -> Majority:
    """The class that most training sequences have, and how good it is always to answer it."""
    train = splits.folds[0].train
    most = int(train.labels.bincount(minlength=train.n_classes).argmax())
    return {"name": train.class_names[most], "validation": _majority_scores(splits, "validation"), "test": None}


def describe_forest(splits: Splits, seed: int) -> Forest:
    """How good a random forest is, and how long it takes."""
    validation, seconds = forest_scores(splits, "validation", seed)
    return {"validation": validation, "test": None, "seconds": seconds}


def describe_floor(floor: Study) -> Floor:
    """What the study of a floor came to, as far as it is."""
    trial, trials = best_trial(floor), floor.get_trials(deepcopy=False, states=(TrialState.PRUNED, TrialState.FAIL))
    attributes = {} if trial is None else trial.user_attrs
    test = evaluation_of(floor.user_attrs, trial).get("test")
    return {
        "study": floor.study_name,
        "of": floor.user_attrs[FLOOR_OF],
        "validation": _scores(
            {name: attributes[key] for name in METRIC_LABELS if (key := f"validation_{name}") in attributes}
        )
        if attributes
        else None,
        "test": None if test is None else _scores(test),
        "n_parameters": attributes.get("n_parameters"),
        "seconds": attributes.get("training_seconds", 0.0),
        "why_not": ""
        if trial or not trials
        else str(trials[-1].user_attrs.get("reason", "")).removeprefix("not trained: "),
    }


def judge_floors(context: RunContext, stop: StopWatch) -> None:
    """Tests the floors as the trial to use was tested, and holds it against the one that is a network.

    What is handed over was decided before, on validation: these scores say what that is worth.

    Raises:
        StopRequested: If a signal has asked for the end.
    """
    study, splits = context.study, context.splits
    floors, floor = stored_floors(study), floor_study(study)
    if floors is None:
        return
    found = dict(floors)
    if splits.folds[0].test is not None:
        found["majority"] = {**floors["majority"], "test": _majority_scores(splits, "test")}
        trained_on = refit_splits(splits) if context.settings.training.refit else splits
        test, _ = forest_scores(trained_on, "test", derive_seed(context.settings.search.seed, "forest"))
        found["forest"] = {**floors["forest"], "test": test}
    if floor is not None:
        evaluate_selected(companion_context(context, floor, resolve(stored_settings(floor) or {})), stop)
        trial = selected_trial(study)
        judged = evaluation_of(study.user_attrs, trial)
        difference = None if trial is None else difference_of(trial, judged, floor, splits)
        found |= {"minirocket": describe_floor(floor), "difference": difference}
    with study_lock(study, context.folder):
        study.set_user_attr(FLOORS, found)


def difference_of(
    trial: FrozenTrial, judged: Mapping[str, Any], floor: Study, splits: Splits
) -> PairedDifference | None:
    """How much better what was ``judged`` for a trial is than the floor; None where one of them was not tested."""
    test, both = splits.folds[0].test, [judged, evaluation_of(floor.user_attrs, selected_trial(floor))]
    if test is None or not all(one.get("correct") for one in both):
        return None
    over, units = units_of(test)
    first, second = (_share_correct(one["correct"], len(test)) for one in both)
    difference, interval = difference_of_networks(first, second, units)
    return {"trial": trial.number, "difference": difference, "interval_95": list(interval), "over": over}


def units_of(part: SequenceDataset) -> tuple[str, NDArray[np.int64]]:
    """What the sequences of a part are no independent samples of, and which of these each belongs to."""
    for name, units in (("people", part.groups), ("recordings", part.recordings)):
        if units is not None and FEWEST_PEOPLE <= len(np.unique(units.numpy())) < len(part):
            return name, units.numpy()
    return "sequences", np.arange(len(part))


def _share_correct(packed: Sequence[str], n_sequences: int) -> NDArray[np.float64]:
    """Of the networks that judged each sequence."""
    return np.asarray(np.mean([unpack(one, n_sequences) for one in packed], axis=0))


def _majority_scores(splits: Splits, part: str) -> Scores:
    """Mean over the folds; the loss is that of answering with the shares of the classes, none of them taken as zero."""
    found = []
    for fold in splits.folds:
        counts = fold.train.labels.bincount(minlength=fold.train.n_classes) + 1.0
        labels = getattr(fold, part).labels
        found.append(score((counts / counts.sum()).log().expand(len(labels), -1), labels))
    return _scores(asdict(mean_scores(found)))


def _scores(found: Mapping[str, Any]) -> Scores:
    scores: Scores = {"accuracy": found["accuracy"], "macro_f1": found["macro_f1"], "loss": found["loss"]}
    if "balanced_accuracy" in found:
        scores["balanced_accuracy"] = found["balanced_accuracy"]
    return scores
