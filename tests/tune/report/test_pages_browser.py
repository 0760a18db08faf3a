"""Of every page, wide and narrow, light and dark: nothing is cut or too pale, and a keyboard reaches everything."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from data.landmarks import channel_names
from data.sequences import SequenceDataset
from tests.browser import audited, lost_to_the_keyboard, needs_chromium, opened
from tests.report_facts import confirmation, facts_of, trials_of
from tests.tune.conftest import Lab, make_parts, make_settings, make_toy
from tests.tune.deploy.test_service import CLASSIFIER, ask
from tune.core.folders import StudyFolder
from tune.core.listening import Rules
from tune.deploy.service import service as service_for
from tune.diagnosis.opening import of_trial, trial_to_look_at
from tune.diagnosis.page import write_diagnosis
from tune.diagnosis.whole import diagnose
from tune.report.architectures import Architecture, architectures_section
from tune.report.content import content, searched_sections
from tune.report.page import as_html, plots_page
from tune.report.studies_page import StudyRow, studies_page

pytestmark = [*needs_chromium, pytest.mark.timeout(1200)]
# More than a narrow picture has room for, of names that are told apart by their ends.
MANY = tuple(
    f"{movement}-{how}"
    for movement in ("trapezius-extension", "shoulder external rotation", "pendulum swing to the left", "walk")
    for how in ("slow", "fast", "with a weight", "seated", "standing up", "lying down", "left", "right")
)
CLASSES = ("circle", "trapezius-extension", "a rather long name of a class")
# Of unlike units.
CHANNELS = ("acceleration across (m/s²)", "turning rate (rad/s)")
MADE_UP = ("report", "short", "running", "plots", "studies", "compared", "many classes", "service")
PAGES = (*MADE_UP, "diagnosis", "diagnosis of landmarks")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every page of made-up studies."""
    place = tmp_path_factory.mktemp("pages")
    trials = trials_of(30)
    facts = facts_of(trials, classes=CLASSES, channels=CHANNELS, confirmation=confirmation(2))
    one = Architecture("gru", "toy-gru", 0.95, (0.9, 0.95), 0.93, 20_000, "2 min", 3, 40)
    others = [one._replace(name=name, best=0.8, not_continued_after=9) for name in ("conv1d-gru", "enhanced-bilstm")]
    compared = architectures_section([one, *others], "accuracy", facts.context)
    html = {
        "report": as_html(content(facts)),
        "short": as_html(content(facts_of(trials_of(2), is_judged=False))),
        "running": as_html(content(replace(facts, running="Running: 2 of 9 trials are finished, as of 12:30."))),
        "plots": plots_page(searched_sections(facts.figures, facts.context), facts.context),
        "studies": studies_page([studied(place, "uci_har-enhanced-bilstm"), studied(place, "mine")]),
        "compared": as_html(content(facts, [compared], title="compared")),
        "many classes": as_html(content(facts_of(trials, classes=MANY, channels=CHANNELS))),
        "service": service_page(),
    }
    assert tuple(html) == MADE_UP
    for name, text in html.items():
        (place / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: place / f"{name}.html" for name in html}


def service_page() -> str:
    with ThreadPoolExecutor(1) as beside:  # Playwright's loop runs in this thread.
        page: bytes = beside.submit(ask, service_for(CLASSIFIER, Rules()), "/docs").result()[1]
    return page.decode()


