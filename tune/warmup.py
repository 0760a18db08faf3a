"""Loading what the exports need while nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

# Longer than a run that is over before it would profit.
AFTER_SECONDS = 30.0
_LIBRARIES = ("pandas", "matplotlib.figure", "optuna.importance", "plotly.graph_objects")


@contextmanager
def exports_loaded_meanwhile() -> Iterator[None]:
    """Loads the libraries of the exports half a minute into a search.

    They take seconds to load, and who has pressed Ctrl-C, or is to be killed ten seconds after SIGTERM, shall not wait
    for that as well.
    """
    timer = threading.Timer(AFTER_SECONDS, _load)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _load() -> None:
    for name in _LIBRARIES:
        import_module(name)
