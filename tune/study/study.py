"""A study: created once with everything that it depends on, resumed only as the same study."""

from __future__ import annotations

import platform
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import optuna
from optuna import Study
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ..config.changes import changed_settings, newer_settings
from ..config.initial import ever_smaller, initial_configurations, moved_into, portfolio
from ..config.settings import Settings
from ..config.spaces import Scalar
from ..core.errors import OtherStudyError, StorageError, StudyError, StudyExistsError
from ..core.failures import shown
from ..core.files import write_text
from ..core.folders import StudyFolder
from ..training.splits import Splits, describe_data, describe_split
from .brackets import BracketPruner, rungs_of
from .constraints import may_be_trained
from .database import HISTORY
from .draws import BracketSampler
from .ended import DEFAULT_ORIGIN, ended_and_unfinished, is_over_a_cap, metric_value, score_sign
from .locks import study_lock
from .pareto_front import Candidate, front_of, knee_of
from .samplers import SAMPLERS, make_pruner, make_sampler
from .store import (
    LEFT,
    attributes_of,
    complete_trials,
    engine_of,
    identity,
    storage_of,
    stored_histories,
    study_of,
    unfinished_trials,
)
from .stored import check_history, check_stored, check_trial

PACKAGES = ("torch", "optuna", "numpy", "sqlalchemy", "pandas", "plotly", "click", "pydantic")
N_WARM_START_TRIALS = 5
N_NAMED = 5

# On a study whose search has ended before its trials were done: why, and how many there were to be.
NOTHING_TO_GAIN = "nothing_to_gain"

# On a study that holds the confirmation runs of another one, or its floor: that one's random id, and its name.
CONFIRMS, FLOOR_OF = "confirms", "floor_of"
COMPANION_MARKS = frozenset({CONFIRMS, FLOOR_OF})
OWNER = "confirms_study"
# On a confirmation run: the trial that it repeats.
RUN_OF = "confirms_trial"


def study_names(storage: RDBStorage) -> list[str]:
    """Names of all studies in the database.

    Raises:
        StorageError: If it is damaged.
    """
    with _damage_told(storage):
        return [summary.study_name for summary in storage.get_all_studies()]


def load_study(storage: BaseStorage, name: str, *, with_trials: bool = True) -> Study | None:
    """A study that exists; None if there is none of that name. Without its trials these are not checked either.

    Raises:
        StorageError: If what is stored of it is damaged.
    """
    with _damage_told(storage):
        try:
            study = study_of(storage, name)
        except KeyError:
            return None
        if stored_settings(study) is not None:
            check_stored(study.user_attrs, study.get_trials(deepcopy=False) if with_trials else ())
        return study


