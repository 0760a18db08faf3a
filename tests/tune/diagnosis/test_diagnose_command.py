"""``diagnose`` as a person uses it: a page, files beside it, a notebook, and sentences about what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import optuna
import pytest

from tests.html import Reader
from tests.processes import run, start

LONGEST_SECONDS = 1200
pytestmark = pytest.mark.timeout(LONGEST_SECONDS + 300)


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study of one's own recordings, diagnosed on its test set with a notebook."""
    place = tmp_path_factory.mktemp("diagnosed")
    generator = np.random.default_rng(0)
    lengths, labels = generator.integers(6, 12, 60), np.arange(60) % 2
    values = np.concatenate([generator.normal(2.0 * k, 1.0, (n, 2)) for n, k in zip(lengths, labels, strict=True)])
    names = {"class_names": ["low & <b>", "high"], "channel_names": ["a (m/s²)", "b (g)"]}
    groups = np.arange(60) // 10
    np.savez(place / "mine.npz", values=values, lengths=lengths, labels=labels, groups=groups, **names)  # type: ignore[arg-type]
    small = ("--trials=1", "--epochs=2", "--set=space.gru.hidden_size=4", "--set=space.gru.front_layers=0")
    where = ("--save-dir", str(place), "--study-name", "mine")
    run("--data-path", str(place / "mine.npz"), *small, *where)
    process = start("diagnose", *where, "--part=test", "--against=rnn", "--notebook")
    output, errors = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0, output + errors
    assert "Traceback" not in errors
    assert "on record in the study" in output
    return place / "mine"


def test_the_page_needs_nothing_from_anywhere(diagnosed: Path) -> None:
    page = diagnosed / "diagnosis" / "diagnosis.html"
    html = page.read_text()
    reader = Reader(html)
    assert len(html.encode()) < 10_000_000
    assert reader.values("src") == []
    # But for its own pictures and tables, which it is whole without.
    assert all(target.startswith("#") or (page.parent / target).is_file() for target in reader.values("href"))
    assert not re.findall(r"url\((?!#)", html)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in reader.tags}
    identifiers = reader.values("id")
    assert len(identifiers) == len(set(identifiers))
    within = {target[1:] for target in reader.values("href") if target.startswith("#")}
    assert within
    assert within <= set(identifiers)


def test_every_picture_has_words_and_files(diagnosed: Path) -> None:
    html = (diagnosed / "diagnosis" / "diagnosis.html").read_text()
    drawings = [attrs for tag, attrs in Reader(html).tags if tag == "svg"]
    assert len(drawings) > 15
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in drawings)
    pictures = {path.stem for path in (diagnosed / "diagnosis").glob("*.png")}
    # Each for wide and for narrow screens.
    assert 2 * len(pictures) == len(drawings)
    assert all((diagnosed / "diagnosis" / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in pictures)
    assert {"confusion", "vanishing", "deletion", "tsne", "mistakes"} - pictures <= {"mistakes"}
    assert "low &amp; &lt;b&gt;" in html
    assert "<b>" not in html
    matrix = (diagnosed / "diagnosis" / "confusion.csv").read_text().splitlines()
    assert len(matrix) == 3
    counts = sum(int(cell) for row in matrix[1:] for cell in row.split(",")[1:])
    best = json.loads((diagnosed / "best_config.json").read_text())
    assert counts == best["scores"]["test"]["n_sequences"]


def test_looking_at_the_test_part_is_on_record(diagnosed: Path) -> None:
    study = optuna.load_study(study_name="mine", storage=f"sqlite:///{diagnosed.parent}/tune.db")
    assert study.user_attrs["test_uses"] == [{"trial": 0, "for": "diagnosis"}]
    assert json.loads((diagnosed / "best_config.json").read_text())["times_test_was_used"] == 2


def test_the_notebook_shows_the_same(diagnosed: Path) -> None:
    notebook = json.loads((diagnosed / "diagnosis" / "diagnosis.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    n_images = sum("image/png" in output.get("data", {}) for output in outputs)
    assert n_images == len(list((diagnosed / "diagnosis").glob("*.png")))
    words = "".join("".join(output.get("data", {}).get("text/markdown", "")) for output in outputs)
    assert "Where the gradient vanishes, and where it does not" in words


def test_what_is_wrong_is_said_in_a_sentence(diagnosed: Path) -> None:
    where = ("--save-dir", str(diagnosed.parent))
    _, errors = run("diagnose", *where, "--against=rnn,gruu", expect=2)
    assert "did you mean 'gru'?" in errors
    _, errors = run("diagnose", *where, f"--model={diagnosed / 'best_model'}", "--part=validation", expect=2)
    assert "was trained on the validation set too" in errors
