"""Locks that vanish with their holder, whatever ends it: of files on one machine, of the database server on several.

A study in a SQLite file is shared by the processes of one machine, whose kernel takes the lock of a file away from a
process that dies. A study on a database server is shared by machines that need have nothing else in common; the server
takes an advisory lock away when the connection that holds it ends.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from filelock import BaseFileLock, FileLock, Timeout
from optuna import Study
from optuna.storages import RDBStorage
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..core.errors import StorageError
from ..core.folders import StudyFolder
from .servers import ServerAwayError
from .store import attributes_of, engine_of

TIMEOUT_SECONDS = 120


class _Statements(NamedTuple):
    """What a server is asked: to take a lock at once, or when it is free; to give it back; who it takes us for.

    The last one may say, too, how long a lock is waited for; ``taken`` gives the keys of all locks that are held.
    """

    try_to_take: str
    wait_for: str
    release: str
    introduce: str
    taken: str = ""


_MYSQL = _Statements(
    "SELECT GET_LOCK(:key, 0)",
    f"SELECT GET_LOCK(:key, {TIMEOUT_SECONDS})",
    "SELECT RELEASE_LOCK(:key)",
    "SELECT CONNECTION_ID()",
)
_STATEMENTS = {
    "postgresql": _Statements(
        "SELECT pg_try_advisory_lock(:key)",
        "SELECT 1 FROM pg_advisory_lock(:key)",
        "SELECT pg_advisory_unlock(:key)",
        f"SELECT pg_backend_pid(), set_config('lock_timeout', '{TIMEOUT_SECONDS}s', false)",
        "SELECT array_agg(classid::bigint << 32 | objid::bigint) FROM pg_locks "
        "WHERE locktype = 'advisory' AND objsubid = 1 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
SERVERS = frozenset(_STATEMENTS)
_TIMED_OUT = "55P03"  # PostgreSQL's lock_not_available


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
        return ServerLock.try_to_take(engine, _of_trial(study, trial))
    return _FileLock.try_to_take(_beside_database(engine, folder).trial_lock(trial))


def _of_trial(study: Study, trial: int | str) -> str:
    # By its random id: a new study of the same name has nothing to do with who still works on the old one.
    return f"{attributes_of(study).get('study_id', study.study_name)} {trial}"


def known_as_taken(study: Study, trials: Collection[int]) -> set[int]:
    """Those of these trials whose locks somebody has, as far as that can be learned by one question."""
    engine = engine_of(study)
    statements = _STATEMENTS.get(engine.dialect.name)
    if not trials or statements is None or not statements.taken:
        return set()
    holder = _HOLDERS.setdefault(engine, _Holder())
    taken: Any = holder.scalar(engine, statements.taken) or ()
    holder.give_back_if_unused()
    return {trial for trial in trials if _key(engine, _of_trial(study, trial)) in taken}


@contextmanager
def server_lock(engine: Engine, name: str) -> Iterator[Lock]:
    """Holds a lock of the database server; waits for whoever has it.

    Raises:
        StorageError: If it is held by others for too long.
    """
    lock = ServerLock.try_to_take(engine, name, waits=True)
    if lock is None:
        sentence = f"another process has held the lock of {name} for {TIMEOUT_SECONDS} s: end it, then use --resume"
        raise StorageError(sentence)
    try:
        yield lock
    finally:
        lock.release()


class _Holder(threading.local):
    """The connection that holds the locks of a thread, since a server has not many connections to give.

    It must reach the server itself: a pooler that deals out connections by the transaction gives the locks to nobody in
    particular. Without a transaction: one that lasts as long as a trial keeps the server from cleaning up.
    """

    def __init__(self) -> None:
        self.connection: Connection | None = None
        # What the server tells it from others by.
        self.session: object = None
        self.keys: set[int | str] = set()

    def scalar(self, engine: Engine, statement: str, key: int | str | None = None) -> object:
        """What the server answers; all locks are lost if it does not."""
        try:
            if self.connection is None:
                self.connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                self.session = self.connection.scalar(text(_STATEMENTS[engine.dialect.name].introduce))
            return self.connection.scalar(text(statement), {} if key is None else {"key": key})
        except BaseException as error:
            if not isinstance(error, DBAPIError) or getattr(error.orig, "sqlstate", None) != _TIMED_OUT:
                self.lose()
                raise
            return None

    def lose(self) -> None:
        """Forgets the connection, which has ended."""
        if self.connection is not None:
            self.connection.invalidate()
        self.give_back()

    def give_back(self) -> None:
        """Gives the connection back, and all locks."""
        if self.connection is not None:
            self.connection.close()
        self.connection, self.session = None, None
        self.keys.clear()

    def give_back_if_unused(self) -> None:
        """The same where there are none."""
        if not self.keys:
            self.give_back()


_HOLDERS: WeakKeyDictionary[Engine, _Holder] = WeakKeyDictionary()


def _key(engine: Engine, name: str) -> int | str:
    number = int.from_bytes(hashlib.sha256(f"seqtune {name}".encode()).digest()[:8], signed=True)
    return number if engine.dialect.name == "postgresql" else f"seqtune {number}"


class ServerLock:
    """An advisory lock of this thread."""

    def __init__(self, engine: Engine, key: int | str) -> None:
        self._holder = _HOLDERS.setdefault(engine, _Holder())
        self._engine, self._statements, self._key = engine, _STATEMENTS[engine.dialect.name], key
        self._session: object = None

    @classmethod
    def try_to_take(cls, engine: Engine, name: str, *, waits: bool = False) -> ServerLock | None:
        """The lock, held; None if somebody has it, or has had it for too long where it is waited for."""
        lock = cls(engine, _key(engine, name))
        holder, statements = lock._holder, lock._statements
        # A server gives a lock twice to who has it.
        if lock._key in holder.keys:
            return None
        if holder.scalar(engine, statements.wait_for if waits else statements.try_to_take, lock._key) in (True, 1):
            lock._session = holder.session
            holder.keys.add(lock._key)
            return lock
        holder.give_back_if_unused()
        return None

    def check(self) -> None:
        """Makes sure that it is still held.

        Raises:
            LostLockError: If it is not.
        """
        holder = self._holder
        try:
            is_lost = self._session is None or holder.session != self._session
            is_lost = is_lost or holder.scalar(self._engine, self._statements.introduce) != self._session
        except (SQLAlchemyError, ServerAwayError):
            is_lost = True
        if is_lost:
            self._session = None
            raise LostLockError("the connection to the database was lost")

    def release(self) -> None:
        """Gives it back; does nothing if it is lost."""
        holder = self._holder
        if self._session is None or holder.session != self._session:
            return
        try:
            holder.scalar(self._engine, self._statements.release, self._key)
            holder.keys.discard(self._key)
            holder.give_back_if_unused()
        except (SQLAlchemyError, ServerAwayError):
            pass  # Lost, with all others.


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
