"""The study database: opened so that reports are fast and several processes can share it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from filelock import FileLock
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

BUSY_TIMEOUT_SECONDS = 60


class StorageError(Exception):
    """The database cannot be used; the message says which, why, and what to do."""


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file, whatever letters its path has."""
    return f"sqlite:///{quote(path.resolve().as_posix(), safe='/:')}"


def open_storage(url: str) -> RDBStorage:
    """Opens the database, or creates it.

    SQLite gets a write-ahead log, ``synchronous=NORMAL`` and a long busy timeout: a report then costs half a
    millisecond instead of several, and a reader that holds the file for seconds breaks nothing. With the log, a crash
    of the machine can cost the last transactions but never the database (sqlite.org/pragma.html#pragma_synchronous).

    Raises:
        StorageError: If it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StorageError(f"{url!r} is no database address; write for example sqlite:///folder/tune.db") from error
    shown = address.render_as_string(hide_password=True)
    if address.get_backend_name() != "sqlite":
        return _connect(url, shown, {"pool_pre_ping": True})
    if not address.database or address.database == ":memory:":
        raise StorageError(f"{shown} names no file: a study in memory could not be resumed")
    path = Path(address.database)
    _check_sqlite(path)
    # Processes that create the tables of one file at once break each other.
    with FileLock(path.with_name(path.name + ".lock"), timeout=BUSY_TIMEOUT_SECONDS):
        with sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        storage = _connect(url, shown, {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}})
    event.listen(storage.engine, "connect", _normal_synchronous)
    storage.engine.dispose()
    return storage


def _normal_synchronous(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _connect(url: str, shown: str, engine_options: dict[str, Any]) -> RDBStorage:
    try:
        return RDBStorage(url, engine_kwargs=engine_options)
    except Exception as error:
        # Optuna wraps what the driver says; the reason stands in the innermost cause.
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise StorageError(f"{shown} cannot be opened: {cause}") from error


def _check_sqlite(path: Path) -> None:
    """Refuses a file that is no intact database before anything is written to it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent} cannot be made: {error.strerror}; use another --save-dir") from error
    if not path.exists():
        return
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)
        try:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path} cannot be read as a study database: {error}; move it away to begin anew") from error
    if verdict != "ok":
        raise StorageError(f"{path} is damaged ({verdict}); move it away, or restore a copy")
    if tables and "studies" not in tables:
        raise StorageError(f"{path} belongs to another program (it has the table {min(tables)!r}); use another file")
