"""Every layout that ``docs/recordings.md`` lists, by its example below this folder."""

import csv
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from data.errors import DataError
from data.files import load
from data.recognise import recognise
from data.source import Source
from data.unlabelled import read_unlabelled
from tests.data.layouts.reading import EXAMPLES, checks, read

PAGE = EXAMPLES.parents[2] / "docs" / "recordings.md"


def test_every_example_is_on_the_page_and_every_line_has_one() -> None:
    named = set(re.findall(r"\| `([a-z0-9_]+)` \|$", PAGE.read_text(), re.MULTILINE))
    assert named == {one.name for one in EXAMPLES.iterdir()}


def test_a_folder_a_person_with_the_class_in_a_column() -> None:
    dataset = read("person_folders")
    assert dataset.class_names == ("run", "walk")
    assert dataset.group_names == ("P01", "P02", "P03")
    assert dataset.channel_names == ("ax", "ay", "az")
    assert "such as 'P01', are taken for people; --set data.label_from=folder takes" in checks(dataset)
    by_folder = read("person_folders", "folder")
    assert by_folder.class_names == ("P01", "P02", "P03")
    assert "called like people: 'P01'" in checks(by_folder)


def test_a_list_of_the_files_and_their_classes() -> None:
    dataset = read("label_list")
    assert (dataset.class_names, dataset.labels.tolist()) == (("run", "walk"), [1, 0] * 4)
    assert dataset.group_names == ("anna", "bob", "carl", "dora")


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


@pytest.mark.parametrize(
    ("called", "channels"),
    [
        ("{0}_{1}.csv", ("x v", "y v", "z v")),
        ("take_{0}/{1}.csv", ("x v", "y v", "z v")),
        ("{0}_acc_{1}.csv {0}_gyro_{1}.csv", tuple(f"{one}_{axis} v" for one in ("acc", "gyr") for axis in "xyz")),
    ],
)
def test_axes_in_files_of_their_own_are_joined(tmp_path: Path, called: str, channels: tuple[str, ...]) -> None:
    for k in range(8):
        for axis in "xyz":
            for name in called.split():
                path = tmp_path / "ab"[k % 2] / name.format(k, axis)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("t,v\n" + "".join(f"{step / 50},{k}.{step}\n" for step in range(12)))
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert (len(dataset), dataset.channel_names, dataset.class_names) == (8, channels, ("a", "b"))


def test_arrays_of_few_steps_are_told(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.arange(60.0).reshape(20, 3))
    np.save(tmp_path / "labels.npy", np.repeat([0, 1], 10))
    assert "if each row is a step of 3 channels" in checks(load(Source(tmp_path, tmp_path / "cache")))


def test_blocks_between_empty_lines() -> None:
    dataset = read("empty_lines")
    assert dataset.class_names == ("flex", "punch")
    assert dataset.lengths.tolist() == [5] * 8
    assert dataset.recordings is None
    assert "there is one file of 'flex'" in checks(dataset)
    first = (EXAMPLES / "empty_lines" / "flex.csv").read_text().splitlines()[1]
    assert dataset.sequence(0)[0].tolist() == pytest.approx([float(one) for one in first.split(",")])


def test_units_below_the_header_and_delimiters_at_the_ends() -> None:
    dataset = read("units_below")
    assert dataset.channel_names == ("ax (m/s²)", "ay (m/s²)")
    assert (dataset.sample_rate_hz, dataset.lengths.tolist()) == (50.0, [8, 8, 8, 8])


def test_units_below_the_header_of_a_stream() -> None:
    dataset = read("units_stream")
    assert dataset.channel_names == ("ax (m/s²)", "ay (m/s²)")
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert dataset.group_names == ("p0", "p1", "p2")
    assert dataset.sequence(0)[:2, 1].tolist() == [0.5, 1.5]


def test_units_below_the_headers_of_annotations_and_their_stream(tmp_path: Path) -> None:
    rows = "".join(f"{k / 50:.2f},{k % 7}.5,{k % 5}.25\n" for k in range(800))
    for who in ("s1", "s2", "s3"):
        (tmp_path / f"{who}.csv").write_text(f"time,ax,ay\ns,g,g\n{rows}")
        (tmp_path / f"{who}_labels.csv").write_text("start,end,label\ns,s,\n1,4,walk\n5,9,run\n11,14,walk\n")
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert (dataset.channel_names, dataset.class_names) == (("ax (g)", "ay (g)"), ("null", "run", "walk"))
    (one,) = read_unlabelled(tmp_path / "s1.csv", dataset.channel_names)
    assert (one.channel_names, len(one.values)) == (dataset.channel_names, 800)


