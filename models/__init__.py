"""Networks for sequences of different lengths."""

from __future__ import annotations

import difflib
import inspect

from .base import SequenceClassifier, n_parameters, step_mask
from .conv_gru import ConvGRU
from .deep_gru import DeepGRU
from .recurrent import GRU, LSTM, VanillaRNN

__all__ = ["ARCHITECTURES", "SequenceClassifier", "build", "n_parameters", "step_mask"]

ARCHITECTURES: dict[str, type[SequenceClassifier]] = {
    "rnn": VanillaRNN,
    "gru": GRU,
    "lstm": LSTM,
    "conv1d-gru": ConvGRU,
    "deep-gru": DeepGRU,
}


def build(
    name: str, n_channels: int, n_classes: int, **hyperparameters: bool | int | float | str
) -> SequenceClassifier:
    """A network of a registered architecture.

    Raises:
        ValueError: If the architecture or a hyperparameter is unknown, or a value is out of range.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture {name!r}{_nearest(name, list(ARCHITECTURES))}")
    parameters = inspect.signature(ARCHITECTURES[name]).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    for given in hyperparameters:
        if given not in known:
            raise ValueError(f"{name} has no hyperparameter {given!r}{_nearest(given, known)}")
    return ARCHITECTURES[name](n_channels, n_classes, **hyperparameters)


def _nearest(written: str, valid: list[str]) -> str:
    close = difflib.get_close_matches(written, valid, n=1)
    return f": did you mean {close[0]!r}?" if close else f"; there are {', '.join(valid)}"
