"""A continuation as readable text in which every character wears its confidence."""

import html
import math
from collections.abc import Sequence

from app import theme
from app.figures.strip import characters, ground

STYLE = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.7;font-size:1.05rem"
SWATCH = "padding:0 .5em;border-radius:3px"


def prose(prompt: bytes, written: bytes, probabilities: Sequence[float]) -> str:
    """Safe HTML: the prompt in grey, then each written character on a ground that is the stronger the less sure it was.

    `probabilities` has one entry a written byte; a character's is the product over its bytes. Hover shows the figures.
    """
    parts = [f'<div dir="auto" style="{STYLE}"><span style="opacity:.6">{readable(prompt)}</span>']
    for text, place in characters(list(written)):
        chances = probabilities[place]
        chance = math.prod(chances)
        each = ", ".join(f"{byte:02X} {theme.percent(p)}" for byte, p in zip(written[place], chances, strict=True))
        title = html.escape(f"{text}  {theme.percent(chance)}   bytes: {each}", quote=True)
        parts.append(
            f'<span style="{ground(theme.UNSURE, 1 - chance)}" title="{title}">{readable(written[place])}</span>'
        )
    return "".join(parts) + "</div>"


def legend() -> str:
    """How to read the grounds, as HTML."""
    steps = "".join(
        f'<span style="{ground(theme.UNSURE, 1 - chance)};{SWATCH};white-space:nowrap">{100 * chance:.0f} %</span> '
        for chance in (1.0, 0.75, 0.5, 0.25, 0.0)
    )
    return f'<div style="font-size:.85rem;opacity:.85">How sure it was of each character: {steps}</div>'


def readable(raw: bytes) -> str:
    """Safe HTML: escaped text with its own spaces and line ends; only what would be invisible becomes a glyph."""
    shown = []
    for text, place in characters(list(raw)):
        byte = raw[place.start]
        shown.append("\n" if byte == 0x0A else " " if byte == 0x20 else html.escape(text))
    return "".join(shown)
