"""Filling in the templates of the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from ..palette import DARK, LIGHT, Palette
from .sections import Section


def rendered(template: str, sections: Sequence[Section], figures: Mapping[str, str], **words: Any) -> str:
    """A page as HTML, with plotly.js (MIT licence) in it; nothing is loaded from anywhere.

    Args:
        template: Its name; extends ``base.html``.
        sections: What the page shows, in order.
        figures: The interactive figures that the sections name, as JSON.
        words: What else the template asks for; everything is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tune"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(
        sections=sections,
        figures=figures,
        light=_properties(LIGHT),
        dark=_properties(DARK),
        plotly_js=get_plotlyjs(),
        **words,
    )


def _properties(palette: Palette) -> dict[str, str]:
    """The palette as custom properties of CSS, which is where the page's script finds the colours of its figures."""
    colours = palette._asdict()
    scale = colours.pop("scale")
    return {**colours, **{f"scale-{index}": colour for index, colour in enumerate(scale)}}
