"""A chat as HTML: what was said, the ribbon under a reply, and how much of the context is taken.

The ribbon has one column a byte: its sign, how sure the model was of it, the pathway that carried the most where it was
predicted, and how likely the abstain head held it that no answer is right. Everything that a user or a model wrote is
escaped. This module knows the bytes of a reply and their figures; it knows nothing of conversations.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from app import theme
from app.figures.strip import Cell, Colour, characters, ground, legend, rgb, table
from app.figures.writing import STYLE, prose, readable

if TYPE_CHECKING:
    from tilelli.generation import Written

MOST = 256  # columns of a ribbon
BLANK: Colour = (0, 0, 0)
ABSTAIN = rgb("#cc79a7")
PARTS: dict[str, Colour] = {
    "earlier turns": rgb("#56b4e9"),
    "your message": rgb("#0072b2"),
    "the reply": theme.UNSURE,
    "free": rgb(theme.GREY),
}
PATHWAYS = tuple(theme.PATHWAY_COLOURS)


def said(text: str) -> str:
    """A user's message as safe HTML, in the direction of its script; a very long one scrolls."""
    return f'<div dir="auto" style="{STYLE};max-height:14em;overflow-y:auto">{readable(text.encode())}</div>'


def replied(steps: Sequence["Written"]) -> str:
    """A reply as safe HTML, each character on a ground that is the stronger the less sure the model was of it."""
    return prose(b"", bytes(step.byte for step in steps), [step.probability for step in steps])


def waiting(running: bool) -> str:
    """What stands in the place of a reply without a byte."""
    return f'<div style="opacity:.6">{"…" if running else "(nothing)"}</div>'


def ribbon(steps: Sequence["Written"]) -> str:
    """The bytes of a reply, and under each its confidence, its pathway and its abstain probability; scrolls sideways.

    There is no pathway row for a model without a router, and no abstain row for one without the head.
    """
    steps = steps[:MOST]
    ids = [step.byte for step in steps]
    titles = [describe(step, place, sign) for place, (step, sign) in enumerate(zip(steps, _whole(ids), strict=True))]
    rows = [("byte", [Cell(theme.glyph(byte), BLANK, 0, title) for byte, title in zip(ids, titles, strict=True)])]
    if max(ids, default=0) >= 0x80:  # the bytes of a character are hex: say which character, above its first byte
        signs = [""] * len(ids)
        for sign, place in characters(ids):
            signs[place.start] = sign
        rows.insert(0, ("text", [Cell(sign, BLANK, 0, title) for sign, title in zip(signs, titles, strict=True)]))
    for label, cells in (("sure", _sure(steps)), ("pathway", _pathway(steps)), ("abstain", _abstain(steps))):
        if cells:
            named = zip(cells, titles, strict=True)
            rows.append((label, [Cell(text, colour, share, title) for (text, colour, share), title in named]))
    return table(rows)


def key(steps: Sequence["Written"]) -> str:
    """What the grounds of a ribbon mean, as HTML."""
    entries = [("sure: not at all", theme.UNSURE)]
    if steps and steps[0].pathways:
        entries += [(f"{name[0]} = {name}", rgb(colour)) for name, colour in theme.PATHWAY_COLOURS.items()]
    if steps and steps[0].abstain is not None:
        entries.append(("abstain: certainly", ABSTAIN))
    return legend(entries)


def reading(steps: Sequence["Written"]) -> str:
    """How to read a ribbon, in one sentence of Markdown."""
    rows = ["how **sure** the model was of each byte"]
    if steps and steps[0].pathways:
        rows.append("its strongest **pathway**")
    if steps and steps[0].abstain is not None:
        rows.append("how likely it then held that no answer is right (**abstain**; the gate reads the first)")
    return f"In percent, 99 at most: {', '.join(rows)}. Hover over a byte for all its figures."


