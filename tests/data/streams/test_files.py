from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.files import load
from data.recognise import recognise
from data.recording import CHECK
from data.sequences import SequenceDataset
from data.source import Source
from data.splits.split import make_folds, make_split

EXAMPLES = Path(__file__).parents[1] / "examples"
LAYOUTS = {
    "rows_table": ({"sit", "walk"}, {"anna", "bob"}, 3, 50),
    "rows_wisdm": ({"Jogging", "Walking"}, {"33", "34"}, 3, 20),
    "rows_pamap2": ({"lying", "null", "walking"}, {"subject101", "subject102"}, 40, 100),
    "rows_mhealth": ({"null", "standing still", "walking"}, {"subject1", "subject2"}, 23, 50),
    "rows_harth": ({"1", "7"}, {"s006", "s008"}, 6, 50),
    "rows_opportunity": ({"close door 1", "null", "open door 1"}, {"s1", "s2"}, 241, 30.303),
    "annotations": ({"clap", "null", "wave"}, {"P01", "P02"}, 3, 50),
    "annotations_samples": ({"clap", "null", "wave"}, {"anna", "bob"}, 3, None),
    "labels_beside": ({"null", "sit", "walk"}, {"p1", "p2"}, 3, 50),
}


def read(path: Path, **wanted: float | str) -> SequenceDataset:
    return load(Source(path, path / "cache", **wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_understood(layout: str) -> None:
    classes, people, n_channels, rate = LAYOUTS[layout]
    assert recognise(EXAMPLES / layout) == "files"
    dataset = read(EXAMPLES / layout)
    assert set(dataset.class_names) == classes
    assert set(dataset.group_names) == people
    assert dataset.n_channels == n_channels
    assert dataset.sample_rate_hz == (None if rate is None else pytest.approx(rate, rel=1e-2))
    assert (dataset.timeline is None) == (rate is None)
    assert " is read as " in dataset.notes[0]
    assert len(dataset.notes) <= 8


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name.startswith("rows")])
def test_a_run_of_one_label_is_a_recording(layout: str) -> None:
    dataset = read(EXAMPLES / layout)
    assert dataset.recordings is not None
    assert dataset.timeline is not None
    assert dataset.timeline.at_changes
    pairs = torch.stack([dataset.recordings, dataset.labels]).unique(dim=1)  # type: ignore[no-untyped-call]
    assert pairs.shape[1] == int(dataset.recordings.max()) + 1


def test_lines_of_wisdm_may_hold_two_records_and_a_comma_too_many() -> None:
    dataset = read(EXAMPLES / "rows_wisdm")
    assert dataset.lengths.tolist() == [10] * 8
    assert dataset.channel_names == ("x", "y", "z")


def test_times_in_seconds_and_lengths_and_units(tmp_path: Path) -> None:
    """The same annotations in the stream's clock, from its begin, in samples and as durations give the same."""
    expected = read(EXAMPLES / "annotations")
    for person in ("P01", "P02"):
        (tmp_path / person).mkdir()
        stream = pd.read_csv(EXAMPLES / "annotations" / person / "stream.csv", header=None, skipinitialspace=True)
        stream.to_csv(tmp_path / person / "stream.csv", header=False, index=False)
    for head in ("begin_s,duration,gesture", "start_sample,end_sample,class", "onset (ms),offset (ms),label"):
        for person in ("P01", "P02"):
            stamps = pd.read_csv(tmp_path / person / "stream.csv", header=None)[0].tolist()
            spans = pd.read_csv(EXAMPLES / "annotations" / person / "annotations.csv")
            rows = [head]
            for start, end, label in spans.itertuples(index=False):
                seconds = (start - stamps[0]) / 1000, (end - start) / 1000
                samples = stamps.index(start), stamps.index(end)
                times = seconds if "duration" in head else samples if "sample" in head else (start, end)
                rows.append(f"{times[0]},{times[1]},{label}")
            (tmp_path / person / "annotations.csv").write_text("\n".join(rows))
        assert torch.equal(read(tmp_path).labels, expected.labels), head


