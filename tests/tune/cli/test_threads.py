"""No thread imports beside another, and none is left when the interpreter ends: either can make it wait for good.

Two threads that import each other's modules wait for each other's locks; and a daemon thread that the end of the
interpreter stops in the midst of an import keeps the lock that this end may ask for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest

from tests.processes import ROOT, SMALL

WATCH = ROOT / "tests" / "import_watch"
THROUGH_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def start_watched(notes: Path, *arguments: str, on_a_terminal: bool = False) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": f"{WATCH}{os.pathsep}{ROOT}", "IMPORT_WATCH": str(notes)}
    environment |= {"PYTHONSAFEPATH": "1", "TERM": "xterm"}
    command = [sys.executable, "-m", "tune", *arguments]
    if on_a_terminal:
        command = [sys.executable, "-S", "-c", THROUGH_A_TERMINAL, *command]
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def watched(notes: Path, *arguments: str, on_a_terminal: bool = False) -> tuple[list[str], int]:
    """What was noted of a tuner and all its processes, and how many they were."""
    process = start_watched(notes, *arguments, on_a_terminal=on_a_terminal)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    lines = notes.read_text().splitlines()
    found = [line for line in lines if not line.startswith("ended ")]
    return found, len(lines) - len(found)


@pytest.fixture(scope="module")
def save_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a study of some trials, once it was made."""
    return tmp_path_factory.mktemp("threads")


def options(save_dir: Path, n_trials: int, *more: str) -> tuple[str, ...]:
    # Nothing is pruned, so that there are enough complete trials for every picture.
    of_study = ("--trials", str(n_trials), "--pruner", "none", "--epochs", "2", "--study-name", "one")
    return (*SMALL, *of_study, "--save-dir", str(save_dir), *more)


@pytest.mark.slow
def test_a_study_on_a_terminal_imports_in_its_main_thread_alone(save_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("pty")
    assert watched(tmp_path / "notes", *options(save_dir, 5), on_a_terminal=True) == ([], 1)


@pytest.mark.slow
def test_two_workers_import_in_their_main_threads_alone(save_dir: Path, tmp_path: Path) -> None:
    found, n_processes = watched(tmp_path / "notes", *options(save_dir, 9, "--resume", "--workers", "2"))
    assert found == []
    assert n_processes >= 3  # And that of multiprocessing itself.


@pytest.mark.slow
def test_a_report_that_writes_all_folders_imports_in_its_main_thread_alone(save_dir: Path, tmp_path: Path) -> None:
    for path in (save_dir / "one" / "trials").glob("*/config.json"):
        path.unlink()
    assert watched(tmp_path / "notes", "report", "--save-dir", str(save_dir)) == ([], 1)


@pytest.mark.slow
def test_the_dashboard_draws_one_figure_at_a_time_since_drawing_imports(save_dir: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    process = start_watched(notes, "dashboard", "--save-dir", str(save_dir), "--port", "0")
    assert process.stdout is not None
    try:
        address = process.stdout.readline().split()[1]
        places = [f"{address}api/studies/1/plot/{kind}" for kind in ("slice", "edf", "timeline", "parallel_coordinate")]
        with ThreadPoolExecutor(len(places)) as pool:
            assert all(pool.map(lambda place: bool(urllib.request.urlopen(place, timeout=120).read()), places))
    finally:
        process.terminate()
        process.communicate(timeout=120)
    threads = [line.split()[1] for line in notes.read_text().splitlines() if line.startswith("import ")]
    assert threads, "drawing imports nothing any more: the lock can go"
    turns = [thread for thread, _ in groupby(threads)]
    assert len(turns) == len(set(turns))


@pytest.mark.slow
def test_the_dashboard_ends_while_a_figure_is_drawn(save_dir: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    process = start_watched(notes, "dashboard", "--save-dir", str(save_dir), "--port", "0")
    assert process.stdout is not None
    with ThreadPoolExecutor(1) as pool:
        address = process.stdout.readline().split()[1]
        drawing = pool.submit(urllib.request.urlopen, f"{address}api/studies/1/plot/contour", timeout=120)
        deadline = time.monotonic() + 120
        while "import " not in notes.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.terminate()
        assert "Stopped." in process.communicate(timeout=120)[0]
        assert process.returncode == 0
        assert isinstance(drawing.exception(), OSError)  # Nobody waits for the figure, which can take a minute.
