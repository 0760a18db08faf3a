"""The study database: opened so that reports are fast and several processes can share it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ..core.errors import StorageError
from ..core.failures import advice_for, reason_of, shown, storage_failure
from .database import StudyDatabase
from .locks import SERVERS, server_lock
from .servers import connected_once, engine_options, missing_driver, survive_restarts, with_driver

BUSY_TIMEOUT_SECONDS = 60


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file, whatever letters its path has."""
    return f"sqlite:///{quote(Path(os.path.realpath(path)).as_posix(), safe='/:')}"


def open_storage(url: str) -> StudyDatabase:
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
    except (ArgumentError, ValueError):
        # Whatever stands before an @ may be a password.
        harmless = f"…@{url.rpartition('@')[2]}" if "@" in url else url
        sentence = f"{harmless!r} is no database address; write for example sqlite:///folder/tune.db"
        raise StorageError(sentence) from None
    if address.get_backend_name() != "sqlite":
        return _open_server(with_driver(address), shown(address))
    if not address.database or address.database == ":memory:":
        raise StorageError(f"{shown(address)} names no file: a study in memory could not be resumed")
    if address.database.startswith("file:"):
        raise StorageError(f"{shown(address)} has options of SQLite's: write the plain path, sqlite:///folder/tune.db")
    path = Path(address.database)
    _check_sqlite(path)
    storage = _create_sqlite(url, path)
    tell_of_accidents(storage.engine, path)
    event.listen(storage.engine, "connect", _normal_synchronous)
    storage.engine.dispose()
    return storage


def _open_server(address: URL, shown: str) -> StudyDatabase:
    """Opens a database server and makes its tables; processes that do so at once would break each other."""
    url = address.render_as_string(hide_password=False)
    if address.get_backend_name() not in SERVERS:
        return _connect(url, shown, {"pool_pre_ping": True})
    try:
        with server_lock(connected_once(address), "tables"):
            storage = _connect(url, shown, engine_options(address))
    except (ImportError, SQLAlchemyError) as error:
        raise missing_driver(address, error) or _explained(address, shown, error) from error
    survive_restarts(storage, shown)
    return storage


def _normal_synchronous(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _create_sqlite(url: str, path: Path) -> StudyDatabase:
    """Opens a SQLite file and makes its tables; processes that do so at once would break each other."""
    try:
        with FileLock(path.with_name(path.name + ".lock"), timeout=BUSY_TIMEOUT_SECONDS):
            with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            return _connect(url, str(path), {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}})
    except Timeout as error:
        raise StorageError(f"{path} has been held by another program for {BUSY_TIMEOUT_SECONDS} s: end that") from error
    except (sqlite3.DatabaseError, OSError) as error:
        raise _cannot_be_used(path, error) from error


def _connect(url: str, shown: str, engine_options: dict[str, Any]) -> StudyDatabase:
    try:
        return StudyDatabase(url, engine_options)
    except Exception as error:
        raise _explained(make_url(url), shown, error) from error


def _explained(address: URL, shown: str, error: Exception) -> StorageError:
    failure, password = storage_failure(shown, error), address.password
    return StorageError(failure.replace(str(password), "***") if password else failure)


def _check_sqlite(path: Path) -> None:
    """Refuses a file that is no intact database of ours before anything is written to it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent} cannot be made: {error.strerror}; use another --save-dir") from error
    log = path.with_name(path.name + "-wal")
    if _is_empty(path) and not _is_empty(log):
        # SQLite would delete the log, and with it what was stored last.
        raise StorageError(f"{path} is missing or empty, and {log} is its log: put it back, or move both away")
    if not path.exists():
        return
    if not path.is_file():
        raise StorageError(f"{path} is no regular file, as a database is; use another")
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            schema = _schema(connection, tables)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # Its own words may quote what is damaged.
        raise _cannot_be_used(path, error) from error
    if verdict != "ok":
        raise StorageError(f"{path} is damaged ({verdict}); move it away, or restore a copy")
    if tables and "studies" not in tables:
        raise StorageError(f"{path} belongs to another program (it has the table {min(tables)!r}); use another file")
    if tables:
        _check_schema(path, schema)


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _schema(connection: sqlite3.Connection, tables: set[str]) -> str | None:
    """Revision of the tables; None from before they had any, or while they are made."""
    if "alembic_version" not in tables:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _check_schema(path: Path, schema: str | None) -> None:
    """Optuna itself adds the tables that it misses before it looks at the revision."""
    script = ScriptDirectory(str(Path(optuna.storages.__file__).with_name("_rdb") / "alembic"))
    if schema == script.get_current_head():
        return
    if schema in {revision.revision for revision in script.walk_revisions()}:
        raise StorageError(
            f"{path} was made by an older Optuna (tables of {schema}): copy the file first, then run "
            f"`optuna storage upgrade --storage {sqlite_url(path)}`, or use another --save-dir"
        )
    if schema is not None:
        raise StorageError(
            f"{path} was made by a newer Optuna (tables of {schema}, unknown to {optuna.__version__}): install that "
            "version, or use another --save-dir"
        )


def _cannot_be_used(path: Path, error: Exception) -> StorageError:
    if isinstance(error, OSError):
        place = f"{path} cannot be used: {error.filename or path}: {error.strerror}"
        return StorageError(f"{place}; make the folder writable, or use another --save-dir")
    if not advice_for(reason_of(error)):
        return StorageError(f"{path} cannot be used: {error}; move it away to begin anew, or restore a copy")
    return StorageError(storage_failure(str(path), error))


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
