"""The pages with Python in them are run, each as one notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from tests.processes import ROOT, run

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def executed(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The outputs of every block of a page, run in a folder of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(folder / ".ipython"))
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    format: Any = nbformat.v4  # which has no types
    notebook = format.new_notebook(cells=[format.new_code_cell(block) for block in blocks])
    client = NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return [cell.outputs for cell in notebook.cells]


def shown(outputs: list[Any], kind: str) -> str:
    """All that a cell shows of one kind."""
    return "".join(str(one["data"][kind]) for one in outputs if kind in one.get("data", {}))


@pytest.mark.slow
def test_the_page_on_python_runs_as_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = executed("python.md", tmp_path, monkeypatch)
    table = shown(outputs[1], "text/html")
    assert "validation accuracy" in table
    assert "3 of 3 trials" in table
    assert shown(outputs[-2], "image/png")
    assert shown(outputs[-1], "text/plain").startswith("array([")
    assert (tmp_path / "work" / "gestures" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page_on_own_networks_holds_what_it_says(tmp_path: Path) -> None:
    """The network of the page is tried, tuned, gone on with, exported and used as the page does."""
    (block,) = BLOCK.findall((DOCS / "own_network.md").read_text(encoding="utf-8"))
    file = tmp_path / "mine.py"
    file.write_text(block, encoding="utf-8")
    network, place = f"{file}:Inception", f"--save-dir={tmp_path}"
    said, _ = run("check-model", network)
    assert "It can be tuned" in said
    small = ("--classes=2", "--epochs=2", "--set=split.folds=0", "--no-floors", "--confirm=0")
    run(f"--model={network}", "--trials=2", place, *small, "--set=space.Inception.n_filters=8")
    study = "--study-name=watch-Inception"
    said, _ = run(study, "--resume", "--trials=3", place)
    assert "3 trials finished" in said
    said, _ = run("export", study, place, f"--network={network}", "--format=torch-export")
    assert (tmp_path / "watch-Inception" / "export" / "model.pt2").is_file()
    description = json.loads((tmp_path / "watch-Inception" / "best_model" / "model.json").read_text())
    np.save(tmp_path / "new.npy", np.zeros((200, len(description["channel_names"])), np.float32))
    said, _ = run("predict", study, place, f"--network={network}", str(tmp_path / "new.npy"))
    assert said.splitlines()[1].split(",")[1] in description["class_names"]
