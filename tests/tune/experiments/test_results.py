"""What a comparison writes: the texts of a suite are a stranger's, and stand there as they are."""

from __future__ import annotations

import numpy as np
from markdown_it import MarkdownIt

from tests.html import Reader
from tune.experiments.conclusions import Conclusions
from tune.experiments.evidence import Judged
from tune.experiments.results import Result, markdown
from tune.experiments.schema import Configuration, Protocol, Suite
from tune.experiments.selection import Selection

HOSTILE = '<script>1</script> "><img onerror=alert(1)> ![a](http://b/c.png) [d](javascript:e) `f` | g\n\n# h @i'
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def test_no_text_of_a_suite_is_markup() -> None:
    protocol = Protocol(name="plain", description=f"P {HOSTILE}")
    configurations = (Configuration(name="a"), Configuration(name="b"))
    suite = Suite(
        name="tiny",
        description=f"D {HOSTILE}",
        source=f"S {HOSTILE}",
        protocols=(protocol,),
        configurations=configurations,
    )
    command = "./run_tuning.sh compare '```\n<img src=x>.json'"
    selection = Selection(suite, "tiny", 2, (), (protocol,), ("a", "b"), None, command)
    judged = Judged("validation", np.empty(0, np.int64), np.empty(0, np.int64), "sequences", None, False)
    found = Conclusions(judged, (), (), None, (), "seeds")
    result = Result(protocol, found, (), (), (), ("a", "b"), None, "2026-01-01", {})
    read = Reader(MARKDOWN.render(markdown(selection, [result])))
    assert not {tag for tag, _ in read.tags} & {"img", "script", "a"}
    assert [tag for tag, _ in read.tags if tag in ("h1", "h2")] == ["h1", "h2"]
    assert all(f"{letter} {' '.join(HOSTILE.split())}" in read.text for letter in "DSP")
    assert " ".join(command.split()) in " ".join(read.text.split())
