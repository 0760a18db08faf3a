"""Where the trials of a study run: in this process, in several, or on a cluster."""

from __future__ import annotations

import torch
from optuna import Study
from optuna.storages import RDBStorage

from ..config.settings import Settings
from ..core.folders import StudyFolder
from ..core.stopping import StopWatch
from ..training.splits import Parts
from .loop import Ended, search
from .workers import WorkersObserver, n_workers, search_with_workers


def search_with_engine(
    storage: RDBStorage,
    study: Study,
    settings: Settings,
    parts: Parts,
    folder: StudyFolder,
    *,
    device: torch.device,
    observer: WorkersObserver,
    stop: StopWatch,
) -> Ended:
    """Searches here, or in as many processes as the settings say, or on a cluster; as ``search.search``."""
    if settings.machine.engine == "ray":
        # Only here, since few have it and its import takes seconds.
        from .ray_engine import search_with_ray

        return search_with_ray(storage.url, study, settings, parts, folder, device=device, observer=observer, stop=stop)
    if n_workers(settings) == 1:
        return search(study, settings, parts, folder, device=device, observer=observer, stop=stop)
    return search_with_workers(storage.url, study, settings, parts, folder, device=device, observer=observer, stop=stop)
