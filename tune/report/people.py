"""How it does on each person."""

from __future__ import annotations

from plotly.graph_objects import Figure

from ..evaluation import wilson_interval
from ..figures.people import Person, people_info, read_people
from ..pages.people import people_figures
from ..pages.sections import Section, not_drawn
from ..pages.tables import Table
from ..sentences import new_people_in_test
from .facts import Facts
from .words import percent


def people_section(facts: Facts) -> tuple[Section, dict[str, Figure]]:
    """A row a person of the judged part."""
    title = "How it does on each person"
    stored = read_people(facts.answers.get("per_person"))
    if stored is None:
        is_unknown = bool(facts.answers.get("per_class"))
        why = "it is not known who performed the sequences" if is_unknown else "the study holds no answers by person"
        return not_drawn("people", title, why)._replace(heading="People"), {}
    people = [Person(name, share, n, *wilson_interval(share, n)) for name, (share, n) in stored.items()]
    are_new = facts.part == "test" and new_people_in_test(dict(facts.split))
    info = people_info(people, are_new=are_new or facts.part == "validation")
    rows = tuple(
        (one.name, percent(one.accuracy), f"{percent(one.low)} to {percent(one.high)}", str(one.n_sequences))
        for one in info.people
    )
    table = Table("Each person", ("person", "accuracy", "95% interval", "sequences"), rows)
    figures = people_figures(info) if len(people) > 1 else {}
    section = Section(
        "people", info.words.title, info.words.summary, info.words.notes, tuple(figures), (table,), heading="People"
    )
    return section, figures