@contextmanager
def _damage_told(storage: BaseStorage) -> Iterator[None]:
    """Tells of what cannot be read: SQLite looks at its own pages, and nobody at what stands in them."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        where = shown(engine_of(storage).url)
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise StorageError(f"{where} is damaged ({what}); move it away to begin anew, or restore a copy") from error


def stored_settings(study: Study) -> dict[str, Any] | None:
    """The settings that the study was created with; None if it was not created by this tuner, or not to the end."""
    settings = attributes_of(study).get("settings")
    if not isinstance(settings, dict):
        return None
    # What a study that is older than these settings had: people were drawn without a look at what they perform, there
    # were no floors, no ensembles and no streams, no search ended before its trials were done, no networks but the
    # registered ones, and each fold chose the epoch that it was judged after.
    settings = {"network": None, **settings}
    later: dict[str, dict[str, Any]] = {
        "data": {
            **{"label_from": "folder", "hop_seconds": None, "window_label": "auto", "label_share": 0.75},
            "storage": "memory",
        },
        "split": {"balanced": False, "outer_fold": None, "common_epoch": False},
        "search": {
            **{"floors": False, "ensemble": 0, "stop": "never", "unknown_classes": 0, "device_precision": "float32"},
            **dict.fromkeys(("max_flash", "max_ram", "max_macs", "false_alarms_per_hour")),
        },
    }
    for section, older in later.items():
        if isinstance(written := settings.get(section), dict):
            settings = {**settings, section: {**older, **written}}
    if isinstance(space := settings.get("space"), dict) and isinstance(shared := space.get("shared"), dict):
        # At its own place where it is there: what is drawn depends on the order.
        shared = shared | {"class_balance": shared.get("class_balance", "none")}
        settings = {**settings, "space": {**space, "shared": shared}}
    return settings


def is_companion(study: Study) -> bool:
    """Whether a study belongs to another one: it holds its confirmation runs, or its floor."""
    return not COMPANION_MARKS.isdisjoint(attributes_of(study))


def exists_already(name: str) -> StudyExistsError:
    """What to say to who would begin a study that is there."""
    return StudyExistsError(
        f"a study {name!r} exists already: go on with it (--resume), use another name (--study-name), or begin a new "
        f"one from its best trials (--study-name NEW --warm-start {name})"
    )


def create_study(
    storage: RDBStorage,
    folder: StudyFolder,
    settings: Settings,
    splits: Splits,
    warm_start: Sequence[dict[str, Scalar]] = (),
) -> Study:
    """Creates a study and lines up its first trials.

    Args:
        storage: Of the study.
        folder: Of the study.
        settings: Complete.
        splits: The data, whose fingerprint is stored.
        warm_start: Configurations to try right after the default ones.

    Raises:
        StudyExistsError: If there is a study of that name by now.
    """
    folder.root.mkdir(parents=True, exist_ok=True)
    with study_lock(storage, folder):
        study = load_study(storage, folder.study_name)
        if study is not None:
            _check_half_made(study, settings)
        else:
            study = optuna.create_study(storage=storage, study_name=folder.study_name, directions=settings.directions)
        study.set_user_attr("study_id", own := uuid.uuid4().hex)
        write_text(folder.identity, own)
        study = study_of(storage, folder.study_name)  # Now that its trials can be told from those of others.
        searched, _ = settings.ranges()
        for values in initial_configurations(splits.dataset.kind, settings.architecture, searched) if searched else ():
            # A trial that is not trained teaches nothing, and only one that is trained is a beginning.
            allowed = filter(partial(may_be_trained, settings, splits), ever_smaller(searched, values))
            initial = next(allowed, values)
            known = {"origin": DEFAULT_ORIGIN, **({} if initial == values else {"made_smaller": True})}
            study.enqueue_trial(initial, user_attrs=known, skip_if_exists=True)
        for values in warm_start:
            study.enqueue_trial(moved_into(searched, values), user_attrs={"origin": "warm start"}, skip_if_exists=True)
        attributes = {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data_fingerprint": splits.dataset.fingerprint,
            "data": describe_data(settings, splits),
            "split": describe_split(settings, splits),
            "n_validation": sum(len(fold.validation) for fold in splits.folds),
            "versions": versions(),
        }
        for name, value in attributes.items():
            study.set_user_attr(name, value)
        _name_objectives(study, settings)
        study.set_user_attr("settings", settings.model_dump(mode="json"))
    return with_strategy(study, settings)


def _name_objectives(study: Study, settings: Settings) -> None:
    """For the dashboard, which would call them by their numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        second = settings.search.second_objective
        study.set_metric_names([f"validation {settings.search.metric}", *([second] if second else [])])


def _check_half_made(study: Study, settings: Settings) -> None:
    """Lets a study be created again that was killed while it was created; settings are what is stored last."""
    if stored_settings(study) is not None:
        raise exists_already(study.study_name)
    if identity(study) is None and study.get_trials(deepcopy=False):
        raise StudyError(
            f"there is a study {study.study_name!r} that this tuner did not make: use another name (--study-name)"
        )
    seeks, sought = [direction.name.lower() for direction in study.directions], settings.directions
    if seeks != sought:
        raise OtherStudyError(
            f"there is a study {study.study_name!r} without trials that is to {' and '.join(seeks)}, and "
            f"{settings.search.metric} is to {' and what stands beside it to '.join(sought)}: use another name "
            "(--study-name)"
        )


def create_or_resume(storage: RDBStorage, folder: StudyFolder, settings: Settings, splits: Splits) -> Study:
    """The study of that name, whoever begins it; see ``create_study`` and ``resume_study``."""
    study = load_study(storage, folder.study_name)
    if study is None or stored_settings(study) is None:
        try:
            return create_study(storage, folder, settings, splits)
        except StudyExistsError:
            study = load_study(storage, folder.study_name)
            if study is None:
                raise
    return resume_study(study, settings, splits)


def resume_study(study: Study, settings: Settings, splits: Splits) -> Study:
    """Takes up a study, which from now on has these settings; see ``join_study``."""
    study = join_study(study, settings, splits)
    study.set_user_attr("settings", settings.model_dump(mode="json"))
    return study


