"""A database server that several machines share: opened, told of in sentences, and waited for when it restarts."""

from __future__ import annotations

import atexit
import math
import time
from collections.abc import Callable
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import NullPool

from ..core.errors import StorageError
from ..core.failures import reason_of

# A restart takes seconds; longer, and a signal would have to wait too.
RECONNECT_SECONDS = 3.0
MOST_SECONDS_AWAY = 600.0
_PAUSE_SECONDS = 0.2
# A server takes longer to restart, so that a connection that was used since is still there.
_FRESH_SECONDS = 0.1

DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
INSTALL = {"psycopg": "psycopg[binary]", "pymysql": "pymysql[rsa]"}

# What is written of a machine that has vanished is noticed after a minute, not after the two hours that are usual, both
# here (www.postgresql.org/docs/current/libpq-connect.html) and by the server, which then gives its locks to others.
_CONNECT = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
_SESSION = ("SET tcp_keepalives_idle = 30", "SET tcp_keepalives_interval = 10", "SET tcp_keepalives_count = 3")


class ServerAwayError(StorageError):
    """The server cannot be reached at the moment, or the connection to it was lost."""


def with_driver(address: URL) -> URL:
    """The address with the driver that this tuner is tested with, where none is named."""
    return address.set(drivername=DRIVERS.get(address.drivername, address.drivername))


def engine_options(address: URL) -> dict[str, Any]:
    """How to connect; what the address says itself goes first."""
    options: dict[str, Any] = {}
    if address.get_driver_name() == "psycopg":
        options["connect_args"] = {name: value for name, value in _CONNECT.items() if name not in address.query}
    return options


def connected_once(address: URL) -> Engine:
    """Connections for a moment, to hold a lock while the tables are made."""
    return create_engine(address, poolclass=NullPool, **engine_options(address))


def missing_driver(address: URL, error: BaseException) -> StorageError | None:
    """What to say when the package that speaks with the server is not installed; None if that is not the matter."""
    package = INSTALL.get(address.drivername.rpartition("+")[2])
    if package is None or not isinstance(error, ImportError):
        return None
    return StorageError(f"{address.get_backend_name()} needs a package: .venv/bin/python -m pip install '{package}'")


def survive_restarts(storage: RDBStorage, shown: str) -> None:
    """Lets every connection of an opened storage wait a little for a server that is starting.

    Raises:
        ServerAwayError: Later, wherever a connection is needed and there is none to be had.
    """
    engine = storage.engine

    def connect(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Any:
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError as error:
                if time.monotonic() > deadline:
                    sentence = f"{shown} cannot be reached: {reason_of(error)}; go on with --resume when it is back"
                    raise ServerAwayError(sentence) from None
            time.sleep(_PAUSE_SECONDS)

    def put_back(_connection: object, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    def take(connection: Any, record: Any, _proxy: object) -> None:
        # As ``pool_pre_ping`` does each time, which is a question more for every other one.
        if time.monotonic() - record.info.get("idle_since", math.inf) < _FRESH_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    atexit.register(engine.dispose)
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkin", put_back)
    event.listen(engine, "checkout", take)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _watch_connection)
    engine.dispose()


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the server, and nothing else, has failed: the same may work later."""
    while error is not None:
        if isinstance(error, ServerAwayError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            return True
        error = error.__cause__
    return False


def wait_until_back(engine: Engine, is_over: Callable[[], bool]) -> None:
    """Waits for a server that restarts.

    Args:
        engine: Of the storage.
        is_over: Ends the waiting when true.

    Raises:
        ServerAwayError: If it does not come back.
    """
    deadline = time.monotonic() + MOST_SECONDS_AWAY
    while not is_over():
        try:
            with engine.connect():
                return
        except (ServerAwayError, DBAPIError) as error:
            if not is_unavailable(error) or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def _watch_connection(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for statement in _SESSION:
            cursor.execute(statement)
    connection.commit()
