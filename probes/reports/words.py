"""What figures and verdicts are called where a person reads them, and which figures belong into one picture."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from probes.metrics import Measured
from probes.report import number
from probes.result import Place
from probes.verdict import Verdict

RANKING = "AUROC of "
CHANCE, NOTHING = 0.5, 0.0
DIFFERENCE = (" minus ", " less ")
SAID = {
    "met": "The rule is kept",
    "missed": "The rule is not kept",
    "wins": "It wins",
    "loses": "It loses",
    "tie": "A tie: what is left between them is less than one would care for",
    "under-powered": "Too few rows to say",
    "undefined": "Undefined: there is no figure to judge",
}


class Panel(NamedTuple):
    """Figures that share an axis: labels of lines -> places; `reference` is where they would say nothing."""

    title: str
    lines: dict[str, Place]
    reference: float | None


def sentence(verdict: Verdict) -> str:
    """A verdict in words, with the rule and what was measured."""
    narrow = ", narrowly: the interval crosses the bound" if verdict.narrow else ""
    return f"{SAID[verdict.word]}{narrow}. {verdict.rule}: {number(verdict.measured)}."


def panels(figures: Mapping[Place, Measured]) -> list[Panel]:
    """All figures, those alike together: the signals of a part, what has one name up to its first comma, or a part all
    of whose figures have names of their own. Differences stand apart from what they are differences of."""
    found: dict[str, list[Place]] = {}
    for place in figures:
        found.setdefault(_title(place), []).append(place)
    parts = [part for part, _ in figures]
    own = {part for part in parts if all(len(found[_title(p)]) == 1 for p in figures if p[0] == part)}
    joined: dict[str, list[Place]] = {}
    for title, places in found.items():
        part, name = places[0]
        alone = part in own and parts.count(part) > 1 and not (_is_difference(name) or name.startswith(RANKING))
        joined.setdefault(part if alone else title, []).extend(places)
    return [_panel(title, places) for title, places in joined.items()]


def _title(place: Place) -> str:
    part, name = place
    if name.startswith(RANKING):
        return f"AUROC, {part}"
    return name if _is_difference(name) else name.partition(", ")[0]


def _panel(title: str, places: Sequence[Place]) -> Panel:
    parts, names = ([*dict.fromkeys(column)] for column in zip(*places, strict=True))
    reference = NOTHING if _is_difference(names[0]) else CHANCE if names[0].startswith(RANKING) else None
    if len(parts) > 1:
        rest = [name.removeprefix(title).removeprefix(", ") for _, name in places]
        return Panel(title, {f"{p[0]}, {r}" if r else p[0]: p for p, r in zip(places, rest, strict=True)}, reference)
    short = {name.removeprefix(RANKING).removeprefix(f"{title}, "): (parts[0], name) for name in names}
    return Panel(title if parts[0] in title else f"{parts[0]}: {title}", short, reference)


def _is_difference(name: str) -> bool:
    return any(word in f"{name} " for word in DIFFERENCE)
