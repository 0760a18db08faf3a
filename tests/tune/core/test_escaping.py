"""Text of people in Markdown, read back by a parser of Markdown."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tune.core.escaping import escaped, fenced

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "<script>document.title = 1</script>",
    '"><img src=x onerror="document.title = 2">',
    "[a](javascript:alert(1)) ![b](http://c.d/e.png) <http://f.g>",
    "*a* _b_ **c** ~~d~~ `e` ``f`` &lt; &#60; \\",
    "a | b\n| --- |\n# c",
    *("# a", "- a", "-", "---", "- - -", "+ a", "1. a", "2)", "> a", "===", "```", "    a", "[//]: # (a)", "[a]: b"),
]
# Many of what means something, so that they meet.
TEXTS = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.sampled_from("\\`*_[]<>#|~$&@-+=.():!1 a;\t\n'\"/{}^"), max_size=12), st.text()
)


def shown(text: str) -> str:
    """What a reader is to see, as HTML: on one line, and without what cannot be printed."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return html.escape(line, quote=False).replace('"', "&quot;")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stands_there_as_it_is(text: str) -> None:
    assert READER.render(escaped(text)) == f"<p>{shown(text)}</p>\n"


@given(text=TEXTS)
def test_any_text_stands_there_as_it_is(text: str) -> None:
    expected = shown(text)
    if expected:
        assert READER.render(escaped(text)) == f"<p>{expected}</p>\n"
        assert READER.render(f"- {escaped(text)}") == f"<ul>\n<li>{expected}</li>\n</ul>\n"
        assert READER.render(f"# {escaped(text)}") == f"<h1>{expected}</h1>\n"
        table = READER.render(f"| a | b |\n|---|---|\n| {escaped(text)} | c |")
        assert f"<td>{expected}</td>\n<td>c</td>" in table


def test_what_turns_the_direction_of_writing_is_left_out() -> None:
    assert escaped("a\u202eb\u2066c\u200fd") == "a b c d"


@given(code=st.text(st.sampled_from("`~ \na"), max_size=30))
def test_a_command_cannot_leave_its_block(code: str) -> None:
    tokens = READER.parse(fenced(code))
    assert [token.type for token in tokens] == ["fence"]
