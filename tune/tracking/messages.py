"""What the tuner and the process that tells trackers say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.folders import StudyFolder


@dataclass(frozen=True)
class Look:
    """Look at a study, and tell the trackers what they do not know yet.

    Attributes:
        folder: Of the study.
        is_last: Whether the study is done for now, and its exports are written.
    """

    folder: StudyFolder
    is_last: bool = False


@dataclass(frozen=True)
class Begun:
    """The packages of the trackers are loaded, which takes long on a busy machine."""


@dataclass(frozen=True)
class Logged:
    """A tracker knows of one more trial."""

    tracker: str
    place: str


@dataclass(frozen=True)
class Broke:
    """A tracker cannot be told, and is left alone from now on."""

    tracker: str
    place: str
    reason: str


@dataclass(frozen=True)
class Ended:
    """The trackers know everything of a study that there was to tell when it was looked at."""

    study: str
