"""Fixtures that every test may use, and the checks of shapes, which begin before a test imports ``models``."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from beartype import beartype
from hypothesis import settings
from jaxtyping import install_import_hook

from tests.processes import ALWAYS_COLD

# Before anything loads torch, and for the processes that tests start: as many tests run at once as there are cores,
# and threads that wait for each other actively take six times the processor time.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# A loaded machine is no failure; and the same code has the same examples each time, so that a change is not refused for
# what it did not bring. New examples are what the profile "fuzz" is for.
settings.register_profile("seqtune", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=10_000)
settings.load_profile("seqtune")


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Type-checks calls, but for constructors: refusing hyperparameters of a wrong type is their own task."""
    return function if function.__name__ == "__init__" else beartype(function)


install_import_hook("models", f"{__name__}.check_shapes")

FEW_ACCIDENTS = 3
FEW_DAMAGES = 60
MOST_ACCIDENTS_A_TEST = 10
SECONDS_AN_ACCIDENT = 240


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos", type=int, metavar="N", help="run only the tests of accidents, with N accidents each")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("chaos") is not None:
        os.environ[ALWAYS_COLD] = "1"  # Accidents come while libraries are loaded, too.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hypothesis-profile") == "fuzz":
        for item in items:
            item.add_marker(pytest.mark.timeout(0))
    n_accidents = config.getoption("chaos")
    if n_accidents is None:
        seconds: Counter[Path] = Counter()
        for item in items:
            seconds[item.path] += seconds_by_marks(item)
        items.sort(key=lambda item: ("chaos" not in item.path.parts, -seconds[item.path]))
        return
    left_out = [item for item in items if "chaos" not in item.path.parts]
    items[:] = [item for item in items if "chaos" in item.path.parts]
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS_AN_ACCIDENT * (min(n_accidents, MOST_ACCIDENTS_A_TEST) + 3)))
    config.hook.pytest_deselected(items=left_out)


def seconds_by_marks(item: pytest.Item) -> int:
    """Tells long tests from short ones, for their order."""
    limit = item.get_closest_marker("timeout")
    return int(limit.args[0]) if limit else 60 if item.get_closest_marker("slow") else 0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Shares out many accidents among several tests, so that they run side by side and each has an end in sight."""
    for name, few, most in (("accidents", FEW_ACCIDENTS, MOST_ACCIDENTS_A_TEST), ("damages", FEW_DAMAGES, FEW_DAMAGES)):
        if name in metafunc.fixturenames:
            n_wanted = metafunc.config.getoption("chaos") or few
            parts = [range(first, min(first + most, n_wanted)) for first in range(0, n_wanted, most)]
            metafunc.parametrize(name, parts, ids=[f"{part.start}-{part.stop}" for part in parts])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says what was done in the tests of accidents, wherever they ran, those that failed included."""
    done: dict[str, Counter[str]] = {}
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        for name, counts in getattr(report, "user_properties", ()):
            if name.startswith("accidents") and getattr(report, "when", "") == "call":
                done.setdefault(name, Counter()).update(counts)
    for name, total in sorted(done.items()):
        terminalreporter.write_line(f"{name}: " + "; ".join(f"{what} {n}" for what, n in sorted(total.items())))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets (``SEQTUNE_DATA``); the test is skipped where there is none."""
    named = os.environ.get("SEQTUNE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder with real data sets: set SEQTUNE_DATA")
    return folder
