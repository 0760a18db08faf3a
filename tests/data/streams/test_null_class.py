import pytest

from data.streams.null_class import null_class


@pytest.mark.parametrize("name", ["null", "None", "no_gesture", "Unknown", "IDLE"])
def test_a_class_for_nothing_is_known_by_its_name(name: str) -> None:
    assert null_class(("wave", name)) == 1


@pytest.mark.parametrize("names", [("wave", "clap"), ("null", "other"), ("At Rest", "0")])
def test_others_are_not(names: tuple[str, ...]) -> None:
    assert null_class(names) is None
