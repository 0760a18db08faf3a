"""The note that optuna-dashboard shows with a study: ours between two marks, and whatever people write around it.

A note is Markdown that may hold HTML, so that every text of a study is escaped. The marks are definitions of links that
nothing refers to: no reader of Markdown shows them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from optuna import Study

from ..config.settings import Settings
from ..core.escaping import escaped, fenced
from ..training.metrics import METRIC_LABELS
from .store import set_system_attribute, system_attributes

_END = "[//]: # (seqtune ends)"
_OURS = re.compile(r"\[//\]: # \(seqtune ([0-9a-f]{16})\)\n\n(.*?)\n\n" + re.escape(_END), re.DOTALL)
# Where optuna-dashboard keeps notes (its _note.py): to import it would take a second of every run.
_VERSION, _PIECE, _PIECE_LENGTH = "dashboard:note_ver", "dashboard:note_str:", 2045
_AND_ALSO = {
    None: "",
    "parameters": " with few parameters",
    "latency": " in little time for a sequence",
    "flash": " in little flash of a device",
    "ram": " in little RAM of a device",
    "macs": " with few multiply-adds",
}
_KINDS = {
    "group": "by person: nobody is in two parts",
    "stratified": "at random: the same person may be in several parts",
    "official": "as published",
}


def study_note(
    settings: Settings, attributes: Mapping[str, Any], resume: str, answer: Sequence[str] = ("None yet.",)
) -> str:
    """What to know about a study before its trials are looked at, as Markdown.

    Args:
        settings: Of the study.
        attributes: What is stored with the study.
        resume: The command that goes on with it.
        answer: Sentences about what has been found so far.
    """
    data, split = attributes.get("data") or {}, attributes.get("split") or {}
    metric = METRIC_LABELS[settings.search.metric]
    better = "lowest" if settings.direction == "minimize" else "highest"
    question = (
        f"Which settings of {settings.architecture} give the {better} validation {metric} on "
        f"{data.get('name', settings.dataset)}{_AND_ALSO[settings.search.second_objective]}?"
    )
    sizes = [
        f"{name} {part.get('n_sequences')}"
        for name, part in ((split.get("parts") or [{}])[0] or {}).items()
        if part is not None
    ]
    n_folds = len(split.get("parts") or ())
    lines = {
        "Question": question,
        "Answer so far": " ".join(answer),
        "Data": f"{data.get('n_sequences', '?')} sequences, {len(data.get('class_names') or ())} classes, "
        f"{len(data.get('channel_names') or ())} channels",
        "Split": f"{_KINDS.get(str(split.get('kind')), split.get('kind'))} ({', '.join(sizes)}"
        + (f"; the first of {n_folds} folds)" if n_folds > 1 else ")"),
    }
    body = "\n\n".join(f"**{name}.** {escaped(text)}" for name, text in lines.items())
    return f"{body}\n\n**To go on:**\n\n{fenced(resume)}"


def write_note(study: Study, ours: str) -> bool:
    """Puts our part into the study's note and keeps the rest; returns whether that changed anything.

    What a person has written within our part is theirs: the note is then left as it is.
    """
    stored = system_attributes(study)
    pieces = {key: str(piece) for key, piece in stored.items() if key.startswith(_PIECE)}
    before = "".join(pieces.get(f"{_PIECE}{index}", "") for index in range(len(pieces))).replace("\r\n", "\n")
    after = with_ours(before, ours)
    if after == before:
        return False
    # The version tells a browser with an older note open that its own can no longer be saved over this one.
    set_system_attribute(study, _VERSION, int(stored.get(_VERSION, 0)) + 1)
    n_pieces = max(len(pieces), -(-len(after) // _PIECE_LENGTH))
    for index in range(n_pieces):
        piece = after[index * _PIECE_LENGTH : (index + 1) * _PIECE_LENGTH]
        if pieces.get(f"{_PIECE}{index}") != piece:
            set_system_attribute(study, f"{_PIECE}{index}", piece)
    return True


def with_ours(note: str, ours: str) -> str:
    """The note with our part in it, in place of an earlier one or below what is there."""
    marked = f"[//]: # (seqtune {_digest(ours)})\n\n{ours}\n\n{_END}"
    found = _OURS.search(note)
    if found is None:
        touched = "(seqtune " in note
        return note if touched else f"{note.rstrip()}\n\n{marked}\n".lstrip()
    if _digest(found[2]) != found[1]:
        return note
    return note[: found.start()] + marked + note[found.end() :]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
