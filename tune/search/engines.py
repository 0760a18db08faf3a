"""Where the trials of a study run: in this process, in several, or on a cluster."""

from __future__ import annotations

from ..core.stopping import StopWatch
from ..study.context import RunContext
from .loop import Ended, search
from .workers import WorkersObserver, n_workers, search_with_workers


def search_with_engine(context: RunContext, observer: WorkersObserver, stop: StopWatch) -> Ended:
    """Searches here, or in as many processes as the settings say, or on a cluster; as ``loop.search``."""
    settings = context.settings
    if settings.machine.engine == "ray":
        # Only here, since few have it and its import takes seconds.
        from .ray_engine import search_with_ray

        return search_with_ray(context, observer, stop)
    if n_workers(settings) == 1:
        return search(context, observer, stop)
    return search_with_workers(context, observer, stop)
