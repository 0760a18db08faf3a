"""``export``: a trained network as one file for use elsewhere, tried on real recordings before it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from optuna import Study

from ...config.settings import resolve
from ...core.files import write_bytes, write_text
from ...core.folders import SaveDir
from ...core.problems import Problem, SettingsError
from ...core.terminal import print_table, say
from ...deploy.c.calibration import input_scales
from ...deploy.c.compiled import CompiledClassifier, find_compiler
from ...deploy.c.library import library_files, write_library
from ...deploy.c.source import Source, refuse_unwritable, size_of, to_c
from ...deploy.card import CARD, Exported, card_name, model_card, shown_accuracy, shown_bytes, shown_drop
from ...deploy.classifier import Array, Classifier, OnnxClassifier, TorchClassifier, classify
from ...deploy.onnx_layers import untranslated
from ...deploy.onnx_model import refuse_untranslated, to_onnx
from ...deploy.sources import find_model
from ...deploy.test_recordings import Judged, find_judged, note_use, study_of
from ...deploy.verification import (
    TIMED_BATCHES,
    TIMES_ROUNDING,
    TOLERANCE,
    Tried,
    invented,
    padding_difference,
    recordings_of,
    rounding_difference,
    try_out,
)
from ...report.exports import write_best
from ...study.locks import study_lock
from ...study.study import stored_settings
from ...study.tested import times_test_was_used
from ...training.model_folder import StoredModel, load_model
from .opening import database_url

FILE_NAMES = {
    "onnx": "model.onnx",
    "int8": "model-int8.onnx",
    "torch-export": "model.pt2",
    "c": "model-c",
    "c-int8": "model-c-int8",
}
C_FORMS = ("c", "c-int8")
REFUSED = 1
LONGEST_NOISE = 10_000
# By how much bytes may differ from PyTorch on a device, in the largest difference that was found here: with another
# compiler's last bits a value becomes the byte beside.
TIMES_BYTES = 1.5


@dataclass(frozen=True)
class Form:
    """One way in which a network is stored.

    Attributes:
        content: Of its file.
        n_bytes: What it takes, where that is not the size of a file.
        source: Of a network in C, instead of a file.
    """

    name: str
    content: bytes
    classifier: Classifier
    n_bytes: int | None = None
    source: Source | None = None


def export_command(
    save_dir: SaveDir,
    *,
    form: str,
    study_name: str | None,
    model: Path | None,
    out: Path | None,
    opset: int,
    max_drop: float | None,
    data_path: str | None,
) -> int:
    """Exports the network that is meant; returns the exit code."""
    folder = find_model(model, study_name, save_dir.local)
    stored = load_model(folder)
    if form in C_FORMS:
        refuse_unwritable(stored)
        find_compiler()
    elif form != "torch-export":
        refuse_untranslated(stored.network, stored.description.architecture)
    place = _place(out, folder, form)
    address = None if save_dir.storage is None else database_url(save_dir.storage)
    study = study_of(folder, stored.description.study, address)
    judged = find_judged(stored, study, data_path)
    say(f"{folder}: {stored.description.in_words()}, trial {stored.description.trial}")
    if judged.part is None:
        say(f"No accuracy can be stated, since {judged.why_not}; tried on noise of the same lengths")
    else:
        say(f"Tried on the {judged.name} set: {len(judged.part)} sequences")
    limits = {} if study is None else (stored_settings(study) or {}).get("search", {})
    used_before = 0 if study is None else times_test_was_used(study.user_attrs)
    forms, tried = _try_all(stored, judged, form, opset)
    _print_table(tried)
    refused = _refusal(forms, tried, judged, stored, form, max_drop)
    if study is not None and judged.name == "test":
        _note(study, save_dir, stored.description.trial)
    if refused:
        say(f"Not exported: {refused}")
        return REFUSED
    own = next(one for one in forms if one.name == form)
    card = Exported(stored.description, place.name, form, tried, judged.name, judged.why_not, judged.split, used_before)
    if own.source is not None:
        tolerance = TOLERANCE if form == "c" else TIMES_BYTES * card.own.difference
        _write_c(place, stored, judged, own.source, tolerance)
        write_text(place / CARD, model_card(card))
        size = size_of(stored, own.source)
        say(
            f"Written: {place}, with README.md: {shown_bytes(size.flash)} of flash, {shown_bytes(size.ram)} of RAM, "
            f"{size.macs:,} multiply-adds a window",
        )
        if form == "c" and limits.get("device_precision") == "int8":
            say("note: the study counts flash and RAM of int8, which --precision int8 writes")
        return 0
    write_bytes(place, own.content)
    beside = card_name(form, "" if place.name == FILE_NAMES[form] else place.name)
    write_text(place.parent / beside, model_card(card))
    say(f"Written: {place}  ({shown_bytes(len(own.content))}), and {beside} beside it, with how to run it")
    return 0


def _write_c(folder: Path, stored: StoredModel, judged: Judged, source: Source, tolerance: float) -> None:
    sequences = _sequences(stored, judged)
    expected = _expected(stored, judged, TorchClassifier(stored), sequences)
    write_library(folder, library_files(stored, source, (sequences, expected), judged.part is not None, tolerance))


def _place(out: Path | None, folder: Path, form: str) -> Path:
    """The file to write: as named, or by its usual name in the folder that is named, or beside the network's folder."""
    name = FILE_NAMES[form]
    if out is None:
        return folder.parent / "export" / name
    if form in C_FORMS:
        if out.exists() and not out.is_dir():
            raise SettingsError([Problem("--out", str(out), "is a file; C is written as a folder")])
        return out
    if out.is_dir() or not out.suffix:
        return out / name
    if out.suffix != Path(name).suffix:
        raise SettingsError([Problem("--out", str(out), f"must end in {Path(name).suffix}, or be a folder")])
    return out


