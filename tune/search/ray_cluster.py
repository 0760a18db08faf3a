"""A Ray cluster for as long as a search takes: one that exists, or one of this machine alone, which ends with it."""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from ..config.settings import Settings
from ..core.errors import StudyError

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("tune", "models", "data")
INSTALL = ".venv/bin/python -m pip install 'ray>=2.60'"
_ON_THIS_MACHINE = ("auto", "local", "localhost")
# A path of a socket has at most 107 letters (unix(7)); Ray's own part of it is about 70.
_LONGEST_FOLDER = 36
_KNOCK_SECONDS = 5.0
_MOST_ATTEMPTS = 4

# Read by Ray when it is imported, or when it starts a process.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# Of a cluster that is started here: without the first it listens on every interface of Linux, whatever address it is
# given; without the second its tasks give way to everything else that the machine does; the third is its patience.
_OWN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": "0",
    "RAY_gcs_server_port_wait_time_s": "120",
}


@dataclass(frozen=True)
class Request:
    """What a task needs of the machine that it comes to."""

    cpus: int
    gpus: float
    device: str


def address_of(settings: Settings) -> str | None:
    """Of the cluster to join; None where one is to be started. Within one of its jobs, Ray itself says where it is."""
    return settings.machine.address or os.environ.get("RAY_ADDRESS") or None


def check_engine(settings: Settings, storage_url: str) -> None:
    """Refuses what cannot work, before anything is begun.

    Raises:
        StudyError: If it cannot.
    """
    if settings.machine.engine != "ray":
        return
    if importlib.util.find_spec("ray") is None:
        raise StudyError(f"--engine ray needs a package: {INSTALL}")
    if settings.machine.device.startswith("cuda:"):
        raise StudyError(f"Ray deals out the GPUs itself: write --device cuda instead of {settings.machine.device}")
    address = address_of(settings)
    if address is not None and _is_in_a_file(storage_url) and not _is_on_this_machine(address):
        raise _file_and_others(address)


@contextmanager
def running_cluster(settings: Settings, storage_url: str, n_bytes: int) -> Iterator[Any]:
    """Connects to the cluster, or starts one that listens on the loopback only and ends with the context.

    Yields:
        The module ``ray``.

    Raises:
        StudyError: If there is no such cluster, or it cannot share the study.
    """
    address = address_of(settings)
    if address is not None:
        _check_reachable(address)
    os.environ.update(_QUIET if address else {**_QUIET, **_OWN})
    import ray

    with _short_folder() as folder:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if "working_dir" not in os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR", ""):
            _copy_code(folder / "code")
            options["runtime_env"] = {"working_dir": str(folder / "code")}
        if address is None:
            n_cpus = max(os.cpu_count() or 1, settings.machine.workers * settings.machine.threads)
            options |= {"num_cpus": n_cpus, "include_dashboard": False, "_temp_dir": str(folder)}
            options |= {"_node_ip_address": "127.0.0.1", "object_store_memory": (100 << 20) + 2 * n_bytes}
        _connect(ray, address, options)
        try:
            if _is_in_a_file(storage_url) and any(map(_is_elsewhere, _nodes(ray))):
                raise _file_and_others(address or "local")
            yield ray
        finally:
            with _signals_as_before():
                ray.shutdown()


def request_of(settings: Settings, here: str, ray: Any) -> Request:
    """What a trial asks for: the threads of its training, and a GPU where there are any and it may use one.

    Args:
        settings: Of the study.
        here: The device of this machine that the settings mean.
        ray: The module, connected.
    """
    wanted = settings.machine.device
    if wanted == "cuda" or (wanted == "auto" and ray.cluster_resources().get("GPU", 0) >= 1):
        return Request(settings.machine.threads, 1 / settings.machine.workers_per_gpu, "cuda")
    # The GPU of a Mac is nothing that Ray counts.
    return Request(settings.machine.threads, 0, here if here == "mps" else "cpu")


