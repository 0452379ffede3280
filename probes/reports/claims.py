"""What a report claims, in a file that a machine can check: every figure of every result, and how near it must come.

How near: on the machine type where it was measured the same sums are made in the same order, by one thread, so 1e-6 is
left for what another processor of that type rounds otherwise: of the figure, or of its larger end; below one it is
absolute, since a difference of two large figures carries their error. On another type a rounding may also swap two
replies that were equally likely, or two scores that were nearly tied: a thousandth of the figure's size is allowed on
top, yet never more than a twentieth of the figure itself, so that one that is a tenth off is found out everywhere.
Counts of rows must be the same. This module computes nothing else, and opens no checkpoint.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from probes.metrics import Measured
from probes.result import Place, ProbeResult, provenance
from probes.store.exact import back, plain
from probes.store.store import Entry
from tilelli.errors import InputError

FORM = 1
SAME, ELSEWHERE, MOST = 1e-6, 1e-3, 0.05
REMEDY = "Make a report with python -m probes report."


@dataclass(frozen=True)
class Figure:
    """A figure as it is claimed; `tolerance` holds on the type of machine it comes from, `elsewhere` on others."""

    part: str
    figure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    tolerance: float
    elsewhere: float

    @property
    def measured(self) -> Measured:
        return Measured(self.value, self.low, self.high, self.n)

    def __str__(self) -> str:
        return f"{self.part}: {self.figure}"


@dataclass(frozen=True)
class Ruling:
    """A verdict as it is claimed: the rule as it is written, and the word."""

    rule: str
    word: str

    def __str__(self) -> str:
        return self.rule


@dataclass(frozen=True)
class Claims:
    """All that a report claims of one result, and what has to be known to get it again.

    Attributes:
        weights: SHA-256 of the weights.
        bank: `name`, `sha256` and `rows` of the questions; empty where none were asked.
        machine: type of the machine it was measured on.
        code: version and digest of the code that measured it; time: when it was kept, UTC.
        command: that measures it again.
    """

    probe: str
    checkpoint: str
    weights: str
    bank: Mapping[str, Any]
    settings: Mapping[str, Any]
    seed: int
    machine: str
    code: str
    time: str
    command: str
    figures: tuple[Figure, ...]
    verdicts: tuple[Ruling, ...]

    def __str__(self) -> str:
        return f"{self.probe} of {self.checkpoint}"


@dataclass(frozen=True)
class Pair:
    """Differences between two results on the same rows, the second less the first, by their numbers from 0."""

    first: int
    second: int
    figures: tuple[Figure, ...]


def claimed(place: Place, found: Measured) -> Figure:
    """A figure with what it may be off."""
    ends = [abs(end) for end in (found.value, found.low, found.high) if end is not None]
    size = max(ends, default=0.0)
    same = SAME * max(1.0, size)
    room = min(ELSEWHERE * size, MOST * abs(found.value)) if found.value else 0.0
    return Figure(*place, **asdict(found), tolerance=same, elsewhere=same + room)


def claims(result: ProbeResult, entry: Entry, command: str) -> Claims:
    """What a stored result claims."""
    known = result.provenance
    return Claims(
        probe=result.probe,
        checkpoint=result.checkpoint,
        weights=known["weights"],
        bank=known["bank"],
        settings=known["settings"],
        seed=known["seed"],
        machine=known["machine"],
        code=entry.code,
        time=entry.time,
        command=command,
        figures=tuple(claimed(place, found) for place, found in result.figures.items()),
        verdicts=tuple(Ruling(str(verdict.rule), verdict.word) for verdict in result.verdicts),
    )


def here() -> str:
    """The type of this machine, as provenance tells it."""
    return str(provenance("", None, {}, 0)["machine"])


def wrong(figure: Figure, found: Measured | None, same_machine: bool) -> str | None:
    """How a figure that was measured again is not what was claimed; None where it is."""
    if found is None:
        return "it is not measured any more"
    if found.n != figure.n:
        return f"{found.n} rows, {figure.n} were claimed"
    most = figure.tolerance if same_machine else figure.elsewhere
    for end, ours, theirs in zip(("", "low end ", "high end "), _ends(found), _ends(figure.measured), strict=True):
        if (ours is None) != (theirs is None):
            return f"{end}{_told(ours)}, claimed {_told(theirs)}"
        if ours is not None and theirs is not None and not (ours == theirs or abs(ours - theirs) <= most):
            return f"{end}{ours:.9g}, claimed {theirs:.9g}; {most:.2g} off is allowed"
    return None


def written(found: Sequence[Claims], pairs: Sequence[Pair]) -> str:
    """The file."""
    content = {"report": FORM, "results": [asdict(each) for each in found], "pairs": [asdict(pair) for pair in pairs]}
    return json.dumps(_lists(content), indent=1, allow_nan=False) + "\n"


def read(path: Path) -> tuple[list[Claims], list[Pair]]:
    """What the file of a report claims.

    Raises:
        InputError: it cannot be read, or is no report.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["report"] != FORM:
            raise InputError("The report is of another form", str(content["report"])[:40], REMEDY)
        found = [_claims(each) for each in content["results"]]
        return found, [_pair(each, len(found)) for each in content["pairs"]]
    except OSError as error:
        raise InputError("The report cannot be read", f"{path} ({error.strerror})", "Name its JSON file.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:  # of json, or of what is missing
        seen = f"{path} ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
        raise InputError("This is not the file of a report", seen, REMEDY) from None


def _lists(value: Any) -> Any:
    """What JSON can say; tuples of ours are lists there, those of settings come back as tuples."""
    if isinstance(value, dict):
        return {key: plain(item) if key in ("settings", "bank") else _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else plain(value)


def _claims(given: dict[str, Any]) -> Claims:
    words = ("probe", "checkpoint", "weights", "machine", "code", "time", "command")
    _check(given, dict.fromkeys(words, str) | {"bank": dict, "settings": dict, "seed": int})
    own = {key: back(given[key]) for key in (*words, "bank", "settings", "seed")}
    if own["bank"]:
        _check(own["bank"], {"name": str, "sha256": str})
    verdicts = tuple(Ruling(str(each["rule"]), str(each["word"])) for each in given["verdicts"])
    return Claims(**own, figures=_figures(given), verdicts=verdicts)


def _figures(given: dict[str, Any]) -> tuple[Figure, ...]:
    return tuple(_figure(each) for each in given["figures"])


def _figure(given: dict[str, Any]) -> Figure:
    numbers = {key: back(given[key]) for key in ("value", "low", "high")}
    _check(given, {"part": str, "figure": str, "n": int, "tolerance": float, "elsewhere": float})
    odd = [key for key, value in numbers.items() if not isinstance(value, float | int | None) or value is True]
    if odd:
        raise ValueError(f"{odd[0]} of {given['figure']!r} is {numbers[odd[0]]!r}")
    if not 0 <= given["tolerance"] <= given["elsewhere"]:
        raise ValueError(f"the tolerance of {given['figure']!r} is {given['tolerance']!r}")
    return Figure(**{key: given[key] for key in ("part", "figure", "n", "tolerance", "elsewhere")}, **numbers)


def _pair(given: dict[str, Any], count: int) -> Pair:
    _check(given, {"first": int, "second": int})
    if not (0 <= given["first"] < count and 0 <= given["second"] < count):
        raise ValueError(f"a pair names result {max(given['first'], given['second'])} of {count}")
    return Pair(given["first"], given["second"], _figures(given))


def _check(given: dict[str, Any], kinds: Mapping[str, type]) -> None:
    for key, kind in kinds.items():
        if not isinstance(given[key], kind) or (kind is not bool and isinstance(given[key], bool)):
            raise ValueError(f"{key} is {given[key]!r:.60}")


def _ends(found: Measured) -> tuple[float | None, ...]:
    return found.value, found.low, found.high


def _told(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.9g}"
