"""What a study hands over, as its ``best_config.json`` says: that needs none of its trials, however many they are."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core.folders import StudyFolder
from ..core.json_files import read_json_object

_LARGEST_BYTES = 50_000_000


class _Part(BaseModel):
    # Of a file that people may have edited; most of what stands in it is asked for elsewhere.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Data(_Part):
    name: str


class _Test(_Part):
    accuracy: float
    intervals_95: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)] | None] = {}


class _Scores(_Part):
    test: _Test | None = None


class _Floors(_Part):
    selected: str | None = None


class _Ensemble(_Part):
    members: list[Any]


class HandedOver(_Part):
    """The part of ``best_config.json`` that says which network it is, and how good."""

    architecture: str
    trial: int
    data: _Data
    scores: _Scores
    floors: _Floors | None = None
    ensemble: _Ensemble | None = None

    @property
    def network(self) -> str:
        """The network by its trial, as a person says it."""
        trial = (self.floors and self.floors.selected) or f"trial {self.trial}"
        return trial if self.ensemble is None else f"{trial}, mean of {len(self.ensemble.members)} networks"


def read_handed_over(folder: StudyFolder) -> HandedOver | None:
    """What the exports of a study say; None before there are any, or where they cannot be understood."""
    place = folder.root / "best_config.json"
    if not place.is_file():
        return None
    try:
        return HandedOver.model_validate(read_json_object(place, largest_bytes=_LARGEST_BYTES)[0])
    except ValidationError:
        return None
