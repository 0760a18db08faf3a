from pathlib import Path

import numpy as np
import pytest

from data.errors import DataError
from data.files import load
from data.recognise import recognise
from data.recording import CHECK
from data.sequences import SequenceDataset
from data.source import Source

N = 8
CLASSES = ["walk", "run"] * (N // 2)
PEOPLE = ["anna", "anna", "bob", "bob", "carl", "carl", "dora", "dora"]


def write(root: Path, names: list[str], lines: list[str], called: str = "labels.csv") -> Path:
    generator = np.random.default_rng(0)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        rows = [",".join(f"{one:.3f}" for one in row) for row in generator.normal(size=(12, 3))]
        (root / name).write_text("\n".join(["ax,ay,az", *rows, ""]))
    (root / called).write_text("\n".join([*lines, ""]))
    return root


def read(root: Path, label_from: str = "auto") -> SequenceDataset:
    assert recognise(root) == "files"
    return load(Source(root, root / "cache", label_from=label_from))


FLAT = [f"rec_{k:03d}.csv" for k in range(N)]
NUMBERED = [f"{k:02d}.csv" for k in range(N)]
BELOW = [f"data/{name}" for name in FLAT]
# None of them differs from the others by a number alone, and each could be a list by its name.
SPELLED = [f"recording_{who}.csv" for who in ("anna", "ben", "cem", "dora", "emil", "fritz", "gita", "hana")]


@pytest.mark.parametrize(
    ("names", "header", "as_listed", "delimiter"),
    [
        (FLAT, "filename,label", FLAT, ","),
        (FLAT, "file,class", [name[:-4] for name in FLAT], ","),
        (FLAT, "File Name\tTarget", [name.upper() for name in FLAT], "\t"),
        (FLAT, "Dateiname;Klasse", FLAT, ";"),
        (FLAT, None, FLAT, ","),
        (SPELLED, "file,label", SPELLED, ","),
        (FLAT, ",recording,activity", [f"{k},{name}" for k, name in enumerate(FLAT)], ","),
        (NUMBERED, "id,target", [str(k) for k in range(N)], ","),
        (BELOW, "path,label", BELOW, ","),
        (BELOW, "path,label", ["./" + name for name in BELOW], ","),
        (BELOW, "path,label", ["C:\\mine\\" + name.replace("/", "\\") for name in BELOW], ","),
        (BELOW, "file,label", FLAT, ","),
        ([name.replace("csv", "txt") for name in FLAT], "file,surface", [name[:-4] for name in FLAT], ","),
    ],
)
def test_every_way_to_write_a_list(
    tmp_path: Path, names: list[str], header: str | None, as_listed: list[str], delimiter: str
) -> None:
    rows = [f"{name}{delimiter}{label}" for name, label in zip(as_listed, CLASSES, strict=True)]
    dataset = read(write(tmp_path, names, [header, *rows] if header else rows))
    assert [dataset.class_names[k] for k in dataset.labels] == CLASSES
    assert dataset.channel_names == ("ax", "ay", "az")
    assert not any(note.startswith(CHECK) for note in dataset.notes)


@pytest.mark.parametrize("column", ["person", "subject", "user_id", "Participant"])
def test_people_and_a_split(tmp_path: Path, column: str) -> None:
    lines = [f"file,label,{column},split"]
    lines += [
        f"{name},{label},{who},{'train' if k < 6 else 'test'}"
        for k, (name, label, who) in enumerate(zip(FLAT, CLASSES, PEOPLE, strict=True))
    ]
    dataset = read(write(tmp_path, FLAT, lines, "metadata.csv"))
    assert dataset.group_names == ("anna", "bob", "carl", "dora")
    assert dataset.official is not None
    assert dataset.official.tolist() == [0] * 6 + [2] * 2


def test_takes_of_one_name_are_told_by_the_person_beside_it(tmp_path: Path) -> None:
    names = [f"P{k // 2}/take{k % 2}.csv" for k in range(N)]
    lines = ["subject,take,label", *(f"P{k // 2},take{k % 2},{label}" for k, label in enumerate(CLASSES))]
    dataset = read(write(tmp_path, names, lines))
    assert dataset.class_names == ("run", "walk")
    assert dataset.group_names == ("P0", "P1", "P2", "P3")
    assert set(read(tmp_path, "folder").class_names) == {"P0", "P1", "P2", "P3"}


def test_folders_of_sensors_are_named(tmp_path: Path) -> None:
    names = [f"r{k}/{sensor}.csv" for k in range(N) for sensor in ("Accelerometer", "Gyroscope")]
    dataset = read(write(tmp_path, names, ["recording,label", *(f"r{k},{one}" for k, one in enumerate(CLASSES))]))
    assert (len(dataset), dataset.n_channels) == (N, 6)


def test_a_list_a_part(tmp_path: Path) -> None:
    train = [f"train/{name}" for name in FLAT[:6]]
    write(tmp_path, train, ["file,label", *(f"{name},{one}" for name, one in zip(FLAT, CLASSES[:6], strict=False))])
    test = [f"test/{name}" for name in FLAT[6:]]
    write(tmp_path, test, ["file,label", f"{FLAT[6]},walk", f"{FLAT[7]},run"], "test/labels.csv")
    dataset = read(tmp_path)
    assert dataset.official is not None
    assert sorted(dataset.official.tolist()) == [0] * 6 + [2] * 2


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    lines = ["file,label", *(f"{name},{one}" for name, one in zip(FLAT[1:], CLASSES[1:], strict=True)), "none.csv,run"]
    dataset = read(write(tmp_path, FLAT, lines))
    said = [note for note in dataset.notes if note.startswith(CHECK)]
    assert said == [
        f"{CHECK}named in 'labels.csv', and not there: 'none.csv'",
        f"{CHECK}without a class in the list, and not read: 'rec_000.csv'",
    ]
    write(tmp_path, FLAT, [*lines, f"{FLAT[1]},walk"])
    with pytest.raises(DataError, match=r"labels.csv, row 10: 'rec_001.csv' is 'walk' here and 'run' in row 2"):
        read(tmp_path)


def test_a_legend_of_classes_is_no_list(tmp_path: Path) -> None:
    names = [f"{label}/{k}.csv" for k, label in enumerate(CLASSES)]
    dataset = read(write(tmp_path, names, ["name,label", "walk,0", "run,1"], "classes.csv"))
    assert dataset.class_names == ("run", "walk")
