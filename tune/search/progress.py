"""What a person sees while a study runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..config.spaces import Scalar
from ..training.metrics import METRIC_LABELS

N_ROWS_SHOWN = 12
# Letters in a line of a notebook's cell, and seconds between two drawings of it.
CELL_WIDTH, CELL_SECONDS = 110, 0.5
STATE_STYLES = {"complete": "green", "failed": "red", "crashed": "red", "running": "bold cyan"}


@dataclass
class Row:
    """One trial as it stands."""

    number: int
    parameters: dict[str, Scalar]
    state: str = "running"
    epoch: int = 0
    score: float | None = None
    reason: str = ""


@dataclass
class Progress:
    """How a run stands; told by the search, read by what shows it.

    Attributes:
        metric: Score that decides.
        n_epochs: Of a full trial.
        n_trials: Finished trials that the study shall have.
        n_done: Finished trials that it has.
        best: Best value so far.
        best_number: Trial that has it.
        names: What to call those that are no trials of the search.
        started: When the first trial of this run began; what comes before it does not tell how long one takes.
        seconds_afterwards: What comes after them takes, as far as that is known.
        after_trial: Called when a trial is stored.
    """

    metric: str
    n_epochs: int
    n_trials: int
    n_done: int = 0
    n_pruned: int = 0
    best: float | None = None
    best_number: int | None = None
    names: dict[int, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    started: float | None = None
    judged_here: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    seconds_afterwards: float = 0.0
    after_trial: Callable[[], None] = lambda: None

    def say(self, sentence: str) -> None:
        """What is worth knowing beside the trials."""
        self.said.append(sentence)

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        """A trial begins, or goes on."""
        self.started = self.started or time.monotonic()
        before = next((row for row in self.rows if row.number == number and resumed), Row(number, parameters))
        self.rows = [row for row in self.rows if row.number != number]
        reason = "goes on where it was" if resumed else ""
        self.rows.append(replace(before, parameters=parameters, state="running", reason=reason))

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        """An epoch of a trial is done."""
        row = self._row(number)
        row.epoch, row.score = epoch, score

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        """A trial is stored."""
        self.after_trial()
        row = self._row(number)
        row.state, row.reason = state, reason
        row.score = row.score if value is None else value
        if state in ("complete", "pruned", "paused"):
            self.judged_here.add(number)
        if state not in ("complete", "pruned"):
            return
        self.n_done += 1
        self.n_pruned += state == "pruned"
        if value is not None and (self.best is None or self._better(value, self.best)):
            self.best, self.best_number = value, number

    def trial_crashed(self, number: int, reason: str) -> None:
        """The process that worked on a trial is gone."""
        row = self._row(number)
        row.state, row.reason = "crashed", reason

    @property
    def seconds_left(self) -> float | None:
        """Expected from the trials of this run, paused ones too; None before the first."""
        if self.started is None or not self.judged_here:
            return None
        each = (time.monotonic() - self.started) / len(self.judged_here)
        return each * max(self.n_trials - self.n_done, 0) + self.seconds_afterwards

    @property
    def time_left(self) -> str:
        """The same in words; runs with fresh seeds are as many as there can be, and some may drop out."""
        return f"left {'at most' if self.names else 'about'} {show_seconds(self.seconds_left)}"

    def name_of(self, number: int) -> str:
        """What to call a trial."""
        return self.names.get(number, str(number))

    def _row(self, number: int) -> Row:
        return next(row for row in reversed(self.rows) if row.number == number)

    def _better(self, value: float, than: float) -> bool:
        return value < than if self.metric == "loss" else value > than


@contextmanager
def show(progress: Progress, console: Console) -> Iterator[Progress]:
    """Shows a run while it lasts: live on a terminal and in a notebook, a line a trial elsewhere."""
    if console.is_jupyter:
        yield _Cell(progress)
        return
    if not console.is_terminal:
        yield _Lines(progress, console)
        return
    cell_len("★")  # Rich loads its table of widths now, and not in the thread that draws.
    with Live(console=console, refresh_per_second=4, get_renderable=lambda: _picture(progress)):
        yield progress


def show_score(value: float | None, metric: str) -> str:
    """A score as people read it."""
    if value is None:
        return "-"
    return f"{value:.4f}" if metric == "loss" else f"{100 * value:.2f}%"


def show_seconds(seconds: float | None) -> str:
    """A time span as people read it."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class _Lines(Progress):
    """Prints a line at the end of every trial, for logs and pipes."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self.__dict__ = progress.__dict__
        self._console = console

    def say(self, sentence: str) -> None:
        self._console.print(sentence, soft_wrap=True, highlight=False, markup=False)

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        super().trial_finished(number, state, value, reason)
        row = self._row(number)
        self._console.print(
            f"trial {self.name_of(number)}  {state}  {row.epoch} of {self.n_epochs} epochs  "
            f"{show_score(row.score, self.metric)}  "
            # Of several seeds the best is of no interest.
            + ("" if self.names else f"best {show_score(self.best, self.metric)}  ")
            + (
                f"{self.n_done} of at most {self.n_trials} done"
                if self.names
                else f"{self.n_done}/{self.n_trials} done"
            )
            + (f"  {self.time_left}" if self.n_done < self.n_trials else "")
            + (f"  ({reason})" if reason else ""),
            soft_wrap=True,
            highlight=False,
            markup=False,
        )

    def trial_crashed(self, number: int, reason: str) -> None:
        super().trial_crashed(number, reason)
        self.say(f"trial {self.name_of(number)}  crashed: {reason}; it goes on in the next worker")


class _Cell(Progress):
    """Draws the table in a notebook's cell, and again in the same place; rich's own way needs another package."""

    def __init__(self, progress: Progress) -> None:
        from IPython.display import display

        self.__dict__ = progress.__dict__
        self._handle: Any = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._due = 0.0

    def say(self, sentence: str) -> None:
        super().say(sentence)
        self._draw()

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        super().epoch_finished(number, epoch, score)
        if time.monotonic() >= self._due:
            self._draw()

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        super().trial_finished(number, state, value, reason)
        self._draw()

    def _draw(self) -> None:
        paper = Console(record=True, file=io.StringIO(), width=CELL_WIDTH, force_jupyter=False)
        paper.print(_picture(self))
        text = paper.export_text(clear=False)
        page = paper.export_html(inline_styles=True, code_format="<pre style='line-height:1.3'>{code}</pre>")
        self._handle.update({"text/plain": text, "text/html": page}, raw=True)
        self._due = time.monotonic() + CELL_SECONDS


def _picture(progress: Progress) -> Group:
    score_title = f"validation {METRIC_LABELS[progress.metric]}"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("trial", justify="right", width=max(map(len, ["trial", *progress.names.values()])))
    table.add_column("state", width=8)
    table.add_column("epoch", justify="right", width=7)
    table.add_column(score_title, justify="right", width=len(score_title))
    # Takes what is left of the line; the searched values come first, so that the fixed ones are what is cut off.
    table.add_column("configuration", no_wrap=True, overflow="ellipsis", ratio=1)
    hidden = len(progress.rows) - N_ROWS_SHOWN
    if hidden > 0:
        table.add_row("", "", "", "", f"… {hidden} earlier")
    # What runs stays in sight, however many shorter trials have come and gone meanwhile.
    for row in sorted(progress.rows, key=lambda row: row.state in ("running", "crashed"))[-N_ROWS_SHOWN:]:
        is_best = row.number == progress.best_number and row.state == "complete" and not progress.names
        table.add_row(
            progress.name_of(row.number),
            Text(row.state, STATE_STYLES.get(row.state, "dim")),
            f"{row.epoch}/{progress.n_epochs}",
            ("★ " if is_best else "") + show_score(row.score, progress.metric),
            Text(row.reason if row.state in ("failed", "crashed") else _short(row.parameters), "dim"),
        )
    bar = ProgressBar(total=progress.n_trials, completed=min(progress.n_done, progress.n_trials), width=40)
    summary = Table.grid(padding=(0, 2, 0, 0))
    summary.add_row(
        bar,
        *(
            [f"{progress.n_done} of at most {progress.n_trials} runs with fresh seeds"]
            if progress.names
            else [
                f"{progress.n_done} of {progress.n_trials} trials",
                f"{progress.n_pruned} pruned",
                f"best {show_score(progress.best, progress.metric)}",
            ]
        ),
        progress.time_left,
    )
    return Group(table, Text(), summary, Text("\n".join(progress.said)))


def _short(parameters: dict[str, Scalar]) -> str:
    return "  ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in parameters.items()
    )
