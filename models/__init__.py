"""Networks that classify sequences of different lengths: one table of architectures, and how to build one of them."""

from __future__ import annotations

import inspect

from .base import SequenceClassifier, n_parameters
from .bilstm import BiLSTM
from .checks import did_you_mean
from .conv_gru import ConvGRU
from .deep_gru import DeepGRU
from .enhanced_bilstm import EnhancedBiLSTM
from .masks import step_mask
from .minirocket import MiniRocket
from .own import OWN
from .recurrent import GRU, LSTM, VanillaRNN
from .temporal_cnn import TemporalCNN
from .transformer import Transformer

__all__ = ["ARCHITECTURES", "SequenceClassifier", "architecture", "build", "n_parameters", "step_mask"]

ARCHITECTURES: dict[str, type[SequenceClassifier]] = {
    "rnn": VanillaRNN,
    "gru": GRU,
    "lstm": LSTM,
    "conv1d-gru": ConvGRU,
    "deep-gru": DeepGRU,
    "bilstm": BiLSTM,
    "enhanced-bilstm": EnhancedBiLSTM,
    "transformer": Transformer,
    "temporal-cnn": TemporalCNN,
    "minirocket": MiniRocket,
}


def architecture(name: str) -> type[SequenceClassifier]:
    """A class by its name: a key of ``ARCHITECTURES``, or of ``OWN``.

    Raises:
        ValueError: If there is none.
    """
    if name in OWN:
        return OWN[name].architecture
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ValueError(f"no architecture {name!r}; there are {known}{did_you_mean(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def build(name: str, n_channels: int, n_classes: int, **hyperparameters: object) -> SequenceClassifier:
    """Builds a registered architecture.

    Args:
        name: As of ``architecture``.
        n_channels: Channels of a step.
        n_classes: Classes to tell apart.
        **hyperparameters: Of the architecture's constructor; those left out take its defaults.

    Raises:
        ValueError: If the architecture or a hyperparameter is unknown, or a value is out of range.
    """
    kind = architecture(name)
    parameters = inspect.signature(kind).parameters.values()
    valid = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    for given in hyperparameters:
        if given not in valid:
            raise ValueError(
                f"{name} has no hyperparameter {given!r}; it has {', '.join(valid)}{did_you_mean(given, valid)}"
            )
    return kind(n_channels, n_classes, **hyperparameters)
