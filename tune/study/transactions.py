"""Many small writes to the study database as one: all of them or none, and in a fraction of the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from optuna import Study
from optuna.storages import RDBStorage
from sqlalchemy import text
from sqlalchemy.orm import scoped_session, sessionmaker

from .locks import engine_of


@contextmanager
def one_transaction(study: Study) -> Iterator[None]:
    """What is stored of a study within the context is committed at its end, or undone if it ends with an exception.

    Optuna commits every parameter and every attribute by itself, which takes two milliseconds each, and a process that
    is killed between two of them leaves half of a record. Its sessions are joined into a transaction around them
    (docs.sqlalchemy.org, "Joining a Session into an External Transaction"). For one thread at a time.

    Raises:
        StorageInternalError: If the database fails.
    """
    # What Optuna loads from a database address is a cache in front of the storage itself.
    storage: Any = getattr(study._storage, "_backend", study._storage)
    if not isinstance(storage, RDBStorage):
        yield  # A study in memory has nothing to commit.
        return
    usual = storage.scoped_session
    with engine_of(study._storage).begin() as connection:
        joined = scoped_session(sessionmaker(bind=connection, join_transaction_mode="rollback_only"))
        storage.scoped_session = joined
        try:
            yield
        finally:
            storage.scoped_session = usual
            joined.remove()


def make_durable(study: Study) -> None:
    """Has SQLite's log flushed to disk, so that a failure of the power does not take back what was stored."""
    engine = engine_of(study._storage)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint"))
