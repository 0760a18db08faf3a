"""What the service is asked and answers: strict, bounded, and described for whoever writes a client."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..core.problems import Problem
from .inputs import RATE_TOLERANCE, fewest_steps
from .metadata import Facts

MOST_SEQUENCES, MOST_STEPS = 256, 20_000
# Of one request, all sequences together.
MOST_VALUES = 2_000_000
# No sensor says more, and its square is still a number in single precision.
LARGEST_VALUE = 1e12
MOST_SAID, MOST_LISTED = 3, 1_000


def _within(kind: Any, **bounds: Any) -> Any:
    """A number or list within bounds, in the words of pydantic and of msgspec."""
    field: Any = Field(**bounds) if kind is float else Field(**bounds, fail_fast=True)
    return Annotated[kind, field, msgspec.Meta(**bounds)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Query(_Part):
    """Sequences to be classified.

    Attributes:
        sequences: Each a list of steps, each a list of the channels as measured.
        sample_rate_hz: Steps a second of all of them; another rate than the network's is refused.
        probabilities: Whether the probability of every class is wanted.
    """

    sequences: list[list[list[float]]]
    sample_rate_hz: _within(float, gt=0, le=1e6) | None = None  # type: ignore[valid-type]
    probabilities: bool = False


class Span(_Part):
    """A stretch of a stream with one class, in seconds from its begin."""

    begin: float = Field(ge=0)
    end: float = Field(ge=0)
    class_name: str = Field(alias="class")
    probability: float = Field(ge=0, le=1.0001)


class Prediction(_Part):
    """What the network says of one sequence.

    Attributes:
        class_name: The most likely class; called ``class``.
        probability: Of that class.
        windows: How many windows a long sequence was cut into, which voted.
        probabilities: Of every class by its name, where asked for.
        timeline: What happens when, where the network was trained on streams.
    """

    class_name: str = Field(alias="class")
    probability: float = Field(ge=0, le=1.0001)
    windows: int = Field(ge=1)
    probabilities: dict[str, float] | None = None
    timeline: list[Span] | None = None


class Predictions(_Part):
    """One prediction a sequence, in their order."""

    predictions: list[Prediction]


class Failure(_Part):
    """Why there is no answer, in a sentence."""

    error: str


def query_for(facts: Facts) -> type[Query]:
    """``Query`` for one network: as many channels as it takes, sequences that are long enough, its sample rate."""
    n_channels = len(facts.channel_names)
    number: Any = _within(float, ge=-LARGEST_VALUE, le=LARGEST_VALUE)
    step: Any = _within(list[number], min_length=n_channels, max_length=n_channels)
    sequence: Any = _within(list[step], min_length=fewest_steps(facts), max_length=MOST_STEPS)
    fields: dict[str, Any] = {"sequences": (_within(list[sequence], min_length=1, max_length=MOST_SEQUENCES), ...)}
    if facts.sample_rate_hz is not None and facts.resample_length is None:
        lowest, highest = (facts.sample_rate_hz * (1 + sign * 0.999 * RATE_TOLERANCE) for sign in (-1, 1))
        fields["sample_rate_hz"] = (_within(float, ge=lowest, le=highest) | None, None)
    return create_model("Query", __base__=Query, __doc__=Query.__doc__, **fields)


def decoder_of(query: type[Query]) -> msgspec.json.Decoder[Any]:
    """Reads what is right in half of the time that ``query`` takes, which has the better sentences for the rest."""
    fields = [
        (name, one.rebuild_annotation(), *(() if one.is_required() else (one.default,)))
        for name, one in query.model_fields.items()
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Query", fields, forbid_unknown_fields=True))


def sentences(error: ValidationError) -> str:
    """The first few things that are wrong: where, what stands there, and the rule."""
    n_wrong = error.error_count()
    if n_wrong > MOST_LISTED:  # a list of them would be larger than the request
        return f"the request: {n_wrong:,} things are wrong with it"
    said = []
    for one in error.errors(include_url=False, include_context=False)[:MOST_SAID]:
        path, value = ".".join(map(str, one["loc"])) or "the request", one["input"]
        short = f"{type(value).__name__} of {len(value)}" if isinstance(value, list | dict) else value
        said.append(str(Problem(path, short, one["msg"])))
    return "; ".join(said) + (f"; and {n_wrong - MOST_SAID} more" if n_wrong > MOST_SAID else "")
