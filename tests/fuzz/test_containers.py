"""Arrays, MATLAB's files, .arff, exports of Edge Impulse and tables with a byte or two changed: told, or read."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.files import load
from data.sequences import SequenceDataset
from data.source import Source

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "examples"
FILES = (
    *("npy_arrays/X.npy", "npy_arrays/y.npy", "mat/tiny.mat", "arff/Tiny_TRAIN.arff", "ucr_tsv/Tiny_TEST.tsv"),
    *("edge_impulse/training/move.01.json", "label_first/rows.csv", "zipped/gestures.zip", "empty_lines/flex.csv"),
    *("lines_above/walk/1.csv", "sensors/run/2023-05-01_10-00-00/Gyroscope.csv", "gaps/run/2.csv"),
)


@pytest.mark.parametrize("name", FILES)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3), st.booleans()), min_size=1, max_size=3))
def test_a_changed_file_is_told_or_read(name: str, changes: list[tuple[float, bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "mine"
        shutil.copytree(EXAMPLES / Path(name).parts[0], root)
        changed = root.joinpath(*Path(name).parts[1:])
        content = changed.read_bytes()
        for where, written, is_inserted in changes:
            at = int(where * len(content))
            content = content[:at] + written + content[at + (0 if is_inserted else max(len(written), 1)) :]
        changed.write_bytes(content)
        with suppress(DataError):
            assert isinstance(load(Source(root, root)), SequenceDataset)
