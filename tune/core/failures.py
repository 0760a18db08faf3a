"""What a person can mend, in sentences, with the exit code that goes with it."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

from .errors import DATABASE, INPUT, INTERRUPTED, StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

# Of the base lock; only who installs packages by hand can lack them. What is extra has a sentence where it is used.
_MAY_BE_MISSING = ("fastapi", "httptools", "onnx", "onnxruntime", "uvicorn")
_INSTALL = ".venv/bin/python -m pip install fastapi httptools onnx onnxruntime uvicorn"
_SPACE = "free some space or use another --save-dir, then go on with --resume"
WAYS_OUT = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _SPACE),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "make it writable, or use another --save-dir"),
}
_ACCESS = "make the file and its folder writable, or use another --save-dir"
_CONTENT = "move it away to begin anew, or restore a copy"

# What SQLite (sqlite.org/rescode.html) and PostgreSQL's driver say, and what helps.
ADVICE = (
    ("disk is full", _SPACE),
    ("disk I/O error", "look whether the disk is full, over a quota or damaged, then go on with --resume"),
    ("readonly database", _ACCESS),
    ("unable to open database file", _ACCESS),
    ("database is locked", "end the program that holds it, which may be a stopped one, then go on with --resume"),
    ("malformed", _CONTENT),
    ("not a database", _CONTENT),
    ("no such table", _CONTENT),
    ("no such column", _CONTENT),
    ("authentication failed", "correct the user or the password"),
    ("no password supplied", "give the password, best in ~/.pgpass"),
    ("does not exist", "create it, or correct its name"),
    ("could not translate host name", "correct the name of the host"),
    ("failed to resolve host", "correct the name of the host"),
    ("onnection refused", "start the server, or correct host and port"),
    ("timeout expired", "start the server, or correct host and port"),
)


def explain(error: BaseException) -> tuple[list[str], int] | None:
    """Sentences and exit code for what a person can mend; None for a bug, which shall show its traceback."""
    if isinstance(error, KeyboardInterrupt):
        return [], INTERRUPTED
    code = getattr(error, "exit_code", None)
    if code is not None:
        return getattr(error, "sentences", [str(error)]), code
    if _is_of_database(error):
        return [storage_failure("the study database", error)], DATABASE
    if isinstance(error, ModuleNotFoundError) and error.name in _MAY_BE_MISSING:
        return [f"{error.name} is not installed: {_INSTALL}"], INPUT
    if isinstance(error, OSError):
        place = error.filename or getattr(error, "lock_file", None) or "a file"
        advice = WAYS_OUT.get(error.errno or 0)
        return [f"{place} cannot be used: {error.strerror or error}" + (f"; {advice}" if advice else "")], DATABASE
    return None


def is_io_failure(error: Exception) -> bool:
    """Whether the place of the results has failed, which is no fault of the trial under way."""
    if isinstance(error, OSError):
        return error.errno in WAYS_OUT
    return _is_of_database(error)


def _is_of_database(error: BaseException) -> bool:
    return (
        isinstance(error, StorageError)
        or _is(error, "optuna.exceptions", "StorageInternalError")
        or _is(error, "sqlalchemy.exc", "DBAPIError")
    )


def _is(error: BaseException, module: str, name: str) -> bool:
    """Whether an error is of a library's class; one that was never imported, which takes seconds, was not raised."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name, ()))


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