def test_numbers_between_blanks_or_tabs_in_folders_of_classes() -> None:
    dataset = read("dat_folders")
    assert (dataset.class_names, dataset.lengths.tolist(), dataset.n_channels) == (("run", "walk"), [5, 6, 5, 6], 3)
    first = (EXAMPLES / "dat_folders" / "run" / "2.dat").read_text().split()[:3]
    assert dataset.sequence(1)[0].tolist() == pytest.approx([float(one) for one in first])
    (one,) = read_unlabelled(EXAMPLES / "dat_folders" / "run" / "2.dat", dataset.channel_names)
    assert one.values.tolist() == dataset.sequence(1).tolist()


def test_lines_above_the_header() -> None:
    dataset = read("lines_above")
    assert (dataset.channel_names, dataset.lengths.tolist()) == (("ax", "ay", "az"), [6] * 4)
    assert any(note.startswith("lines above the table are passed over in 3 files") for note in dataset.notes)


@pytest.mark.parametrize("layout", ["person_folders", "rows_table", "label_list", "annotations"])
@pytest.mark.parametrize("encoding", ["windows-1252", "utf-8", "utf-8-sig", "utf-16"])
def test_the_umlauts_of_an_older_spreadsheet_are_read_and_said(tmp_path: Path, layout: str, encoding: str) -> None:
    usual = read(layout)
    for path in (one for one in (EXAMPLES / layout).rglob("*") if one.is_file()):
        copy = tmp_path / path.relative_to(EXAMPLES / layout)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text().replace(usual.class_names[-1], "zurück (90°)")
        copy.write_bytes(text.encode(encoding))
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert dataset.class_names == (*usual.class_names[:-1], "zurück (90°)")
    assert torch.equal(dataset.values, usual.values)
    said = [note for note in dataset.notes if note.startswith("read as Windows-1252 (Latin-1), since it is no UTF-8")]
    assert len(said) == (encoding == "windows-1252")


def test_files_that_are_called_after_their_class() -> None:
    dataset = read("flat")
    assert (dataset.class_names, dataset.labels.tolist()) == (("run", "walk"), [0, 0, 1, 1])
    assert "'run' for 'run_1.csv'" in checks(dataset)


def test_arrays_in_files_of_their_own() -> None:
    dataset = read("npy_arrays")
    assert (dataset.class_names, dataset.labels.tolist()) == (("0", "1"), [0, 1] * 4)
    given = np.load(EXAMPLES / "npy_arrays" / "X.npy")
    assert dataset.values.reshape(8, 6, 2).tolist() == given.tolist()
    assert recognise(EXAMPLES / "npy_arrays" / "X.npy") == "files"
    split = read("npy_split")
    assert split.class_names == ("move", "still")
    assert split.official is not None
    assert split.official.tolist() == [0] * 6 + [2] * 2


@pytest.mark.parametrize("layout", ["ucr_tsv", "arff"])
def test_a_sequence_a_row_with_its_other_half(layout: str) -> None:
    dataset = read(layout)
    assert (len(dataset), dataset.n_channels, dataset.n_classes) == (8, 1, 2)
    assert dataset.official is not None
    assert dataset.official.tolist() == [0] * 6 + [2] * 2
    assert dataset.sequence(0)[:2, 0].tolist() == pytest.approx([0.346, 0.33])
    assert set(dataset.labels.tolist()) == {0, 1}


def test_a_row_begins_with_its_class() -> None:
    dataset = read("label_first")
    assert (dataset.class_names, dataset.lengths.tolist()) == (("move", "still"), [6] * 8)
    assert "the first number of a row is taken for its class" in checks(dataset)


def test_edge_impulse() -> None:
    dataset = read("edge_impulse")
    assert (dataset.class_names, dataset.channel_names) == (("move", "still"), ("accX", "accY"))
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert dataset.official is not None
    assert dataset.official.tolist() == [0] * 6 + [2] * 2


