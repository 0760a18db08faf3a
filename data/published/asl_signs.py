"""Kaggle's isolated signs of ASL ("Google - Isolated Sign Language Recognition", 2023): 94,477 takes of 250 signs.

``train.csv`` names a Parquet file a take, by 21 people; each holds MediaPipe's landmarks, a row for every point of
every frame. What is not seen is missing there, and zero here, as in all landmarks; how surely a point of the pose is
seen is not told, and 1 where it is.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.npy import finite
from ..formats.parquet import INSTALL
from ..landmarks import PARTS, ROWS, VISIBILITY
from ..layouts.clips import Clip, Tree
from .asl_citizen import TRAIN_FILE

SUFFIX = ".parquet"
COLUMNS = ("path", "participant_id", "sequence_id", "sign")
AXES = ("x", "y", "z")


def list_asl_signs(tree: Tree) -> tuple[list[Clip], list[str]] | None:
    """The takes that are there, and the files of those that are not; None where there is no such list.

    Raises:
        DataError: If a row of the list is not filled in.
    """
    import pandas as pd

    for member in tree.members:
        folder, slash, name = member.rpartition("/")
        if name != TRAIN_FILE or not is_list(first := tree.read(member)):
            continue
        try:
            listed = pd.read_csv(io.BytesIO(first), dtype=str, encoding_errors="replace")
        except ValueError as error:
            raise DataError(f"{tree.place(member)} cannot be read as a table: {error}") from error
        empty = listed[[*COLUMNS]].isna().any(axis=1)
        if empty.any():
            raise DataError(f"{tree.place(member)}, row {int(empty.argmax()) + 2}: {', '.join(COLUMNS)} must be there")
        there = set(tree.members)
        rows = list(zip(folder + slash + listed["path"], listed["sign"], listed["participant_id"], strict=True))
        clips = [Clip(sign, (path,), signer=f"asl-signs-{who}") for path, sign, who in rows if path in there]
        return clips, [path for path, *_ in rows if path not in there]
    return None


def is_list(content: bytes) -> bool:
    """Whether a table, or its first line, has the columns of the list."""
    header = content.partition(b"\n")[0].decode("utf-8-sig", "replace").strip().split(",")
    return set(COLUMNS) <= set(header)


def read_take(content: bytes, place: str) -> NDArray[np.float32]:
    """The frames of a take, [time, features], as ``landmarks.ROWS`` has all parts.

    Raises:
        DataError: If it cannot be read, or has other points.
    """
    import pandas as pd

    try:
        long = pd.read_parquet(io.BytesIO(content), columns=["frame", "type", "landmark_index", *AXES])
    except ImportError as error:
        raise DataError(f"{place}: Parquet needs pyarrow: {INSTALL}") from error
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{place} cannot be read: {error}") from error
    frames = pd.unique(long["frame"])
    wide = np.zeros((len(frames), 0), np.float32)
    for name in ROWS[-1]:
        part = PARTS[name]
        points = long[long["type"] == name].drop_duplicates(["frame", "landmark_index"])
        points = points[points["landmark_index"].between(0, part.n_points - 1)]
        table = np.full((len(frames), part.n_points, len(part.coordinates)), np.nan, np.float32)
        place_of = pd.Index(frames).get_indexer(pd.Index(points["frame"])), points["landmark_index"].to_numpy(np.int64)
        table[(*place_of, slice(0, len(AXES)))] = points[[*AXES]].to_numpy(np.float32)
        if VISIBILITY in part.coordinates:
            table[..., -1] = np.where(np.isnan(table[..., 0]), np.nan, 1.0)
        wide = np.concatenate(
            [wide, np.nan_to_num(table, nan=0.0, posinf=np.inf, neginf=-np.inf).reshape(len(frames), -1)], axis=1
        )
    if not len(frames) or not wide.any():
        raise DataError(f"{place} holds no point of MediaPipe's: take it out of the list")
    return finite(wide, place)