@pytest.mark.parametrize(("head", "scale"), [("label,start_sample,end_sample", 1), ("class,begin_ms,end_ms", 20)])
def test_the_unit_of_annotations_is_that_of_their_begin_wherever_it_stands(
    tmp_path: Path, head: str, scale: int
) -> None:
    # By what fits best, samples 20 to 59 are milliseconds or seconds too.
    stream = "".join(f"{0.02 * k:.2f},{k % 7}\n" for k in range(4000))
    spans = [(200 * k + 20, 200 * k + 119, "wave" if k % 2 else "clap") for k in range(20)]
    for person in ("P01", "P02", "P03"):
        (tmp_path / person).mkdir()
        (tmp_path / person / "stream.csv").write_text(f"time_s,x\n{stream}")
        rows = "".join(f"{label},{scale * a},{scale * b}\n" for a, b, label in spans)
        (tmp_path / person / "annotations.csv").write_text(f"{head}\n{rows}")
    assert "'null': 50% of the time" in " ".join(read(tmp_path).notes)


def test_annotations_that_overlap_or_lie_outside_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time_s,x\n" + "".join(f"{0.02 * k:.2f},{k % 7}\n" for k in range(1000)))
    spans = "12,14,wave\n0,2,clap\n4,6,wave\n5,7,clap\n7,8,wave\n30,31,clap\n"
    (tmp_path / "a_annotations.csv").write_text(f"start,end,label\n{spans}")
    notes = read(tmp_path).notes
    place = tmp_path / "a_annotations.csv"
    assert f"{CHECK}1 of 6 annotations hold no step of the stream, 1 of them in {place}: they are passed over" in notes
    assert (
        f"{CHECK}1 of 6 annotations overlap an earlier one, 1 of them in {place}: the one that begins later holds"
        in notes
    )
    assert not [note for note in read(EXAMPLES / "annotations").notes if note.startswith(CHECK)]


@pytest.mark.parametrize("in_seconds", [0.001, 1, 0.02], ids=["ms", "s", "samples"])
@pytest.mark.parametrize("stream_unit", [0.001, 1])
@pytest.mark.parametrize("begin", [0, 1_700_000_000])
def test_the_unit_of_annotations_that_name_none_is_the_one_that_fits(
    tmp_path: Path, in_seconds: float, stream_unit: float, begin: int
) -> None:
    stream = "".join(f"{begin / stream_unit + 0.02 * k / stream_unit:.6f},{k % 7}\n" for k in range(5000))
    (tmp_path / "a.csv").write_text(f"time_{'s' if stream_unit == 1 else 'ms'},x\n{stream}")
    spans = [(4 * k + 1, 4 * k + 3, "wave" if k % 2 else "clap") for k in range(30)]  # The stream holds the first 25.
    rows = "".join(f"{a / in_seconds:.0f},{b / in_seconds:.0f},{label}\n" for a, b, label in spans)
    (tmp_path / "a_annotations.csv").write_text(f"start,end,label\n{rows}")
    notes = " ".join(read(tmp_path).notes)
    assert "'null': 50% of the time" in notes
    assert "5 of 30 annotations hold no step" in notes


def rows_of(labels: Sequence[str], people: Sequence[str] = ("anna", "bob")) -> str:
    """Forty steps of each label of each person, at 50 steps a second."""
    rows = [
        f"{person},{label},{0.02 * (40 * n + k):.2f},{(k * (n + 2)) % 7}"
        for person in people
        for n, label in enumerate(labels)
        for k in range(40)
    ]
    return "\n".join(["user,activity,time_s,x", *rows, ""])


def test_a_stream_nobody_annotated_is_left_out_and_said(tmp_path: Path) -> None:
    for source in (EXAMPLES / "annotations").rglob("*.csv"):
        target = tmp_path / source.relative_to(EXAMPLES / "annotations")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())
    empty = tmp_path / "P02" / "annotations.csv"
    header = empty.read_text().splitlines()[0]
    empty.write_text(f"{header}\n")
    dataset = read(tmp_path)
    assert not dataset.group_names
    assert f"{CHECK}{empty} holds no annotation of stream.csv, which is not read" in dataset.notes
    (tmp_path / "P01" / "annotations.csv").write_text(f"{header}\n")
    with pytest.raises(DataError, match="holds a header and no annotation below it"):
        read(tmp_path)