def test_a_zip_and_a_folder_with_one() -> None:
    for path in ("zipped", "zipped/gestures.zip"):
        dataset = read(path)
        assert (dataset.class_names, dataset.group_names) == (("move", "still"), ("p0", "p1"))
        assert dataset.notes[0].startswith(str(EXAMPLES / "zipped" / "gestures.zip"))


def zip_in_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "outer.zip", "w") as archive:
        archive.writestr("a/1.csv", "ax\n1\n")
        archive.writestr("inner.zip", "x")
    return folder / "outer.zip"


def bomb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.csv", "0" * 10_000_000)
    return folder / "bomb.zip"


def escaping(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "up.zip", "w") as archive:
        archive.writestr("../a/1.csv", "ax\n1\n")
    return folder / "up.zip"


def pickled(folder: Path) -> Path:
    np.save(folder / "X.npy", np.array([[1.0], [2.0, 3.0]], dtype=object), allow_pickle=True)
    np.save(folder / "y.npy", np.array([0, 1]))
    return folder


def matlab_7_3(folder: Path) -> Path:
    (folder / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512))
    return folder / "new.mat"


def hdf5(folder: Path) -> Path:
    (folder / "h5.mat").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(512))
    return folder / "h5.mat"


def table_of_matlab(folder: Path) -> Path:
    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    savemat(folder / "inner.mat", {"a": np.array([[1, 2]], np.uint32)})
    begin = element(6, struct.pack("<II", 17, 0)) + element(1, b"T") + element(1, b"MCOS") + element(1, b"table")
    variable = element(14, begin + (folder / "inner.mat").read_bytes()[128:])
    (folder / "table.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + variable)
    return folder / "table.mat"


def without_class(folder: Path) -> Path:
    (folder / "x.arff").write_text("@relation x\n@attribute a numeric\n@data\n1\n")
    return folder / "x.arff"


def broken_payload(folder: Path) -> Path:
    (folder / "training").mkdir()
    (folder / "training" / "a.1.json").write_text('{"payload": {"sensors": [{"name": "x"}], "values": [[1, 2]]}}')
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (bomb, "bomb.zip unpacks to 10,000,000 bytes from .*: more than 100 to 1 is refused as a zip bomb"),
        (zip_in_zip, "member 'inner.zip' is a zip in a zip"),
        (escaping, "names with '..' are refused"),
        (pickled, "X.npy holds .*: it should hold numbers or text"),
        (matlab_7_3, r"new.mat is a MATLAB file of version 7.3 \(HDF5\): save it with -v7"),
        (hdf5, r"h5.mat is a MATLAB file of version 7.3 \(HDF5\): save it with -v7"),
        (table_of_matlab, r"table.mat holds a table, .* that only MATLAB reads: save table2struct\(T\) of a table"),
        (without_class, "x.arff has no attribute for the class"),
        (broken_payload, r"a.1.json: payload.values has the shape \[1, 2\] for 1 sensors"),
    ],
)
def test_containers_that_do_harm_or_make_no_sense(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(Source(make(tmp_path), tmp_path))


def test_a_row_in_a_zip_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("a/1.csv", "ax,ay\n1,2\n")
        archive.writestr("b/1.csv", "ax,ay\n1,x\n")
    with pytest.raises(DataError, match=r"mine\.zip/b/1\.csv, row 2, column 'ay': 'x' is not a number"):
        load(Source(tmp_path / "mine.zip", tmp_path))


def test_a_folder_that_the_column_contradicts(tmp_path: Path) -> None:
    for name, label in (("walk/1", "walk"), ("walk/2", "run"), ("run/1", "run"), ("run/2", "run")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.csv").write_text(f"ax,label\n1,{label}\n2,{label}\n")
    with pytest.raises(DataError, match=r"walk/1.csv.: the folder 'walk' holds 'run', 'walk' by its column"):
        load(Source(tmp_path, tmp_path))
    assert load(Source(tmp_path, tmp_path, label_from="column")).labels.tolist() == [0, 0, 1, 0]
    assert load(Source(tmp_path, tmp_path, label_from="folder")).labels.tolist() == [0, 0, 1, 1]


def test_a_label_that_changes_within_a_file_is_a_stream_unless_the_folder_is_asked_for(tmp_path: Path) -> None:
    rows = "".join(f"{0.02 * k:.2f},{k % 7},{'walk' if k < 40 else 'run'}\n" for k in range(80))
    for name in ("P01", "P02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.csv").write_text(f"time,ax,label\n{rows}")
    assert load(Source(tmp_path, tmp_path)).class_names == ("run", "walk")
    assert load(Source(tmp_path, tmp_path, label_from="folder")).class_names == ("P01", "P02")


def test_a_clock_without_a_name_is_left_out_of_training_and_of_what_is_predicted(tmp_path: Path) -> None:
    for name in ("walk/1", "run/1"):
        (tmp_path / name).parent.mkdir()
        rows = [f"{1_700_000_000_000 + 20 * k},{k % 3},{0.5 * k}" for k in range(6)]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    dataset = load(Source(tmp_path, tmp_path))
    assert dataset.channel_names == ("channel_2", "channel_3")
    (one,) = read_unlabelled(tmp_path / "walk" / "1.csv")
    assert one.values.tolist() == dataset.sequence(0).tolist()


def test_the_clocks_of_a_raw_file_are_no_channels_of_what_is_predicted(tmp_path: Path) -> None:
    # As those of the data set smartwatch.
    rows = [f"{1384186505317 + 110 * k} {79403606728018 + 111 * k} {k % 5}.5 {k % 3}.25 {k % 4}.75" for k in range(19)]
    (tmp_path / "15.txt").write_text("\n".join(rows))
    (one,) = read_unlabelled(tmp_path / "15.txt", ("ax (m/s²)", "ay (m/s²)", "az (m/s²)"))
    assert one.values[:2].tolist() == [[0.5, 0.25, 0.75], [1.5, 1.25, 1.75]]
    assert one.sample_rate_hz == pytest.approx(1000 / 110)


def test_blocks_are_predicted_one_by_one() -> None:
    found = list(read_unlabelled(EXAMPLES / "empty_lines" / "flex.csv"))
    assert [len(one.values) for one in found] == [5] * 4
    assert found[1].place.endswith("flex.csv, rows 8 to 12")


def test_streams_are_predicted_as_they_were_read_for_training() -> None:
    wisdm = list(read_unlabelled(EXAMPLES / "rows_wisdm" / "raw.txt"))
    assert [one.place.rpartition(", ")[2] for one in wisdm] == ["33", "34"]
    assert {one.channel_names for one in wisdm} == {("x", "y", "z")}
    assert [round(one.sample_rate_hz or 0) for one in wisdm] == [20, 20]
    (pamap,) = read_unlabelled(EXAMPLES / "rows_pamap2" / "subject101.dat")
    assert pamap.channel_names is not None
    # Nobody measured the heart rate in this one.
    assert set(read("rows_pamap2").channel_names) - set(pamap.channel_names) == {"heart_rate"}
    assert not np.isnan(pamap.values).any()
    # The annotations beside a stream are no recording, and its time is no channel.
    wanted = read("annotations").channel_names
    assert [one.values.shape[1] for one in read_unlabelled(EXAMPLES / "annotations", wanted)] == [3, 3]


@pytest.mark.parametrize("below", ["", "walk"])
def test_sensors_of_a_take_are_joined_where_the_network_knows_them_so(below: str) -> None:
    dataset = read("sensors")
    folder = EXAMPLES / "sensors" / below
    folder = next(folder.iterdir()) if below else folder
    found = list(read_unlabelled(folder, dataset.channel_names))
    assert len(found) == (1 if below else len(dataset))
    assert {one.channel_names for one in found} == {dataset.channel_names}
    apart = list(read_unlabelled(folder, ("x", "y", "z")))
    assert len(apart) > len(found)


def test_reading_arff_leaves_the_limit_of_other_readers() -> None:
    limit = csv.field_size_limit()
    read("arff")
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("named", [True, False])
def test_a_header_of_numbered_steps_is_a_sequence_a_row(tmp_path: Path, named: bool) -> None:
    header = ",".join([*(f"t{k}" for k in range(24)), "label"])
    rows = [
        ",".join([*(f"{label + k / 7:.3f}" for k in range(24)), "ab"[label] if named else str(label)])
        for label in (0, 1)
        for _ in range(10)
    ]
    (tmp_path / "wide.csv").write_text("\n".join([header, *rows]))
    dataset = load(Source(tmp_path / "wide.csv", tmp_path / "cache"))
    assert (len(dataset), dataset.n_channels, int(dataset.lengths.max())) == (20, 1, 24)
    assert dataset.class_names == (("a", "b") if named else ("0", "1"))
    assert "'label' is taken for the class of a row" in checks(dataset)


def test_arff_of_several_channels(tmp_path: Path) -> None:
    steps = "".join(f"  @attribute att{k} numeric\n" for k in range(3))
    cases = "\n".join(f"'{k},{k + 1},{k + 2}\\n{-k},{-k},{-k}',{'ab'[k % 2]}" for k in range(4))
    (tmp_path / "two.arff").write_text(
        f"@relation two\n@attribute two relational\n{steps}@end two\n@attribute c {{a,b}}\n@data\n{cases}\n"
    )
    dataset = load(Source(tmp_path / "two.arff", tmp_path / "cache"))
    assert (len(dataset), dataset.n_channels) == (4, 2)
    assert dataset.sequence(1).tolist() == [[1, -1], [2, -1], [3, -1]]


def test_arrays_that_are_not_read_are_said_and_people_found(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.arange(48.0).reshape(4, 6, 2))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0, 1]))
    np.save(tmp_path / "subject_ids.npy", np.array([7, 7, 8, 8]))
    np.save(tmp_path / "foo.npy", np.arange(4))
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert dataset.group_names == ("7", "8")
    assert "not read, since their names tell nothing: 'foo'" in checks(dataset)


