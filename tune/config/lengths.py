"""How long the sequences of a data set are, as stored networks say it; needs no torch."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from .schema import Section

LONGEST = 10_000_000
# Steps a second: from one in thirty years to one in a nanosecond.
SLOWEST_HZ, FASTEST_HZ = 1e-9, 1e9


class Lengths(Section):
    """Steps of the shortest, the median and the longest sequence of the data set."""

    shortest: int = Field(ge=1, le=LONGEST)
    median: int = Field(ge=1, le=LONGEST)
    longest: int = Field(ge=1, le=LONGEST)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.shortest <= self.median <= self.longest:
            raise ValueError("shortest, median and longest must be in this order")
        return self