@pytest.mark.parametrize("above", ["# recorded with Foo 1.2\nDevice: Watch\n\n", "sep=,\n"])
def test_lines_above_a_stream_are_passed_over_and_said(tmp_path: Path, above: str) -> None:
    (tmp_path / "a.csv").write_text(above + rows_of(["walk", "run"]))
    dataset = read(tmp_path / "a.csv")
    assert dataset.class_names == ("run", "walk")
    assert any("lines above the table are passed over" in note for note in dataset.notes)
    (tmp_path / "a.csv").write_text(above + "\n" + rows_of(["walk", "run"]) + "anna,run,99,oops\n")
    row = (above + "\n").count("\n") + 1 + 160 + 1
    with pytest.raises(DataError, match=rf"row {row}, column 'x': 'oops' is not a number"):
        read(tmp_path / "a.csv")


def test_one_list_of_annotations_may_be_about_several_streams(tmp_path: Path) -> None:
    rows = "".join(f"{0.02 * k:.2f},{k % 7}\n" for k in range(1000))
    spans = []
    for n in (1, 2, 3):
        (tmp_path / f"P{n}.csv").write_text(f"time_s,x\n{rows}")
        spans += [f"P{n}.csv,{2 * k + 0.1 * n},{2 * k + 1},{'wave' if k % 2 else 'clap'}" for k in range(9)]
    (tmp_path / "annotations.csv").write_text("\n".join(["file,start_s,end_s,label", *spans, ""]))
    dataset = read(tmp_path)
    assert dataset.group_names == ("p1", "p2", "p3")
    assert dataset.timeline is not None
    starts = [begin for stream, _, begin, _ in dataset.timeline.events.tolist() if stream == 2]
    assert starts[:2] == pytest.approx([0.3, 2.3], abs=0.03)
    assert not [note for note in dataset.notes if note.startswith(CHECK)]


@pytest.mark.parametrize("called", ["Exercise", "what", "Übung"])
def test_what_stands_beside_start_and_end_is_the_label_whatever_it_is_called(tmp_path: Path, called: str) -> None:
    rows = "".join(f"2024-05-01T10:00:{0.02 * k:05.2f},{k % 7}\n" for k in range(2000))
    times = [f"2024-05-01T10:00:{k:02d}" for k in range(40)]
    for n in ("anna", "ben", "cem"):
        (tmp_path / n).mkdir()
        (tmp_path / n / "imu.csv").write_text(f"time,x\n{rows}")
        spans = [f"{times[k]},{times[k + 3]},{'squat' if k % 8 else 'lunge'}" for k in range(0, 36, 4)]
        (tmp_path / n / "labels.csv").write_text("\n".join([f"Start Time,End Time,{called}", *spans, ""]))
    dataset = read(tmp_path)
    assert dataset.class_names == ("lunge", "null", "squat")
    assert dataset.group_names == ("anna", "ben", "cem")


def test_people_who_were_measured_at_once_are_put_in_order(tmp_path: Path) -> None:
    rows = [
        f"{20 * k},{who},{k + n},{'sit' if k % 400 < 200 else 'walk'}"
        for k in range(900)
        for n, who in enumerate("abc")
    ]
    (tmp_path / "all.csv").write_text("\n".join(["timestamp,user,x,activity", *rows, ""]))
    dataset = read(tmp_path)
    assert dataset.group_names == ("a", "b", "c")
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert dataset.groups is not None
    for person in range(3):
        first = dataset.sequence(int((dataset.groups == person).nonzero()[0]))
        assert first[:3, 0].tolist() == [person, person + 1, person + 2]
    assert any("alternate in" in note for note in dataset.notes if note.startswith(CHECK))


def test_commas_in_decimals_between_semicolons(tmp_path: Path) -> None:
    for who in ("p1", "p2", "p3"):
        rows = [f"{20 * k};{k % 9 / 7:.3f};{-k % 5 / 3:.3f};{(0, 1, 0, 2)[k // 100 % 4]}" for k in range(800)]
        (tmp_path / f"{who}.csv").write_text("ms;x;y;label\n" + "\n".join(rows).replace(".", ",") + "\n")
    dataset = read(tmp_path)
    assert (dataset.class_names, dataset.channel_names) == (("0", "1", "2"), ("x", "y"))
    assert dataset.sample_rate_hz == pytest.approx(50)


def test_several_streams_whose_label_could_be_two_columns_ask_which(tmp_path: Path) -> None:
    rows = [f"{k / 50},{k % 9},{'abc'[k // 50 % 3]},{'de'[k // 70 % 2]}" for k in range(300)]
    for who in ("S1", "S2", "S3"):
        (tmp_path / f"{who}.csv").write_text("\n".join(["time,x,activity,gesture", *rows, ""]))
    with pytest.raises(DataError, match=r"'activity' and 'gesture' could each be the label"):
        read(tmp_path)