def studied(place: Path, name: str) -> StudyRow:
    folder = StudyFolder(place, name)
    folder.root.mkdir()
    test = {"accuracy": 0.93, "intervals_95": {"accuracy": [0.89, 0.97]}}
    answer: dict[str, Any] = {"architecture": "enhanced-bilstm", "data": {"name": "uci_har"}, "scores": {"test": test}}
    answer |= {"trial": 9, "ensemble": {"members": [{}] * 4}}
    (folder.root / "best_config.json").write_text(json.dumps(answer))
    (folder.root / "report.html").touch()
    return StudyRow(name, "2026-01-01 12:30", "30/30", "95.31% (trial 17)", folder)


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> dict[str, Path]:
    """Two diagnoses: of signals of many classes and convolutions, and of landmarks and a network with attention."""
    toy = replace(make_toy(8, 4), class_names=CLASSES, channel_names=CHANNELS)
    several = replace(toy, class_names=MANY[:24], labels=torch.arange(len(toy.labels)) % 24)
    convolutions = {"hidden_size": 4, "n_layers": 1, "front_layers": 2, "front_channels": 4, "pooling": "attention"}
    attention = {"n_heads": 2, "head_dim": 8, "n_layers": 1, "front_layers": 0, "pooling": "mean"}
    pages = {}
    for name, dataset, architecture, space, against in (
        ("diagnosis", several, "gru", convolutions, ["rnn"]),
        ("diagnosis of landmarks", as_landmarks(toy), "transformer", attention, []),
    ):
        place = tmp_path_factory.mktemp("diagnosed")
        shutil.copy(empty_database, place)
        layer = {"architecture": architecture, "search": {"trials": 1}, "space": {architecture: space}}
        settings = make_settings(layer, {"training": {"epochs": 2}})
        lab = Lab(place, settings, make_parts(dataset, settings))
        lab.search()
        study = lab.study()
        looked_at = of_trial(lab.context(study), trial_to_look_at(study, None), "validation")
        pages[name] = write_diagnosis(looked_at, diagnose(looked_at, against), place)
    return pages


def as_landmarks(toy: SequenceDataset) -> SequenceDataset:
    """The toy's first channel as how high a signer holds the right hand."""
    names = [name for name in channel_names(("pose", "left_hand", "right_hand")) if "visibility" not in name]
    values = torch.randn(len(names), generator=torch.Generator().manual_seed(0)).repeat(len(toy.values), 1)
    values[:, [k for k, name in enumerate(names) if name.startswith("right_hand")]] += 0.1 * toy.values[:, :1]
    return replace(toy, values=values, channel_names=tuple(names), kind="landmarks")


@pytest.fixture
def path(request: pytest.FixtureRequest) -> Path:
    pages: dict[str, Path] = request.getfixturevalue("made" if request.param in MADE_UP else "diagnosed")
    return pages[request.param]


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("path", PAGES, indirect=True)
def test_a_page_has_no_flaw(browser: Any, path: Path, width: int) -> None:
    page, said = opened(browser, path, width, "light")
    found = {"light": audited(page), "by keyboard": lost_to_the_keyboard(page)}
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    found["dark"] = audited(page)
    assert found == {"light": [], "by keyboard": [], "dark": []}
    assert said == []
    page.close()


def test_the_audit_finds_what_is_wrong(browser: Any, tmp_path: Path) -> None:
    """Each fault on a page of its own; the page without one passes."""
    whole = """<!doctype html><html lang="en"><title>x</title><style>
        body {{ margin: 0 }} button {{ padding: 5px }} {style}</style><body>
        <h1>Title</h1><div class="box"><p>words that take some room</p></div>
        <svg width="300" height="60" viewBox="0 0 300 60"><text x="{x}" y="30" font-size="12">inside</text></svg>
        <button type="button">a button of words</button></body></html>"""
    faults = {
        "": "",
        "contrast": "p { color: #999; background: #fff; }",
        "cut:": ".box { overflow: hidden; width: 60px; white-space: nowrap; } p { overflow: hidden; }",
        "out of the window": "p { margin-left: 380px; white-space: nowrap; width: 200px; }",
        "not by keyboard": ".box { overflow-x: auto; width: 60px; white-space: nowrap; }",
        "cut by its picture": "x=280",
        "px high": "button { line-height: 1; padding: 0; border: 0; }",
        "small": "p { font-size: 9px; }",
    }
    for fault, style in faults.items():
        is_place = style.startswith("x=")
        (tmp_path / "page.html").write_text(whole.format(style="" if is_place else style, x=280 if is_place else 5))
        page, _ = opened(browser, tmp_path / "page.html", 400, "light")
        found = audited(page)
        assert any(fault in sentence for sentence in found) if fault else found == [], (fault, found)
        page.close()
