"""A PostgreSQL server of the tests' own: a fresh folder, a free port of the loopback, a role with a password."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROLE = "tuner"


class CannotStartError(Exception):
    """There is no PostgreSQL here, or it does not start; the message says why."""


class Server:
    """A running server.

    Attributes:
        port: On 127.0.0.1.
        password: Of ``ROLE``, who may do everything.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder, self._programs = folder, programs
        self.password = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def create(self) -> None:
        """Makes the files of the server, and starts it."""
        (self._folder / "password").write_text(self.password)
        if os.geteuid() == 0:
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, "postgres")
        options = ("--auth=scram-sha-256", f"--username={ROLE}", f"--pwfile={self._folder}/password", "--no-sync")
        self._run("initdb", "--pgdata", str(self._folder / "data"), "--encoding=UTF8", "--locale=C", *options)
        self.control("start")

    def control(self, verb: str) -> None:
        """Starts, stops or restarts it; what is connected loses its connection."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        options += " -c max_connections=120"  # Two for each of fifty workers, and some.
        log = str(self._folder / "log")
        self._run("pg_ctl", verb, "--pgdata", str(self._folder / "data"), "-w", "-m", "fast", "-l", log, "-o", options)

    def database(self, name: str) -> str:
        """The address of a new database."""
        import psycopg

        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        # It refuses to run as root.
        user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        command = [*user, str(self._programs / program), *arguments]
        with (self._folder / "output").open("w+") as output:
            # Not a pipe, which the server that it starts would keep open.
            code = subprocess.call(command, cwd=self._folder, stdout=output, stderr=subprocess.STDOUT, timeout=120)
            output.seek(0)
            if code:
                raise CannotStartError(f"{program} {' '.join(arguments[:1])}: {output.read()}")


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as the context lasts.

    Raises:
        CannotStartError: If there is none to be had.
    """
    folder = Path(tempfile.mkdtemp(prefix="seqtune-postgres-"))
    server = None
    try:
        server = Server(folder, _programs())
        server.create()
        yield server
    except (OSError, LookupError, subprocess.TimeoutExpired) as error:
        raise CannotStartError(str(error)) from error
    finally:
        if server is not None and (folder / "data" / "postmaster.pid").exists():
            server.control("stop")
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Where Debian, or the PATH, has them."""
    on_path = shutil.which("initdb")
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(re.sub(r"\D", "", path.parts[4]))
    )
    if not found and on_path is None:
        raise CannotStartError("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql)")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent
