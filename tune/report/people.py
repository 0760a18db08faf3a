"""How it does on each person."""

from __future__ import annotations

from ..evaluation.evaluate import wilson_interval
from .facts import Facts
from .figures.rows import Person, Row, Rows, draw_rows, people_info, read_people
from .figures.sections import Section, Table, not_drawn, on_page, section
from .figures.words import percent
from .sentences import new_people_in_test


def people_section(facts: Facts) -> Section:
    """A row a person of the judged part."""
    title = "How it does on each person"
    stored = read_people(facts.answers.get("per_person"))
    if stored is None:
        return not_drawn("people", title, "it is not known who performed the sequences")
    people = [Person(name, share, n, *wilson_interval(share, n)) for name, (share, n) in stored.items()]
    are_new = facts.part == "test" and new_people_in_test(dict(facts.split))
    info = people_info(people, are_new=are_new or facts.part == "validation")
    rows = tuple(
        (one.name, percent(one.accuracy), f"{percent(one.low)} to {percent(one.high)}", str(one.n_sequences))
        for one in info.people
    )
    table = Table("Each person", ("person", "accuracy", "95% interval", "sequences"), rows)
    dots = tuple(Row(one.name, one.accuracy, one.low, one.high) for one in info.people)
    drawn = Rows(dots, info.words, f"{facts.part} accuracy", is_share=True)
    figures = on_page(draw_rows, drawn, facts.context) if len(dots) > 1 else {}
    return section("people", info.words, tables=(table,), heading="People", **figures)
