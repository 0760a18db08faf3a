"""Every layout that ``docs/recordings.md`` lists, by its example below this folder."""

import re
from pathlib import Path

import pytest
import torch

from data.errors import DataError
from data.files import load
from data.recognise import recognise
from data.recording import CHECK
from data.sequences import SequenceDataset
from data.source import Source

EXAMPLES = Path(__file__).parent
PAGE = EXAMPLES.parents[1] / "docs" / "recordings.md"


def read(layout: str, label_from: str = "auto") -> SequenceDataset:
    path = EXAMPLES / layout
    assert recognise(path) == "files"
    return load(Source(path, path / "cache", label_from=label_from))


def checks(dataset: SequenceDataset) -> str:
    return "\n".join(note for note in dataset.notes if note.startswith(CHECK))


def test_every_example_is_on_the_page_and_every_line_has_one() -> None:
    named = set(re.findall(r"\| `([a-z_]+)` \|$", PAGE.read_text(), re.MULTILINE))
    assert named == {one.name for one in EXAMPLES.iterdir() if one.is_dir() and one.name != "__pycache__"}


def test_a_folder_a_person_with_the_class_in_a_column() -> None:
    dataset = read("person_folders")
    assert dataset.class_names == ("run", "walk")
    assert dataset.group_names == ("P01", "P02", "P03")
    assert dataset.channel_names == ("ax", "ay", "az")
    assert "such as 'P01', are taken for people; --set data.label_from=folder takes" in checks(dataset)
    by_folder = read("person_folders", "folder")
    assert by_folder.class_names == ("P01", "P02", "P03")
    assert "called like people: 'P01'" in checks(by_folder)


def test_people_within_names() -> None:
    dataset = read("people_in_names")
    assert (dataset.class_names, dataset.group_names) == (("run", "walk"), ("p00", "p01", "p02"))


def test_gaps_repeated_rows_and_clocks() -> None:
    dataset = read("gaps")
    assert dataset.channel_names == ("ax", "ay", "az")
    assert sorted(dataset.lengths.tolist()) == [12] * 6
    assert dataset.recordings is not None
    assert dataset.recordings.bincount().tolist() == [1, 2, 1, 2]
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert "time jumps in 2 of the recordings, by up to 5 s" in checks(dataset)
    assert "2 rows that repeat the one before, the time included, were taken out" in dataset.notes
    assert "left out, since they count rows or tell the time: 'device_clock'" in dataset.notes


def test_sensors_are_joined_by_time() -> None:
    dataset = read("sensors")
    assert len(dataset) == 4
    assert dataset.channel_names == tuple(f"{one} {axis}" for one in ("Accelerometer", "Gyroscope") for axis in "xyz")
    assert dataset.sample_rate_hz == pytest.approx(50)
    folder = EXAMPLES / "sensors" / "run" / "2023-05-01_10-00-00"
    for sensor, first, every in (("Accelerometer", 0, 1), ("Gyroscope", 3, 2)):
        rows = [line.split(",")[2:] for line in (folder / f"{sensor}.csv").read_text().split()[1:]]
        given = torch.tensor([[float(one) for one in reversed(row)] for row in rows])
        torch.testing.assert_close(dataset.sequence(0)[::every, first : first + 3], given, atol=1e-4, rtol=0)


def test_blocks_between_empty_lines() -> None:
    dataset = read("empty_lines")
    assert dataset.class_names == ("flex", "punch")
    assert dataset.lengths.tolist() == [5] * 8
    assert dataset.recordings is None
    assert "there is one file of 'flex'" in checks(dataset)
    first = (EXAMPLES / "empty_lines" / "flex.csv").read_text().splitlines()[1]
    assert dataset.sequence(0)[0].tolist() == pytest.approx([float(one) for one in first.split(",")])


def test_lines_above_the_header() -> None:
    dataset = read("lines_above")
    assert (dataset.channel_names, dataset.lengths.tolist()) == (("ax", "ay", "az"), [6] * 4)
    assert any(note.startswith("lines above the table are passed over in 3 files") for note in dataset.notes)


def test_files_that_are_called_after_their_class() -> None:
    dataset = read("flat")
    assert (dataset.class_names, dataset.labels.tolist()) == (("run", "walk"), [0, 0, 1, 1])
    assert "'run' for 'run_1.csv'" in checks(dataset)


def test_a_folder_that_the_column_contradicts(tmp_path: Path) -> None:
    for name, label in (("walk/1", "walk"), ("walk/2", "run"), ("run/1", "run"), ("run/2", "run")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.csv").write_text(f"ax,label\n1,{label}\n2,{label}\n")
    with pytest.raises(DataError, match=r"walk/1.csv.: the folder 'walk' holds 'run', 'walk' by its column"):
        load(Source(tmp_path, tmp_path))
    assert load(Source(tmp_path, tmp_path, label_from="column")).labels.tolist() == [0, 0, 1, 0]
    assert load(Source(tmp_path, tmp_path, label_from="folder")).labels.tolist() == [0, 0, 1, 1]
    (tmp_path / "walk" / "2.csv").write_text("ax,label\n1,walk\n2,run\n")
    with pytest.raises(DataError, match=r"2.csv: its column 'label' changes, from 'walk' to 'run' in row 3"):
        load(Source(tmp_path, tmp_path))
