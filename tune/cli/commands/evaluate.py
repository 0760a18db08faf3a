"""``evaluate``: the whole tuner within each outer fold, tested on whom it has not seen."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from statistics import fmean
from types import FrameType
from typing import Any

from optuna.storages import RDBStorage

from data.sequences import SequenceDataset

from ...config.choice import data_name_of, with_dataset
from ...config.settings import Settings, resolve
from ...core.folders import SaveDir
from ...core.stopping import SIGNAL_EXIT_CODES, signals_to
from ...core.terminal import print_table, say
from ...experiments.outer_folds import OuterFold, OuterOptions, plan_folds
from ...experiments.outer_results import (
    Evaluation,
    conclusions,
    result_of,
    studies_of,
    table,
    with_results,
    write_evaluation,
)
from ...report.figures.words import counted
from ...report.reproduction import command
from ...search.progress import show_seconds
from ...study.agreement import check_agreement
from ...study.study import join_study, stored_settings
from ...training.splits import load_dataset, settled, splits_of
from .opening import open_or_make

# On every study of an outer fold that has come to its end: what it was asked to do.
DONE = "outer_fold_done"


# ``run_command`` but for its layers, the study's name and whether it goes on.
RunFold = Callable[..., int]


def evaluate_command(
    layers: list[dict[str, Any]],
    options: OuterOptions,
    *,
    save_dir: SaveDir,
    study_name: str | None,
    run_fold: RunFold,
) -> int:
    """Tunes within each outer fold what is not done yet, and says what the answers are worth; returns the exit code."""
    code = 0
    try:
        with signals_to(_raise):
            layers = with_dataset(layers)
            storage = open_or_make(save_dir)
            evaluation = _planned(storage, save_dir, layers, options, study_name)
            folder = save_dir.local / evaluation.name
            for _ in _folds_run(storage, evaluation, layers, run_fold):
                evaluation = with_results(storage, evaluation)
                write_evaluation(evaluation, folder)
    except _Ended as ended:
        code = ended.exit_code
    if code in SIGNAL_EXIT_CODES.values():
        say("The evaluation is not finished: the same command goes on with it.")
        return code
    evaluation = with_results(storage, evaluation)
    write_evaluation(evaluation, folder)
    _print(evaluation)
    say(f"Results: {folder}/  (evaluation.md, evaluation.csv, evaluation.json)")
    return code


def _planned(
    storage: RDBStorage, save_dir: SaveDir, layers: list[dict[str, Any]], options: OuterOptions, study_name: str | None
) -> Evaluation:
    """The evaluation before any fold is run, so that what would not work is refused before it costs anything."""
    settings = resolve(*layers)
    whole = options.every_architecture
    name = study_name or data_name_of(settings) + ("" if whole else f"-{settings.architecture}")
    dataset = load_dataset(settings)
    folds = plan_folds(dataset, settings, name, options)
    check_agreement(storage, [save_dir.study(one) for fold in folds for one in fold.study_names])
    for fold in folds:
        _check_fold(storage, fold, layers, dataset)
    number = "" if options.n_folds is None else f" --n-folds {options.n_folds}"
    again = command(settings, name, dataset.channel_names, every_architecture=whole)
    again = again.replace("./run_tuning.sh", f"./run_tuning.sh evaluate --outer {options.outer}{number}", 1)
    return Evaluation(f"{name}-outer", options.outer, settings.search.metric, tuple(folds), (), again)


def _folds_run(
    storage: RDBStorage, evaluation: Evaluation, layers: list[dict[str, Any]], run_fold: RunFold
) -> Iterator[OuterFold]:
    """Runs what is not done yet, and says how long it takes; gives each fold when it is done, or raises ``_Ended``."""
    settings, folds = resolve(*layers), evaluation.folds
    left = [fold for fold in folds if not _is_done(storage, fold, settings)]
    say(_before(evaluation, left, settings))
    seconds: list[float] = []
    for n_left, fold in zip(reversed(range(len(left))), left, strict=True):
        begun, is_new = time.monotonic(), not studies_of(storage, fold)
        say(f"\nOuter fold {folds.index(fold) + 1} of {len(folds)}, tested on {fold.tested}")
        if code := run_fold(layers=[*layers, fold.layer], study_name=fold.study_name, resume=not is_new):
            raise _Ended(code)
        _note_done(storage, fold, settings)
        yield fold
        seconds += [time.monotonic() - begun] if is_new else []
        if seconds and n_left:
            about = show_seconds(n_left * fmean(seconds))
            say(f"\n{counted(n_left, 'outer fold')} of {len(folds)} left to run: about {about}")


def _check_fold(storage: RDBStorage, fold: OuterFold, layers: list[dict[str, Any]], dataset: SequenceDataset) -> None:
    """Before anything begins: the fold can be cut, and what is there of it was begun with the same settings."""
    splits = splits_of(dataset, resolve(*layers, fold.layer))
    for study in studies_of(storage, fold):
        stored = stored_settings(study) or {}
        own = {"architecture": stored["architecture"]} if len(fold.study_names) > 1 else {}
        # Not as ``run`` takes it up, for which the study has decided what the command leaves out: the other folds ask.
        settings, _ = settled(resolve(*layers, fold.layer, own), splits)
        join_study(study, settings, splits)


def _wanted(settings: Settings) -> dict[str, Any]:
    """What may change from one run of a study to the next: who asks for more of it gets more in every fold."""
    return {name: getattr(settings, name).model_dump(mode="json") for name in ("search", "confirmation")}


def _is_done(storage: RDBStorage, fold: OuterFold, settings: Settings) -> bool:
    studies = studies_of(storage, fold)
    wanted = _wanted(settings)
    return len(studies) == len(fold.study_names) and all(study.user_attrs.get(DONE) == wanted for study in studies)


def _note_done(storage: RDBStorage, fold: OuterFold, settings: Settings) -> None:
    """Puts down that a fold has come to its end; one without an answer is tried again by the next command."""
    if result_of(storage, fold) is not None:
        for study in studies_of(storage, fold):
            study.set_user_attr(DONE, _wanted(settings))


def _before(evaluation: Evaluation, left: list[OuterFold], settings: Settings) -> str:
    """Which folds there are, and how long they may take."""
    folds = evaluation.folds
    people = [person for fold in folds for person in fold.layer["split"].get("test_groups", ())]
    sentence = f"{len(people)} people in {len(folds)} outer folds" if people else f"{len(folds)} stratified outer folds"
    if len(people) == len(folds):
        sentence = f"{len(people)} people, each tested in an outer fold of their own"
    if not left:
        return f"{sentence}: all of them are done"
    n_trials = settings.search.trials * len(folds[0].study_names)
    most = "at most " if len(folds[0].study_names) > 1 else ""
    sentence += f"; {len(left)} to run, of {most}{counted(n_trials, 'trial')} each"
    if seconds := settings.search.timeout_seconds:
        sentence += f", or {show_seconds(seconds)} each ({show_seconds(len(left) * seconds)} in all) if that is sooner"
    return f"{sentence}." + (" How long the others take is said after the first." if len(left) > 1 else "")


def _print(evaluation: Evaluation) -> None:
    head, *rows = table(evaluation)
    say("")
    print_table(head, rows, 2)
    for sentence in conclusions(evaluation):
        say(sentence)


class _Ended(BaseException):
    """The evaluation ends here, by a signal or since a fold could not be run."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def _raise(number: int, frame: FrameType | None) -> None:
    """Between two searches, which watch for signals themselves, a signal ends what is under way at once."""
    raise _Ended(SIGNAL_EXIT_CODES[signal.Signals(number)])
