"""Names and mirror image of landmarks, and what measuring them from the shoulders does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from data.landmarks import (
    PARTS,
    POSE_PAIRS,
    channel_names,
    mirrored,
    n_features_of,
    part_slices,
    parts_in_frame,
    seen_channel,
)
from data.published.shoulders import MISSING_HANDS, USUAL_DISTANCE, fill_unseen, prepare_landmarks

BODY = ("pose", "left_hand", "right_hand")
EVERYTHING = (*BODY, "visibility")


def body(n_frames: int, *, seed: int = 0) -> Tensor:
    """Frames of 258 numbers in which everything is seen."""
    return torch.rand(n_frames, 258, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.25


def prepared(values: Tensor, *lengths: int, missing_hands: str = "interpolate") -> Tensor:
    return prepare_landmarks(values, torch.tensor(lengths or (len(values),)), BODY, EVERYTHING, missing_hands)[0]


class TestNames:
    """The order in which MediaPipe's numbers are commonly laid in a row."""

    @pytest.mark.parametrize(
        ("n_features", "parts"), [(258, BODY), (1662, ("pose", "face", "left_hand", "right_hand"))]
    )
    def test_a_frame_is_known_by_its_length(self, n_features: int, parts: tuple[str, ...]) -> None:
        assert parts_in_frame(n_features) == parts
        assert n_features_of(parts) == n_features == len(set(channel_names(parts)))

    @pytest.mark.parametrize("n_features", [0, 1, 257, 543 * 3])
    def test_another_length_is_not_known(self, n_features: int) -> None:
        assert parts_in_frame(n_features) is None

    def test_places(self) -> None:
        names = channel_names(BODY)
        assert names[:5] == ("pose 0 x", "pose 0 y", "pose 0 z", "pose 0 visibility", "pose 1 x")
        assert (names[132], names[257]) == ("left_hand 0 x", "right_hand 20 z")
        for part, where in part_slices(BODY).items():
            assert all(name.startswith(f"{part} ") for name in names[where])

    def test_pairs_are_those_of_mediapipe(self) -> None:
        # https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker: ears, shoulders, wrists, ankles.
        assert {(7, 8), (11, 12), (15, 16), (27, 28), (31, 32)} <= set(POSE_PAIRS)
        assert sorted(point for pair in POSE_PAIRS for point in pair) == list(range(1, PARTS["pose"].n_points))


class TestMirror:
    """Left and right change places, and x its sign."""

    def test_of_points(self) -> None:
        names = channel_names(BODY)
        mirror = mirrored(names)
        assert mirror is not None
        places = {"left_hand 4 x": "right_hand 4 x", "pose 11 visibility": "pose 12 visibility", "pose 0 y": "pose 0 y"}
        for name, other in places.items():
            position = names.index(name)
            assert names[mirror.source[position]] == other
            assert mirror.sign[position] == (-1 if name.endswith(" x") else 1)

    @given(st.sets(st.sampled_from(["pose", "hands", "seen"]), min_size=1), st.sampled_from(["{}", "{}, by instance"]))
    def test_twice_is_the_original(self, chosen: set[str], written: str) -> None:
        parts = [*(["pose"] if "pose" in chosen else []), *(["left_hand", "right_hand"] if "hands" in chosen else [])]
        seen = [seen_channel("left_hand"), seen_channel("right_hand")] if "seen" in chosen else []
        mirror = mirrored([written.format(name) for name in (*channel_names(parts), *seen)])
        assert mirror is not None
        values = torch.arange(len(mirror.source)).float()
        once = mirror.sign * values[mirror.source]
        assert torch.equal(mirror.sign * once[mirror.source], values)

    @pytest.mark.parametrize(
        "names",
        [
            (),
            ("ax (g)", "ay (g)"),
            ("feature 0", "feature 1"),
            channel_names(["left_hand"]),
            channel_names(["pose", "face"]),
            (*channel_names(["pose"]), "ax (g)"),
        ],
    )
    def test_there_is_none(self, names: tuple[str, ...]) -> None:
        assert mirrored(names) is None

    def test_of_a_prepared_person_is_the_mirrored_person_prepared(self) -> None:
        picture = body(5)
        mirror = mirrored(channel_names(BODY))
        assert mirror is not None
        is_x = mirror.sign < 0
        flipped = torch.where(is_x, 1 - picture[:, mirror.source], picture[:, mirror.source])
        expected = prepared(picture)[:, mirror.source] * mirror.sign
        torch.testing.assert_close(prepared(flipped), expected, rtol=1e-4, atol=1e-5)


