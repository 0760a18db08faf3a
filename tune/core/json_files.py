"""JSON written by people: what Python's reader lets pass is refused here."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from data.formats.regular import read_regular

from .problems import Problem

LARGEST_BYTES = 1_000_000


def read_json_object(path: Path, largest_bytes: int = LARGEST_BYTES) -> tuple[dict[str, Any], list[Problem]]:
    """Reads a file of at most ``largest_bytes`` with one JSON object; see ``parse_json_object``."""
    try:
        text = read_regular(path, largest_bytes).decode("utf-8-sig")
    except OSError as error:
        return {}, [Problem(str(path), "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return {}, [Problem(str(path), "", f"is no UTF-8 text: byte {error.start}")]
    return parse_json_object(text, str(path))


def parse_json_object(text: str, origin: str) -> tuple[dict[str, Any], list[Problem]]:
    """Parses the text of one JSON object.

    Python's reader accepts NaN and Infinity, keeps the last of two equal keys, and overflows its stack on deep
    nesting (RFC 8259, sections 4, 6 and 9, leaves these to the reader).

    Returns:
        What could be read, and what is wrong with it; the two together, so that every error is told at once.
    """
    problems: list[Problem] = []

    def no_number(name: str) -> float:
        problems.append(Problem(origin, name, "is no finite number", "write a number, or null"))
        return 0.0

    def finite(written: str) -> float:
        number = float(written)
        return number if math.isfinite(number) else no_number(written)

    def whole(written: str) -> int:
        # Python converts no more than 4,300 digits.
        return int(written) if len(written) < 100 else int(no_number(written[:20] + "…"))

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result:
                problems.append(Problem(origin, key, "stands twice in the same object", "keep one of the two"))
            result[key] = value
        return result

    try:
        parsed = json.loads(
            text, parse_constant=no_number, parse_float=finite, parse_int=whole, object_pairs_hook=unique
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return {}, [Problem(origin, place, f"is no JSON: {error.msg}")]
    except RecursionError:
        return {}, [Problem(origin, "", "is nested too deeply")]
    if not isinstance(parsed, dict):
        return {}, [*problems, Problem(origin, parsed, "must be a JSON object, in braces")]
    return parsed, problems


def readable(value: Any, depth: int = 0) -> str:
    """JSON with an entry a line, but what holds no lists or objects in one line: a matrix then looks like one."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    if not any(isinstance(one, dict | list | tuple) for one in inner) and (depth > 1 or not isinstance(value, dict)):
        return json.dumps(value)
    space, end = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        lines = [f"{space}{json.dumps(str(key))}: {readable(one, depth + 1)}" for key, one in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{end}}}" if lines else "{}"
    return "[\n" + ",\n".join(space + readable(one, depth + 1) for one in value) + f"\n{end}]"
