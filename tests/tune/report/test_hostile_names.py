"""Classes, people and channels whose names are markup, in everything that a study hands out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from markdown_it import MarkdownIt
from optuna_dashboard._note import get_note

from tests.html import Reader
from tests.processes import run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = (
    '"><img src=x onerror="document.title=1"><script>document.title=2</script>',
    "</style></svg><!-- [a](javascript:alert(1)) ![b](http://c.d/e.png)",
    "# {{ 7*7 }} $\\frac{1}$ | `c` **d** _e_ ~~f~~ &lt;u&gt; @g",
)
# As Markdown is read where HTML in it is HTML, which is the worst case.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LONGEST_SECONDS = 1200
pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONGEST_SECONDS)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small study of such recordings, reported, exported and diagnosed, with a notebook."""
    place = tmp_path_factory.mktemp("hostile")
    generator = np.random.default_rng(0)
    n, labels = 90, np.arange(90) % 3
    np.savez(
        place / "mine.npz",
        values=generator.normal(size=(n * 8, 2)) + 2.0 * np.repeat(labels, 8)[:, None],
        lengths=np.full(n, 8),
        labels=np.array(EVIL)[labels],
        groups=np.array([f"{k}{EVIL[k % 3]}" for k in range(6)])[np.arange(n) // 15],
        channel_names=np.array(EVIL[:2]),
    )
    small = ("--trials=3", "--epochs=2", "--set=space.gru.hidden_size=4", "--set=space.gru.front_layers=0")
    where = ("--save-dir", str(place / "studies"), "--study-name", "mine")
    run("--data-path", str(place / "mine.npz"), *small, *where)
    run("export", *where)
    run("diagnose", *where, "--notebook")
    return place / "studies" / "mine"


def pages(outputs: Path) -> list[Path]:
    """Every page of HTML."""
    found = sorted(outputs.rglob("*.html"))
    assert {"report.html", "diagnosis.html"} <= {path.name for path in found}
    return found


def markdown(outputs: Path) -> dict[str, str]:
    """Every text in Markdown."""
    notebook = json.loads((outputs / "diagnosis" / "diagnosis.ipynb").read_text())
    cells = notebook["cells"]
    shown = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
    shown += [output.get("data", {}).get("text/markdown", "") for cell in cells for output in cell.get("outputs", ())]
    study = optuna.load_study(study_name="mine", storage=f"sqlite:///{outputs.parent / 'tune.db'}")
    files = {str(path.relative_to(outputs)): path.read_text() for path in outputs.rglob("*.md")}
    assert {"report.md", "export/MODEL_CARD.md"} <= {*files}
    return {**files, "notebook": "\n\n".join("".join(text) for text in shown), "note": get_note(study)}


def test_no_page_has_a_tag_of_theirs(outputs: Path) -> None:
    for path in pages(outputs):
        reader = Reader(path.read_text(encoding="utf-8"))
        assert "img" not in {tag for tag, _ in reader.tags}, path
        assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")], path
        assert "49" not in reader.text.split(), path
        assert (EVIL[0] in reader.text) == (path.name != "plots.html"), path


def test_no_markdown_has_markup_of_theirs(outputs: Path) -> None:
    texts = markdown(outputs)
    for place, text in texts.items():
        read = Reader(MARKDOWN.render(text))
        tags = {tag for tag, _ in read.tags}
        assert not tags & {"img", "script", "s", "style", "svg", "u"}, place
        assert not [target for target in read.values("href") if not re.match(r"#|[\w./%-]+$", target)], place
        assert not read.values("onerror"), place
    for place in (place for place in texts if place.endswith(("report.md", "MODEL_CARD.md"))):
        assert all(" ".join(name.split()) in Reader(MARKDOWN.render(texts[place])).text for name in EVIL), place


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_nothing_of_theirs_runs_in_a_browser(browser: Any, outputs: Path) -> None:
    for path in pages(outputs):
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda request, said=said: said.append(request.url))
        page.goto(path.as_uri())
        for name in page.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.dataset.panel)"):
            page.wait_for_selector(f'.panel[data-panel="{name}"] .main-svg', state="attached", timeout=120_000)
        assert page.title() not in ("1", "2"), path
        assert page.eval_on_selector_all("img, [onerror]", "found => found.length") == 0, path
        assert [one for one in said if not one.startswith("file:")] == [], path
        page.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_nothing_of_theirs_runs_where_markdown_is_read_as_html(browser: Any, outputs: Path) -> None:
    for place, text in markdown(outputs).items():
        page = browser.new_page()
        page.set_content(MARKDOWN.render(text))
        assert page.title() == "", place
        assert page.eval_on_selector_all("script, img, [onerror]", "found => found.length") == 0, place
        page.close()
