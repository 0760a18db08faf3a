import pytest

from data.layouts.people import one_spelling, people_in_names, perhaps_people, without_number, without_person
from data.recording import CHECK


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["P01", "P02", "P01", "P02"], ["p01", "p02", "p01", "p02"]),
        (["sub_1", "sub_2", "sub_1", "sub_2"], ["sub_1", "sub_2", "sub_1", "sub_2"]),
        (["circle_p00_1", "circle_p01_1", "line_p00_1", "line_p01_2"], ["p00", "p01", "p00", "p01"]),
        (["p1_s1", "p1_s2", "p2_s1", "p2_s2"], ["p1", "p1", "p2", "p2"]),
        (["a1_s1_t1", "a1_s2_t1", "a2_s1_t1", "a2_s2_t1"], ["s1", "s2", "s1", "s2"]),
        (["p1", "p2", "p3", "p4"], None),
        (["p1_a", "p1_b", "p2_a", "anna_b"], None),
        (["step1", "step2", "step1", "step2"], None),
        (["wave_1", "wave_2", "clap_1"], None),
    ],
)
def test_the_person_in_a_name(names: list[str], people: list[str] | None) -> None:
    assert people_in_names(names)[0] == people


def test_names_of_which_some_tell_nobody() -> None:
    people, (note,) = people_in_names(["p1_a", "p1_b", "p2_a", "p2_b", "anna_b"])
    assert people is None
    assert note.startswith(f"{CHECK}most names tell a person, such as 'p1', and 'anna_b' does not")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["anna_1", "ben_1", "anna_2", "ben_2"], "'anna' and 'ben' in several classes"),
        (["s1t1", "s2t1", "s1t2", "s2t2"], "'s1' and 's2' in several classes"),
        (["Anna", "ben", "anna", "Ben"], "'anna' and 'ben' in several classes"),
        (["take_1", "take_2", "take_1", "take_2"], ""),
        (["walk_1", "walk_2", "run_1", "run_2"], ""),
        (["01", "02", "01", "02"], ""),
    ],
)
def test_what_may_be_a_person_is_told(names: list[str], told: str) -> None:
    assert people_in_names(names) == (None, [])
    assert told in "".join(perhaps_people(names, ["a", "a", "b", "b"]))
    assert bool(told) == bool(perhaps_people(names, ["a", "a", "b", "b"]))


def test_case_and_blanks_make_no_other_person() -> None:
    people, (note,) = one_spelling(["Anna", "anna ", "Bob", None, "Anna"])
    assert people == ["Anna", "Anna", "Bob", None, "Anna"]
    assert note == "one person by several spellings: 'Anna', 'anna ' are taken for 'Anna'"
    assert one_spelling(["P 01", "P01"])[0] == ["P01", "P01"]
    assert one_spelling(["Anna", "Anne"]) == (["Anna", "Anne"], [])


def test_what_is_left_of_a_name() -> None:
    assert without_person("circle_p00_1") == "circle_1"
    assert without_person("walk") == "walk"
    assert [without_number(name) for name in ("walk_2", "walk (2)", "walk", "12", "a1b", "f(x)")] == [
        *("walk", "walk", "walk", "", "a1b", "f(x)")
    ]
