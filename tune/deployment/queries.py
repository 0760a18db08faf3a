"""What the service is asked and answers: strict, bounded, and described for whoever writes a client."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from .facts import Facts
from .inputs import RATE_TOLERANCE, fewest_steps

MOST_SEQUENCES, MOST_STEPS = 256, 20_000
# Of one request, all sequences together.
MOST_VALUES = 2_000_000
LARGEST_BODY = 16 << 20
# No sensor says more, and its square is still a number in single precision.
LARGEST_VALUE = 1e12


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
    sample_rate_hz: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    probabilities: bool = False


class Prediction(_Part):
    """What the network says of one sequence.

    Attributes:
        class_name: The most likely class; called ``class``.
        probability: Of that class.
        windows: How many windows a long sequence was cut into, which voted.
        probabilities: Of every class by its name, where asked for.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)

    class_name: str = Field(alias="class")
    probability: float = Field(ge=0, le=1.0001)
    windows: int = Field(ge=1)
    probabilities: dict[str, float] | None = None


class Predictions(_Part):
    """One prediction a sequence, in their order."""

    predictions: list[Prediction]


class Failure(_Part):
    """Why there is no answer, in a sentence."""

    error: str


def query_for(facts: Facts) -> type[Query]:
    """``Query`` for one network: as many channels as it takes; the description also has what is refused in words."""
    n_channels = len(facts.channel_names)
    # The limits are in the description; the service looks at all numbers at once, which is quicker.
    limits: Any = {"minimum": -LARGEST_VALUE, "maximum": LARGEST_VALUE}
    number = Annotated[float, Field(allow_inf_nan=False, json_schema_extra=limits)]
    step = Annotated[list[number], Field(min_length=n_channels, max_length=n_channels)]
    at_least = {"minItems": fewest_steps(facts)}
    sequence = Annotated[list[step], Field(min_length=1, max_length=MOST_STEPS, json_schema_extra=at_least)]
    sequences: Any = Annotated[list[sequence], Field(min_length=1, max_length=MOST_SEQUENCES)]
    fields: dict[str, Any] = {"sequences": (sequences, ...)}
    if facts.sample_rate_hz is not None and facts.resample_length is None:
        lowest, highest = (facts.sample_rate_hz * (1 + sign * 0.99 * RATE_TOLERANCE) for sign in (-1, 1))
        rates: Any = {"anyOf": [{"type": "number", "minimum": lowest, "maximum": highest}, {"type": "null"}]}
        rate = Field(default=None, gt=0, le=1e6, allow_inf_nan=False, json_schema_extra=rates)
        fields["sample_rate_hz"] = (float | None, rate)
    return create_model("Query", __base__=Query, __doc__=Query.__doc__, **fields)


def open_api(facts: Facts, query: type[Query], with_token: bool) -> dict[str, Any]:
    """The description of the service (OpenAPI 3.1)."""
    schemas: dict[str, Any] = {}
    for model in (query, Predictions, Failure):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas["Facts"] = Facts.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Facts"].pop("$defs", {}))

    def answer(name: str, words: str) -> dict[str, Any]:
        return {"description": words, "content": {"application/json": {"schema": {"$ref": _schema(name)}}}}

    refused = {"401": answer("Failure", "The token is missing or wrong")} if with_token else {}
    foreign = {**refused, "403": answer("Failure", "Another site or host name")}
    step = [0.0] * len(facts.channel_names)
    example = {"sequences": [[step] * min(facts.lengths.median, 5)]}
    paths: dict[str, dict[str, Any]] = {
        "/predict": {
            "post": {
                "summary": "Classify sequences",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": _schema("Query")}, "example": example}},
                },
                "responses": {
                    "200": answer("Predictions", "One prediction a sequence"),
                    "413": answer("Failure", "The request is too large"),
                    "415": answer("Failure", "The request is no JSON"),
                    "422": answer("Failure", "The request is not understood, or cannot be classified"),
                    **foreign,
                },
            }
        },
        "/model": {
            "get": {"summary": "What the network is", "responses": {"200": answer("Facts", "Its facts"), **foreign}}
        },
        "/health": {
            "get": {
                "summary": "Whether the service works",
                "responses": {
                    "200": {
                        "description": "It does",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"status": {"const": "ok"}},
                                    "required": ["status"],
                                }
                            }
                        },
                    },
                    "403": answer("Failure", "Another site or host name"),
                },
            }
        },
    }
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"seqtune: {facts.study}", "version": f"trial {facts.trial}"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if with_token:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in paths.items():
            if path != "/health":
                for operation in methods.values():
                    operation["security"] = [{"token": []}]
    return described


def _schema(name: str) -> str:
    return f"#/components/schemas/{name}"
