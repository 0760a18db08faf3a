"""What can happen to a study database, in sentences: what, where, and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, ExceptionContext

from .core.errors import StorageError

SPACE = "free some space or use another --save-dir, then go on with --resume"
ACCESS = "make the file and its folder writable, or use another --save-dir"
CONTENT = "move it away to begin anew, or restore a copy"

# What SQLite (sqlite.org/rescode.html) and PostgreSQL's driver say, and what helps.
ADVICE = (
    ("disk is full", SPACE),
    ("disk I/O error", "look whether the disk is full, over a quota or damaged, then go on with --resume"),
    ("readonly database", ACCESS),
    ("unable to open database file", ACCESS),
    ("database is locked", "end the program that holds it, which may be a stopped one, then go on with --resume"),
    ("malformed", CONTENT),
    ("not a database", CONTENT),
    ("no such table", CONTENT),
    ("no such column", CONTENT),
    ("authentication failed", "correct the user or the password"),
    ("no password supplied", "give the password, best in ~/.pgpass"),
    ("does not exist", "create it, or correct its name"),
    ("could not translate host name", "correct the name of the host"),
    ("failed to resolve host", "correct the name of the host"),
    ("onnection refused", "start the server, or correct host and port"),
    ("timeout expired", "start the server, or correct host and port"),
)


def shown(address: URL) -> str:
    """The address of a database without the password, which may stand among its options as well."""
    return address.set(query={}).render_as_string(hide_password=True)


def storage_failure(place: str, error: BaseException) -> str:
    """One sentence for an error of the database at ``place``."""
    reason = reason_of(error)
    advice = advice_for(reason)
    return f"{place} cannot be used: {reason}" + (f"; {advice}" if advice else "")


def reason_of(error: BaseException) -> str:
    """What the driver said, which Optuna and SQLAlchemy wrap in words that name no reason."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(getattr(error, "orig", None) or error).split())


def advice_for(reason: str) -> str:
    """What helps; empty for what is not known."""
    return next((advice for words, advice in ADVICE if words in reason), "")


def tell_of_accidents(engine: Engine, path: Path) -> None:
    """Lets every use of a SQLite file end in a ``StorageError`` when the file fails, or is no longer there.

    A file that was deleted can still be written by who has it open, and everything written is lost in the end.
    """

    def explained(context: ExceptionContext) -> StorageError | None:
        # Unknown errors pass as they are: Optuna knows a way around some of them.
        known = advice_for(reason_of(context.original_exception))
        return StorageError(storage_failure(str(path), context.original_exception)) if known else None

    check = _same_file_check(path)
    event.listen(engine, "handle_error", explained, retval=True)
    event.listen(engine, "do_connect", check)
    event.listen(engine, "checkout", check)


def _same_file_check(path: Path) -> Callable[..., None]:
    def identity() -> tuple[int, int] | None:
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    opened = identity()

    def check(*_: object) -> None:
        now = identity()
        if now != opened:
            what = "was deleted or moved away" if now is None else "was replaced by another file"
            raise StorageError(f"{path} {what} while it was in use: put it back and go on with --resume, or begin anew")

    return check