class TestShoulders:
    """The origin lies between the shoulders, the unit is their distance."""

    def test_shoulders_are_one_apart(self) -> None:
        values = prepared(body(7), 7)
        left, right = values[:, 44:47], values[:, 48:51]
        torch.testing.assert_close(left, -right)
        distance = (left - right)[:, :2].norm(dim=1)
        assert float(distance.mean()) == pytest.approx(1, abs=1e-5)

    def test_where_and_how_large_the_signer_is_does_not_matter(self) -> None:
        near = body(6)
        names = channel_names(BODY)
        far = near.clone()
        for k, name in enumerate(names):
            if not name.endswith("visibility"):
                far[:, k] *= 0.5
            if name.endswith((" x", " y")):
                far[:, k] += 0.125
        torch.testing.assert_close(prepared(far), prepared(near), rtol=1e-4, atol=1e-5)

    def test_one_sequence_does_not_change_another(self) -> None:
        one, other = body(4), body(3, seed=1)
        together = prepared(torch.cat([one, other]), 4, 3)
        torch.testing.assert_close(together[:4], prepared(one))
        torch.testing.assert_close(together[4:], prepared(other))

    def test_frames_without_a_body_take_the_shoulders_around_them(self) -> None:
        values = body(1).repeat(4, 1)
        whole = prepared(values)
        values[1:3, :132] = 0
        torch.testing.assert_close(prepared(values), whole)

    def test_a_sequence_without_a_body_is_measured_from_the_middle_of_the_image(self) -> None:
        values = body(2)
        values[:, :132] = 0
        result = prepared(values)
        assert torch.equal(result[:, :132], torch.zeros(2, 132))
        torch.testing.assert_close(result[:, 132:134], (values[:, 132:134] - 0.5) / USUAL_DISTANCE)
        torch.testing.assert_close(result[:, 137], values[:, 137] / USUAL_DISTANCE)

    def test_the_depth_of_a_wrist_is_none(self) -> None:
        names = channel_names(BODY)
        result = prepared(body(3))
        assert result[:, names.index("left_hand 0 z")].tolist() == [0] * 3
        assert result[:, names.index("right_hand 0 z")].tolist() == [0] * 3
        assert result[:, names.index("left_hand 1 z")].ne(0).all()

    def test_visibility_is_returned_where_it_is_wanted(self) -> None:
        names = channel_names(BODY)
        places, place_names = prepare_landmarks(body(3), torch.tensor([3]), BODY, BODY, "interpolate")
        assert place_names == tuple(name for name in names if not name.endswith("visibility"))
        assert len(place_names) == 3 * (33 + 21 + 21)
        chosen = [names.index(name) for name in place_names]
        assert torch.equal(places, prepared(body(3))[:, chosen])
        assert torch.equal(prepared(body(3))[:, 3], body(3)[:, 3])

    def test_only_what_is_wanted_is_returned_though_the_pose_is_measured_from(self) -> None:
        values = body(3)
        hands, names = prepare_landmarks(values, torch.tensor([3]), BODY, ("right_hand", "left_hand"), "zeros")
        assert names == channel_names(("left_hand", "right_hand"))
        assert torch.equal(hands, prepared(values)[:, 132:])


class TestMissingHands:
    """A hand of zeros is a hand that was not seen."""

    LEFT = slice(132, 195)

    def gap(self) -> Tensor:
        """Six frames; the left hand is seen in the second and the fifth only."""
        values = body(1).repeat(6, 1)
        values[4, self.LEFT] += 0.25
        values[[0, 2, 3, 5], self.LEFT] = 0
        return values

    def test_is_interpolated(self) -> None:
        left = prepared(self.gap())[:, self.LEFT]
        assert torch.equal(left[0], left[1])
        assert torch.equal(left[5], left[4])
        torch.testing.assert_close(left[2], left[1] + (left[4] - left[1]) / 3)
        torch.testing.assert_close(left[3], left[1] + (left[4] - left[1]) * 2 / 3)

    def test_is_masked(self) -> None:
        values, names = prepare_landmarks(self.gap(), torch.tensor([6]), BODY, EVERYTHING, "mask")
        assert names[-2:] == ("left_hand seen", "right_hand seen")
        assert values[:, 258].tolist() == [0, 1, 0, 0, 1, 0]
        assert values[:, 259].tolist() == [1] * 6
        assert torch.equal(values[:, :258], prepared(self.gap(), missing_hands="zeros"))

    def test_stays_zero(self) -> None:
        left = prepared(self.gap(), missing_hands="zeros")[:, self.LEFT]
        assert left.ne(0).any(dim=1).tolist() == [False, True, False, False, True, False]

    @pytest.mark.parametrize("missing_hands", MISSING_HANDS)
    def test_that_is_never_seen_is_zero(self, missing_hands: str) -> None:
        values = body(3)
        values[:, self.LEFT] = 0
        result = prepared(values, missing_hands=missing_hands)
        assert torch.equal(result[:, self.LEFT], torch.zeros(3, 63))
        assert torch.isfinite(result).all()

    def test_an_unknown_way(self) -> None:
        with pytest.raises(ValueError, match="missing_hands is 'guess'; it must be one of interpolate, mask, zeros"):
            prepared(body(1), missing_hands="guess")


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=5))
def test_filling_is_what_a_loop_would_do(seen: list[list[bool]]) -> None:
    lengths = torch.tensor([len(one) for one in seen])
    flat = torch.tensor([flag for one in seen for flag in one])
    values = torch.arange(float(len(flat))).square()[:, None]
    filled = fill_unseen(values, flat, lengths)
    begin = 0
    for one in seen:
        known = [k for k, flag in enumerate(one) if flag]
        for k in range(len(one)):
            before, after = [j for j in known if j <= k], [j for j in known if j >= k]
            if not known:
                expected = 0.0
            else:
                first, last = before[-1] if before else after[0], after[0] if after else before[-1]
                share = (k - first) / max(last - first, 1)
                expected = (begin + first) ** 2 * (1 - share) + (begin + last) ** 2 * share
            assert float(filled[begin + k, 0]) == pytest.approx(expected, rel=1e-5)
        begin += len(one)
