"""Shoulder exercises recorded by a smartwatch, the embedded default: it comes with the Python package seglearn.

D. M. Burns et al., "Shoulder physiotherapy exercise recognition: machine learning the inertial signals from a
smartwatch", Physiological Measurement 39(7), 2018, arXiv:1802.01489. 140 recordings at 50 Hz: ten people, seven
exercises, both arms, about twenty repetitions each.
"""

from __future__ import annotations

import codecs
import pickle
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from ..errors import DataError
from ..formats.archive import open_binary, sha256_of
from ..sequences import SequenceDataset
from ..source import Source
from ..windows import cut_windows, steps_of

NAME = "watch"
KIND = "activity"

PACKAGE = "seglearn"
FILE_IN_PACKAGE = "seglearn/data/watch_dataset.npy"
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
REPAIR = f"repair it with: {shlex.quote(sys.executable)} -m pip install --force-reinstall --no-deps seglearn==1.2.5"

EXERCISES = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward-elevation",
    "IR": "internal-rotation",
    "ER": "external-rotation",
    "TRAP": "trapezius-extension",
    "ROW": "upright-row",
}
# The package gives no units; at rest the acceleration has length 1.
CHANNELS = ("ax (g)", "ay (g)", "az (g)", "wx", "wy", "wz")
SAMPLE_RATE_HZ = 50.0


def load(source: Source) -> SequenceDataset:
    """Reads the recordings and cuts them into windows; see ``steps_of``.

    Raises:
        DataError: If the package is not installed, its file is damaged, or the window is too short.
    """
    n_steps, hop = steps_of(source, SAMPLE_RATE_HZ)
    content = read_package_file(package_file())
    recordings = [torch.from_numpy(values).float() for values in content["X"]]
    lengths = torch.tensor([len(values) for values in recordings])
    windows = cut_windows(torch.cat(recordings), lengths, n_steps=n_steps, hop=hop)
    people, group_of_recording = np.unique(content["subject"], return_inverse=True)
    return SequenceDataset(
        name=NAME,
        kind=KIND,
        values=windows.values,
        lengths=windows.lengths,
        labels=torch.from_numpy(content["y"])[windows.recordings],
        class_names=tuple(EXERCISES[abbreviation] for abbreviation in content["y_labels"]),
        channel_names=CHANNELS,
        groups=torch.from_numpy(group_of_recording)[windows.recordings],
        group_names=tuple(str(person) for person in people),
        recordings=windows.recordings,
        sample_rate_hz=SAMPLE_RATE_HZ,
    )


def package_file(package: str = PACKAGE) -> Path:
    """Where the package keeps the recordings; the package itself is not imported.

    Raises:
        DataError: If it is not installed.
    """
    try:
        return Path(str(distribution(package).locate_file(FILE_IN_PACKAGE)))
    except PackageNotFoundError as error:
        raise DataError(f"the package {package}, which holds the recordings, is not installed; {REPAIR}") from error


def read_package_file(path: Path) -> dict[str, Any]:
    """The dictionary in the package's file.

    Raises:
        DataError: If it is not byte for byte the file that the package was published with.
    """
    with open_binary(path) as file:
        sha256 = sha256_of(file)
        if sha256 != SHA256:
            raise DataError(f"{path} is damaged: its sha256 is {sha256} and should be {SHA256}; {REPAIR}")
        file.seek(0)
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        content: dict[str, Any] = NumpyUnpickler(file).load().item()
        return content


class NumpyUnpickler(pickle.Unpickler):
    """Unpickles arrays, numbers, text, lists and dictionaries, and nothing that runs code.

    The hash already vouches for the file; this holds should the hash ever be updated without a close look.
    """

    # The file was written by NumPy 1; the first entry is how NumPy itself names the function today.
    ALLOWED = {  # noqa: RUF012
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): codecs.encode,
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        """Looks a name up in the short list.

        Raises:
            pickle.UnpicklingError: If it is not on the list.
        """
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a data file")
        return self.ALLOWED[module, name]