def test_features_of_whole_windows_are_told(tmp_path: Path) -> None:
    rows = [f"{who},{what},{k},{-k},{k % 3}" for who in "abc" for what in ("walk", "run") for k in range(20)]
    (tmp_path / "train.csv").write_text("\n".join(["subject,Activity,tBodyAcc-mean()-X,tBodyAcc-std()-X,a", *rows, ""]))
    assert any(
        "called like features of whole windows, such as 'tBodyAcc-mean()-X'" in note for note in read(tmp_path).notes
    )


@pytest.mark.parametrize("name", ["rec_{}_labels", "labels_rec_{}"])
def test_a_list_is_beside_the_stream_whose_name_it_has(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{0.02 * k:.2f},{k % 7}\n" for k in range(500))
    for n in (1, 2, 3):
        (tmp_path / f"rec_P{n}.csv").write_text(f"time_s,x\n{rows}")
        (tmp_path / f"{name.format(f'P{n}')}.csv").write_text("start_s,end_s,label\n1,3,wave\n5,7,clap\n")
    assert read(tmp_path).group_names == ("p1", "p2", "p3")


def test_what_is_lost_of_streams_is_told(tmp_path: Path) -> None:
    text = "\n".join(line.partition(",")[2] for line in rows_of(["walk", "run"], ("anna",)).splitlines())
    for person in ("P1", "P2", "P3", "P4", "P5", "P6"):
        (tmp_path / f"{person}.csv").write_text(text)
    (tmp_path / "P3.csv").write_bytes(b"")
    lines = text.splitlines()
    (tmp_path / "P4.csv").write_text("\n".join([lines[0], *(f"{line.rpartition(',')[0]}," for line in lines[1:])]))
    still = [line.replace(",0.42,", ",0.40,") for line in lines]
    (tmp_path / "P5.csv").write_text("\n".join(still))
    notes = read(tmp_path).notes
    assert f"{CHECK}1 other table is not read, such as {tmp_path / 'P3.csv'}" in notes
    assert any(note.startswith(f"{CHECK}{tmp_path / 'P4.csv'} holds no value") for note in notes)
    assert any(f"the clock of {tmp_path / 'P5.csv'} stands still at 1 of 79 steps" in note for note in notes)
    (tmp_path / "P6.csv").write_text(
        "\n".join([lines[0], *(f"{line.split(',')[0]},5,{line[-1]}" for line in lines[1:])])
    )
    assert any(f"the clock of {tmp_path / 'P6.csv'} does not tick" in note for note in read(tmp_path).notes)


def test_a_sensor_beside_an_annotated_stream_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{0.02 * k:.2f},{k % 7}\n" for k in range(500))
    for name in ("acc", "gyro"):
        (tmp_path / f"{name}.csv").write_text(f"time_s,x\n{rows}")
    (tmp_path / "annotations.csv").write_text("start_s,end_s,label\n1,3,wave\n5,7,clap\n")
    assert f"{CHECK}1 other table is not read, such as {tmp_path / 'gyro.csv'}" in read(tmp_path).notes


def test_dates_of_parquet_are_times(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"timestamp": pd.date_range("2023-05-01", periods=80, freq="20ms"), "x": [1.0, 2.0] * 40})
    frame["activity"] = ["walk"] * 40 + ["run"] * 40
    for person in ("P1", "P2"):
        frame.to_parquet(tmp_path / f"{person}.parquet")
    assert read(tmp_path).sample_rate_hz == pytest.approx(50)


def test_a_person_has_one_spelling(tmp_path: Path) -> None:
    for name, people in (("a", ("P1", "p 1", "P2")), ("b", ("p1 ", "P3"))):
        (tmp_path / f"{name}.csv").write_text(rows_of(["walk", "run"], people))
    dataset = read(tmp_path)
    assert dataset.group_names == ("P1", "P2", "P3")
    assert "one person by several spellings: 'P1', 'p 1' are taken for 'P1'" in dataset.notes
    assert any("'P1', 'p1' are taken for 'P1'" in note for note in dataset.notes)


