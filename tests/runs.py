"""Runs of a study in this process, as a new process would make them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from typing import TYPE_CHECKING
from unittest.mock import patch

from tune.core import terminal
from tune.core.stopping import StopWatch
from tune.run import Finished, open_study, search_and_judge
from tune.search.progress import Progress
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import load_study

if TYPE_CHECKING:
    from tests.tune.conftest import Lab


def show_into(said: list[str]) -> Callable[[Progress], AbstractContextManager[Progress]]:
    """Shows nothing, and keeps what a run said."""

    @contextmanager
    def show(progress: Progress) -> Iterator[Progress]:
        yield progress
        said.extend(progress.said)

    return show


def printed(print_it: Callable[..., object], *arguments: object, width: int = 60) -> str:
    """What is printed into a pipe, whatever the width that tables have there."""
    with redirect_stdout(io.StringIO()) as text, patch.object(terminal, "PIPE_WIDTH", width):
        print_it(*arguments)
    return text.getvalue()


def searched_and_judged(lab: Lab, stop: StopWatch | None = None) -> tuple[Finished, list[str]]:
    """Everything but the exports, which take longer than all the rest; and what it said."""
    said: list[str] = []
    storage = open_storage(sqlite_url(lab.place / "tune.db"))
    context, notes = open_study(storage, lab.folder, lab.settings, load_study(storage, lab.name), lab.splits)
    return search_and_judge(context, notes, show=show_into(said), stop=stop or StopWatch()), said
