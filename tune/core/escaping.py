"""Text in Markdown, as it is: nothing in it is taken for markup, HTML or a mention."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Whatever starts markup in GitHub's dialect, HTML and mentions among it.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")


def escaped(text: str) -> str:
    """Text that stands there as it is: on one line, and nothing in it taken for markup.

    What cannot be printed becomes a space: a mark that turns the direction of writing would turn the words around it.
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    line = _SPECIAL.sub(r"\\\1", " ".join(printable.split())).replace("@", "&#64;")
    # These would begin a list, or be a line across the page.
    return re.sub(r"^(\d*)([-+.)])(?=[- ]|$)", r"\1\\\2", line)


def table_lines(head: Sequence[str], rows: Iterable[Sequence[str]], n_left: int = 1) -> list[str]:
    """A table in Markdown, its first ``n_left`` columns to the left."""
    marks = ["---" if k < n_left else "---:" for k in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *(map(escaped, row) for row in rows))]


def fenced(code: str) -> str:
    """A command in a block of its own, whatever it contains."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}bash\n{code}\n{fence}"
