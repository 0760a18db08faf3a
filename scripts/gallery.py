"""Writes ``docs/gallery.md``: every picture of a fresh study as it is today, so that it can be looked at again.

PYTHONPATH=. .venv/bin/python scripts/gallery.py            # trains forty-five trials of the gestures first, in minutes
PYTHONPATH=. .venv/bin/python scripts/gallery.py FOLDER     # of a study that is there

The pages themselves are photographed by the system's Chromium (playwright is among the packages for development).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tune.core.folders import DEFAULT_SAVE_DIR
from tune.report.figures.collection import KINDS

DOCS = Path(__file__).parents[1] / "docs"
ARGUMENTS = ("--dataset", "smartwatch", "--trials", "45", "--epochs", "4", "--folds", "0", "--study-name", "sw")
# Of a page, whose end is tables.
MOST = 4
N_COLOURS, WIDTH = 64, 1100


def write_gallery(study: Path) -> None:
    """Copies what pictures a study has, photographs its pages, and lists all of them."""
    place = DOCS / "gallery"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    lines = ["# Every picture", "", f"Of `./run_tuning.sh {' '.join(ARGUMENTS)}`, by `python scripts/gallery.py`."]
    missing = []
    for kind in KINDS.values():
        if kind.file and (study / kind.file).is_file():
            shutil.copyfile(study / kind.file, place / kind.file)
            lines += ["", f"## {kind.title}", "", f"![{kind.title}](gallery/{kind.file})"]
        elif kind.file:
            missing.append(kind.title[:1].lower() + kind.title[1:])
    if missing:
        lines += ["", f"Not drawn, since the trials say nothing of it, or there is none: {', '.join(missing)}."]
    pages = {
        "report": ("The report", study / "report.html"),
        "diagnosis": ("The diagnosis", study / "diagnosis" / "diagnosis.html"),
        "studies": ("All studies", study.parent / "index.html"),
    }
    for name, (title, page_file) in pages.items():
        lines += ["", f"## {title} on a desk, and on a phone in the dark"]
        for picture in photographs(page_file, place, name):
            lines += ["", f"![{picture.stem.replace('-', ' ')}](gallery/{picture.name})"]
    for picture in place.iterdir():
        made_small(picture)
    shutil.copyfile(place / "report-1.png", DOCS / "report.png")
    (DOCS / "gallery.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def photographs(page_file: Path, place: Path, kind: str) -> Iterator[Path]:
    """Of a page from its top, as it looks on a wide and on a narrow screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, width, height, scheme in ((kind, 1100, 1800, "light"), (f"{kind}-narrow", 400, 2400, "dark")):
            page: Page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page.goto(page_file.absolute().as_uri())
            page.wait_for_function(
                "[...document.querySelectorAll('.panel')].every(one => one.querySelector('.main-svg'))"
            )
            whole = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": whole})
            page.wait_for_timeout(500)
            for number, top in enumerate(range(0, whole, height)[:MOST], 1):
                path = place / f"{name}-{number}.png"
                page.screenshot(path=path, clip={"x": 0, "y": top, "width": width, "height": min(height, whole - top)})
                yield path


def made_small(picture: Path) -> None:
    """A tenth of the bytes: no wider than a page shows it, and few colours, those of thin lines among them."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDTH, 10 * WIDTH))
    small.quantize(N_COLOURS, Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)


def main() -> None:
    """Of the folder that is named, or of a fresh study."""
    tuner = [sys.executable, "-m", "tune"]
    # Among the other studies, since pages name the folder where it is another one.
    study = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SAVE_DIR / ARGUMENTS[-1]
    if len(sys.argv) == 1:
        subprocess.run([*tuner, *ARGUMENTS], check=True)
    there = [f"--save-dir={study.parent}"]
    subprocess.run([*tuner, "diagnose", "--study-name", study.name, *there], check=True)
    subprocess.run([*tuner, "status", "--html", *there], check=True)
    write_gallery(study)


if __name__ == "__main__":
    main()
