"""What is said before and after a run: a few lines that a tired person understands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from data import files

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..core.terminal import console, say
from ..evaluation.evaluate import selection_bias
from ..experiments.comparison import ComparedStudy
from ..report.figures.words import counted
from ..report.floors import QUESTION, was_it_worth_it
from ..report.sentences import go_on_command, new_people_in_test, places, provisos, resume_command
from ..report.words import about_balance, about_mean
from ..run import Finished
from ..search.confirmation import points
from ..search.progress import show_score, show_seconds
from ..study.constraints import COSTS
from ..study.ended import is_over_a_cap, metric_value
from ..study.selection import network_score, selected, selected_trial, stored_confirmation
from ..study.study import best_trials, is_paused
from ..study.tested import evaluation_of, times_test_was_used
from ..training.metrics import METRIC_LABELS
from ..training.splits import Splits

# Of failures, and of the trials of each.
N_REASONS, N_NAMED = 5, 5
# Rounds to a tenth of a point.
SMALLEST_BIAS = 0.0005


def print_start(name: str, settings: Settings, splits: Splits) -> None:
    """Says what is about to be tuned, on what."""
    dataset = splits.dataset
    people = "" if dataset.groups is None else f", {len(set(dataset.groups.tolist()))} people"
    channels = counted(dataset.n_channels, "channel")
    own = settings.data.path if settings.dataset == files.NAME else None
    say(f"Study {name}: {settings.architecture} on {own or dataset.name}")
    say(f"  {len(dataset)} sequences, {dataset.n_classes} classes, {channels}{people}")
    for note in dataset.notes:
        say(f"  note: {note}")
    how = {
        "group": "by person: nobody is in two parts",
        "stratified": "at random: the same person may be in several parts",
        "official": "as published",
    }
    n_folds = len(splits.folds)
    if n_folds > 1:
        sizes = f"{n_folds} folds of train and validation"
    else:
        fold = splits.folds[0]
        sizes = f"train {len(fold.train)}, validation {len(fold.validation)}"
    test = splits.folds[0].test
    say(f"  split {how[splits.split.kind]} ({sizes}, test {0 if test is None else len(test)})")


def print_summary(finished: Finished) -> None:
    """Says what was found, how far to believe it, what is where, and how to go on."""
    study, settings, root = finished.study, finished.settings, finished.folder.root
    say("")
    _tell(f"Ended: {finished.ended.reason}. {_counts(study)}")
    reasons = _failures(study)
    for sentence in reasons:
        say(sentence)
    if finished.ended.failure and not any(sentence.endswith(finished.ended.failure) for sentence in reasons):
        say(f"The last failure was: {finished.ended.failure}")
    if finished.ended.failure and (network := settings.network) is not None:
        say(f"What the network lacks: ./run_tuning.sh check-model {network.path}:{network.name}")
    not_drawn = finished.not_drawn
    if selected(study, settings, finished.folder) is None:
        not_drawn = []  # All for this one reason.
        over = f" {n_over} were over a cap and not trained." if (n_over := n_over_a_cap(study)) else ""
        say(f"No trial is complete, so there is no best configuration yet.{over}")
    else:
        for line in _best_lines(study, settings, finished.folder):
            _tell(line)
    if not_drawn:
        say("")
    for sentence in not_drawn:
        _tell(sentence)
    say("")
    there = [name for name in ("report.html", "best_config.json", "trials.csv", "trials/") if (root / name).exists()]
    say(f"Results: {root}/  ({', '.join(there)})")
    say(f"Look further: ./run_tuning.sh dashboard{places(study, finished.folder)}")
    was_interrupted = finished.ended.reason in ("interrupted", "terminated")
    go_on = (
        resume_command(study, finished.folder) if was_interrupted else go_on_command(study, settings, finished.folder)
    )
    say(f"Go on:        {go_on}")


def _tell(sentence: str) -> None:
    """A sentence, broken between its words on a terminal, which would break within them."""
    screen = console()
    screen.print(sentence, soft_wrap=not screen.is_terminal, highlight=False, markup=False)


def print_comparison(rows: Sequence[ComparedStudy], folder: Path) -> None:
    """One table of all architectures, best first."""
    metric = rows[0].metric if rows else "accuracy"
    table = Table(title="Architectures, best first", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("architecture", no_wrap=True)
    # Where it was measured.
    latency = ["ms a sequence"] if any(row.latency_ms is not None for row in rows) else []
    score = f"validation {METRIC_LABELS[metric]}"
    for name in (score, "test accuracy", "parameters", *latency, "time", "complete", "pruned"):
        table.add_column(name, justify="right", min_width=max(map(len, name.split())))
    table.add_column("")
    for row in rows:
        table.add_row(
            row.architecture,
            show_score(row.validation, row.metric),
            show_score(row.test_accuracy, "accuracy"),
            "-" if row.n_parameters is None else f"{row.n_parameters:,}",
            *(("-" if row.latency_ms is None else f"{row.latency_ms:.3g}") for _ in latency),
            show_seconds(row.seconds),
            str(row.n_complete),
            str(row.n_pruned),
            "not continued" if row.not_continued else "",
        )
    say("")
    console().print(table)
    files = "comparison.csv"
    if rows and rows[0].validation is not None:
        say(f"Overall best: {rows[0].architecture} (study {rows[0].study})")
        files = "report.html, comparison.csv, best_config.json of the overall best"
    say(f"Comparison: {folder}/  ({files})")


def _best_lines(study: Study, settings: Settings, folder: StudyFolder) -> list[str]:
    worth = was_it_worth_it(study)
    lines = [] if worth is None else [f"{QUESTION} {worth.sentences[0]}", *worth.sentences[1:]]
    chosen = selected(study, settings, folder)
    if chosen is not None and chosen.ensemble is not None:
        single = evaluation_of(study.user_attrs, chosen.trial).get("test")
        lines.insert(0, about_mean(chosen.ensemble, network_score(study), single, settings.search.metric))
    if chosen is None or chosen.study is study:
        return ["", *_lines_of_the_search(study, settings), *([""] if lines else []), *lines]
    found = evaluation_of(chosen.study.user_attrs, chosen.trial)
    if "test" in found:
        lines.append(f"MiniRocket, {_tested(found['test'], study, settings.search.metric)}")
    return lines


def _tested(found: dict[str, Any], study: Study, metric: str) -> str:
    how = "test, trained once more on training and validation set" if found.get("refitted") else "test"
    return f"{how}: {_with_interval(found, metric, by_people=new_people_in_test(study.user_attrs['split']))}"


def _lines_of_the_search(study: Study, settings: Settings) -> list[str]:
    best = selected_trial(study)
    if best is None:
        return []
    attributes, metric = best.user_attrs, settings.search.metric
    found = evaluation_of(study.user_attrs, best)
    confirmed = stored_confirmation(study)
    if confirmed is not None:
        lines = [_confirmed_line(confirmed, attributes["n_parameters"])]
    else:
        what = "Knee of the Pareto front" if settings.search.second_objective else "Best"
        epochs = f"best epoch {', '.join(map(str, dict.fromkeys(attributes['best_epochs'])))}"
        lines = [f"{what}: trial {best.number}, {_described(best, metric)}, {epochs}"]
    if settings.search.second_objective:
        front = sorted(best_trials(study), key=lambda trial: trial.values[1])
        ends = "" if len(front) == 1 else f": from {_described(front[0], metric)} to {_described(front[-1], metric)}"
        lines.append(f"The Pareto front has {counted(len(front), 'trial')}{ends} (pareto_front.png)")
    if "test" in found:
        tested = _tested(found["test"], study, metric)
        lines.append(tested[0].upper() + tested[1:])
    elif study.user_attrs["split"]["parts"][0]["test"] is not None:
        lines.append(
            f"Not tested yet: --study-name {study.study_name} --resume does that, while the trial's weights are there."
        )
    lines += confirmed["sentences"] if confirmed is not None else []
    n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    bias = selection_bias(attributes["validation_accuracy"], study.user_attrs["n_validation"], n_complete)
    if confirmed is None and bias >= SMALLEST_BIAS and metric != "loss":
        lines.append(
            f"The best of {n_complete} scores is optimistic: among equally good configurations, the best would look "
            f"about {100 * bias:.1f} points of accuracy better than it is."
        )
    n_looks = times_test_was_used(study.user_attrs)
    if n_looks > 1:
        lines.append(f"The test set has been used {n_looks} times in this study: its score is no longer quite unseen.")
    return lines + provisos(study, settings)


def _described(trial: FrozenTrial, metric: str) -> str:
    """Score, size and, where it was measured, speed of a trial."""
    costs = [cost.words.format(trial.user_attrs[cost.record]) for cost in COSTS if cost.record in trial.user_attrs]
    return ", ".join([f"validation {METRIC_LABELS[metric]} {show_score(metric_value(trial), metric)}", *costs])


def _confirmed_line(confirmed: dict[str, Any], n_parameters: int) -> str:
    metric = confirmed["metric"]
    best = next(one for one in confirmed["configurations"] if one["trial"] == confirmed["winner"])
    n_seeds, spread = len(best["scores"]), ""
    if best["deviation"] is not None:
        spread = f" (standard deviation {points(best['deviation'], metric)})"
    return (
        f"Best: trial {best['trial']}, validation {METRIC_LABELS[metric]} {show_score(best['mean'], metric)} with "
        f"{n_seeds} fresh seed{'s' if n_seeds > 1 else ''}{spread}, {n_parameters:,} parameters"
        + (f", {confirmed['latency_ms']:.1f} ms a sequence on this CPU" if confirmed["latency_ms"] else "")
    )


def _with_interval(found: dict[str, Any], metric: str, *, by_people: bool) -> str:
    low, high = found["intervals_95"]["accuracy"]
    n_people = found["n_people"]
    who = "" if n_people is None else f" of {n_people} {'person' if n_people == 1 else 'people'}"
    if n_people is not None and by_people:
        who += f" who {'was' if n_people == 1 else 'were'} never trained on"
        if found["intervals_resample"] == "sequences":
            who += f"; {'one says' if n_people == 1 else f'{n_people} say'} little of how people differ"
    elif n_people is not None:
        who += f", who {'was' if n_people == 1 else 'were'} trained on as well: for new people expect less"
    votes = found.get("accuracy_by_recording")
    by_recording = "" if votes is None else f"; by whole recording {show_score(votes, 'accuracy')}"
    balance = about_balance(found, metric)
    events = found.get("events") or {}
    if events.get("f1") is not None:
        by_recording += f"; event F1 {events['f1']:.3f}, {events['false_alarms_per_hour']:.3g} false alarms an hour"
    return (
        f"accuracy {show_score(found['accuracy'], 'accuracy')} (95% interval {100 * low:.1f} to {100 * high:.1f}%, "
        f"over {found['intervals_resample']}), macro F1 {show_score(found['macro_f1'], 'macro_f1')}, "
        f"on {found['n_sequences']} sequences{who}{by_recording}" + (f"; {balance}" if balance else "")
    )


def n_over_a_cap(study: Study) -> int:
    """How many configurations were over a cap."""
    return sum(map(is_over_a_cap, study.get_trials(deepcopy=False)))


def _failures(study: Study) -> list[str]:
    """Why trials failed, each reason once with the trials that it ended."""
    numbers: dict[str, list[str]] = {}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
        numbers.setdefault(str(trial.user_attrs.get("reason", "it is not known why")), []).append(str(trial.number))
    return [
        f"Failed: trial{'' if len(which) == 1 else 's'} {', '.join(which[:N_NAMED])}"
        f"{', …' if len(which) > N_NAMED else ''}: {reason}"
        for reason, which in list(numbers.items())[-N_REASONS:]
    ]


def _counts(study: Study) -> str:
    trials = study.get_trials(deepcopy=False)
    count = Counter(trial.state for trial in trials)
    parts = [f"{counted(count[TrialState.COMPLETE], 'trial')} complete", f"{count[TrialState.PRUNED]} pruned"]
    if n_over := n_over_a_cap(study):
        parts[-1] += f" ({n_over} of them over a cap and not trained)"
    if count[TrialState.FAIL]:
        parts.append(f"{count[TrialState.FAIL]} failed")
    if count[TrialState.RUNNING]:
        n_paused = sum(is_paused(study, trial) for trial in trials)
        waiting = f", {n_paused} of them paused until others have got as far" if n_paused else ""
        parts.append(f"{count[TrialState.RUNNING]} left to go on with (--resume){waiting}")
    return ", ".join(parts) + "."
