"""The examples of layouts, read as a user's recordings are."""

from pathlib import Path

from data.files import load
from data.recognise import recognise
from data.recording import CHECK
from data.sequences import SequenceDataset
from data.source import Source

EXAMPLES = Path(__file__).parents[1] / "examples"


def read(layout: str, label_from: str = "auto") -> SequenceDataset:
    path = EXAMPLES / layout
    assert recognise(path) == "files"
    return load(Source(path, path / "cache", label_from=label_from))


def checks(dataset: SequenceDataset) -> str:
    return "\n".join(note for note in dataset.notes if note.startswith(CHECK))
