"""Fixtures that every test may use, and the checks of shapes, which begin before a test imports ``models``."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from beartype import beartype
from hypothesis import settings
from jaxtyping import install_import_hook

# Before anything loads torch, and for the processes that tests start: as many tests run at once as there are cores,
# and threads that wait for each other actively take six times the processor time.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# A loaded machine is no failure.
settings.register_profile("seqtune", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=10_000)
settings.load_profile("seqtune")


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Type-checks calls, but for constructors: refusing hyperparameters of a wrong type is their own task."""
    return function if function.__name__ == "__init__" else beartype(function)


install_import_hook("models", f"{__name__}.check_shapes")

FEW_ACCIDENTS = 3
SECONDS_AN_ACCIDENT = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos", type=int, metavar="N", help="run only the tests of accidents, with N accidents each")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    n_accidents = config.getoption("chaos")
    if n_accidents is None:
        return
    left_out = [item for item in items if "chaos" not in item.path.parts]
    items[:] = [item for item in items if "chaos" in item.path.parts]
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS_AN_ACCIDENT * (n_accidents + 3)))
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def n_accidents(request: pytest.FixtureRequest) -> int:
    """How many accidents a test of them makes."""
    given = request.config.getoption("chaos")
    return FEW_ACCIDENTS if given is None else int(given)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets (``SEQTUNE_DATA``); the test is skipped where there is none."""
    named = os.environ.get("SEQTUNE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder with real data sets: set SEQTUNE_DATA")
    return folder