def join_study(study: Study, settings: Settings, splits: Splits) -> Study:
    """Takes up a study and leaves its settings as they are stored.

    Args:
        study: As loaded; has stored settings.
        settings: The stored ones with this run's changes on top.
        splits: The data as it is now.

    Raises:
        StudyError: If the changes or the data would make it another study.
    """
    if is_companion(study):
        name = study.user_attrs[OWNER]
        what = "confirmation runs" if CONFIRMS in study.user_attrs else "floor"
        raise StudyError(
            f"{study.study_name!r} holds the {what} of {name!r}: go on with that one (--study-name {name})"
        )
    differences = changed_settings(stored_settings(study) or {}, settings)
    is_another = any(line.startswith(("search.metric:", "dataset:")) for line in differences)
    if study.user_attrs.get("data_fingerprint") != splits.dataset.fingerprint:
        is_another = True
        differences.append("the recordings are not those that the study began with (their fingerprint differs)")
    remedy = "Leave the changes out"
    if newer := newer_settings(stored_settings(study) or {}, settings):
        more = f" and {len(newer) - N_NAMED} more" if len(newer) > N_NAMED else ""
        differences.append(f"the study was begun before there were the settings {', '.join(newer[:N_NAMED])}{more}")
        remedy = "Go on with it in the version of the tuner that began it"
    if differences:
        listed = "\n".join(f"  {difference}" for difference in differences)
        raise (OtherStudyError if is_another else StudyError)(
            f"{study.study_name!r} cannot be resumed so, since its trials would no longer be comparable:\n{listed}\n"
            f"{remedy}, or begin a new study from its best trials: --study-name NEW --warm-start {study.study_name}"
        )
    return with_strategy(study, settings)


def with_strategy(study: Study, settings: Settings) -> Study:
    """The study with its sampler and pruner."""
    search, attributes = settings.search, study.user_attrs
    # A loss has no standard error that could be told from the number of sequences, and no best value.
    ends_early = search.stop == "auto" and search.metric != "loss"
    # Who gives a study that has ended more trials wants them all.
    ends_early &= search.trials <= attributes.get(NOTHING_TO_GAIN, {}).get("trials", search.trials)
    study.pruner = make_pruner(
        settings.pruner, settings.n_epochs, attributes.get("n_validation") if ends_early else None
    )
    if isinstance(study.pruner, BracketPruner):
        space, _ = settings.ranges()
        kind = attributes.get("data", {}).get("kind")
        first = portfolio(kind, settings.architecture, space) if kind else []
        study.sampler = BracketSampler(SAMPLERS[search.sampler], search.seed, space, study.pruner.rungs, first)
    else:
        study.sampler = make_sampler(search.sampler, search.seed)
    return study


def as_left(trial: FrozenTrial) -> FrozenTrial:
    """An unfinished trial with what it had come to when it was left; any other as it is."""
    left = trial.system_attrs.get(LEFT) if trial.state == TrialState.RUNNING else None
    if not left:
        return trial
    trial = copy(trial)
    trial.values, trial.user_attrs = left["values"], {**trial.user_attrs, **left["record"]}
    return trial


def trials_so_far(study: Study) -> list[FrozenTrial]:
    """All trials, the unfinished ones with what they had come to when they were left."""
    return [as_left(trial) for trial in study.get_trials(deepcopy=False)]


def trial_so_far(study: Study, number: int) -> FrozenTrial:
    """One of ``trials_so_far``."""
    return as_left(study.get_trials(deepcopy=False)[number])


