"""Writes ``docs/gallery.md``: every picture of a fresh study as it is today, so that it can be looked at again.

PYTHONPATH=. .venv/bin/python scripts/gallery.py            # trains nine trials of the gestures first, in minutes
PYTHONPATH=. .venv/bin/python scripts/gallery.py FOLDER     # of a study that is there
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tune.report.figures.collection import KINDS

DOCS = Path(__file__).parents[1] / "docs"
ARGUMENTS = ("--dataset", "smartwatch", "--trials", "9", "--epochs", "3", "--folds", "0", "--study-name", "sw")


def write_gallery(study: Path) -> None:
    """Copies what pictures a study has, and lists them."""
    place = DOCS / "gallery"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    command = " ".join(ARGUMENTS)
    lines = ["# Every picture", "", f"Of `./run_tuning.sh {command}`, written by `python scripts/gallery.py`."]
    missing = []
    for kind in KINDS.values():
        if kind.file and (study / kind.file).is_file():
            shutil.copyfile(study / kind.file, place / kind.file)
            lines += ["", f"## {kind.title}", "", f"![{kind.title}](gallery/{kind.file})"]
        elif kind.file:
            missing.append(kind.title[:1].lower() + kind.title[1:])
    if missing:
        lines += ["", f"Not drawn, since so few trials say nothing of it, or there is none: {', '.join(missing)}."]
    (DOCS / "gallery.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Of the folder that is named, or of a fresh study."""
    if len(sys.argv) > 1:
        write_gallery(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as save_dir:
        subprocess.run([sys.executable, "-m", "tune", *ARGUMENTS, "--save-dir", save_dir], check=True)
        write_gallery(Path(save_dir) / "sw")


if __name__ == "__main__":
    main()
