"""More than memory: the same values, windows and batches whether they lie in memory or in a mapped file."""

import io
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from data.errors import CacheError
from data.files import load
from data.mapped import can_be_removed, path_of
from data.on_disk import FOLDER
from data.sequences import SequenceDataset
from data.source import Source
from data.spool import Spool
from data.tensors.augment import Augmentation, augment
from data.tensors.batches import gather, ordered_batches, training_batches
from data.tensors.channels import Preparation, derive, fit_normaliser, prepare_measured


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings of two classes and four people, long enough to be cut into windows, a value of them missing."""
    generator = np.random.default_rng(0)
    for label in ("walk", "run"):
        for person in range(4):
            path = tmp_path / "mine" / label / f"p0{person}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = np.column_stack([np.arange(1200) / 50, generator.normal(size=(1200, 3)).round(4)])
            text = [",".join(map(str, row)) for row in rows.tolist()]
            text[7] = "0.14,,1.0,2.0"
            path.write_text("\n".join(["time,x,y,z", *text]) + "\n")
    return tmp_path / "mine"


def read(folder: Path, storage: str) -> SequenceDataset:
    return load(Source(folder, folder.parent / "cache", storage=storage))


def test_a_table_on_disk_has_the_same_sequences_and_fingerprint(folder: Path) -> None:
    memory, table, disk = (read(folder, storage) for storage in ("memory", "table", "disk"))
    assert memory.starts is None
    assert path_of(table.values) is None
    assert path_of(disk.values) is not None
    assert len(disk.values) == 8 * 1200 < len(memory.values)
    for one in (table, disk):
        assert torch.equal(one.packed().values, memory.values)
        assert torch.equal(one.labels, memory.labels)
        assert one.class_names == memory.class_names
        assert one.fingerprint == memory.fingerprint
    rows = torch.tensor([5, 0, 3])
    assert torch.equal(disk.subset(rows).packed().values, memory.subset(rows).values)
    assert torch.equal(disk.sequence(4), memory.sequence(4))
    with pytest.raises(TypeError, match="packed first"):
        _ = disk.owners


@pytest.mark.parametrize("derived", ["none", "both"])
@pytest.mark.parametrize("normalisation", ["global", "instance", "both"])
def test_batches_have_the_same_bits(folder: Path, derived: str, normalisation: str) -> None:
    preparation = Preparation(normalisation, derived)
    found = []
    for storage in ("memory", "table", "disk"):
        dataset = read(folder, storage)
        normaliser = fit_normaliser(derive(dataset, derived))
        prepared = prepare_measured(dataset, normaliser, preparation)
        found.append(
            [*training_batches(prepared, 16, seed=1, epoch=2), *(one for _, one in ordered_batches(prepared, 9))]
        )
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


EVERYTHING: dict[str, Any] = {
    "jitter": 0.1,
    "scaling": 0.1,
    "rotation": 0.2,
    "time_warp": 0.2,
    "time_crop": 0.3,
    "channel_dropout": 0.2,
}


@pytest.mark.parametrize("names", [*([name] for name in EVERYTHING), [*EVERYTHING]])
@pytest.mark.parametrize("balanced", [False, True])
def test_batches_are_varied_with_the_same_bits(
    folder: Path, names: list[str], balanced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.tensors.noise.FEWEST_VALUES", 1000)
    augmentation = Augmentation(**{name: EVERYTHING[name] for name in names})
    found = {}
    for storage in ("memory", "table", "disk"):
        dataset = read(folder, storage)
        train = dataset.subset(torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))[:60])
        normaliser, preparation = fit_normaliser(derive(train, "both")), Preparation("both", "both")
        measured = fit_normaliser(train)
        for epoch in (1, 2):
            varied = augment(train, augmentation, measured, seed=3, epoch=epoch)
            prepared = prepare_measured(varied, normaliser, preparation)
            found[storage, epoch] = [*training_batches(prepared, 16, seed=1, epoch=epoch, balanced=balanced)]
            found[storage, -epoch] = [gather(prepared.subset(torch.tensor([7, 3, 11])), torch.tensor([2, 0]))]
    for (storage, epoch), batches in found.items():
        for one, other in zip(found["memory", epoch], batches, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True)), (storage, epoch)
    assert not torch.equal(found["disk", -1][0].values[:, :5], found["disk", -2][0].values[:, :5])


def test_a_table_is_found_again_until_a_file_changes(folder: Path) -> None:
    first = read(folder, "disk")
    again = read(folder, "disk")
    assert again.values is first.values
    assert again.__dict__["fingerprint"] == first.fingerprint
    assert again.notes == first.notes
    (tables,) = (folder.parent / "cache" / FOLDER).glob("*.values")
    one = folder / "walk" / "p00.csv"
    one.write_text(one.read_text() + "24.0,1,2,3\n")
    changed = read(folder, "disk")
    assert path_of(changed.values) not in (None, tables)


def test_what_is_damaged_is_read_again(folder: Path) -> None:
    path = path_of(read(folder, "disk").values)
    assert path is not None
    code = f"""
