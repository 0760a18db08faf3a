"""Pages as a browser shows them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]
AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")


def opened(browser: Any, path: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
    """The page with every figure drawn, and what the browser complained of."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page.set_default_timeout(120_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(path.as_uri())
    for name in page.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.dataset.panel)"):
        page.wait_for_selector(f'.panel[data-panel="{name}"] .main-svg', state="attached")
    return page, said


def audited(page: Any) -> list[str]:
    """What a person who reads the page would stumble over, as sentences."""
    # As high as all of it, since a browser tells what lies under a point only for what is in its window.
    size = page.viewport_size
    page.set_viewport_size({**size, "height": page.evaluate("document.documentElement.scrollHeight")})
    found: list[str] = page.evaluate(AUDIT)
    page.set_viewport_size(size)
    return found


def lost_to_the_keyboard(page: Any) -> list[str]:
    """Walks through the page with Tab: what is not reached, not seen when it is, or not marked as having the focus."""
    count = """() => { let n = 0;
        for (const one of document.querySelectorAll("a[href], button, input, summary, [tabindex='0']"))
          if (one.checkVisibility()) one.dataset.stop = n++;
        return n; }"""
    n_stops = page.evaluate(count)
    look = """() => { const one = document.activeElement; const box = one.getBoundingClientRect();
        const style = getComputedStyle(one);
        return [one.dataset.stop ?? null, one.outerHTML.slice(0, 60),
          box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
          style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2]; }"""
    reached, lost = set(), []
    page.evaluate("document.activeElement.blur()")
    for _ in range(n_stops + 1):
        page.keyboard.press("Tab")
        stop, what, is_seen, is_marked = page.evaluate(look)
        if stop is None or stop in reached:
            break
        reached.add(stop)
        if not (is_seen and is_marked):
            lost.append(f"{'not marked' if is_seen else 'out of sight'}: {what}")
    if len(reached) < n_stops:
        lost.append(f"{n_stops - len(reached)} of {n_stops} are not reached")
    return lost
