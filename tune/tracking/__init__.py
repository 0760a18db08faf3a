"""Tracking for those who have it: MLflow and TensorBoard are told of every finished trial, from the database.

A process of its own does that, and nothing here waits for it but the very end of a run. What it did not come to,
because the tracker was down or the run was killed, is told when the study goes on.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ..config.trackers import Trackers
from ..core.folders import StudyFolder
from ..core.stopping import StopWatch, interrupts_held
from .process import track

__all__ = ["NOT_TRACKED", "Tracking"]

# Without any sign of life; a tracker that is down is noticed much sooner, by the time limits of its own requests.
_PATIENCE_SECONDS = 60.0
_PATIENCE_WITH_LOADING_SECONDS = 240.0
_PATIENCE_AFTER_SIGNAL_SECONDS = 5.0
_LOOK_SECONDS = 0.1


class Tracking:
    """Tells the trackers of a run, in a process of its own; does nothing where there are none."""

    def __init__(self, trackers: Trackers, storage_url: str) -> None:
        self._trackers, self._storage_url = trackers, storage_url
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._has_begun = False
        self._waiting: set[str] = set()
        self._put_off: set[StudyFolder] = set()
        self._n_logged: Counter[tuple[str, str]] = Counter()

    def look(self, folder: StudyFolder, *, is_last: bool = False) -> list[str]:
        """Has the trackers told of what is new in a study; takes no time.

        Args:
            folder: Of the study.
            is_last: Whether the study is done for now, and its exports are written.

        Returns:
            Sentences about trackers that have failed since the last call.
        """
        if not self._trackers:
            return []
        if self._process is None:
            self._start()
        said = list(self._hear())
        # It may still be busy with the last look, and would fill the pipe if a tracker hangs: the next one finds all.
        if self._connection is not None and (is_last or folder.study_name not in self._waiting):
            self._send((folder, is_last))
            self._waiting.add(folder.study_name)
            self._put_off.discard(folder)
        else:
            self._put_off.add(folder)
        return said

    def end(self, stop: StopWatch) -> list[str]:
        """Waits until the trackers know everything, as long as they show signs of life.

        Returns:
            Sentences about what was tracked, and what was not.
        """
        said: list[str] = []
        for message in (*((folder, False) for folder in self._put_off), None):
            self._send(message)
        last_sign = time.monotonic()
        while self._connection is not None:
            if self._connection.poll(_LOOK_SECONDS):
                said += self._hear()
                last_sign = time.monotonic()
            patience = _PATIENCE_SECONDS if self._has_begun else _PATIENCE_WITH_LOADING_SECONDS
            if stop.signal is not None:
                patience = _PATIENCE_AFTER_SIGNAL_SECONDS
            if time.monotonic() - last_sign > patience:
                said.append(_sentence("The trackers", "they did not answer in time"))
                break
        if self._process is not None:
            self._process.kill()
            self._process.join()
        return said + [self._logged(tracker) for tracker in dict.fromkeys(tracker for tracker, _ in self._n_logged)]

    def _logged(self, tracker: str) -> str:
        first, *others = [place for name, place in self._n_logged if name == tracker]
        n = sum(count for (name, _), count in self._n_logged.items() if name == tracker)
        more = f" and {len(others)} other place{'' if len(others) == 1 else 's'}" if others else ""
        return f"{tracker}: {n} trial{'' if n == 1 else 's'} logged at {first}{more}"

    def _start(self) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=track, args=(self._storage_url, self._trackers, theirs), daemon=True
        )
        with interrupts_held():
            self._process.start()
        theirs.close()

    def _send(self, message: tuple[StudyFolder, bool] | None) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.send(message)

    def _hear(self) -> Iterator[str]:
        """Takes all that the process has said."""
        while self._connection is not None and self._connection.poll():
            try:
                message: Any = self._connection.recv()
            except (EOFError, OSError):
                yield _sentence("The trackers", "their process has ended")
                message = None
            match message:
                case ("begun",):
                    self._has_begun = True
                case ("logged", tracker, place):
                    self._n_logged[tracker, place] += 1
                case ("broke", tracker, place, reason):
                    yield _sentence(f"{tracker} at {place}", reason)
                case ("ended", study):
                    self._waiting.discard(study)
                case None:
                    self._connection.close()
                    self._connection = None


NOT_TRACKED = Tracking(Trackers(), "")


def _sentence(who: str, why: str) -> str:
    return (
        f"warning: {who} cannot be told of this run ({why}); the study is not affected, and the same command with "
        "--resume catches up"
    )
