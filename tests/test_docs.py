"""The pages with Python in them are run, each as one notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.processes import ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def executed(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The outputs of every block of a page, run in a folder of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(folder / ".ipython"))
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block) for block in blocks])
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
