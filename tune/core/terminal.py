"""What every command has in common towards the person in front of it: where it prints, and how it fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import click

from .failures import explain

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160
# Of a program that SIGPIPE ends, in a shell: 128 + 13.
CLOSED_PIPE = 141

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def console() -> Console:
    """Prints to standard output; wide enough for whole lines where that is no terminal."""
    from rich.console import Console

    class PipedConsole(Console):
        def on_broken_pipe(self) -> NoReturn:
            _leave_quietly()

    return PipedConsole(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def say(line: str) -> None:
    """Prints a line as it is: not wrapped in a pipe, nothing in it taken for markup."""
    console().print(line, soft_wrap=True, highlight=False, markup=False)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], n_left: int = 1) -> None:
    """Prints a table without lines, its first ``n_left`` columns to the left; nothing in a cell is taken for markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for k, name in enumerate(head):
        table.add_column(Text(name), justify="left" if k < n_left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def ends_with_its_reader(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Ends the process without a word when nobody reads what it prints any more, as in ``config | head``.

    Nothing else here writes to a pipe or a socket without looking after it.
    """

    @wraps(function)
    def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except BrokenPipeError:
            _leave_quietly()

    return wrapped


def _leave_quietly() -> NoReturn:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # What is left to be written at the end is no error either.
        os.dup2(nowhere, stream)
    sys.exit(CLOSED_PIPE)


def handles_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turns what a person can mend into sentences: exit code 2 for input, 3 for the database."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # Have an exit code as well, and their own way to say it.
        except (Exception, KeyboardInterrupt) as error:
            explained = explain(error)
            if explained is None:
                raise
            sentences, code = explained
            for sentence in sentences:
                click.echo(f"error: {sentence}", err=True)
            sys.exit(code)

    return wrapped
