"""``datasets --data-path X``: what was understood of recordings, what looks wrong, and a picture of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from data import DataError, files, load
from data.quality.warnings import duplicates, warnings
from data.recording import CHECK, TEST, TRAIN, VALIDATION
from data.recordings import MISSING_NOTE, RATES_DIFFER, TOO_LONG
from data.sequences import SequenceDataset
from data.streams.null_class import null_class
from data.streams.windows import CLOCK_NOTE, NEVER_LABELLED, WILD_NOTE

from ...config.choice import data_name_of, with_dataset
from ...config.schema import SplitSettings
from ...config.settings import resolve
from ...core.files import write_bytes
from ...core.folders import DEFAULT_SAVE_DIR
from ...core.terminal import say
from ...training.metrics import BY_CLASS
from ...training.splits import cut, source_of

N_NAMED = 24
N_CHANNELS = 12
# Of all that is printed without --all, and of how the recordings were read where much looks wrong.
MOST_LINES, FEWEST_NOTES = 20, 3
# Notes of the readers that a person should act on, the gravest first; what values are wild comes last of all.
SUSPICIOUS = (CHECK, CLOCK_NOTE, NEVER_LABELLED, RATES_DIFFER, TOO_LONG, WILD_NOTE)
# After how it is read at all.
NEXT_NOTES = ("where nothing is labelled", "windows of ")
# Settings that the command to go on with repeats.
REPEATED = ("window_seconds", "hop_seconds", "window_label", "label_share", "label_from", "storage")
PARTS = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


def look_at_dataset(layers: list[dict[str, Any]], picture: Path | None, *, show_all: bool = False) -> None:
    """Prints what is known of a data set, without ``show_all`` in twenty lines, and draws an example of each class."""
    settings = resolve(*with_dataset(layers))
    dataset = load(settings.dataset, source_of(settings))
    if settings.data.classes is not None:
        dataset = dataset.first_classes(settings.data.classes)
    place = f": {settings.data.path}" if settings.data.path else ""
    say("Your recordings" + place if settings.dataset == files.NAME else f"Data set {settings.dataset}{place}")
    about_split, split_option, judged = _split(dataset)
    facts = [*described(dataset), *(("judged", sentence) for sentence in judged)]
    notes = [
        note
        for note in dataset.notes
        if not note.startswith(SUSPICIOUS) and not (dataset.name == files.NAME and note.startswith(MISSING_NOTE))
    ]
    in_order = [[note for note in dataset.notes if note.startswith(prefix)] for prefix in SUSPICIOUS]
    *grave, wild = [[note.removeprefix(CHECK) for note in some] for some in in_order]
    wrong = [*chain(*grave), *warnings(dataset, settings.search.metric in BY_CLASS), *about_split, *wild]
    n_folded = 0
    if not show_all:
        facts = [(what, text) for what, text in facts if text != "none"]
        notes = [*notes[:1], *sorted(notes[1:], key=lambda note: not note.startswith(NEXT_NOTES))]
        # With the first line, that before what looks wrong, where the picture is, and how to go on.
        n_free, n_all = MOST_LINES - len(facts) - 4, len(notes) + len(wrong)
        if n_all > n_free:
            n_notes = max(min(FEWEST_NOTES, len(notes)), n_free - 1 - len(wrong))
            notes, wrong = notes[:n_notes], wrong[: max(n_free - 1 - n_notes, 1)]
            n_folded = n_all - len(notes) - len(wrong)
    for note in notes:
        say(f"  {note}")
    for what, text in facts:
        say(f"  {what:<12}{text}")
    say("What looks wrong:" if wrong else "Nothing looks wrong.")
    for sentence in wrong:
        say(f"  - {sentence}")
    if n_folded:
        say(f"  … and {n_folded} more {'line' if n_folded == 1 else 'lines'}: --all shows all")
    subject = data_name_of(settings)
    path = picture or DEFAULT_SAVE_DIR / f"{subject}-examples.png"
    from ...report.figures.examples import examples_picture

    write_bytes(path, examples_picture(dataset, subject))
    say(f"Picture: {path}  (an example of each class)")
    if split_option is not None:
        # Of streams in which mostly nothing happens the accuracy is that of saying so.
        is_rare = dataset.timeline is not None and null_class(dataset.class_names) is not None
        metric = " --metric balanced_accuracy" if is_rare and settings.search.metric not in BY_CLASS else ""
        say(f"Tune it: ./run_tuning.sh{_options(layers)}{split_option}{metric}")


def described(dataset: SequenceDataset) -> Iterable[tuple[str, str]]:
    """What a person wants to know of a data set, as pairs of a word and a line."""
    n_recordings = None if dataset.recordings is None else len(set(dataset.recordings.tolist()))
    cut = "" if n_recordings is None else f", cut from {n_recordings:,} recordings"
    yield "sequences", f"{len(dataset):,}{cut}, of the kind {dataset.kind!r}"
    yield "lengths", _lengths(dataset)
    rate = dataset.sample_rate_hz
    yield "rate", "not known" if rate is None else f"{rate:.4g} steps a second"
    low, high = dataset.values.amin(0).tolist(), dataset.values.amax(0).tolist()
    channels = [f"{name} from {a:.3g} to {b:.3g}" for name, a, b in zip(dataset.channel_names, low, high, strict=True)]
    yield "channels", f"{dataset.n_channels}: {_some(channels, N_CHANNELS)}"
    counts = torch.bincount(dataset.labels, minlength=dataset.n_classes).tolist()
    listed = [f"{name} {count:,}" for name, count in zip(dataset.class_names, counts, strict=True)]
    yield "classes", f"{dataset.n_classes}: {_some(listed)}"
    if dataset.groups is None:
        yield "people", "not known: sequences of one person may be in several parts"
    else:
        by_person = torch.bincount(dataset.groups, minlength=len(dataset.group_names)).tolist()
        people = [f"{name} {count:,}" for name, count in zip(dataset.group_names, by_person, strict=True) if count]
        yield "people", f"{len(people)}: {_some(people)}"
    if dataset.official is not None:
        parts = torch.bincount(dataset.official, minlength=len(PARTS)).tolist()
        yield "split", "official: " + ", ".join(f"{PARTS[k]} {count:,}" for k, count in enumerate(parts) if count)
    if dataset.name == files.NAME:
        missing = [note for note in dataset.notes if note.startswith(MISSING_NOTE)]
        yield "missing", missing[0].removeprefix(MISSING_NOTE) if missing else "none"
    n_copies = sum(len(group) - 1 for group in duplicates(dataset))
    yield "duplicates", f"{n_copies:,} exact {'copy' if n_copies == 1 else 'copies'}" if n_copies else "none"


def _lengths(dataset: SequenceDataset) -> str:
    low, median, high = (int(one) for one in (dataset.lengths.min(), dataset.lengths.median(), dataset.lengths.max()))
    each = "1 step" if median == 1 else f"{median:,} steps"
    steps = f"{low:,} to {high:,} steps, median {median:,}" if low < high else f"{each} each"
    rate = dataset.sample_rate_hz
    return steps if rate is None else f"{steps} ({median / rate:.3g} s)"


def _split(dataset: SequenceDataset) -> tuple[list[str], str | None, list[str]]:
    """What is wrong with the split that a study would begin with, the option that it needs, and by what it judges.

    The option is None if none helps.
    """
    wrong: list[str] = []
    for kind, option in (("auto", ""), ("stratified", " --split stratified")):
        try:
            found = cut(dataset, SplitSettings.model_validate({"kind": kind}))
        except DataError as error:
            wrong = wrong or [str(error)]
        else:
            n_judged = len(found.split.validation)
            return wrong or found.wrong, option, found.about_folds or [f"by one split, on {n_judged:,} sequences"]
    return wrong, None, []


def _options(layers: Sequence[dict[str, Any]]) -> str:
    """The data set, the path and what was chosen of it, as they were named."""
    named = [("--dataset", layer["dataset"]) for layer in layers if "dataset" in layer][-1:]
    chosen = {name: value for layer in layers for name, value in layer.get("data", {}).items()}
    named += [("--data-path", chosen.get("path")), ("--classes", chosen.get("classes"))]
    options = [f" {option} {shlex.quote(str(value))}" for option, value in named if value is not None]
    options += [f" --set data.{name}={value}" for name, value in chosen.items() if name in REPEATED]
    return "".join(options) + (" --no-asl-citizen" if chosen.get("asl_citizen") is False else "")


def _some(names: Sequence[str], most: int = N_NAMED) -> str:
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most // 2])}, … ({len(names) - most // 2:,} more)"
