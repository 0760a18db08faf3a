"""Whatever strangers write: an error in words or a result, never a traceback, never much memory.

A hundred examples of each in the ordinary tests, of command lines forty; ten thousand, and four, by hand with
``./run_tests.sh tests/fuzz --hypothesis-profile=fuzz``.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.files import load
from data.sequences import SequenceDataset
from data.source import Source
from tune.cli.main import main
from tune.config.arguments import settings_layers
from tune.config.settings import default_settings, resolve, setting_paths
from tune.core.problems import SettingsError

MOST_MEMORY_BYTES = 1 << 30


@pytest.fixture(autouse=True)
def memory_is_bounded() -> Iterator[None]:
    """The peak of this process hardly rises; ``ru_maxrss`` is in KiB, on macOS in bytes (getrusage(2))."""
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before < MOST_MEMORY_BYTES


numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([0, -1, 1, 2, 64, 1e-3, 1e308, -0.0, 2**31, 2**63, 10**30])
)
names = st.one_of(
    st.text(max_size=12), st.sampled_from(["gru", "GRU", "watch", "auto", "mean", "true", "null", "../x"])
)
leaves = st.one_of(st.none(), st.booleans(), numbers, names)
json_values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(names, st.sampled_from(["low", "high", "log", "step"])), inner, max_size=4),
    ),
    max_leaves=8,
)
paths = st.one_of(st.sampled_from(setting_paths()), st.sampled_from(sorted(default_settings())), names)


@st.composite
def settings_texts(draw: st.DrawFn) -> str:
    """JSON of some settings, changed here and there, perhaps with a few letters of it wrong."""
    written: dict[str, Any] = {}
    for path in draw(st.lists(paths, max_size=2)):
        place = written
        *sections, last = path.split(".")
        for section in sections:
            inner = place.setdefault(section, {})
            place = inner if isinstance(inner, dict) else {}
        place[last] = draw(json_values)
    text = json.dumps(written)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 3)) :]
    return text


@given(settings_texts())
def test_any_settings_are_refused_in_words_or_complete(text: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "mine.json"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            settings = resolve(*settings_layers(path, (), {}))
        except SettingsError as error:
            sentences = [str(problem) for problem in error.problems]
        else:
            settings.ranges()
            assert resolve(settings.model_dump(mode="json")) == settings
            return
    assert sentences
    assert all(sentences)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)
OPTIONS: dict[str, st.SearchStrategy[str]] = {
    "--model-type": st.one_of(words, st.sampled_from(["gru", "rnn", "temporalcnn", "GRU", "bilstm"])),
    "--dataset": st.one_of(words, st.sampled_from(["files", "watsh"])),
    "--classes": st.one_of(words, st.sampled_from(["2", "3", "99", "1.5"])),
    "--split": st.sampled_from(["group", "stratified", "official", "auto", "people"]),
    "--folds": st.sampled_from(["0", "1", "2", "99", "x"]),
    "--timeout": st.sampled_from(["1s", "2m", "0", "soon", "1e9d", "-3s"]),
    "--target": st.sampled_from(["0.5", "0", "2", "nan", "high"]),
    "--metric": st.sampled_from(["loss", "macro_f1", "accuracy", "f1"]),
    "--sampler": st.sampled_from(["tpe", "random", "cmaes"]),
    "--pruner": st.sampled_from(["median", "none", "hyperband", "x"]),
    "--seed": st.sampled_from(["0", "7", "-1", "99999999999"]),
    "--device": st.sampled_from(["cpu", "cuda:99", "tpu"]),
    "--workers": st.sampled_from(["1", "-1", "x", "99999"]),
    "--checkpoint-every": st.sampled_from(["1s", "0", "x"]),
    "--study-name": st.one_of(words, st.sampled_from(["mine", "..", "a/b"])),
    "--warm-start": words,
    "--set": st.builds("{}={}".format, paths, st.one_of(words, numbers.map(repr))),
}


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Options with good and bad values, and now and then something that is no option."""
    arguments = []
    for option in draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=4)):
        arguments += [option, draw(OPTIONS[option])]
    arguments += draw(st.lists(st.sampled_from(["--resume", "--enhanced", "--standard", "--nothing", "x"]), max_size=1))
    return arguments


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short sequences of two classes."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.npz"
    generator = np.random.default_rng(0)
    np.savez(path, X=generator.normal(size=(12, 5, 2)), y=["up", "down"] * 6)
    return path


# Some of them train a network and draw all there is: as many as the others take by far the longest.
@settings(max_examples=settings().max_examples * 2 // 5)
@given(arguments=command_lines())
def test_any_command_line_is_refused_in_words_or_runs(tiny: Path, arguments: list[str]) -> None:
    small = ["--trials=1", "--epochs=1", "--data-path", str(tiny)]
    with tempfile.TemporaryDirectory() as place:
        result = CliRunner().invoke(main, [*arguments, *small, "--save-dir", place])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code in (0, 1, 2, 3), result.output
    assert "Traceback" not in result.output
    assert result.exit_code == 0 or result.stderr.strip() or "Ended" in result.output


LONG_TABLE = "id,label,person,time,x,y\n" + "".join(
    f"{k},{'up' if k % 2 else 'down'},p{k % 3},{t / 10},{k + t},{k - t}\n" for k in range(6) for t in range(4)
)
TS = "@problemName tiny\n@timeStamps false\n@missing true\n@univariate false\n@dimensions 2\n@equalLength false\n"
TS += "@classLabel true up down\n@data\n1,2,3:4,5,6:up\n1,2,?:4,5,6:down\n7,8:9,1:up\n"
pieces = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"nan", b"inf", b"1e999", b",,", b"\n", b"\x00", b"\xff\xfe", b":", b"?", b"@data\n", b"9" * 400]),
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file with up to four pieces of it changed, or its end cut off."""
    content = whole
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(pieces) + content[at + draw(st.integers(0, 8)) :]
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


def npz_bytes() -> bytes:
    """A small archive of padded sequences."""
    with tempfile.TemporaryDirectory() as place:
        np.savez(Path(place) / "a.npz", X=np.ones((6, 4, 2)), lengths=[4, 3, 2, 4, 1, 4], y=["up", "down"] * 3)
        return (Path(place) / "a.npz").read_bytes()


WHOLE = {"a.csv": LONG_TABLE.encode(), "a.tsv": LONG_TABLE.replace(",", "\t").encode(), "a.ts": TS.encode()}


@given(data=st.data(), name=st.sampled_from([*WHOLE, "a.npz"]))
def test_any_file_of_recordings_is_refused_in_words_or_read(data: st.DataObject, name: str) -> None:
    content = data.draw(damaged(WHOLE.get(name) or npz_bytes()))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / name
        path.write_bytes(content)
        try:
            dataset = load(Source(path, Path(place) / "cache"))
        except DataError as error:
            refusal = str(error)
        else:
            assert isinstance(dataset, SequenceDataset)
            assert bool(dataset.values.isfinite().all())
            return
    assert name in refusal
