"""The report in a real browser: drawn, quiet, dark, sorted and printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser import audited, needs_chromium, opened
from tests.report_facts import confirmation, facts_of, trials_of
from tune.report.content import content
from tune.report.figures.palette import DARK, LIGHT
from tune.report.page import as_html

EVIL = '"><img src=x onerror="document.title = 1"><script>document.title = 2</script>'

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    classes = ("circle", f"square {EVIL}", "a rather long name of a class")
    facts = facts_of(trials_of(30), classes=classes, people=("Ada", f"Ben {EVIL}"), confirmation=confirmation(2))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(as_html(content(facts)), encoding="utf-8")
    return file


def test_on_a_wide_screen(browser: Any, path: Path) -> None:
    page, said = opened(browser, path, 1200, "light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == rgb(LIGHT.paper)
    empty = page.eval_on_selector_all(
        ".panel",
        "panels => panels.filter(p => !p.querySelector('.trace, .point, image, path.box')).map(p => p.dataset.panel)",
    )
    assert empty == []
    for link in page.query_selector_all("nav a"):
        link.focus()
        page.keyboard.press("Enter")
        target = page.evaluate("document.querySelector(location.hash).getBoundingClientRect().top")
        assert -2 <= target <= 800, link.inner_text()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")
    slider = page.query_selector("#n-best")
    slider.focus()
    page.keyboard.press("Home")
    assert page.inner_text("output[for=n-best]").startswith("1 of")
    heading = page.query_selector("table.sortable th:nth-child(1) button")
    numbers = "rows => rows.map(row => Number(row.cells[0].textContent))"
    for is_down in (True, False):
        heading.press("Enter")
        sorted_numbers = page.eval_on_selector_all("table.sortable tbody tr", numbers)
        assert sorted_numbers == sorted(sorted_numbers, reverse=is_down)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 800})
    cut = (
        "tables => tables.filter(table => table.parentElement.scrollWidth > table.parentElement.clientWidth + 1).length"
    )
    assert page.eval_on_selector_all("table", cut) == 0
    # As browsers do: the event first, then a window as wide as the paper.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": 760, "height": 800})
    page.wait_for_timeout(500)
    assert [sentence for sentence in audited(page) if "upon each other" in sentence] == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(page.pdf(format="A4")) > 50_000
    assert page.title() == "toy-gru: report"
    assert said == []
    page.close()


def test_in_the_dark(browser: Any, path: Path) -> None:
    page, said = opened(browser, path, 400, "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == rgb(DARK.paper)
    assert said == []
    page.close()


def rgb(colour: str) -> str:
    """As browsers write it."""
    red, green, blue = (int(part, 16) for part in re.findall("..", colour.removeprefix("#")))
    return f"rgb({red}, {green}, {blue})"
