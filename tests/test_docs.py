"""What the documents tell people to do is done: pages with Python as notebooks, commands as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas
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
def test_the_readme_leads_from_a_folder_of_files_to_a_prediction(tmp_path: Path) -> None:
    """Every command of "Your own recordings" as it stands there, then the lines of Python."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Your own recordings")[2].partition("\n## ")[0]
    time = np.arange(0, 3, 0.05)
    for person in range(1, 10):
        for name, wave in {"circle": np.sin(3 * time), "shake": np.sin(20 * time)}.items():
            for take in range(3):
                noise = np.random.default_rng(100 * person + take).normal(0, 0.1, (2, len(time)))
                columns = {"timestamp_ms": 1000 * time, "x": wave + noise[0], "y": noise[1]}
                folder = tmp_path / ("new_recordings" if person == 9 else f"my_recordings/{name}")
                folder.mkdir(parents=True, exist_ok=True)
                path = folder / f"p{person:02}_{take if name == 'circle' else take + 3}.csv"
                pandas.DataFrame(columns).to_csv(path, index=False)
    (commands,) = re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    for command in commands.splitlines():
        words = shlex.split(command, comments=True)[1:]
        # Elsewhere than in the checkout, and no longer than it takes.
        more = [f"--save-dir={tmp_path / 'studies'}"]
        if words[0] == "--data-path":
            more += ["--trials=2", "--epochs=4", "--confirm=0", "--folds=0", "--ensemble=off"]
        elif words[0] == "datasets":
            more = [f"--picture={tmp_path / 'examples.png'}"]
        said, _ = run(*words, *more, folder=tmp_path)
    assert {"circle", "shake"} >= {line.split(",")[1] for line in said.splitlines()[1:]}
    assert (tmp_path / "studies" / "my_recordings-gru" / "export" / "model.onnx").is_file()
    (code,) = BLOCK.findall(section)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert ended.stdout.decode().strip() in ("['circle']", "['shake']")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "fixed"), [("Inception", "n_filters=8"), ("ConvTran", "n_heads=2")])
def test_the_page_on_own_networks_holds_what_it_says(name: str, fixed: str, tmp_path: Path) -> None:
    """Both networks are tried, tuned, gone on with, exported and used as the page does."""
    (block,) = BLOCK.findall((DOCS / "own_network.md").read_text(encoding="utf-8"))
    file = tmp_path / "mine.py"
    file.write_text(block if name == "Inception" else (DOCS / "own_convtran.py").read_text(encoding="utf-8"), "utf-8")
    network, place = f"{file}:{name}", f"--save-dir={tmp_path}"
    said, _ = run("check-model", network)
    assert "It can be tuned" in said
    small = ("--classes=2", "--epochs=2", "--set=split.folds=0", "--no-floors", "--confirm=0")
    run(f"--model={network}", "--trials=2", place, *small, f"--set=space.{name}.{fixed}")
    study = f"--study-name=watch-{name}"
    said, _ = run(study, "--resume", "--trials=3", place)
    assert "3 trials finished" in said
    said, _ = run("export", study, place, f"--network={network}", "--format=torch-export")
    folder = tmp_path / f"watch-{name}"
    assert (folder / "export" / "model.pt2").is_file()
    description = json.loads((folder / "best_model" / "model.json").read_text())
    np.save(tmp_path / "new.npy", np.zeros((200, len(description["channel_names"])), np.float32))
    said, _ = run("predict", study, place, f"--network={network}", str(tmp_path / "new.npy"))
    assert said.splitlines()[1].split(",")[1] in description["class_names"]
