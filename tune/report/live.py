"""The report while a study runs: rewritten between two trials, in a bounded share of the time."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from optuna import Study

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..search.progress import Progress
from ..study.samplers import n_finished
from .outputs import load_libraries, write_live_page

# Before that nobody has looked, and a study may be at its end.
_FIRST_SECONDS = 3.0
_MOST_OF_THE_TIME = 0.05


@dataclass
class LiveReport:
    """Keeps ``report.html`` up to date.

    Attributes:
        study: That runs.
        settings: Of the study.
        folder: Of the study.
    """

    study: Study
    settings: Settings
    folder: StudyFolder
    _started: float = field(default_factory=time.monotonic)
    _spent: float = 0.0
    _last: float = 0.0
    _is_on: bool = True

    def look(self, progress: Progress) -> None:
        """Writes the page if that is due; in the thread that searches, since no other one may import beside it."""
        begun = time.monotonic()
        elapsed = begun - self._started
        is_due = not self._spent or self._spent + self._last <= _MOST_OF_THE_TIME * elapsed
        if not self._is_on or not is_due or elapsed < _FIRST_SECONDS:
            return
        try:
            with suppress(OSError):  # The exports at the end will tell of a disk that is full.
                load_libraries()
                write_live_page(self.study, self.settings, self.folder, self._standing(progress))
        except Exception as error:  # Nobody's search may end because of a picture; the exports at its end raise this.
            progress.say(f"note: the report is written at the end only ({type(error).__name__}: {error})")
            self._is_on = False
        self._last = time.monotonic() - begun
        self._spent += self._last

    def _standing(self, progress: Progress) -> str:
        if progress.names:
            done = f"{progress.n_done + 1} of {progress.n_trials} runs with fresh seeds are done"
        else:
            done = f"{n_finished(self.study)} of {progress.n_trials} trials are finished"
        return (
            f"Running: {done}, as of {datetime.now().astimezone():%H:%M:%S}. Everything below is what is known so far, "
            "and this page reloads itself. If that is long ago, the run was stopped: --resume goes on with it."
        )
