"""Every regular expression of the product answers in linear time, whatever strangers write."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from re import _parser
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
METHODS = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
SIZE = 16_000
MOST_SECONDS = 0.05
# One letter of every category (re, "special sequences"); what no expression asks for ends a text that shall not fit.
LETTERS = {"DIGIT": "1", "SPACE": " ", "WORD": "a"}
MISFIT = "\0"
MOST_LETTERS, MOST_WORDS = 8, 3


class Use(NamedTuple):
    """An expression, and how it is asked."""

    place: str
    pattern: re.Pattern[Any]
    method: str


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("tune", "data", "models"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if not name.endswith("__main__"):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def named(value: Any) -> Iterator[re.Pattern[Any]]:
    """The expressions that a module's attribute holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from named(one)
    elif isinstance(value, dict):
        yield from named(list(value.values()))


def uses() -> list[Use]:
    """Those that stand in calls of ``re``, in fields of pydantic, and those that modules hold, with every method."""
    found: list[Use] = []
    for name, tree in modules():
        methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in METHODS}
        at_top = {name for node in tree.body for name in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            place = f"{name}:{node.lineno}"
            if (
                isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
            ):
                if node.func.attr == "escape":
                    continue
                if node.func.attr == "compile":
                    assert node in at_top, f"{place}: compile it where a module begins, so that this test finds it"
                    continue
                flags = [word.value for word in node.keywords if word.arg == "flags"]
                assert isinstance(node.args[0], ast.Constant), f"{place}: an expression that this test cannot read"
                value = eval(ast.unparse(flags[0]), {"re": re}) if flags else 0
                found.append(Use(place, re.compile(node.args[0].value, value), node.func.attr))
            for word in node.keywords:
                if word.arg == "pattern" and isinstance(word.value, ast.Constant):
                    found.append(Use(place, re.compile(word.value.value), "search"))
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            for pattern in named(value):
                asked = {
                    node.attr
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Attribute)
                    and node.attr in METHODS
                    and isinstance(node.value, ast.Name)
                    and node.value.id == attribute
                }
                # In a collection, or used elsewhere: whatever the module asks of any.
                found += [Use(f"{name}.{attribute}", pattern, method) for method in sorted(asked or methods)]
    return found


def units(pattern: re.Pattern[Any]) -> list[str]:
    """Texts that the parts of an expression fit."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    found: dict[str, None] = {}

    def walk(parsed: Any) -> None:
        run = ""
        for operation, argument in parsed:
            if str(operation) == "LITERAL":
                run += chr(argument)
                found[chr(argument)] = None
                continue
            if run:
                found[run], run = None, ""
            inner(argument, str(operation))
        if run:
            found[run] = None

    def inner(argument: Any, operation: str) -> None:
        if operation == "RANGE":
            found[chr(argument[0])] = None
        elif operation == "CATEGORY":
            found.update((letter, None) for name, letter in LETTERS.items() if name in str(argument))
        elif operation in ("ANY", "NOT_LITERAL", "NEGATE"):
            found["é"] = None
        elif operation == "IN":
            walk(argument[:3])  # of letters that are all the same to the expression two will do
        elif isinstance(argument, _parser.SubPattern):
            walk(argument)
        elif isinstance(argument, list | tuple):
            if argument and all(isinstance(one, tuple) and len(one) == 2 for one in argument):
                walk(argument)
            else:
                for one in argument:
                    inner(one, "")

    walk(_parser.parse(text, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags))
    return sorted(found, key=len)[:MOST_LETTERS] + sorted(found, key=len)[MOST_LETTERS:][-MOST_WORDS:]


def adversaries(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Long texts of one part, or of two in turn or one after the other, that end in what does not fit."""
    parts = list(dict.fromkeys(units(pattern))) or ["a"]
    for one in parts:
        yield one * (SIZE // len(one)) + MISFIT
    for one, other in itertools.permutations(parts, 2):
        yield (one + other) * (SIZE // len(one + other)) + MISFIT
        yield one + other * (SIZE // len(other)) + MISFIT
        yield one * (SIZE // 2 // len(one)) + other * (SIZE // 2 // len(other)) + MISFIT


def seconds(use: Use, text: Any) -> float:
    """Of the processor."""
    asked = getattr(use.pattern, use.method)
    begun = time.process_time()
    found = asked("", text) if use.method in ("sub", "subn") else asked(text)
    if use.method == "finditer":
        list(found)
    return time.process_time() - begun


USES = uses()


def test_they_are_found() -> None:
    assert len({use.pattern for use in USES}) >= 40


def test_a_quadratic_one_would_be_found() -> None:
    use = Use("", re.compile(r"\d+\.?\d*"), "fullmatch")
    assert max(seconds(use, text) for text in adversaries(use.pattern)) > MOST_SECONDS


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.place}-{use.method}")
def test_it_takes_no_longer_for_any_text(use: Use) -> None:
    for text in adversaries(use.pattern):
        content: Any = text if isinstance(use.pattern.pattern, str) else text.encode("latin-1")
        # A second and third try for what somebody else did to the caches at that moment.
        assert any(seconds(use, content) < MOST_SECONDS for _ in range(3)), f"{text[:60]!r}…"
