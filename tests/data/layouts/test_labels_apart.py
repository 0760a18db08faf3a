"""Sequences in one table and their classes in another."""

from pathlib import Path

import pytest

from data.errors import DataError
from data.files import load
from data.source import Source
from tests.data.layouts.reading import EXAMPLES, checks, read


def test_rows_with_their_classes_in_another_table() -> None:
    dataset = read("rows_apart")
    assert dataset.official is not None
    assert (dataset.official.tolist(), dataset.labels.tolist()) == ([0] * 6 + [2] * 2, [1, 0] * 4)
    assert (dataset.channel_names, dataset.group_names) == (("ax", "ay"), ("p0", "p1", "p2", "p3"))
    first = (EXAMPLES / "rows_apart" / "X_train.csv").read_text().splitlines()[1].split(",")
    assert dataset.sequence(0).T.flatten().tolist() == pytest.approx([float(one) for one in first])
    assert not checks(dataset)


def test_steps_with_the_classes_of_their_sequences_in_another_table() -> None:
    dataset = read("steps_apart")
    assert (dataset.class_names, dataset.labels.tolist()) == (("carpet", "tiles"), [0, 1] * 3)
    assert (dataset.channel_names, dataset.lengths.tolist()) == (("ax", "ay"), [5] * 6)
    assert "X_test.csv has no table of its classes beside it: not read" in checks(dataset)


def apart(folder: Path, head: str, labels: str, *, n_columns: int = 24, ids: bool = False) -> Path:
    rows = [f"{k // 2}," * ids + ",".join(f"{k}.{step}" for step in range(n_columns)) for k in range(8)]
    (folder / "X_train.csv").write_text("\n".join([*filter(None, [head]), *rows]))
    (folder / "y_train.csv").write_text(labels.replace(" ", "\n"))
    return folder


COUNTED = ",".join(map(str, range(24)))


@pytest.mark.parametrize(
    ("head", "labels"),
    [
        ("", "walk walk run run walk walk run run"),
        ("", "label walk walk run run walk walk run run"),
        (COUNTED, "0 2 2 1 1 2 2 1 1"),
        (COUNTED, "y 2 2 1 1 2 2 1 1"),
        (COUNTED, "2e+00 2e+00 1e+00 1e+00 2e+00 2e+00 1e+00 1e+00"),
        (",".join(f"t{k}" for k in range(24)), ",y 0,2 1,2 2,1 3,1 4,2 5,2 6,1 7,1"),
    ],
)
def test_every_way_to_write_classes_apart(tmp_path: Path, head: str, labels: str) -> None:
    dataset = load(Source(apart(tmp_path, head, labels), tmp_path / "cache"))
    assert dataset.labels.tolist() == [1, 1, 0, 0] * 2
    assert (dataset.n_channels, dataset.lengths.tolist()) == (1, [24] * 8)
    assert ("is a sequence of 24 steps of a channel" in checks(dataset)) == (not head)


@pytest.mark.parametrize("labels", ["y a b a b", "surface a b a b", "y a a b b a a b b", "id,y 0,a 1,b 2,a 3,b"])
def test_classes_of_sequences_or_of_rows(tmp_path: Path, labels: str) -> None:
    apart(tmp_path, "id,ax,ay,az", labels, n_columns=3, ids=True)
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert (dataset.labels.tolist(), dataset.lengths.tolist()) == ([0, 1] * 2, [2] * 4)


@pytest.mark.parametrize(
    ("head", "labels", "message"),
    [
        (
            "ax,ay,az",
            "y a b a b a b a b",
            r"X_train.csv: whether a row is a step or a whole sequence is not known by its 3",
        ),
        ("id,ax,ay,az", "y a b a", "X_train.csv has 8 rows of 4 sequences, and there are 3 classes beside it"),
        ("id,ax,ay,az", "y a b a b a b a b", "y_train.csv: sequence '0' is 'b' and 'a': it has one class"),
        ("id,ax,ay,az", "id,y 0,a 1,b 2,a", "y_train.csv has no class of '3', which .*X_train.csv holds"),
        ("id,ax,ay,az", "who,y 0,a 1,b 2,a 3,b", None),
        ("id,ax,ay,az", "y 0.5 1.5 0.5 1.5", "y_train.csv: '0.5' is no class, which is a word or a whole number"),
        ("id,ax,ay,az", "who,what 0,a 1,b 2,a 3,b", "y_train.csv: no column is the label among 'who', 'what'"),
    ],
)
def test_classes_apart_that_do_not_fit(tmp_path: Path, head: str, labels: str, message: str | None) -> None:
    apart(tmp_path, head, labels, n_columns=3, ids="id" in head)
    if message is None:
        assert load(Source(tmp_path, tmp_path / "cache")).labels.tolist() == [0, 1] * 2
        return
    with pytest.raises(DataError, match=message):
        load(Source(tmp_path, tmp_path / "cache"))
