"""Files that were made to do harm: each is refused in one sentence that names it, in bounded memory and time.

Each command has a gigabyte of memory more than its imports take, and a minute of the processor.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.limited import Limited, limited
from tests.stored_models import stored_model
from tune.training.model_folder import DESCRIPTION, WEIGHTS, write_model

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only"),
    pytest.mark.timeout(600),
]

MEGABYTES_200 = 200 << 20


@pytest.fixture(scope="module")
def command() -> Iterator[Limited]:
    with limited() as runs:
        yield runs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network."""
    folder = tmp_path_factory.mktemp("model") / "best_model"
    stored = stored_model()
    described = stored.description.model_dump(mode="json", exclude={"format", "weights_sha256"})
    write_model(folder, described, stored.network.state_dict())
    return folder


class Harm:
    """Unpickled, it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def nested_zip() -> bytes:
    inner = zipped({f"{k}.txt": bytes(10 << 20) for k in range(4)})
    return zipped({f"gestures-dataset/U01/01/{k}.zip": inner for k in range(9)})


def overlapping_zip(name: str) -> bytes:
    """A thousand names for the same bytes, as in Fifield 2019, "A better zip bomb"."""
    whole = zipped({name: bytes(5 << 20)})
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry, n_copies = whole[start:end], 1000
    copies = b"".join(entry.replace(name.encode(), f"{k:04d}{name[4:]}".encode()) for k in range(n_copies))
    tail = bytearray(whole[end:])
    struct.pack_into("<HHI", tail, 8, n_copies, n_copies, len(copies))
    return whole[:start] + copies + bytes(tail)


def lying_zip(name: str, content: bytes) -> bytes:
    """It says that it unpacks to ten bytes."""
    return zipped({name: content}).replace(struct.pack("<I", len(content)), struct.pack("<I", 10))


def many_members() -> bytes:
    """A directory of 2,100,000 entries without any file behind them."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    n_entries = 2_100_000
    directory = entry * n_entries
    return directory + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    encoded = header.encode() + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(encoded))
    return b"\x93NUMPY" + version + length + encoded + content


def shaped(shape: str, dtype: str = "'<f4'") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"


LYING_NPY: dict[str, Callable[[], bytes]] = {
    "2^62 steps": lambda: npy(shaped(f"({2**62}, 3)"), bytes(12)),
    "2^31 steps": lambda: npy(shaped(f"({2**31}, 3)"), bytes(12)),
    "negative": lambda: npy(shaped("(-1, 3)"), bytes(12)),
    "no steps of 2^62 channels": lambda: npy(shaped(f"(0, {2**62})")),
    "no steps of 2^70 channels": lambda: npy(shaped(f"(0, {2**70})")),
    "65 sides": lambda: npy(shaped(str((1,) * 65)), bytes(4)),
    "truth for a side": lambda: npy(shaped("(True, 3)"), bytes(12)),
    "another type": lambda: npy(shaped("(3,)", "'<c8'"), bytes(24)),
    "huge items": lambda: npy(shaped("(1,)", "'V2147483647'"), bytes(12)),
    "deep type": lambda: npy(shaped("(1,)", "[" * 200 + "('a', '<f4')" + "]" * 200), bytes(12)),
    "cut off": lambda: npy(shaped("(4, 3)"), bytes(40)),
    "cut header": lambda: npy(shaped("(4, 3)"), bytes(48))[:30],
    "long header": lambda: npy(shaped("(4, 3)") + " " * (60 << 20), bytes(48), b"\x02\x00"),
    "code": lambda: npy("{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (1,)}", bytes(4)),
}


@pytest.mark.parametrize("kind", LYING_NPY)
def test_lying_arrays(command: Limited, model: Path, tmp_path: Path, kind: str) -> None:
    content = LYING_NPY[kind]()
    folder = tmp_path / "signs"
    for sign in ("book", "drink"):
        (folder / sign).mkdir(parents=True)
        (folder / sign / "1.npy").write_bytes(content)
    labels = io.BytesIO()
    np.save(labels, np.array([0, 1, 0, 1]))
    packed = zipped({"X.npy": content, "y.npy": labels.getvalue()}, zipfile.ZIP_STORED)
    (tmp_path / "mine.npz").write_bytes(packed)
    for arguments in (
        ["datasets", "--data-path", folder],
        ["datasets", "--data-path", tmp_path / "mine.npz"],
        ["predict", "--model", model, folder / "book" / "1.npy"],
        ["predict", "--model", model, tmp_path / "mine.npz"],
    ):
        refused(command, arguments)


