"""``predict``: classifies new recordings, from files, folders or standard input."""

from __future__ import annotations

import csv
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
import numpy as np

from data.errors import DataError
from data.unlabelled import Unlabelled, read_unlabelled, told

from ...core.files import csv_text, write_text
from ...core.folders import SaveDir
from ...core.problems import Problem, SettingsError
from ...core.terminal import console
from ...deploy.classifier import Classifier, load_classifier
from ...deploy.inputs import Wanted
from ...deploy.metadata import Facts
from ...deploy.predictions import Prediction, Span, predictions
from ...deploy.sources import find_model
from ...deploy.stream import decisions, sliding_for

if TYPE_CHECKING:
    from rich.table import Table

STREAM = "-"
MOST_SAID = 20
STREAM_COLUMNS = ("sample", "class", "probability", "now", "latency_ms")


def predict_command(
    save_dir: SaveDir,
    files: Sequence[str],
    *,
    model: Path | None,
    study_name: str | None,
    as_csv: bool,
    out: Path | None,
    all_probabilities: bool,
    sample_rate: float | None,
    resample: bool,
    window: int | None,
    hop: int | None,
    smooth: int | None,
) -> None:
    """Classifies what is named, and prints or writes a table.

    Raises:
        DataError: At the end, with all that could not be classified.
    """
    if not files:
        raise SettingsError([Problem("FILES", "", "are needed", f"name files or folders, or {STREAM} for a stream")])
    if STREAM in files and len(files) > 1:
        raise SettingsError([Problem("FILES", " ".join(files), f"cannot be files and {STREAM} at once")])
    classifier = load_classifier(find_model(model, study_name, save_dir.local))
    if files[0] == STREAM:
        _stream(classifier, as_csv=as_csv, out=out, sample_rate=sample_rate, sliding=(window, hop, smooth))
        return
    for option, value in (("--window", window), ("--hop", hop)):
        if value is not None:
            raise SettingsError([Problem(option, value, f"is for a stream; name {STREAM} to read one")])
    _refuse_useless_resampling(classifier.facts, resample)
    errors: list[DataError] = []
    recordings, taken = _recordings(files, classifier.facts, errors.append), Wanted(sample_rate, resample)
    found = list(predictions(classifier, recordings, taken, partial(click.echo, err=True), errors.append))
    if errors and not found:
        raise _together(errors, "nothing was classified")
    if out is not None:
        write_text(out, _as_csv(found, classifier.facts, all_probabilities))
    elif as_csv or not sys.stdout.isatty():
        click.echo(_as_csv(found, classifier.facts, all_probabilities), nl=False)
    else:
        console().print(_as_table(found, classifier.facts, all_probabilities))
    if errors:
        raise _together(errors, f"{len(found):,} recordings were classified, the others not")


def _together(errors: Sequence[DataError], outcome: str) -> DataError:
    if len(errors) == 1:
        return errors[0]
    more = [] if len(errors) <= MOST_SAID else [f"and {len(errors) - MOST_SAID:,} more"]
    return DataError("\n  ".join([f"{outcome}:", *map(str, errors[:MOST_SAID]), *more]))


def _recordings(files: Iterable[str], facts: Facts, failed: Callable[[DataError], None]) -> Iterator[Unlabelled]:
    channels = facts.channel_names
    if facts.kind == "landmarks":
        from data.landmark_files import read_landmarks  # Needs torch, which other recordings are classified without.

        for name in files:
            with told(failed):  # Of a folder nothing, since without one of its frames a recording is another one.
                yield from read_landmarks(Path(name), channels, facts.missing_hands)
        return
    for name in files:
        yield from read_unlabelled(Path(name), channels, failed)


def _refuse_useless_resampling(facts: Facts, resample: bool) -> None:
    if resample and (facts.sample_rate_hz is None or facts.resample_length is not None):
        rule = "means nothing: the network does not know at how many steps a second its data was measured"
        raise SettingsError([Problem("--resample", True, rule)])


def _header(facts: Facts, all_probabilities: bool) -> list[str]:
    when = [] if facts.streams is None else ["begin", "end"]
    return ["file", *when, "class", "probability", "windows", *(facts.class_names if all_probabilities else ())]


def _rows(one: Prediction, all_probabilities: bool) -> Iterator[list[str]]:
    """A row for a recording; of a stream, for every stretch of one class."""
    cut = "1" if one.n_windows == 1 else f"{one.n_agree} of {one.n_windows}"
    for said in one.timeline or (one,):
        each = [f"{value:.6f}" for value in said.probabilities] if all_probabilities else []
        when = [f"{said.begin:.3f}", f"{said.end:.3f}"] if isinstance(said, Span) else []
        n_windows = str(said.n_windows) if isinstance(said, Span) else cut
        yield [one.place, *when, said.class_name, f"{said.probability:.6f}", n_windows, *each]


def _as_csv(found: Iterable[Prediction], facts: Facts, all_probabilities: bool) -> str:
    return csv_text(_header(facts, all_probabilities), (row for one in found for row in _rows(one, all_probabilities)))


def _as_table(found: Iterable[Prediction], facts: Facts, all_probabilities: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in _header(facts, all_probabilities):
        # Names of files may be as long as they like, those of classes are not broken for them.
        table.add_column(Text(name), overflow="fold", no_wrap=name != "file" and not all_probabilities)
    column = _header(facts, all_probabilities).index("probability")
    for one in found:
        for cells in _rows(one, all_probabilities):
            cells[column] = f"{float(cells[column]):.3f}"
            table.add_row(*map(Text, cells))
    return table


def _stream(
    classifier: Classifier,
    *,
    as_csv: bool,
    out: Path | None,
    sample_rate: float | None,
    sliding: tuple[int | None, int | None, int | None],
) -> None:
    """Decides on standard input until it ends, or Ctrl-C; what was decided is printed at once."""
    how = sliding_for(classifier.facts, *sliding)
    rate = classifier.facts.sample_rate_hz
    seconds = "" if rate is None else f" ({how.window / rate:.3g} s)"
    click.echo(
        f"Windows of {how.window} samples{seconds}, a decision every {how.rule.hop}, "
        f"{how.rule.in_words(classifier.facts.class_names)}",
        err=True,
    )
    taken: list[float] = []
    plain = as_csv or out is not None or not sys.stdout.isatty()
    with _written_to(out) as target:
        if plain:
            print(",".join(STREAM_COLUMNS), file=target, flush=True)
        try:
            for one in decisions(classifier, _lines(), how, sample_rate):
                taken.append(one.milliseconds)
                if plain:
                    row = [one.step, one.class_name, f"{one.probability:.6f}", one.now, f"{one.milliseconds:.3f}"]
                    csv.writer(target, lineterminator="\n").writerow(row)
                else:
                    now = "" if one.now == one.class_name else f"  (now {one.now})"
                    latency = f"{one.milliseconds:.1f} ms"
                    print(f"{one.step:>8}  {one.class_name}  {one.probability:.3f}  {latency}{now}", file=target)
                target.flush()
        finally:
            if taken:
                middle, late = np.percentile(taken, (50, 99))
                n = len(taken)
                click.echo(f"{n} decisions; latency {middle:.2f} ms in the median, 99% under {late:.2f} ms", err=True)


def _lines() -> Iterator[str]:
    try:
        yield from sys.stdin
    except UnicodeDecodeError as error:
        raise DataError("standard input is not UTF-8 text") from error


@contextmanager
def _written_to(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        # Whoever reads may stop reading, as head does.
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        yield sys.stdout
    else:
        with out.open("w", encoding="utf-8", newline="") as file:
            yield file
