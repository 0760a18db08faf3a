"""What Python's JSON reader lets pass is refused, and every file is answered with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.core.json_files import LARGEST_BYTES, parse_json_object, read_json_object
from tune.core.problems import Problem, SettingsError, did_you_mean


def rules(text: str) -> list[str]:
    return [problem.rule for problem in parse_json_object(text, "file")[1]]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"a": NaN}', "is no finite number"),
        ('{"a": Infinity}', "is no finite number"),
        ('{"a": -Infinity}', "is no finite number"),
        ('{"a": 1e999}', "is no finite number"),
        ('{"a": -1e999}', "is no finite number"),
        ('{"a": 1' + 5000 * "0" + "}", "is no finite number"),
        ('{"a": 1, "a": 2}', "stands twice in the same object"),
        ('{"a": {"b": 1, "b": 1}}', "stands twice in the same object"),
        ('{"a": 1,}', "is no JSON: Illegal trailing comma before end of object"),
        ("", "is no JSON: Expecting value"),
        ("[1, 2]", "must be a JSON object, in braces"),
        ("null", "must be a JSON object, in braces"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a":' * 100_000, "is nested too deeply"),
    ],
)
def test_bad_text_is_refused(text: str, rule: str) -> None:
    assert [found.split(": Illegal")[0].split(": Expecting")[0] for found in rules(text)] == [
        rule.split(": Illegal")[0].split(": Expecting")[0]
    ]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert rules('{"a": NaN, "b": 1e999, "b": 2}') == [
        "is no finite number",
        "is no finite number",
        "stands twice in the same object",
    ]


def test_the_place_of_a_mistake_is_named() -> None:
    (problem,) = parse_json_object('{"a": 1,\n "b" 2}', "my.json")[1]
    assert (problem.path, problem.value) == ("my.json", "line 2, column 6")


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text()))
def test_good_text_is_read_as_it_is(value: dict[str, Any]) -> None:
    assert parse_json_object(json.dumps(value), "file") == (value, [])


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    value, problems = parse_json_object(text, "file")
    assert isinstance(value, dict)
    assert problems or json.loads(text) == value


@given(content=st.binary())
def test_any_file_is_answered(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "config.json"
    path.write_bytes(content)
    value, problems = read_json_object(path)
    assert value == {} or not problems


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "windows.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json_object(path) == ({"a": 1}, [])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary, large = tmp_path / "weights.bin", tmp_path / "large.json"
    binary.write_bytes(b"\x80\x02\xff")
    large.write_bytes(b" " * (LARGEST_BYTES + 1))
    for path, rule in {
        tmp_path / "missing.json": "cannot be read: No such file or directory",
        tmp_path: "cannot be read: Is a directory",
        binary: "is no UTF-8 text: byte 0",
        large: f"cannot be read: it has {LARGEST_BYTES + 1:,} bytes: at most {LARGEST_BYTES:,} are read",
    }.items():
        value, (problem,) = read_json_object(path)
        assert (value, problem.path, problem.rule) == ({}, str(path), rule)


def test_a_problem_is_a_sentence() -> None:
    assert str(Problem("a.b", 3, "must be 4", "write 4")) == "a.b = 3: must be 4 (write 4)"
    assert str(Problem("a", "é", "is wrong")) == 'a = "é": is wrong'
    assert str(Problem("a", {1, 2}, "is wrong")) == "a = {1, 2}: is wrong"
    assert len(str(Problem("a", "x" * 10_000, "is wrong"))) < 120


def test_a_problem_with_a_deep_value_is_a_sentence() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    text = str(Problem("a", deep, "is wrong"))
    while isinstance(deep, list):  # Taken apart from the outside: its own destructor could overflow the stack.
        (deep,) = deep
    assert text.startswith("a = ")
    assert text.endswith(": is wrong")


def test_several_problems_are_a_line_each() -> None:
    error = SettingsError([Problem("a", 1, "is wrong"), Problem("b", 2, "is wrong")])
    assert str(error) == "a = 1: is wrong\nb = 2: is wrong"


def test_the_nearest_name_is_offered_or_else_all() -> None:
    assert did_you_mean("hiden_size", ["hidden_size", "n_layers"]) == "did you mean 'hidden_size'?"
    assert did_you_mean("zzz", ["hidden_size", "n_layers"]) == "valid: hidden_size, n_layers"
    assert did_you_mean(None, []) == ""
