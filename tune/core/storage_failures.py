"""What can happen to a study database, in sentences: what, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

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