def test_folders_called_like_classes_are_no_people(tmp_path: Path) -> None:
    for k in range(8):
        path = tmp_path / ("walk" if k % 2 else "run") / f"{k}.csv"
        path.parent.mkdir(exist_ok=True)
        label = "walk" if k // 4 else "run"
        path.write_text(f"x,y,label\n{k}.5,2,{label}\n1,{k},{label}\n")
    with pytest.raises(DataError, match="folder and column contradict each other"):
        load(Source(tmp_path, tmp_path / "cache"))


def test_files_of_both_sides_of_the_body_are_asked_about(tmp_path: Path) -> None:
    for k in range(12):
        path = tmp_path / "ab"[k % 2] / f"{k // 4}_1_{('left', 'right')[k // 2 % 2]}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"x,y\n{k}.5,2\n1,{k}.25\n")
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert len(dataset) == 12
    assert "as are 6 pairs like them: if they were worn in one take" in checks(dataset)


@pytest.mark.parametrize("label", ["", ",walk"])
def test_a_jump_of_the_clock_cuts_what_is_predicted(tmp_path: Path, label: str) -> None:
    times = [k / 50 + (86_400 if k >= 60 else 0) for k in range(100)]
    rows = [f"{time:.2f},{k % 7}.5,{k % 5}.25{label}" for k, time in enumerate(times)]
    (tmp_path / "log.csv").write_text("\n".join([f"time,x,y{label and ',label'}", *rows]))
    first, second = read_unlabelled(tmp_path / "log.csv", ("x", "y"))
    assert (len(first.values), len(second.values)) == (60, 40)
    assert first.begin_seconds == 0.0
    assert second.begin_seconds == pytest.approx(86_401.2)
    assert second.place.endswith("log.csv, rows 62 to 101")
    assert second.sample_rate_hz == pytest.approx(50, rel=1e-3)


def test_counters_are_left_out_though_they_begin_anew(tmp_path: Path) -> None:
    for k in range(4):
        path = tmp_path / "ab"[k % 2] / f"{k}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("nr,packet,x\n" + "".join(f"{row},{(row + 250) % 256},{row % 7}.{k}\n" for row in range(60)))
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert dataset.channel_names == ("x",)
    assert "left out, since they count rows or tell the time: 'nr', 'packet'" in dataset.notes


def test_arrays_in_folders_of_the_split(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        np.save(tmp_path / part / "X.npy", np.arange(48.0).reshape(4, 6, 2))
        np.save(tmp_path / part / "y.npy", np.array([0, 1, 0, 1]))
    assert recognise(tmp_path) == "files"
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert dataset.official is not None
    assert dataset.official.bincount().tolist() == [4, 0, 4]
