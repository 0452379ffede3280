"""Bytes and characters as rows of small coloured cells: the strip that every page uses.

Pure functions from cells to HTML that is safe to show: every word that could come from a model or a user is escaped.
Grounds are half transparent and no text colour is set, so that the cells can be read in the light and the dark theme.
This module knows neither probabilities nor routers; whoever fills the cells does.
"""

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from app import theme

Colour = tuple[int, int, int]

STRONGEST = 0.6  # opacity at strength 1: text on any ground keeps a contrast of 4.5 to 1 in both themes
MONOSPACE = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
ZERO_WIDTH_JOINER = "\u200d"
JOINERS = ("\u200c", ZERO_WIDTH_JOINER)
LONGEST = 16  # code points that may pile up in one character; a model can write accents without end


@dataclass(frozen=True)
class Cell:
    """One cell: what it shows, its ground, how strong the ground is (0 to 1), and what hovering says."""

    text: str
    colour: Colour
    strength: float
    title: str


def rgb(colour: str) -> Colour:
    """`"#009e73"` -> (0, 158, 115)."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def strip(cells: Sequence[Cell]) -> str:
    """Cells one after another, wrapped over as many lines as the page is narrow."""
    style = f'{MONOSPACE};font-size:.9rem;line-height:1.5;display:flex;flex-wrap:wrap;gap:2px" dir="ltr'
    shape = "min-width:1.15em;padding:0 2px;text-align:center;border-radius:2px;white-space:pre"
    return f'<div style="{style}">{"".join(_cell(cell, shape) for cell in cells)}</div>'


def table(rows: Sequence[tuple[str, Sequence[Cell]]]) -> str:
    """Labelled rows of equally many cells, aligned column by column; scrolls sideways where it is too wide.

    Cells should hold at most two characters; columns are of one width, so no row can shift against another.
    """
    width = len(rows[0][1]) if rows else 0
    assert all(len(cells) == width for _, cells in rows), "rows of a table have equally many cells"
    grid = "display:grid;grid-auto-rows:1.55em;gap:1px;line-height:1.55"
    labels = "".join(f"<div>{html.escape(label)}</div>" for label, _ in rows)
    cells = "".join(_cell(cell) for _, cells in rows for cell in cells)
    columns = f"{grid};grid-template-columns:repeat({max(width, 1)},1.5em);width:max-content;text-align:center"
    return (
        f'<div dir="ltr" style="{MONOSPACE};font-size:.85rem;display:flex;gap:.6em">'
        f'<div style="{grid};flex:none;white-space:nowrap;opacity:.8">{labels}</div>'
        f'<div style="overflow-x:auto;padding-bottom:.6em" tabindex="0">'
        f'<div style="{columns}">{cells}</div></div></div>'
    )


def legend(entries: Sequence[tuple[str, Colour]], note: str = "") -> str:
    """What the grounds mean: a swatch and a name each, then a note."""
    shape = "padding:0 .5em;border-radius:3px;white-space:nowrap"
    swatches = " ".join(
        f'<span style="{ground(colour, 1)};{shape}">{html.escape(name)}</span>' for name, colour in entries
    )
    return f'<div style="font-size:.85rem;line-height:1.7">{swatches} {html.escape(note)}</div>'


def characters(ids: Sequence[int]) -> list[tuple[str, slice]]:
    """What a reader calls a character, and which bytes it is made of; the slices cover all bytes in order.

    Accents, vowel signs and joined emoji go with the character they change. Bytes that are not UTF-8 stand alone, and
    whatever would be invisible is shown by a sign of its own.
    """
    found: list[tuple[str, slice]] = []
    start, last = 0, ""  # the last entry as it stands in the text; empty if it is shown by another sign
    while start < len(ids):
        sign = _character_at(ids, start)
        here = slice(start, start + (len(sign.encode()) or 1))
        if _joins(last, sign):
            last += sign
            found[-1] = last, slice(found[-1][1].start, here.stop)
        else:
            text = _visible(sign) if sign else theme.glyph(ids[start])
            last = sign if sign == text else ""
            found.append((text, here))
        start = here.stop
    return found


def _character_at(ids: Sequence[int], start: int) -> str:
    """The UTF-8 character that begins at `start`; empty if none does."""
    for length in range(1, 5):
        try:
            return bytes(ids[start : start + length]).decode("utf-8")
        except UnicodeDecodeError:
            continue
    return ""


def _joins(last: str, sign: str) -> bool:
    """True if a reader takes `sign` for a part of `last`, the visible character before it."""
    if not last or not sign or len(last) >= LONGEST:
        return False
    if sign in JOINERS or last[-1] == ZERO_WIDTH_JOINER:  # they shape letters and emoji, never ASCII
        return min(last[0], sign) >= "\x80" and (sign in JOINERS or _visible(sign) == sign)
    return _is_mark(sign)


def _visible(sign: str) -> str:
    """The sign itself if it can be seen, else one that stands for it."""
    if ord(sign) < 0x80:
        return theme.glyph(ord(sign))
    if not sign.isprintable() or sign.isspace():
        return f"U+{ord(sign):04X}"
    return "◌" + sign if _is_mark(sign) else sign


def _is_mark(sign: str) -> bool:
    """True for what changes the character before it: accents, vowel signs, skin tones."""
    return unicodedata.category(sign).startswith("M") or "\U0001f3fb" <= sign <= "\U0001f3ff"


def _cell(cell: Cell, shape: str = "") -> str:
    title = f' title="{html.escape(cell.title)}"' if cell.title else ""
    return f'<span style="{ground(cell.colour, cell.strength)};{shape}"{title}>{html.escape(cell.text)}</span>'


def ground(colour: Colour, strength: float) -> str:
    """CSS of a half transparent ground, `strength` from 0 (none) to 1 (as strong as text on it can bear)."""
    red, green, blue = colour
    opacity = STRONGEST * min(max(strength, 0.0), 1.0)
    return f"background:rgba({red},{green},{blue},{opacity:.2f})"