def test_objects_are_never_unpickled(command: Limited, model: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(Harm(trace)))
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Harm(trace)))
    np.savez(tmp_path / "objects.npz", X=np.array([Harm(trace)] * 2, object), y=np.array([Harm(trace)] * 2, object))
    np.save(tmp_path / "objects.npy", np.array([Harm(trace)] * 2, object), allow_pickle=True)
    (tmp_path / "raw.npz").write_bytes(zipped({"X": pickle.dumps(Harm(trace)), "y": pickle.dumps(Harm(trace))}))
    for path in sorted(tmp_path.glob("*.np?")):
        refused(command, ["datasets", "--data-path", path])
        refused(command, ["predict", "--model", model, path])
    assert not trace.exists()
    with pytest.raises(FileNotFoundError):
        trace.rmdir()
    pickle.loads(pickle.dumps(Harm(trace)))
    assert trace.exists()


BOMBS: dict[str, Callable[[str], bytes]] = {
    "nested": lambda _: nested_zip(),
    "overlapping": overlapping_zip,
    "lying": lambda name: lying_zip(name, bytes(50 << 20)),
    "members": lambda _: many_members(),
    "high ratio": lambda name: zipped({name: bytes(MEGABYTES_200)}),
    "escaping": lambda name: zipped({f"../../{name}": b"1"}),
}
INSIDE = {
    "gestures-dataset.zip": "gestures-dataset/U01/01/01.txt",
    "UCI HAR Dataset.zip": "UCI HAR Dataset/activity_labels.txt",
    "signs.zip": "book/1/0.npy",
}


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("archive", INSIDE)
def test_zip_bombs(command: Limited, tmp_path: Path, archive: str, kind: str) -> None:
    path = tmp_path / archive
    path.write_bytes(BOMBS[kind](INSIDE[archive]))
    refused(command, ["datasets", "--data-path", path])
    refused(command, ["datasets", "--data-path", tmp_path])


