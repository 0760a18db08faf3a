"""Classes in people's own files, and the contract that they are tried by."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent, indent

import pytest

from models import ARCHITECTURES
from models.contract import broken_promises
from models.own import read_class

HEAD = """
import torch
from torch import nn

from models import SequenceClassifier, step_mask


class Net(SequenceClassifier):
    def __init__(self, n_channels, n_classes, *, width=4):
        super().__init__(n_channels, n_classes)
        self.layer = nn.Linear(n_channels, width)
        self.out = nn.Linear(width, n_classes)
        self.n_channels, self.n_hidden = n_channels, width
        self.more()

    def more(self):
        pass

"""
SOUND = """
def forward(self, values, lengths):
    real = step_mask(lengths, values.shape[1])
    hidden = torch.tanh(self.layer(values.masked_fill(~real, 0.0))).masked_fill(~real, 0.0)
    return self.out(hidden.sum(dim=1) / lengths[:, None])
"""


def read(folder: Path, methods: str) -> type:
    path = folder / "net.py"
    path.write_text(HEAD + indent(dedent(methods), "    "))
    return read_class(path, "Net").architecture


def broken(folder: Path, methods: str) -> dict[str, str]:
    found = broken_promises(read(folder, methods), [{}, {"width": 1}])
    return {promise: sentence for promise, sentence in found.items() if sentence}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_registered_architectures_keep_it(name: str) -> None:
    found = broken_promises(ARCHITECTURES[name], [{}])
    if ARCHITECTURES[name].closed_form:
        found = {promise: sentence for promise, sentence in found.items() if "gradient" not in promise}
    assert not any(found.values())


DROPPING = {
    "nn.Dropout(0.5)": "hidden",
    "nn.MultiheadAttention(width, 1, dropout=0.5, batch_first=True)": "hidden, hidden, hidden, ~real.squeeze(2)",
}


@pytest.mark.parametrize("layer", DROPPING)
def test_dropout_of_steps_is_no_fault(layer: str, tmp_path: Path) -> None:
    """It draws other numbers where a batch is longer."""
    dropped = f"hidden = self.drop({DROPPING[layer]})"
    dropped += "[0]" * ("Attention" in layer)
    methods = SOUND.replace("    return", f"    {dropped}.masked_fill(~real, 0.0)\n    return")
    methods += f"\ndef more(self):\n    width = self.n_hidden\n    self.drop = {layer}\n"
    assert broken(tmp_path, methods) == {}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("\nclass Net(:\n", r"SyntaxError: invalid syntax \(net.py, line 2\)"),
        ("import sys\n\nsys.exit(3)\n", r"SystemExit: 3 \(line 3\)"),
        ("x = 1\ny = x / 0\n", r"ZeroDivisionError: division by zero \(line 2\)"),
        ("import absent_blocks\n", r"No module named 'absent_blocks' \(line 1\)$"),
        ("import blocks\n", r"No module named 'blocks' \(line 1\): files beside it are not found"),
        ("from torch import nn\nclass Net(nn.Module): pass\n", "is no subclass of models.SequenceClassifier"),
        ("Net = 3\n", "is no subclass"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(code: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(code)
    (tmp_path / "blocks.py").write_text("")
    with pytest.raises(ValueError, match=why):
        read_class(path, "Net")


def test_a_sound_network_keeps_it(tmp_path: Path) -> None:
    assert broken(tmp_path, SOUND) == {}


ALONE, TRAINING = "padding and the rest of the batch change nothing", "padding changes nothing in training either"


# Each is the sound network with one fault, what it breaks, and what is said.
FAULTS = {
    "no head": (SOUND.replace("self.out(", "("), "logits for every class", r"gives \[5, 4\]"),
    "an error": (SOUND.replace("torch.tanh", "torch.nonsense"), "logits for every class", "AttributeError: .*nonsense"),
    "a mean over padding": (
        SOUND.replace("hidden.sum(dim=1) / lengths[:, None]", "hidden.mean(dim=1)"),
        ALONE,
        "alone",
    ),
    "a mean over the batch": (SOUND.replace("lengths[:, None]", "lengths.float().mean()"), ALONE, "among longer ones"),
    "zero times NaN": (
        SOUND.replace("values.masked_fill(~real, 0.0)", "values").replace(".masked_fill(~real, 0.0)", " * real"),
        TRAINING,
        "NaN in the padding",
    ),
    "a norm over padding, behind dropout": (
        SOUND.replace("hidden = ", "hidden = self.norm(self.drop(self.layer(values).masked_fill(~real, 0.0)).mT).mT + ")
        + "\ndef more(self):\n    self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(self.n_hidden)\n",
        TRAINING,
        "a norm over a batch",
    ),
    "a second step": (
        SOUND.replace("self.layer(values", "self.layer(values[:, 1:].mean(1, keepdim=True) + values"),
        "sequences of one step",
        r"sequences of \[1\] steps",
    ),
    "a weight without use": (
        SOUND + "\ndef more(self):\n    self.unused = nn.Linear(3, 3)\n",
        "a gradient for every weight",
        "no gradient reaches unused.weight",
    ),
    "a gradient from the padding": (
        SOUND.replace("torch.tanh(", "torch.tanh(1e-9 * values.sum() + "),
        "no gradient from the padding",
        "a gradient reaches the padding",
    ),
    "no use of its input": (
        SOUND.replace("self.layer(", "self.layer(0 * "),
        "no gradient from the padding",
        "no gradient reaches its input",
    ),
    "a counter beside the state": (
        SOUND.replace("return ", "self.seen += self.training\n    return self.seen + ")
        + "\ndef more(self):\n    self.seen = 0\n",
        "its state is all of it",
        "register it as a parameter or a buffer",
    ),
    "dropout in evaluation": (
        SOUND.replace("torch.tanh(", "nn.functional.dropout("),
        "the same seed, the same network",
        "not switched off outside training",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_broken_is_said_in_words(fault: str, tmp_path: Path) -> None:
    methods, promise, why = FAULTS[fault]
    assert re.search(why, broken(tmp_path, methods)[promise])


def test_the_configuration_that_breaks_it_is_named(tmp_path: Path) -> None:
    methods = SOUND.replace("self.out(", "self.out(1 / (self.layer.out_features - 1) * 0 + ")
    assert "(width = 1)" in broken(tmp_path, methods)["logits for every class"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("import nothing_of_this_name", "running it fails: ModuleNotFoundError"),
        ("class Other: pass", "it has no Net; it has Other"),
        ("", "it has no Net; it has no class"),
        ("class Net: pass", "no subclass of models.SequenceClassifier"),
        ("from models.minirocket import MiniRocket\nclass Net(MiniRocket): pass", "closed form"),
        (HEAD.replace("*, width=4", "width=4"), "Net takes 'width': .* by keyword"),
        (HEAD.replace("width=4", "width=None"), "Net takes 'width': .* plain default"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(content: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(content)
    with pytest.raises(ValueError, match=why):
        read_class(path, "Net")


def test_a_file_is_run_once_for_each_content(tmp_path: Path) -> None:
    first = read(tmp_path, SOUND)
    assert read(tmp_path, SOUND) is first
    second = read(tmp_path, SOUND + "\n# changed\n")
    assert second is not first
    assert first(2, 3).layer.out_features == second(2, 3).layer.out_features
