"""What a study hands over, from a file that people may have edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.core.folders import StudyFolder
from tune.report.handed_over import read_handed_over
from tune.report.studies_page import StudyRow, studies_page

GOOD: dict[str, Any] = {
    "architecture": "gru",
    "trial": 3,
    "data": {"name": "watch", "sequences": 9},
    "scores": {"test": {"accuracy": 0.9, "intervals_95": {"accuracy": [0.85, 0.94], "macro_f1": None}}},
    "floors": {"selected": None, "majority": {}},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    place = StudyFolder(tmp_path_factory.mktemp("studies"), "mine")
    place.root.mkdir()
    return place


def written(folder: StudyFolder, content: object) -> str:
    (folder.root / "best_config.json").write_text(json.dumps(content))
    found = read_handed_over(folder)
    return "-" if found is None else found.network


@pytest.mark.parametrize(
    ("more", "network"),
    [
        ({}, "trial 3"),
        ({"ensemble": {"members": [{}, {}]}}, "trial 3, mean of 2 networks"),
        ({"floors": {"selected": "minirocket"}}, "minirocket"),
        ({"trial": "3"}, "-"),
    ],
)
def test_a_network_is_called_by_its_trial(folder: StudyFolder, more: dict[str, Any], network: str) -> None:
    assert written(folder, GOOD | more) == network


@given(st.sampled_from([*GOOD, "ensemble"]), ANYTHING)
def test_whatever_is_edited_is_understood_or_left_out(folder: StudyFolder, name: str, value: object) -> None:
    written(folder, GOOD | {name: value})
    assert "mine" in studies_page([StudyRow("mine", "now", "1/1", "-", folder)])


def test_without_exports_there_is_nothing_yet(tmp_path: Path) -> None:
    assert read_handed_over(StudyFolder(tmp_path, "none")) is None