import torch
from pathlib import Path
from typing import Any
from data.files import load
from data.source import Source
print(load(Source(Path({str(folder)!r}), Path({str(folder.parent / "cache")!r}), storage="disk")).fingerprint)
"""
    whole = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    torn = path.with_suffix(".torn")
    torn.write_bytes(path.read_bytes()[:-12])
    os.replace(torn, path)
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == whole


def test_few_tables_are_kept_but_all_that_are_in_use(folder: Path) -> None:
    tables = folder.parent / "cache" / FOLDER
    tables.mkdir(parents=True)
    for k in range(6):
        (tables / f"files-{k}.values").write_bytes(b"1234")
        (tables / f"files-{k}.cache").write_bytes(b"1234")
        os.utime(tables / f"files-{k}.values", (k, k))
    read(folder, "disk")
    left = sorted(one.name for one in tables.glob("files-?.*"))
    assert left == [f"files-{k}.{suffix}" for k in (4, 5) for suffix in ("cache", "values")]
    (mine,) = tables.glob("files-????????????????.values")
    assert sys.platform == "win32" or not can_be_removed(mine)


def test_what_is_read_is_spooled_to_files_without_a_name(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    given = [generator.normal(size=(k, 3)).astype(np.float32) for k in range(1, 60)]
    given += [np.arange(700), np.array([], np.int64)]  # type: ignore[list-item]
    with closing(Spool(tmp_path / "tables" / "table.values", held_bytes=1000, segment_bytes=4096)) as one:
        kept = [one.keep(values) for values in given]
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(given, kept, strict=True))
    assert kept[0] is given[0]
    assert not kept[-2].flags.writeable
    assert kept[-2] is not given[-2]
    assert list((tmp_path / "tables").iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_read_in_pieces_is_what_is_read_at_once(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    for label in ("walk", "run"):
        for person in range(3):
            values = generator.normal(size=(40_000, 2)).round(3)
            values[20_000, 0] = np.nan if person == 1 else 0
            seconds = np.arange(len(values)) / 50 + 5 * (np.arange(len(values)) > 30_000)
            frame = pandas.DataFrame({"time": seconds, "x": values[:, 0], "y": values[:, 1]})
            frame = pandas.concat([frame[:100], frame[99:]]) if person == 2 else frame
            path = tmp_path / "mine" / label / f"p0{person}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    memory = read(tmp_path / "mine", "memory")
    assert any("cut there into 12 pieces" in note for note in memory.notes)
    assert any("repeat the one before" in note for note in memory.notes)
    monkeypatch.setattr("data.spool.Spool.__init__.__defaults__", (5000, 1 << 20))
    monkeypatch.setattr("data.spool.PIECE_BYTES", 5000)
    monkeypatch.setattr("data.formats.delimited.BLOCK_BYTES", 5000)
    for module in ("recordings", "layouts.pieces", "layouts.time_axis"):
        monkeypatch.setattr(f"data.{module}.N_AT_ONCE", 5000)
    disk = read(tmp_path / "mine", "disk")
    assert disk.fingerprint == memory.fingerprint
    assert disk.notes[: len(memory.notes)] == memory.notes


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 16 kB."""
    place = tmp_path / "full"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_and_ends_with_3(folder: Path, full: Path) -> None:
    with pytest.raises(CacheError, match=r"cannot be written to \(No space left on device\): make room") as caught:
        load(Source(folder, full, storage="disk"))
    assert caught.value.exit_code == 3
    assert not [*full.glob("**/*.values*"), *full.glob("**/.*")]


@pytest.mark.skipif(not hasattr(mmap, "MADV_REMOVE"), reason="only Linux gives room back")
def test_what_is_written_to_the_table_is_given_back_where_it_was_read(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    read = [generator.random((100_000, 3), dtype=np.float32) for _ in range(20)]
    with closing(Spool(tmp_path / "all.values", held_bytes=0, segment_bytes=5_000_000)) as spool:
        # The first is needed again: parts of one array that overlap are left as they are.
        tables = [spool.keep(one) for one in read]
        overlap = [tables[0][:60_000], tables[0][40_000:]]
        spool.write(overlap, io.BytesIO())
        assert np.array_equal(tables[0], read[0])
        with (tmp_path / "all.values").open("wb") as file:
            spool.write(tables, file)
        written = np.fromfile(tmp_path / "all.values", np.float32).reshape(-1, 3)
        assert np.array_equal(written, np.concatenate(read))
        assert sum(map(np.count_nonzero, tables)) < 0.05 * written.size