def test_folders_that_are_classes_are_no_people(tmp_path: Path) -> None:
    for folder in ("walk", "run"):
        (tmp_path / folder).mkdir()
        for person in ("p1", "p2"):
            rows = rows_of([folder, "none"], ("x",)).replace("x,", "").replace("user,", "")
            (tmp_path / folder / f"{person}.csv").write_text(rows)
    with pytest.raises(DataError, match=r"its folder is 'run', which is a class too.*label_from=folder.*=column"):
        read(tmp_path)
    by_column = read(tmp_path, label_from="column")
    assert (by_column.class_names, by_column.group_names) == (("none", "run", "walk"), ("p1", "p2"))
    assert read(tmp_path, label_from="folder").class_names == ("run", "walk")


def test_people_in_the_names_of_files_come_before_any_folder(tmp_path: Path) -> None:
    for folder, source in (("Protocol", "subject101"), ("Protocol", "subject102"), ("Optional", "subject101")):
        (tmp_path / folder).mkdir(exist_ok=True)
        content = (EXAMPLES / "rows_pamap2" / f"{source}.dat").read_bytes()
        (tmp_path / folder / f"{source}.dat").write_bytes(content)
    assert read(tmp_path).group_names == ("subject101", "subject102")


def test_one_label_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(rows_of(["walk"]))
    with pytest.raises(DataError, match="holds only the class 'walk': a classifier"):
        read(tmp_path)


def test_numbers_that_single_precision_blurs_are_refused(tmp_path: Path) -> None:
    text = "\n".join(
        line if k == 0 else f"{line.rpartition(',')[0]},{123456789 + k % 5}"
        for k, line in enumerate(rows_of(["walk", "run"]).splitlines())
    )
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"column 'x' holds numbers up to 123,456,79\d, which single precision"):
        read(tmp_path / "a.csv")


def test_labels_of_audacity(tmp_path: Path) -> None:
    rows = [f"{k / 50},{k % 7}" for k in range(200)]
    (tmp_path / "take.csv").write_text("time_s,x\n" + "\n".join(rows))
    (tmp_path / "take_labels.txt").write_text("1.0\t1.5\twave\n2.0\t2.5\tclap\n")
    dataset = read(tmp_path)
    assert dataset.class_names == ("clap", "null", "wave")
    assert dataset.timeline is not None
    assert dataset.timeline.events[:, 2:].round(2).tolist() == [[1.0, 1.52], [2.0, 2.52]]


def test_a_class_for_nothing_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "take.csv").write_text("time_s,x\n" + "\n".join(f"{k / 50},{k % 7}" for k in range(200)))
    (tmp_path / "take_labels.csv").write_text("start,end,label\n0,1,idle\n1,1.5,wave\n2,2.5,clap\n")
    assert read(tmp_path).class_names == ("clap", "idle", "wave")


def test_sequences_are_no_streams(tmp_path: Path) -> None:
    for name in ("wave", "clap"):
        (tmp_path / name).mkdir()
        for k in range(3):
            (tmp_path / name / f"label_{k}.csv").write_text(f"ax,ay\n1,{k}\n2,3\n")
    dataset = read(tmp_path)
    assert dataset.timeline is None
    assert dataset.lengths.tolist() == [2] * 6


