"""The floors of a study: what tuning has to beat, fitted in seconds before the first trial.

They are the majority class and a random forest on simple features, for comparison, and MiniRocket with a ridge
classifier, the only trial of a companion study. What came of them is on record in the study itself, under ``floors``.
"""

from __future__ import annotations

from optuna import Study

from .store import attributes_of, storage_of
from .stored import Floors
from .study import FLOOR_OF, load_study, stored_settings

FLOORS = "floors"
FLOOR = "minirocket"
FLOOR_NAME = "MiniRocket with a ridge classifier"
FOREST_NAME = "random forest"


def stored_floors(study: Study) -> Floors | None:
    """The floors of a study; None where none were fitted, or they have been switched off."""
    is_on = (stored_settings(study) or {}).get("search", {}).get("floors")
    return attributes_of(study).get(FLOORS) if is_on else None


def floor_study(study: Study) -> Study | None:
    """The study that holds the floor of ``study``; None if it is not there."""
    floors = stored_floors(study)
    if floors is None or (found := floors["minirocket"]) is None:
        return None
    floor = load_study(storage_of(study), found["study"])
    return floor if floor is not None and floor.user_attrs.get(FLOOR_OF) == found["of"] else None