def n_places(settings: Settings, request: Request, ray: Any) -> int:
    """How many trials may run at once: as the settings say, or as the cluster has room for now."""
    if settings.machine.workers:
        return settings.machine.workers
    places = 0
    for node in _nodes(ray):
        if node["Alive"]:
            found = node["Resources"]
            rooms = [found.get("CPU", 0) // request.cpus]
            rooms += [found.get("GPU", 0) * settings.machine.workers_per_gpu] if request.gpus else []
            places += int(min(rooms))
    # A cluster that grows on demand may have no machine yet.
    return max(places, 1)


def _connect(ray: Any, address: str | None, options: dict[str, Any]) -> None:
    """Joins the cluster or starts it; a machine that is very busy may need more than the half minute that Ray allows.

    What an attempt in vain has started ends with this process.
    """
    n_attempts = 1 if address else _MOST_ATTEMPTS
    for attempt in range(1, n_attempts + 1):
        try:
            with _signals_as_before():
                ray.init(address or "local", **options)
            # That a task died is said by the live table. Ray prints it into the midst of that (its own
            # ``listen_error_messages``), and has no setting against it.
            ray._private.worker.print_to_stdstream = lambda *message, **settings: None
            return
        except Exception as error:
            with _signals_as_before():
                ray.shutdown()
            if attempt == n_attempts:
                reason = " ".join(str(error).split())[:300] or type(error).__name__
                cannot = StudyError(f"Ray cannot be started: {reason}")
                raise (_no_cluster(address, reason) if address else cannot) from error


def _nodes(ray: Any) -> list[dict[str, Any]]:
    return list(ray.nodes())


def _check_reachable(address: str) -> None:
    """Asks at the door: Ray itself would knock for many minutes."""
    host, port = _host_and_port(address)
    if host in _ON_THIS_MACHINE or port is None:
        return
    try:
        socket.create_connection((host, port), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or str(error)) from error


def _no_cluster(address: str, reason: str) -> StudyError:
    way_out = "start one (.venv/bin/ray start --head), correct --address, or leave it out to use this machine alone"
    return StudyError(f"there is no Ray cluster at {address!r} to join ({reason}): {way_out}")


def _host_and_port(address: str) -> tuple[str, int | None]:
    """Of an address with or without a scheme and a port."""
    place = address.rpartition("://")[2]
    if ":" not in place or _is_address(place):
        return place, None
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port) if port.isdigit() and int(port) < 1 << 16 else None


def _copy_code(folder: Path) -> None:
    """Puts together what the machines of the cluster need of this checkout, and nothing of what else lies in it."""

    def other_files(place: str, names: list[str]) -> list[str]:
        return [
            name
            for name in names
            if name in ("__pycache__", "cache")
            or not (name.endswith((".py", ".html")) or (Path(place) / name).is_dir())
        ]

    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=other_files)


@contextmanager
def _short_folder() -> Iterator[Path]:
    """A folder for what is shipped, and for the logs and sockets of a cluster that is started here."""
    named = tempfile.gettempdir()
    place = "/tmp" if len(named) > _LONGEST_FOLDER and os.name == "posix" else named
    with tempfile.TemporaryDirectory(prefix="ray-", dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _signals_as_before() -> Iterator[None]:
    """Ray takes SIGTERM for itself, which would end a run without its exports."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_in_a_file(storage_url: str) -> bool:
    return make_url(storage_url).get_backend_name() == "sqlite"


def _file_and_others(address: str) -> StudyError:
    return StudyError(
        f"the Ray cluster at {address!r} has other machines, and a study in a SQLite file cannot be shared with them: "
        "use --storage with a PostgreSQL server, or leave out --address to use this machine alone"
    )


def _is_elsewhere(node: dict[str, Any]) -> bool:
    return bool(node["Alive"]) and not _is_on_this_machine(node["NodeManagerAddress"])


def _is_on_this_machine(address: str) -> bool:
    """Whether a host, with or without a scheme and a port, is an address of this machine."""
    host, _ = _host_and_port(address)
    if host in _ON_THIS_MACHINE:
        return True
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return any(_can_be_bound(one) for one in found)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _can_be_bound(address: str) -> bool:
    """The system lets nobody listen on an address of another machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family) as probe:
        probe.bind((address, 0))
        return True
    return False
