"""The runs of a suite: for every configuration an ordinary study whose trials differ in nothing but the seed.

Trial ``k`` of every study has the same seed, so that the configurations are paired run by run. Studies make progress
together, seed by seed: whenever a comparison ends, or is killed, all configurations have about the same number of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from optuna import Study
from optuna.storages import RDBStorage

from ..config.settings import Settings, resolve
from ..config.spaces import Scalar
from ..core.errors import StudyError
from ..core.folders import SaveDir, StudyFolder
from ..core.problems import Problem, SettingsError
from ..core.stopping import StopRequested, StopWatch
from ..report.exports import write_best
from ..search.executor import executor_for
from ..search.loop import Ended
from ..search.progress import show_score
from ..study.context import RunContext
from ..study.samplers import n_finished
from ..study.study import all_parameters, best_trial, create_or_resume, load_study, stored_settings
from ..study.trials_table import write_trials
from ..training.devices import n_workers
from ..training.splits import Splits, load_splits, settled
from .schema import Protocol
from .settings import Entry, filled, parameters_as_layer

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """One configuration under one protocol, ready to run."""

    entry: Entry
    settings: Settings
    splits: Splits
    study: Study
    folder: StudyFolder


class SplitsOnce:
    """Loads each data set, cut in one way, once."""

    def __init__(self) -> None:
        self._loaded: dict[str, Splits] = {}

    def of(self, settings: Settings) -> Splits:
        """The parts that settings mean."""
        key = "/".join((settings.dataset, settings.data.model_dump_json(), settings.split.model_dump_json()))
        if key not in self._loaded:
            self._loaded[key] = load_splits(settings)
        return self._loaded[key]

    def of_entry(self, entry: Entry) -> Splits:
        """The parts of a configuration."""
        # What is known to be good depends on the kind of data, which is only known then; how it is cut does not.
        return self.of(filled(entry.layers, "gesture", entry.protocol.unmentioned))


def judged_part(protocol: Protocol, splits: Splits) -> str:
    """The part of the data whose predictions are compared: ``validation`` or ``test``."""
    has_test = splits.folds[0].test is not None
    if protocol.judged == "test" and not has_test:
        rule = "the split has no test set"
        raise SettingsError([Problem(f"protocol {protocol.name}: judged", "test", rule, "write 'validation'")])
    return protocol.judged if protocol.judged != "auto" else "test" if has_test else "validation"


def refuse_existing(storage: RDBStorage, entries: Iterable[Entry]) -> None:
    """Before anything is begun without ``--resume``: none of their studies may exist."""
    for name in [name for entry in entries for name in (entry.study_name, search_name(entry))]:
        study = load_study(storage, name)
        if study is not None and stored_settings(study) is not None:
            raise StudyError(
                f"a study {name!r} of this comparison exists already: go on with it (--resume), or run it under "
                "another name (--study-name NAME)"
            )


def search_name(entry: Entry) -> str:
    """Name of the study of the search that finds a configuration."""
    return f"{entry.study_name}.search"


def prepared(
    storage: RDBStorage, save_dir: SaveDir, entry: Entry, n_seeds: int, loaded: SplitsOnce, found: dict[str, Any]
) -> Running:
    """Creates or takes up the study of a configuration."""
    splits = loaded.of_entry(entry)
    settings = filled((*entry.layers, found), splits.dataset.kind, entry.protocol.unmentioned)
    decided = {
        "search": {
            "trials": n_seeds,
            "target": None,
            "sampler": "random",
            "pruner": "none",
            "record_answers": judged_part(entry.protocol, splits),
        },
        "training": {"refit": False},
    }
    folder = save_dir.study(entry.study_name)
    settings = resolve(settings.model_dump(mode="json"), decided)
    study, settings = _begun(storage, folder, settings, splits)
    study.set_user_attr(
        "comparison", {"protocol": entry.protocol.name, "configuration": entry.configuration.name, "seeds": n_seeds}
    )
    return Running(entry, settings, splits, study, folder)


def opened(study: Study, save_dir: SaveDir, entry: Entry, loaded: SplitsOnce) -> Running:
    """The runs of a configuration as they are, to be read only."""
    settings = resolve(stored_settings(study) or {})
    return Running(entry, settings, loaded.of(settings), study, save_dir.study(study.study_name))


def run_all(running: Sequence[Running], n_seeds: int, stop: StopWatch, say: Say) -> list[str]:
    """Trains what is missing, seed by seed; returns a sentence for every configuration that cannot be trained."""
    failed: dict[str, str] = {}
    at_once = max(1, n_workers(running[0].settings))
    n_wanted = 0
    while n_wanted < n_seeds:
        n_wanted = min(n_wanted + at_once, n_seeds)
        for one in running:
            if stop.reason is not None:
                return list(failed.values())
            name = one.entry.study_name
            if name in failed or n_finished(one.study) >= n_wanted:
                continue
            ended = _run(one, n_wanted, stop, say)
            if ended.failure:
                failed[name] = f"{name} cannot be trained: {ended.reason}: {ended.failure}"
                say(failed[name])
    return list(failed.values())


def write_studies(running: Sequence[Running]) -> None:
    """What each configuration's study leaves on disk: its table of runs, and the best run's configuration."""
    for one in running:
        write_trials(one.study, one.folder)
        if best_trial(one.study) is not None:
            write_best(one.study, one.settings, one.folder)


def _run(one: Running, n_wanted: int, stop: StopWatch, say: Say) -> Ended:
    settings = resolve(one.settings.model_dump(mode="json"), {"search": {"trials": n_wanted}})
    torch.set_num_threads(settings.machine.threads)
    observer = _Lines(one.entry.study_name, one.settings, say)
    context = RunContext.on_this_machine(one.study, settings, one.splits, one.folder)
    return executor_for(settings).run(context, observer, stop)


def _begun(storage: RDBStorage, folder: StudyFolder, settings: Settings, splits: Splits) -> tuple[Study, Settings]:
    """The study of that name, begun or taken up, and its settings as they suit the data."""
    existing = load_study(storage, folder.study_name)
    begun = None if existing is None else stored_settings(existing)
    settings, _ = settled(settings, splits, begun)
    return create_or_resume(storage, folder, settings, splits), settings


def found_by_search(
    storage: RDBStorage, save_dir: SaveDir, entry: Entry, loaded: SplitsOnce, stop: StopWatch, say: Say
) -> dict[str, Any]:
    """The best configuration of a search, which is an ordinary study, resumed until it has its trials.

    Returns:
        As a layer of settings, which is empty where no search is asked for.

    Raises:
        StopRequested: If the run ends before the search does.
    """
    wanted = entry.configuration.found_by_search
    if wanted is None:
        return {}
    suite, protocol, *rest = entry.layers
    # The search has the ranges of this tuner, not the values that the protocol fixes.
    open_layers = [{key: value for key, value in layer.items() if key != "space"} for layer in (suite, protocol)]
    settings = resolve(*open_layers, *rest, wanted)
    splits = loaded.of(settings)
    name = search_name(entry)
    folder = save_dir.study(name)
    study, settings = _begun(storage, folder, settings, splits)
    study.set_user_attr("comparison", {"protocol": entry.protocol.name, "found_for": entry.configuration.name})
    if n_finished(study) < settings.search.trials:
        say(f"{name}: a search of {settings.search.trials} trials finds this configuration first")
        observer = _Lines(name, settings, say)
        executor_for(settings).run(RunContext.on_this_machine(study, settings, splits, folder), observer, stop)
    write_trials(study, folder)
    if stop.reason is not None and n_finished(study) < settings.search.trials:
        # What is best so far may not be in the end, and a study cannot change its settings.
        raise StopRequested(stop.reason)
    best = best_trial(study)
    if best is None:
        raise StudyError(f"the search {name!r} has no complete trial: look at its trials in the dashboard")
    write_best(study, settings, folder)
    return parameters_as_layer(settings.architecture, all_parameters(best))


class _Lines:
    """Says a line at the end of every run."""

    def __init__(self, name: str, settings: Settings, say: Say) -> None:
        self._name, self._metric, self._say = name, settings.search.metric, say
        self._epochs: dict[int, int] = {}

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        """A run begins, or goes on."""
        if resumed:
            self._say(f"{self._name}  run {number}  goes on where it was")

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        """An epoch of a run is done."""
        self._epochs[number] = epoch

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        """A run is stored."""
        why = f"  ({reason})" if reason else ""
        self._say(
            f"{self._name}  run {number}  {state}  {self._epochs.get(number, 0)} epochs  validation {self._metric} "
            f"{show_score(value, self._metric)}{why}"
        )

    def trial_crashed(self, number: int, reason: str) -> None:
        """The process that worked on a run is gone."""
        self._say(f"{self._name}  run {number}  crashed: {reason}; it goes on in the next worker")
