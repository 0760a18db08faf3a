"""What every command has in common towards the person in front of it: where it prints, and how it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from .explanations import explain

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160


def console() -> Console:
    """Prints to standard output; wide enough for whole lines where that is no terminal."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def say(console: Console, line: str) -> None:
    """One line, as it is: not wrapped in a pipe, nothing in it taken for markup."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def handles_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turns what a person can mend into sentences: exit code 2 for input, 3 for the database."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # Have an exit code as well, and click's own way to say it.
        except (Exception, KeyboardInterrupt) as error:
            explained = explain(error)
            if explained is None:
                raise
            sentences, code = explained
            for sentence in sentences:
                click.echo(f"error: {sentence}", err=True)
            sys.exit(code)

    return wrapped