def with_histories(study: Study, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials with each of their epochs, which the database keeps to itself until somebody asks.

    Raises:
        StorageError: If what is stored of them is damaged.
    """
    with _damage_told(storage_of(study)):
        histories = stored_histories(study, trials)
        for history in histories.values():
            check_history(history)
    complete = [copy(trial) if trial.number in histories else trial for trial in trials]
    for trial in complete:
        if trial.number in histories:
            trial.user_attrs = {**trial.user_attrs, HISTORY: histories[trial.number]}
    return complete


def with_history(study: Study, trial: FrozenTrial) -> FrozenTrial:
    """The same of one."""
    return with_histories(study, [trial])[0]


def has_score(trial: FrozenTrial) -> bool:
    """Whether a trial is complete, or unfinished with a score; Optuna gives one that was pruned a value as well."""
    return trial.state in (TrialState.COMPLETE, TrialState.RUNNING) and trial.values is not None


def is_paused(study: Study, trial: FrozenTrial) -> bool:
    """Whether an unfinished trial has come to where it waits for the others of its bracket."""
    stored = stored_settings(study) or {}
    if trial.state != TrialState.RUNNING or stored.get("search", {}).get("pruner") != "halving":
        return False
    return max(trial.intermediate_values, default=0) in rungs_of(stored["training"]["epochs"])


def unfinished_after(trial: FrozenTrial) -> int | None:
    """Epochs after which a trial was left; None for one that is finished."""
    return trial.user_attrs.get("epochs_run") if trial.state == TrialState.RUNNING else None


def why_ended_early(attributes: Mapping[str, Any], settings: Settings) -> str:
    """Why a search ended before it had its trials; empty if it did not, or has been given more since."""
    found = attributes.get(NOTHING_TO_GAIN) or {"trials": 0}
    return found["why"] if settings.search.trials <= found["trials"] else ""


def best_trials(study: Study, n_best: int | None = None, *, finished_only: bool = False) -> list[FrozenTrial]:
    """The best trials with a score that keep to the caps, best first; of equals a finished one.

    With two objectives these are the knee of their front, and then the rest of it by the metric.
    """
    sign = score_sign(study)
    if len(study.directions) > 1:
        trials = [trial for trial in trials_so_far(study) if has_score(trial) and not is_over_a_cap(trial)]
        feasible = [trial for trial in trials if trial.state == TrialState.COMPLETE or not finished_only]
        # Another program's may have any number of objectives, which mean something else.
        ours = {trial.number: trial for trial in feasible if "n_parameters" in trial.user_attrs}
        front = front_of([Candidate(number, *trial.values[:2]) for number, trial in ours.items()], sign)
        if not front:
            return []
        knee = knee_of(front, sign)
        return [ours[one.number] for one in (knee, *(one for one in reversed(front) if one is not knee))][:n_best]
    ended, unfinished = ended_and_unfinished(study)
    left = [] if finished_only else map(as_left, unfinished)
    feasible = [*ended.ranked[:n_best], *(one for one in left if has_score(one) and not is_over_a_cap(one))]
    finished_first = sorted(feasible, key=lambda trial: (not trial.state.is_finished(), trial.number))
    return sorted(finished_first, key=lambda trial: -sign * metric_value(trial))[:n_best]


def best_trial(study: Study) -> FrozenTrial | None:
    """The best trial with a score that keeps to the caps, or the knee; None before the first."""
    best = best_trials(study, 1)
    return best[0] if best else None


def best_in_database(study: Study) -> FrozenTrial | None:
    """The best trial, for who has none of the others in memory: it is found without them where there is one objective.

    Raises:
        StorageError: If what is stored of it is damaged.
    """
    if len(study.directions) > 1:
        return best_trial(study)
    with _damage_told(storage_of(study)):
        complete = next((trial for trial in complete_trials(study) if not is_over_a_cap(trial)), None)
        left = [trial for trial in map(as_left, unfinished_trials(study)) if has_score(trial)]
        found = [*([] if complete is None else [complete]), *(one for one in left if not is_over_a_cap(one))]
        if stored_settings(study) is not None:
            for trial in found:
                check_trial(study.user_attrs, trial)
    return min(found, key=lambda one: -score_sign(study) * metric_value(one), default=None)


def best_by_metric(study: Study) -> FrozenTrial | None:
    """The best complete trial that keeps to the caps by the metric alone; None before the first."""
    sign, n_best = score_sign(study), 1 if len(study.directions) == 1 else None
    return max(best_trials(study, n_best, finished_only=True), key=lambda one: sign * metric_value(one), default=None)


def all_parameters(trial: FrozenTrial) -> dict[str, Scalar]:
    """Searched and fixed hyperparameters of a trial."""
    return {**trial.user_attrs.get("fixed_parameters", {}), **trial.params}


def temperature_of(trial: FrozenTrial) -> float:
    """What the logits of a trial's networks are divided by.

    Studies of earlier versions have one for each fold that was never held against what it was not fitted on: those
    count as 1.
    """
    return float((trial.user_attrs.get("calibration") or {}).get("temperature", 1.0))


def versions() -> dict[str, str]:
    """Of Python and of the packages that a result depends on."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