def test_people_held_out_share_no_stream() -> None:
    dataset = read(EXAMPLES / "rows_table")
    split = make_split(dataset, kind="stratified", seed=1)
    assert dataset.recordings is not None
    parts = [set(dataset.recordings[rows].tolist()) for rows in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_streams_of_one_split_are_whole() -> None:
    """Where windows have two labels, a whole stream is in one part, whatever it holds most of."""
    dataset = read(EXAMPLES / "rows_pamap2", window_label="run")
    split = make_split(dataset, kind="stratified", test_fraction=0.0)
    for fold in make_folds(dataset, split, 2):
        assert dataset.recordings is not None
        assert not set(dataset.recordings[fold.train].tolist()) & set(dataset.recordings[fold.validation].tolist())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": "label,x\nwave,1\nclap,b\n"}, r"a\.csv, row 3, column 'x': 'b' is not a number"),
        ({"a.csv": "label,x\nwave,1\nwave,2\n"}, "holds only the class"),
        ({"a.csv": "label,x\nwave,1\nclap,2,3\n"}, r"a\.csv, row 3: 3 fields where the first row has 2"),
        (
            {"a.csv": "time_s,x\n0,1\n1,2\n2,3\n", "a_labels.csv": "start,end,label\n90000,90001,wave\n"},
            r"a_labels\.csv: its times are not those of .*a\.csv",
        ),
        (
            {"a.csv": "time_s,x\n0,1\n1,2\n2,3\n", "a_labels.csv": "start,end,label\n2,1,wave\n"},
            r"a_labels\.csv, row 2: it ends before it begins",
        ),
        ({"a.csv": "x\n0\n1\n2\n", "a_labels.csv": "label\nwave\n"}, "has 1 labels for 3 rows"),
        ({"a.csv": "label,time,x\nwave,yesterday,1\nclap,today,2\n"}, r"row 2, column 'time': 'yesterday' is neither"),
    ],
)
def test_names_the_file_and_row(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.csv" if len(files) == 1 else tmp_path)


def test_a_single_stream_cannot_be_split_across_changes() -> None:
    with pytest.raises(DataError, match=r"data\.window_label is 'majority'"):
        read(EXAMPLES / "annotations" / "P01" / "stream.csv", window_label="majority")
    assert read(EXAMPLES / "annotations" / "P01" / "stream.csv").class_names == ("clap", "null", "wave")


CELLS = st.sampled_from(
    ["", "0", "1", "2", "3.5", "-1", "nan", "wave", "clap", "null", "1e300", "2026-01-01", "12:00:00"]
)
ROW = st.lists(CELLS, min_size=2, max_size=4)


@settings(deadline=None, max_examples=150)
@given(
    rows=st.lists(ROW, min_size=1, max_size=30),
    spans=st.lists(ROW, max_size=4),
    head=st.sampled_from(["time,label,x", "label,x", "x,y,z", "time_ms,x", "user,label,time,x", ""]),
)
def test_any_table_is_read_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], spans: list[list[str]], head: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name, first, some in (("take.csv", head, rows), ("take_labels.csv", "start,end,label", spans)):
        if some:
            (folder / name).write_text("\n".join([first, *(",".join(row) for row in some)][not first :]))
    try:
        dataset = read(folder)
    except DataError:
        return
    assert dataset.values.isfinite().all()
    assert dataset.n_classes >= 2


def test_sensors_of_one_take_that_are_streams_of_their_own_are_told(tmp_path: Path) -> None:
    """WISDM of 2019: ``raw/phone/accel/data_1600_accel_phone.txt`` beside ``raw/phone/gyro/…``."""
    rows = "".join(
        f"{{person}},{'AB'[k // 50]},{10**9 + k * 50_000_000},{k % 7}.5,{k % 5}.25,{k % 3}.125;\n" for k in range(100)
    )
    for sensor in ("accel", "gyro"):
        folder = tmp_path / "raw" / "phone" / sensor
        folder.mkdir(parents=True)
        for person in (1600, 1601):
            (folder / f"data_{person}_{sensor}_phone.txt").write_text(rows.replace("{person}", str(person)))
    (told,) = (note for note in read(tmp_path).notes if "one person at one time" in note)
    assert told.startswith(CHECK)
    assert "as are 2 pairs" in told
    assert not [note for note in read(tmp_path / "raw" / "phone" / "gyro").notes if "at one time" in note]


def test_the_legend_of_labels_beside_streams_is_no_stream(tmp_path: Path) -> None:
    for person in ("S1", "S2"):
        text = (EXAMPLES / "rows_opportunity" / f"{person}-ADL1.dat").read_text()
        (tmp_path / f"{person}-ADL1.dat").write_text(text)
    (tmp_path / "label_legend.txt").write_text(
        "Unique index   -   Track name   -   Label name\n\n1   -   Loco   -   Stand\n"
    )
    assert set(read(tmp_path).class_names) == {"close door 1", "null", "open door 1"}


def test_a_stream_that_is_read_in_pieces_is_what_it_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for layout in ("rows_table", "rows_wisdm", "rows_pamap2", "annotations"):
        whole = read(EXAMPLES / layout)
        monkeypatch.setattr("data.streams.tables.ROWS_AT_ONCE", 50)
        monkeypatch.setattr("data.spool.PIECE_BYTES", 100)
        pieces = load(Source(EXAMPLES / layout, tmp_path, storage="disk"))
        monkeypatch.undo()
        assert pieces.fingerprint == whole.fingerprint
        assert pieces.notes[: len(whole.notes)] == whole.notes
