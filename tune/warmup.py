"""Loading what the exports need while nobody waits for it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

# Longer than a run that is over before it would profit; and where trials are shorter than that, few of them, since what
# is loaded stays in memory and the size of a study shall not jump in its midst.
AFTER_SECONDS = 12.0
AFTER_TRIALS = 3
_LIBRARIES = ("pandas", "matplotlib.figure", "optuna.importance", "plotly.graph_objects")


@contextmanager
def exports_loaded_meanwhile() -> Iterator[Callable[[], None]]:
    """Loads the libraries of the exports some seconds into a search, or after its first few trials.

    They take seconds to load, and who has pressed Ctrl-C, or is to be killed ten seconds after SIGTERM, shall not wait
    for that as well.

    Yields:
        To be called after every trial.
    """
    timer = threading.Timer(AFTER_SECONDS, _load)
    timer.daemon = True
    timer.start()
    n_trials = itertools.count(1)

    def trial_done() -> None:
        if next(n_trials) == AFTER_TRIALS:
            threading.Thread(target=_load, name="warmup", daemon=True).start()

    try:
        yield trial_done
    finally:
        timer.cancel()


def _load() -> None:
    for name in _LIBRARIES:
        import_module(name)