@pytest.mark.parametrize("kind", BOMBS)
def test_zip_bombs_that_are_called_arrays(command: Limited, model: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(BOMBS[kind]("X.npy"))
    refused(command, ["datasets", "--data-path", path])
    refused(command, ["predict", "--model", model, path])


def repeated(path: Path, piece: bytes, n_bytes: int, begin: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(n_bytes // (len(piece) * 4096)):
            file.write(piece * 4096)


HEADER = b"sequence_id,label,x,y,z,w\n"
TEXTS: dict[str, Callable[[Path], object]] = {
    "a million columns": lambda path: path.write_text(",".join(f"c{k}" for k in range(1_000_000)) + "\n"),
    "a hundred thousand short columns": lambda path: path.write_text("," * 100_000 + "\n" + "," * 100_000 + "\n"),
    "200 MB of cells in a line": lambda path: repeated(path, b"1,", MEGABYTES_200),
    "200 MB of cells in the third line": lambda path: repeated(path, b"1,", MEGABYTES_200, b"a,b,c,d\n1,2,3,4\n"),
    "200 MB of letters": lambda path: repeated(path, b"x", MEGABYTES_200),
    "200 MB of blanks": lambda path: repeated(path, b" ", MEGABYTES_200),
    "200 MB in one quotation": lambda path: repeated(path, b"1\n", MEGABYTES_200, HEADER + b'"'),
    "200 MB in one row of quotations": lambda path: repeated(path, b'"1\n",', MEGABYTES_200, HEADER),
    "zero bytes": lambda path: path.write_bytes(HEADER + b"1,up,1,2,\0,4\n"),
    "200 MB of zero bytes": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), MEGABYTES_200),
    **{
        f"{encoding} {mark.hex()}": lambda path, encoding=encoding, mark=mark: path.write_bytes(  # type: ignore[misc]
            mark + "sequence_id,label,x,y,z,w\n1,höher,1,2,3,4\n".encode(encoding)
        )
        for encoding, mark in (
            ("utf-16-le", b"\xff\xfe"),
            ("utf-16-be", b"\xfe\xff"),
            ("utf-16-le", b""),
            ("utf-32-le", b"\xff\xfe\0\0"),
            ("latin-1", b""),
        )
    },
    "a machine's program": lambda path: shutil.copy(sys.executable, path),
}


# Of tables, by the mark that UTF-16 begins with; a single sequence is too few to learn from all the same.
ENCODINGS_UNDERSTOOD = ("utf-16-le fffe", "utf-16-be feff", "latin-1 ")


@pytest.mark.parametrize("suffix", ["csv", "ts"])
@pytest.mark.parametrize("kind", TEXTS)
def test_texts(command: Limited, model: Path, tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"mine.{suffix}"
    TEXTS[kind](path)
    refused(command, ["datasets", "--data-path", path])
    if suffix == "csv":
        if kind in ENCODINGS_UNDERSTOOD:
            assert command(["predict", "--model", model, path]).code == 0
        else:
            refused(command, ["predict", "--model", model, path])
        classes = tmp_path / "classes"
        for name in ("up", "down"):
            (classes / name).mkdir(parents=True)
            os.link(path, classes / name / path.name)
        refused(command, ["datasets", "--data-path", classes])


def test_a_case_of_200_mb(command: Limited, tmp_path: Path) -> None:
    repeated(tmp_path / "mine.ts", b"1,", MEGABYTES_200, b"@classLabel true a b\n@data\n")
    refused(command, ["datasets", "--data-path", tmp_path / "mine.ts"])


def test_parquet_bombs(command: Limited, model: Path, tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    schema = pa.schema([("x", pa.float32())])
    with parquet.ParquetWriter(tmp_path / "runs.parquet", schema) as writer:
        same = pa.table({"x": pa.array(np.zeros(1 << 24, np.float32))})
        for _ in range(40):
            writer.write_table(same)
    wide = pa.table({f"c{k}": pa.array([1.0]) for k in range(20_000)})
    parquet.write_table(wide, tmp_path / "wide.parquet")
    for path in sorted(tmp_path.glob("*.parquet")):
        assert path.stat().st_size < 20 << 20
        refused(command, ["datasets", "--data-path", path])
        refused(command, ["predict", "--model", model, path])


def deep(folder: Path) -> None:
    (folder / "/".join("d" * 400)).mkdir(parents=True)
    (folder / "/".join("d" * 400) / "1.csv").write_text("1,2\n")


def many_links(folder: Path) -> None:
    """Each of thirty folders has links to thirty, five levels down and never in a circle: 24 million ways."""
    for level in range(5):
        for k in range(30):
            place = folder / (f"d{k}" if level == 0 else f".{level}/d{k}")
            place.mkdir(parents=True)
            (place / "1.csv").write_text("1,2\n")
            for other in range(30) if level < 4 else ():
                (place / f"l{other}").symlink_to(folder / f".{level + 1}" / f"d{other}")


def looped(folder: Path) -> None:
    (folder / "up" / "again").mkdir(parents=True)
    (folder / "up" / "again" / "up").symlink_to(folder)
    (folder / "up" / "1.csv").write_text("1,2\n")


def with_device(folder: Path) -> None:
    for name in ("up", "down"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.csv").write_text("1,2,3,4\n" * 12)
    (folder / "up" / "2.csv").symlink_to("/dev/zero")


def with_fifo(folder: Path) -> None:
    with_device(folder)
    (folder / "up" / "2.csv").unlink()
    os.mkfifo(folder / "up" / "2.csv")


FOLDERS = {"deep": deep, "links": many_links, "loop": looped, "device": with_device, "FIFO": with_fifo}


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders(command: Limited, tmp_path: Path, kind: str) -> None:
    FOLDERS[kind](tmp_path / "mine")
    refused(command, ["datasets", "--data-path", tmp_path / "mine"])
    refused(command, ["run", "--data-path", tmp_path / "mine", "--save-dir", tmp_path / "studies"])


def safetensors(header: object, content: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + content


def tensor(shape: list[int], end: int, dtype: str = "F32") -> dict[str, object]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}


LYING_WEIGHTS: dict[str, Callable[[], bytes]] = {
    "2^62": lambda: safetensors(tensor([2**62, 4], 16), bytes(16)),
    "2^70": lambda: safetensors(tensor([2**70], 16), bytes(16)),
    "negative": lambda: safetensors(tensor([-1, 4], 16), bytes(16)),
    "empty of 2^62": lambda: safetensors(tensor([0, 2**62], 0)),
    "many sides": lambda: safetensors(tensor([1] * 500, 4), bytes(4)),
    "another type": lambda: safetensors(tensor([4], 16, "F99"), bytes(16)),
    "small floats": lambda: safetensors(tensor([4], 2, "F4"), bytes(2)),
    "beyond the end": lambda: safetensors(tensor([4], 1 << 40), bytes(16)),
    "cut off": lambda: safetensors(tensor([4], 16), bytes(15)),
    "long header": lambda: struct.pack("<Q", 1 << 62) + b"{}",
    "no header": lambda: b"",
    "nested": lambda: safetensors(b"[" * 1_000_000),
    "no text": lambda: safetensors(b"\xff" * 100),
    "a list": lambda: safetensors([1]),
    "twice": lambda: safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' * 2, bytes(4)),
}


@pytest.mark.parametrize("kind", LYING_WEIGHTS)
def test_lying_weights(command: Limited, model: Path, tmp_path: Path, kind: str) -> None:
    folder, content = tmp_path / "best_model", LYING_WEIGHTS[kind]()
    shutil.copytree(model, folder)
    (folder / WEIGHTS).write_bytes(content)
    described = json.loads((folder / DESCRIPTION).read_text())
    described["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / DESCRIPTION).write_text(json.dumps(described))
    refused(command, ["predict", "--model", folder, __file__])


def refused(command: Limited, arguments: Sequence[object]) -> None:
    ended = command(arguments)
    assert (ended.code, len(ended.sentences)) == (2, 1), (arguments, ended)
    assert len(ended.said) < 3000, ended.said[:3000]
