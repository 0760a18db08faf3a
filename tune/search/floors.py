"""The floors: before the first trial, in seconds, what every trial has to beat."""

from __future__ import annotations

from functools import partial

from optuna import Study

from ..config.initial import initial_configurations
from ..config.schema import Confirmation, Metric
from ..config.settings import Settings
from ..config.suitability import suited
from ..core.seeds import derive_seed
from ..core.stopping import StopWatch
from ..evaluation.floors import describe_floor, describe_forest, describe_majority
from ..study.companions import open_companion
from ..study.context import RunContext
from ..study.ended import DEFAULT_ORIGIN
from ..study.floors import FLOOR, FLOOR_NAME, FLOORS, FOREST_NAME, floor_study, stored_floors
from ..study.locks import study_lock, try_trial_lock
from ..study.store import check_identity, identity
from ..study.stored import Floor, Floors
from ..study.study import FLOOR_OF
from ..study.trials_table import write_trials
from ..training.metrics import METRIC_LABELS
from .loop import ThisProcess
from .progress import Progress, show_score

# Steps times features that take about a minute of one core: 2,500 features of UCI HAR, in its two fits, 65 s.
MOST_WORK = 6 * 10**9
FEWEST_FEATURES = 840


def fit_floors(context: RunContext, observer: Progress, stop: StopWatch) -> None:
    """Fits the floors that a study lacks, and says what they come to; what is left undone is for the next run."""
    study, settings = context.study, context.settings
    lock = try_trial_lock(study, context.folder, "floor") if settings.search.floors else None
    if lock is None:
        return  # None are wanted, or another process sees to them.
    try:
        floors = stored_floors(study)
        if floors is None or (settings.architecture != FLOOR and floor_study(study) is None):
            floors = {
                "majority": describe_majority(context.splits),
                "forest": describe_forest(context.splits, derive_seed(settings.search.seed, "forest")),
                "minirocket": None,
                "difference": None,
            }
            if settings.architecture != FLOOR:
                # MiniRocket may take a minute.
                _keep(context, floors)
                observer.say(f"To beat so far: {in_words(floors, settings.search.metric)}")
                observer.after_trial()
                # Half of the time at most: without a trial there would be nothing that it is the floor of.
                with stop.kept_back((stop.seconds_left or 0.0) / 2):
                    floors["minirocket"] = _fit(context, stop)
                if floors["minirocket"] is None and stop.signal is None:
                    observer.say(f"note: {FLOOR_NAME} had no time; --resume without --timeout fits it")
            _keep(context, floors)
    finally:
        lock.release()
    observer.say(f"To beat: {in_words(floors, settings.search.metric)}")


def share_floors(context: RunContext, other: Study) -> None:
    """Gives a study that has no floors yet those of another one of the same data."""
    floors = stored_floors(other)
    if floors is not None and context.settings.architecture != FLOOR and FLOORS not in context.study.user_attrs:
        _keep(context, {**floors, "difference": None})


def in_words(floors: Floors, metric: Metric) -> str:
    """What the floors come to."""
    found = floors["minirocket"]
    parts = [
        f"{FOREST_NAME} {show_score(floors['forest']['validation'][metric], metric)}",
        f"majority class {show_score(floors['majority']['validation'][metric], metric)}",
    ]
    if found is not None and found["validation"] is not None:
        parts.insert(0, f"{FLOOR_NAME} {show_score(found['validation'][metric], metric)}")
    elif found is not None:
        parts.append(f"no {FLOOR_NAME} ({found['why_not']})")
    return f"{', '.join(parts)} (validation {METRIC_LABELS[metric]})"


def _fit(context: RunContext, stop: StopWatch) -> Floor | None:
    """MiniRocket with ridge, once; None where it is not finished."""
    floor = open_companion(context, FLOOR_OF, partial(_begin, context))
    ThisProcess().run(floor, Progress(floor.settings.search.metric, 1, 1), stop)
    if not any(trial.state.is_finished() for trial in floor.study.get_trials(deepcopy=False)):
        return None
    write_trials(floor.study, floor.folder)
    return describe_floor(floor.study)


def _begin(context: RunContext, floor: Study) -> Settings:
    """The settings of the floor, with its trial lined up: the initial one, of much data with fewer features."""
    plain = {"trials": 1, "target": None, "second_objective": None, "sampler": "random", "pruner": "none"}
    changed = {
        "architecture": FLOOR,
        "search": context.settings.search.model_copy(
            update={**plain, "record_answers": "no", "floors": False, "ensemble": 0}
        ),
        "confirmation": Confirmation(configurations=0),
    }
    dataset = context.splits.dataset
    settings, _ = suited(context.settings.model_copy(update=changed), dataset)
    searched, _ = settings.ranges()
    (initial, *_) = initial_configurations(dataset.kind, FLOOR, searched)
    if "n_features" in initial:
        n_fits = len(context.splits.folds) + 1
        affordable = max(FEWEST_FEATURES, MOST_WORK // (n_fits * int(dataset.lengths.sum())))
        own = {**settings.space[FLOOR], "n_features": min(int(initial.pop("n_features")), affordable)}
        settings = settings.model_copy(update={"space": {**settings.space, FLOOR: own}})
    if not floor.get_trials(deepcopy=False):
        floor.enqueue_trial(initial, user_attrs={"origin": DEFAULT_ORIGIN})
    return settings


def _keep(context: RunContext, floors: Floors) -> None:
    with study_lock(context.study, context.folder):
        check_identity(context.study, identity(context.study))
        context.study.set_user_attr(FLOORS, floors)
