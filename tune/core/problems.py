"""What is wrong with something that a person wrote, one sentence each, all of them at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

from .errors import SeqtuneError


class Problem(ValueError):
    """One thing that is wrong: where, what stands there, the rule, and what to do.

    Attributes:
        path: Where it stands, such as ``space.gru.hidden_size.low``.
        suggestion: What to write instead; empty where there is nothing sensible to say.
    """

    def __init__(self, path: str, value: object, rule: str, suggestion: str = "") -> None:
        super().__init__(path, value, rule, suggestion)
        self.path, self.value, self.rule, self.suggestion = path, value, rule, suggestion

    def __str__(self) -> str:
        sentence = f"{self.path} = {_shortened(self.value)}: {self.rule}"
        # All of it: a rule and a suggestion may quote what was written.
        return _visible(sentence + (f" ({self.suggestion})" if self.suggestion else ""))


class SettingsError(SeqtuneError):
    """Everything that is wrong with the settings."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def sentences(self) -> list[str]:
        """A sentence for each problem."""
        return [str(problem) for problem in self.problems]


def problems_of(error: ValidationError, place: str, fields: Iterable[str] = ()) -> list[Problem]:
    """What pydantic found wrong with something that lies at ``place`` and may have ``fields``."""
    return [
        Problem(
            f"{place}: {'.'.join(map(str, one['loc'])) or 'all of it'}",
            None if one["type"] == "missing" else one["input"],
            one["msg"].removeprefix("Value error, ").replace("Input should", "must"),
            did_you_mean(one["loc"][-1], fields) if one["type"] == "extra_forbidden" else "",
        )
        for one in error.errors(include_url=False)
    ]


def did_you_mean(written: object, valid: Iterable[str]) -> str:
    """A suggestion that names the nearest valid name, or all of them where none is near."""
    names = list(valid)
    close = difflib.get_close_matches(written, names, n=1, cutoff=0.5) if isinstance(written, str) else []
    if close:
        return f"did you mean {close[0]!r}?"
    return f"valid: {', '.join(names)}" if names else ""


def _shortened(value: object, limit: int = 80) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _visible(text: str) -> str:
    """The text without what moves a terminal's cursor."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
