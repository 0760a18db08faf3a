"""WLASL's own metadata: word-level American Sign Language, 21,083 videos of 2,000 glosses.

D. Li, C. Rodriguez Opazo, X. Yu, H. Li, "Word-level deep sign language recognition from video: a new large-scale
dataset and methods comparison", WACV 2020, arXiv:1910.11006. ``nslt_<n>.json`` holds the split of the first n glosses
and names them by numbers, which ``wlasl_class_list.txt`` explains; ``WLASL_v0.3.json`` holds everything, signers too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..errors import DataError
from ..layouts.clips import Listed, Listing, Tree, listing_of
from ..recording import TEST, TRAIN, VALIDATION

SUBSET = re.compile(r"(?:.*/)?nslt_([0-9]{1,6})\.json", re.DOTALL)
WHOLE = re.compile(r"(?:.*/)?WLASL_v[0-9.]+\.json", re.DOTALL)
CLASS_LIST = "wlasl_class_list.txt"
PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
LARGEST_FILE_BYTES = 256 << 20


def list_wlasl(tree: Tree, n_classes: int | None) -> Listing | None:
    """What the metadata lists; None where there is none.

    Of several ``nslt_<n>.json`` the one for ``n_classes`` is taken, else the largest. Without one, everything in
    ``WLASL_v<version>.json`` is. Signers are known from the latter only.

    Raises:
        DataError: If the metadata cannot be understood; the message names file and video.
    """
    subsets = {int(match[1]): member for member in tree.members if (match := SUBSET.fullmatch(member))}
    whole = max((member for member in tree.members if WHOLE.fullmatch(member)), default=None)
    everything = None if whole is None else listing_of(whole, _read_whole(tree, whole))
    if subsets:
        member = subsets.get(n_classes or 0) or subsets[max(subsets)]
        known = {} if everything is None else {listed.video: listed for listed in everything.recordings}
        return listing_of(member, _read_subset(tree, member, known))
    return everything


def _read_subset(tree: Tree, member: str, everything: dict[str, Listed]) -> Iterator[Listed]:
    glosses = _read_class_list(tree)
    for video, entry in _object(_read_json(tree, member), tree.place(member)).items():
        place = f"{tree.place(member)}, video {video!r}"
        match entry:
            case {"subset": str(subset), "action": [int(number), int(first), int(last)]}:
                whole = everything.get(video)
                sign = glosses.get(number) or (whole.sign if whole else None)
                if sign is None:
                    raise DataError(f"{place}: class {number} is not in {CLASS_LIST}, which belongs beside it")
                signer = whole.signer if whole else None
                yield Listed(video, sign, _part(subset, place), signer, _frames(first, last, place))
            case _:
                raise DataError(f'{place}: it should be {{"subset": ..., "action": [class, first frame, last frame]}}')


def _read_whole(tree: Tree, member: str) -> Iterator[Listed]:
    content = _read_json(tree, member)
    if not isinstance(content, list):
        raise DataError(f"{tree.place(member)} should hold a list of glosses")
    for number, entry in enumerate(content, start=1):
        place = f"{tree.place(member)}, gloss {number}"
        match entry:
            case {"gloss": str(gloss), "instances": list(instances)} if gloss.strip():
                pass
            case _:
                raise DataError(f'{place}: it should be {{"gloss": ..., "instances": [...]}}')
        for instance in instances:
            match instance:
                case {"video_id": str(video), "split": str(split)}:
                    signer, first, last = (instance.get(key) for key in ("signer_id", "frame_start", "frame_end"))
                    if not isinstance(first, int | None) or not isinstance(last, int | None):
                        raise DataError(f"{place}, video {video!r}: frame_start and frame_end should be whole numbers")
                    yield Listed(
                        video,
                        gloss.strip().lower(),
                        _part(split, f"{place}, video {video!r}"),
                        None if signer in (None, -1) else f"wlasl-{signer}",
                        _frames(first or 1, last or -1, f"{place}, video {video!r}"),
                    )
                case _:
                    raise DataError(f'{place}: an instance should have a text "video_id" and a text "split"')


def _read_class_list(tree: Tree) -> dict[int, str]:
    member = next((member for member in tree.members if f"/{member}".endswith(f"/{CLASS_LIST}")), None)
    if member is None:
        return {}
    glosses: dict[int, str] = {}
    for line_number, line in enumerate(tree.read(member).decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        number, _, gloss = line.partition("\t")
        if not re.fullmatch(r"[0-9]{1,9}", number.strip()) or not gloss.strip() or int(number) in glosses:
            raise DataError(f"{tree.place(member)}, line {line_number}: {line[:40]!r} is not a new number, tab, gloss")
        glosses[int(number)] = gloss.strip().lower()
    return glosses


def _read_json(tree: Tree, member: str) -> Any:
    content = tree.read(member)
    if len(content) > LARGEST_FILE_BYTES:
        raise DataError(f"{tree.place(member)} has {len(content):,} bytes: at most {LARGEST_FILE_BYTES:,} are read")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{tree.place(member)} is not JSON: {error}") from error


def _object(content: Any, place: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise DataError(f"{place} should hold an object of videos")
    return content


def _part(name: str, place: str) -> int:
    if name not in PARTS:
        raise DataError(f"{place}: the part is {name!r}; it must be one of {', '.join(PARTS)}")
    return PARTS[name]


def _frames(first: int, last: int, place: str) -> tuple[int, int] | None:
    """First and last frame; None where the last is -1, which is WLASL's word for the whole video."""
    if last == -1:
        return None
    if not 0 <= first <= last:
        raise DataError(f"{place}: frames {first} to {last} are no range")
    return max(first, 1), last
