"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A loaded machine is no failure.
settings.register_profile("seqtune", deadline=None)
settings.load_profile("seqtune")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets (``SEQTUNE_DATA``); the test is skipped where there is none."""
    named = os.environ.get("SEQTUNE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder with real data sets: set SEQTUNE_DATA")
    return folder
