"""A network ready to classify, from an ONNX file or from the folder of a model, behind one face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.problems import Problem, SettingsError
from .metadata import INPUTS, OUTPUTS, Facts, facts_in, facts_of
from .onnx_check import read_checked, refuse_foreign

if TYPE_CHECKING:
    from ..training.model_folder import StoredModel

Array = NDArray[Any]
ONNX_SUFFIX = ".onnx"
WARNINGS_ONLY = 3


class Classifier(Protocol):
    """What classifies padded batches of measured sequences."""

    @property
    def facts(self) -> Facts:
        """What it is."""

    def run(self, values: Array, lengths: Array) -> tuple[Array, Array]:
        """Logits and probabilities, each [batch, classes], of values [batch, time, channels] and lengths [batch]."""


class OnnxClassifier:
    """An ONNX file in onnxruntime; torch is not needed.

    Raises:
        SettingsError: If the file is not one that ``export`` writes.
    """

    def __init__(self, content: bytes, place: str, threads: int = 1) -> None:
        import onnxruntime

        refuse_foreign(content, place)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = WARNINGS_ONLY
        try:
            # Its second try is no other than the first, and prints on standard output.
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
            metadata = dict(self._session.get_modelmeta().custom_metadata_map)
            inputs = {one.name: (one.type, len(one.shape), one.shape[-1]) for one in self._session.get_inputs()}
            outputs = {one.name: (one.type, len(one.shape), one.shape[-1]) for one in self._session.get_outputs()}
        except Exception as error:  # onnxruntime's errors have no common class, and a stranger's file may raise any
            rule = f"cannot be loaded: {' '.join(str(error).split())[:200]}"
            raise SettingsError([Problem("--model", place, rule)]) from error
        self.place = place
        self.facts: Facts = facts_in(metadata, place)
        self._refuse_other_shapes(inputs, outputs)

    def run(self, values: Array, lengths: Array) -> tuple[Array, Array]:
        """See ``Classifier``.

        Raises:
            SettingsError: If the network cannot be computed, which one that ``export`` wrote always can.
        """
        try:
            logits, probabilities = self._session.run(list(OUTPUTS), dict(zip(INPUTS, (values, lengths), strict=True)))
        except Exception as error:  # as above
            rule = f"cannot be computed: {' '.join(str(error).split())[:200]}"
            raise SettingsError([Problem("--model", self.place, rule)]) from error
        return logits, probabilities

    def _refuse_other_shapes(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        n_channels, n_classes = len(self.facts.channel_names), len(self.facts.class_names)
        wanted_outputs = {name: ("tensor(float)", 2, n_classes) for name in OUTPUTS}
        values, lengths = (inputs.get(name, ("", 0, None)) for name in INPUTS)
        fits = values == ("tensor(float)", 3, n_channels) and lengths[:2] == ("tensor(int64)", 1)
        if len(inputs) != len(INPUTS) or not fits or outputs != wanted_outputs:
            rule = f"takes {inputs} and gives {outputs}, which does not fit its channels and classes"
            raise SettingsError([Problem("--model", self.place, rule)])


class TorchClassifier:
    """The folder of a model, in torch."""

    def __init__(self, model: StoredModel) -> None:
        from .graph import Deployed

        self.facts: Facts = facts_of(model)
        self.model = model
        self._network = Deployed(model).eval()

    def run(self, values: Array, lengths: Array) -> tuple[Array, Array]:
        """See ``Classifier``."""
        import torch

        with torch.inference_mode():
            logits, probabilities = self._network(torch.from_numpy(values), torch.from_numpy(lengths))
        return logits.numpy(), probabilities.numpy()


def load_classifier(path: Path) -> Classifier:
    """A classifier from a file or a folder; for a file, torch is not imported.

    Raises:
        SettingsError: If there is none, or it is damaged or foreign.
    """
    if path.suffix.lower() == ONNX_SUFFIX and not path.is_dir():
        return OnnxClassifier(read_checked(path), str(path))
    if not path.is_dir():
        rule = "is neither the folder of a model nor an ONNX file"
        raise SettingsError([Problem("--model", str(path), rule, "name studies/STUDY/best_model, or a .onnx file")])
    from ..training.model_folder import load_model

    return TorchClassifier(load_model(path))


def padded(sequences: Sequence[Array]) -> tuple[Array, Array]:
    """Sequences [time, channels] as one batch: values [batch, longest, channels] and lengths."""
    lengths = np.array([len(one) for one in sequences], np.int64)
    values = np.zeros((len(sequences), int(lengths.max()), sequences[0].shape[1]), np.float32)
    for row, one in enumerate(sequences):
        values[row, : len(one)] = one
    return values, lengths


def classify(classifier: Classifier, sequences: Sequence[Array], batch_size: int = 64) -> tuple[Array, Array]:
    """Logits and probabilities of any number of sequences, in their order.

    Args:
        classifier: Any.
        sequences: As measured, each [time, channels].
        batch_size: Sequences at once; those of like length are put together.
    """
    if len(sequences) == 1:
        return classifier.run(sequences[0][None], np.array([len(sequences[0])]))
    order = sorted(range(len(sequences)), key=lambda k: -len(sequences[k]))
    logits = np.empty((len(sequences), len(classifier.facts.class_names)), np.float32)
    probabilities = np.empty_like(logits)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        logits[rows], probabilities[rows] = classifier.run(*padded([sequences[k] for k in rows]))
    return logits, probabilities