def _try_all(stored: StoredModel, judged: Judged, form: str, opset: int) -> tuple[list[Form], list[Tried]]:
    """Every form that is asked for or compared, and what was found of each."""
    sequences = _sequences(stored, judged)
    reference = TorchClassifier(stored)
    expected = _expected(stored, judged, reference, sequences)
    forms = list(_forms(stored, reference, form, opset))
    if form in C_FORMS:
        forms.append(_in_c(form, stored, reference, judged))
    tried = [
        try_out(one.name, one.classifier, one.n_bytes or len(one.content), sequences, judged.part, expected)[0]
        for one in forms
    ]
    return forms, tried


def _sequences(stored: StoredModel, judged: Judged) -> list[Array]:
    """What all forms are tried with: the judged part, or noise."""
    if judged.part is not None:
        return recordings_of(judged.part)
    lengths = stored.description.lengths
    n_channels = len(stored.description.channel_names)
    mean, std = (each[:n_channels].numpy() for each in (stored.normaliser.mean, stored.normaliser.deviation))
    each = [min(steps, LONGEST_NOISE) for steps in (lengths.shortest, lengths.median, lengths.longest)]
    return invented(each * 8, mean, std)


def _expected(stored: StoredModel, judged: Judged, reference: Classifier, sequences: Sequence[Array]) -> Array:
    """Logits as the tuner itself computes them."""
    if judged.part is None:
        return classify(reference, sequences)[0]
    logits: Array = stored.logits(judged.part).numpy()
    return logits


def _forms(stored: StoredModel, reference: Classifier, form: str, opset: int) -> list[Form]:
    from safetensors.torch import save

    weights = save({name: value.contiguous() for name, value in stored.network.state_dict().items()})
    forms = [Form("PyTorch", weights, reference)]
    if form == "torch-export":
        from ...deploy.torch_program import TorchProgram, to_torch_program

        program = to_torch_program(stored)
        forms.append(Form(form, program, TorchProgram(program, stored)))
    if not untranslated(stored.network):
        for name in ("onnx", "int8"):
            content = to_onnx(stored, opset=opset, int8=name == "int8")
            forms.append(Form(name, content, OnnxClassifier(content, name)))
    return forms


def _in_c(form: str, stored: StoredModel, reference: Classifier, judged: Judged) -> Form:
    scales = None
    if form == "c-int8":
        calibrating = _sequences(stored, judged) if judged.training is None else recordings_of(judged.training)
        scales = input_scales(stored, calibrating)
    source = to_c(stored, scales)
    return Form(form, b"", CompiledClassifier(source, reference.facts), size_of(stored, source).flash, source)


def _refusal(
    forms: Sequence[Form],
    tried: Sequence[Tried],
    judged: Judged,
    stored: StoredModel,
    form: str,
    max_drop: float | None,
) -> str:
    """Why the file must not be used; empty where it may."""
    own = next(one for one in tried if one.name == form)
    if form not in ("int8", "c-int8"):
        tolerance = TOLERANCE
        if stored.network.closed_form:
            moved = rounding_difference(TorchClassifier(stored), _sequences(stored, judged))
            tolerance = max(tolerance, TIMES_ROUNDING * moved)
        if not own.difference <= tolerance:
            return f"its logits differ from torch's by {own.difference:.2g}; at most {tolerance:.2g} may be rounding"
        classifier = next(one.classifier for one in forms if one.name == form)
        sequences = recordings_of(judged.part.subset(torch.arange(min(len(judged.part), 200)))) if judged.part else []
        if sequences and not (found := padding_difference(classifier, sequences)) <= tolerance:
            return f"padding changes its logits by {found:.2g}; at most {tolerance:.2g} may be rounding"
    if max_drop is not None:
        if own.drop is None:
            return f"--max-drop cannot be judged, since {judged.why_not}"
        if own.drop.accuracy > max_drop:
            return (
                f"it loses {shown_drop(own.drop)} of accuracy against PyTorch on the {judged.name} set; --max-drop "
                f"allows {max_drop:g}"
            )
    return ""


def _note(study: Study, save_dir: SaveDir, trial: int) -> None:
    folder = save_dir.study(study.study_name)
    with study_lock(study, folder):
        new = note_use(study, trial, "export")
    settings = stored_settings(study)
    if new and settings is not None and folder.root.is_dir():
        write_best(study, resolve(settings), folder)


def _print_table(tried: Sequence[Tried]) -> None:
    times = (*(f"ms for {size}" for size in TIMED_BATCHES), *(f"per s, {size}" for size in TIMED_BATCHES))
    head = ("form", "size", *times, "accuracy (95%)", "lost against PyTorch", "logits differ by")
    rows = [
        (
            one.name,
            shown_bytes(one.n_bytes),
            *(f"{one.milliseconds[size]:.2f}" for size in TIMED_BATCHES),
            *(f"{1000 * size / one.milliseconds[size]:,.0f}" for size in TIMED_BATCHES),
            shown_accuracy(one),
            shown_drop(one.drop),
            f"{one.difference:.1g}",
        )
        for one in tried
    ]
    print_table(head, rows)
