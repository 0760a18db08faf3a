from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.recording import CHECK, Layout
from data.sequences import SequenceDataset
from data.source import Source
from data.streams.clock import mended_clock
from data.streams.windows import Stream, assemble_streams

NAMES = ("null", "wave", "clap")


def stream(labels: list[int], person: str = "anna", seconds: list[float] | None = None) -> Stream:
    values = np.arange(len(labels), dtype=np.float32)[:, None]
    times = np.arange(len(labels)) / 10 if seconds is None else np.array(seconds)
    return Stream(f"{person}.csv", person, values, np.array(labels), times)


def cut(streams: list[Stream], names: tuple[str, ...] = NAMES, **wanted: Any) -> SequenceDataset:
    source = Source(None, Path(), **{"window_label": "majority", **wanted})
    return assemble_streams(Layout("files", "here", ("x",)), streams, names, source)


def named(dataset: SequenceDataset) -> list[str]:
    return [dataset.class_names[k] for k in dataset.labels.tolist()]


def test_a_wild_stamp_is_taken_between_its_neighbours() -> None:
    seconds, pieces, n_mended = mended_clock(np.array([0, 1, 2, 1e9, 4, 5.0]) / 10)
    assert seconds.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert (pieces, n_mended) == ([slice(0, 6)], 1)


def test_what_is_wrong_with_a_clock_is_told_as_it_is() -> None:
    clock = [k / 10 for k in range(40)]
    wild = [*clock[:12], 1e9, *clock[13:]]
    alone = [*clock[:20], 100.0, *(200 + k / 10 for k in range(19))]
    labels = [0] * 20 + [1] * 20
    told = [
        "\n".join(cut([stream(labels, "anna", seconds), stream(labels, "bob")], window_seconds=1.0).notes)
        for seconds in (wild, alone)
    ]
    assert "of anna.csv has 1 wild stamp, which is taken between its neighbours" in told[0]
    assert "jump" not in told[0]
    assert "of anna.csv jumps 2 times, by up to 100 s: each side of a jump is a stretch of its own" in told[1]
    assert f"{CHECK}1 stretch of one moment, alone between jumps of the clock: left out" in told[1]


@pytest.mark.parametrize("jump", [86_400.0, 5.0, -3.0])
def test_a_jump_of_the_clock_parts_a_stream(jump: float) -> None:
    labels = [0] * 20 + [1] * 20
    clock = [k / 10 + (jump if k >= 25 else 0) for k in range(40)]
    dataset = cut([stream(labels, "anna", clock), stream([0] * 20 + [1] * 20, "bob")], window_seconds=1.0)
    assert dataset.timeline is not None
    assert dataset.timeline.streams.unique().tolist() == [0, 1, 2]  # type: ignore[no-untyped-call]
    assert any(note.startswith("the clock of anna.csv jumps by ") for note in dataset.notes)
    for k in range(len(dataset)):
        window = dataset.sequence(k)[:, 0]
        assert (window.diff() == 1).all()
        assert not {24.0, 25.0} <= set(window.tolist()) or dataset.groups is None or dataset.groups[k] == 1


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"window_label": "majority"}, ["null", "null", "wave", "wave"]),
        ({"window_label": "end"}, ["null", "wave", "wave", "wave"]),
        ({"window_label": "share", "label_share": 0.9}, ["null", "null", "null", "wave"]),
        ({"window_label": "run"}, ["null", "wave"]),
    ],
)
def test_how_a_window_with_two_labels_is_labelled(how: dict[str, Any], expected: list[str]) -> None:
    # Windows of ten steps begin at 0, 5, 10 and 15; the label changes at 12.
    dataset = cut([stream([0] * 12 + [1] * 13)], window_seconds=1.0, hop_seconds=0.5, **how)
    assert named(dataset) == expected


def test_without_a_class_for_nothing_an_unsure_window_is_left_out() -> None:
    how = {"window_label": "share", "label_share": 0.9}
    dataset = cut([stream([0] * 12 + [1] * 13)], ("clap", "wave"), window_seconds=1.0, hop_seconds=0.5, **how)
    assert named(dataset) == ["clap", "wave"]
    assert dataset.timeline is not None
    assert dataset.timeline.starts.tolist() == [0, 1.5]


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 2), min_size=30, max_size=60),
    window=st.integers(8, 12),
    hop=st.integers(1, 12),
)
def test_windows_are_labelled_as_a_loop_would(labels: list[int], window: int, hop: int) -> None:
    expected = []
    for begin in range(0, len(labels) - window + 1, hop):
        inside = labels[begin : begin + window]
        expected.append(NAMES[max(range(3), key=inside.count)])
    how: dict[str, Any] = {"window_seconds": window / 10, "hop_seconds": hop / 10}
    if len(set(expected)) == 1:
        with pytest.raises(DataError, match="holds only the class"):
            cut([stream(labels)], **how)
    else:
        assert named(cut([stream(labels)], **how)) == expected


def test_the_defaults_come_from_how_long_labels_last() -> None:
    labels = ([0] * 50 + [1] * 20 + [0] * 30 + [2] * 22) * 2
    sliding = cut([stream(labels)])
    assert (int(sliding.lengths[0]), int(sliding.sequence(1)[0, 0])) == (21, 5)
    cut_at_changes = cut([stream(labels)], window_label="run")
    assert (int(cut_at_changes.lengths.max()), int(cut_at_changes.sequence(1)[0, 0])) == (21, 10)
    long = cut([stream([1] * 600 + [2] * 600)], window_label="run")
    assert int(long.lengths[0]) == 40


def test_another_rate_is_brought_to_that_of_most() -> None:
    slow = stream([0] * 100 + [1] * 100, "bob", [k / 5 for k in range(200)])
    dataset = cut([stream([0] * 300 + [1] * 300), slow], window_seconds=2.0, window_label="run")
    assert dataset.sample_rate_hz == pytest.approx(10)
    assert dataset.groups is not None
    bob = dataset.subset((dataset.groups == 1).nonzero().flatten())
    assert bob.sequence(0)[:3, 0].tolist() == [0, 0.5, 1]
    assert any("interpolated to 10" in note for note in dataset.notes)


def test_what_a_broken_line_left_is_missing() -> None:
    broken = stream([0] * 30 + [1] * 30)
    broken.values[7] = 33_487_496
    dataset = cut([broken, stream([0] * 2000 + [1] * 2000, "bob")], window_seconds=1.0)
    assert float(dataset.values.max()) < 5000
    assert any(note.startswith("wild values: 1, such as 3.34875e+07 in 'x'") for note in dataset.notes)


def test_a_class_that_fills_no_window_is_told() -> None:
    dataset = cut([stream([0] * 30 + [2] * 2 + [0] * 30 + [1] * 30)], window_seconds=2.0)
    assert dataset.class_names == ("null", "wave")
    assert any(note.startswith("no window is labelled 'clap'") for note in dataset.notes)