def describe(step: "Written", place: int, sign: str = "") -> str:
    """What hovering over a byte says: what it is, how sure it was, what else could have stood there."""
    called = theme.glyph(step.byte)
    part = f", part of {sign}" if sign and sign != called else ""
    lines = [
        f"byte {place}: {called}{part} (hex {step.byte:02X})",
        f"probability {theme.percent(step.probability)}, entropy {step.entropy:.2f} bits",
    ]
    if step.alternatives:
        lines.append("likeliest: " + ", ".join(alternative(*other) for other in step.alternatives))
    if step.pathways:
        shares = zip(PATHWAYS, step.pathways, strict=True)
        lines.append("pathways: " + ", ".join(f"{name} {theme.percent(share)}" for name, share in shares))
    if step.abstain is not None:
        lines.append(f"abstain probability {theme.percent(step.abstain)}")
    return "\n".join(lines)


def alternative(byte: int, probability: float) -> str:
    """One byte that could have stood here: `a 12.3 %`; the one that ends the reply says so."""
    ends = " (ends the reply)" if byte in (0x00, 0x0A) else ""
    return f"{theme.glyph(byte)} {theme.percent(probability)}{ends}"


def in_its_place(steps: Sequence["Written"], place: int) -> str:
    """A byte and those before it, for a list to choose from: `7: Peru is [L] 81.2 %`."""
    before = "".join(sign for sign, _ in characters([step.byte for step in steps[max(0, place - 16) : place]]))
    here = steps[place]
    return f"{place}: {before.replace('␣', ' ')}[{theme.glyph(here.byte)}] {theme.percent(here.probability)}"


def meter(memory: Mapping[str, int], note: str) -> str:
    """How the context is filled, as a bar with its figures in words; a note follows."""
    total = max(1, sum(memory.values()))
    bars = "".join(
        f'<div style="{ground(PARTS[part], 0.25 if part == "free" else 1)};width:{100 * count / total:.2f}%"></div>'
        for part, count in memory.items()
    )
    bar = f'<div style="display:flex;height:.6rem;border-radius:3px;overflow:hidden;margin:.3rem 0">{bars}</div>'
    return bar + legend([(f"{part} {count}", PARTS[part]) for part, count in memory.items()], note)


def numbers(steps: Sequence["Written"]) -> pd.DataFrame:
    """One row a byte, with all that the ribbon shows of it."""
    shares = [dict(zip(PATHWAYS, step.pathways, strict=True)) if step.pathways else {} for step in steps]
    return pd.DataFrame(
        [
            {
                "place": place,
                "byte": step.byte,
                "sign": theme.glyph(step.byte),
                "probability": step.probability,
                "entropy": step.entropy,
                **share,
                **({} if step.abstain is None else {"abstain": step.abstain}),
                "likeliest": " ".join(f"{byte:02X}:{p:.4f}" for byte, p in step.alternatives),
            }
            for place, (step, share) in enumerate(zip(steps, shares, strict=True))
        ]
    )


Mark = tuple[str, Colour, float]  # what a cell shows, its ground, and how strong it is


def _sure(steps: Sequence["Written"]) -> list[Mark]:
    return [(_two(step.probability), theme.UNSURE, 1 - step.probability) for step in steps]


def _pathway(steps: Sequence["Written"]) -> list[Mark]:
    marks = []
    for step in steps:
        if not step.pathways:
            return []
        share, name = max(zip(step.pathways, PATHWAYS, strict=True))
        marks.append((name[0], rgb(theme.PATHWAY_COLOURS[name]), share))
    return marks


def _abstain(steps: Sequence["Written"]) -> list[Mark]:
    return [(_two(step.abstain), ABSTAIN, step.abstain) for step in steps if step.abstain is not None]


def _two(share: float) -> str:
    """Percent in two digits, so that it fits a cell."""
    return str(min(99, round(100 * share)))


def _whole(ids: Sequence[int]) -> list[str]:
    """For each byte the character that it is part of."""
    return [sign for sign, place in characters(ids) for _ in range(place.start, place.stop)]
