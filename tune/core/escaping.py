"""Text in Markdown, as it is: nothing in it is taken for markup, HTML or a mention."""

from __future__ import annotations

import re

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


def fenced(code: str) -> str:
    """A command in a block of its own, whatever it contains."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}bash\n{code}\n{fence}"
