"""Locks that vanish with their holder, whatever ends it: of files on one machine, of the database server on several.

A study in a SQLite file is shared by the processes of one machine, whose kernel takes the lock of a file away from a
process that dies. A study on a database server is shared by machines that need have nothing else in common; the server
takes an advisory lock away when the connection that holds it ends.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import BaseFileLock, FileLock, Timeout
from optuna import Study
from optuna.storages import RDBStorage
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ..core.errors import StorageError
from ..core.folders import StudyFolder
from .servers import ServerAwayError
from .store import engine_of

TIMEOUT_SECONDS = 120
_LOOK_SECONDS = 0.02

# To take a lock without waiting, to give it back, and what tells one connection from another.
_STATEMENTS = {
    "postgresql": ("SELECT pg_try_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)", "SELECT pg_backend_pid()"),
    "mysql": ("SELECT GET_LOCK(:key, 0)", "SELECT RELEASE_LOCK(:key)", "SELECT CONNECTION_ID()"),
}
_STATEMENTS["mariadb"] = _STATEMENTS["mysql"]
SERVERS = frozenset(_STATEMENTS)


class LostLockError(ServerAwayError):
    """The lock is no longer ours, since the connection that held it has ended."""


class Lock(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Makes sure that it is still held.

        Raises:
            LostLockError: If it is not.
        """

    def release(self) -> None:
        """Gives it back; does nothing if it is lost."""


@contextmanager
def study_lock(where: Study | RDBStorage, folder: StudyFolder) -> Iterator[Lock]:
    """Held while work is shared out, or the study is made in its storage; waits for whoever has it.

    Raises:
        StorageError: If it is held by others for too long.
        filelock.Timeout: The same, of a file.
    """
    engine = engine_of(where)
    if engine.dialect.name in SERVERS:
        with server_lock(engine, f"study {folder.study_name}") as lock:
            yield lock
    else:
        path = _beside_database(engine, folder).lock
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=TIMEOUT_SECONDS) as held:
            yield _FileLock(held)


def try_trial_lock(study: Study, folder: StudyFolder, trial: int | str) -> Lock | None:
    """Takes the lock of a trial, or of another piece of work by its name; None if somebody has it."""
    engine = engine_of(study)
    if engine.dialect.name in SERVERS:
        # By its random id: a new study of the same name has nothing to do with who still works on the old one.
        return ServerLock.try_to_take(engine, f"{study.user_attrs.get('study_id', study.study_name)} {trial}")
    return _FileLock.try_to_take(_beside_database(engine, folder).trial_lock(trial))


@contextmanager
def server_lock(engine: Engine, name: str) -> Iterator[Lock]:
    """Holds a lock of the database server; waits for whoever has it.

    Raises:
        StorageError: If it is held by others for too long.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (lock := ServerLock.try_to_take(engine, name)) is None:
        if time.monotonic() > deadline:
            sentence = f"another process has held the lock of {name} for {TIMEOUT_SECONDS} s: end it, then use --resume"
            raise StorageError(sentence)
        time.sleep(random.uniform(0.5, 1.5) * _LOOK_SECONDS)
    try:
        yield lock
    finally:
        lock.release()


class ServerLock:
    """An advisory lock, held by a connection of its own.

    The connection must reach the server itself: a pooler that deals out connections by the transaction gives the lock
    to nobody in particular.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._try, self._unlock, self._identity = (text(sql) for sql in _STATEMENTS[engine.dialect.name])
        digest = hashlib.sha256(f"seqtune {name}".encode()).digest()
        number = int.from_bytes(digest[:8], signed=True)
        self._key = {"key": number if engine.dialect.name == "postgresql" else f"seqtune {number}"}
        # Without a transaction: one that lasts as long as a trial keeps the server from cleaning up.
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._session: object = None

    @classmethod
    def try_to_take(cls, engine: Engine, name: str) -> ServerLock | None:
        """The lock, held; None if somebody has it."""
        lock = cls(engine, name)
        try:
            if lock._connection.scalar(lock._try, lock._key) in (True, 1):
                lock._session = lock._connection.scalar(lock._identity)
                return lock
        except BaseException:
            lock._connection.invalidate()
            lock._connection.close()
            raise
        lock._connection.close()
        return None

    def check(self) -> None:
        """Makes sure that it is still held.

        Raises:
            LostLockError: If it is not.
        """
        try:
            session = self._connection.scalar(self._identity)
        except (SQLAlchemyError, ServerAwayError):
            session = None
        # The connection may have been made anew by itself; the lock is not.
        if session is None or session != self._session:
            self._session = None
            raise LostLockError("the connection to the database was lost")

    def release(self) -> None:
        """Gives it back; does nothing if it is lost."""
        try:
            if self._session is not None:
                self._connection.scalar(self._unlock, self._key)
        except (SQLAlchemyError, ServerAwayError):
            self._connection.invalidate()
        self._connection.close()


class _FileLock:
    """A lock of a file; the kernel takes it away from nobody but the dead."""

    def __init__(self, lock: BaseFileLock) -> None:
        self._lock = lock

    @classmethod
    def try_to_take(cls, path: Path) -> _FileLock | None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return cls(lock)

    def check(self) -> None:
        pass

    def release(self) -> None:
        self._lock.release()


def _beside_database(engine: Engine, folder: StudyFolder) -> StudyFolder:
    """Where the locks of a SQLite file are: with the file, since who shares it may save elsewhere."""
    database = engine.url.database
    return (
        folder
        if not database or database.startswith("file:")
        else StudyFolder(Path(database).parent, folder.study_name)
    )
