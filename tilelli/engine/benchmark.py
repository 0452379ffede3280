"""A measurement of engines in words: as a table for a terminal, as JSON, and as a section of BENCHMARKS.md.

Nothing is measured here. Every figure is the median over the rounds of what was found in each of them; so are ratios,
and the share of what the machine could do, which was measured after each round as well.
"""

import dataclasses
import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tilelli.engine.bench import Measured
from tilelli.engine.limits import Rates, Work, limit
from tilelli.engine.peers import APART, engine
from tilelli.engine.peers.install import NEEDS
from tilelli.engine.processor import machine

STANDS_IN = "another model"  # in the place of what is said of a text that can be compared
PACKAGES = ("numba", "numpy", "torch")
HEADS = ["engine", "bytes/s", "{} is", "of the limit", "first byte", "prefill/s", "start", "memory", "file", "text"]
OPENING = """# Benchmarks

What stands between two marks is written by the command above its table.
"""


@dataclass(frozen=True)
class Run:
    """One measurement, whole.

    Attributes:
        command: what repeats it.
        source: of the weights, in words.
        model: kind and number of parameters, in words.
        prompt, number, threads: bytes read, bytes written, threads of each engine.
        told: engines, over R rounds.
        work: what a byte takes.
        rates: (R,) what the machine did after each round; () if that cannot be measured.
        absent: engines that did not run, each with the reason.
    """

    command: str
    source: str
    model: str
    prompt: int
    number: int
    threads: int
    told: list[Measured]
    work: Work
    rates: tuple[Rates, ...] = ()
    absent: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def rounds(self) -> int:
        return len(self.told[0].speeds)


class Row(NamedTuple):
    """An engine in figures: medians; bytes and seconds. `share` of the limit; `differing` bytes of its text."""

    name: str
    speed: float
    ratio: float
    share: float | None
    first: float
    prefill: float
    loaded: float
    memory: int
    file: int
    differing: int | None


def rows(run: Run) -> list[Row]:
    """A row for each engine."""
    return [
        Row(
            one.name,
            median(one.speeds),
            run.told[0].ratio(one),
            _share(one, run),
            median(one.firsts),
            median(run.prompt / first for first in one.firsts),
            one.loaded,
            one.memory,
            one.file,
            one.differing(run.told[0]),
        )
        for one in run.told
    ]


def text(run: Run) -> list[str]:
    """All of it as lines for a terminal."""
    cells = [_heads(run), *(_cells(row) for row in rows(run))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [*_facts(run), "", *(_line(row, widths) for row in cells), *(f"- {line}" for line in _notes(run))]


def section(run: Run, day: str) -> str:
    """All of it in Markdown, measured on that day."""
    rules = ["---", *["---:"] * (len(HEADS) - 2), "---"]
    table = [f"| {' | '.join(cells)} |" for cells in (_heads(run), rules, *(_cells(row) for row in rows(run)))]
    threads = f"{run.threads} thread{'s'[: run.threads != 1]}"
    return "\n\n".join(
        (
            f"## {run.source}: {run.prompt} bytes read, {run.number} written, {threads}",
            f"    {run.command}",
            "\n".join(f"- {line}" for line in (f"date: {day}", *_facts(run))),
            "\n".join(table),
            "\n".join(f"- {line}" for line in _notes(run)) or "All engines ran the same model.",
        )
    )


def record(run: Run) -> dict[str, Any]:
    """All of it as plain values, every round of it."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(run),
        **dataclasses.asdict(run),
        "rates": [rates._asdict() for rates in run.rates],
        "limits": [limit(run.work, rates)._asdict() for rates in run.rates],
        "work": run.work._asdict(),
        "rows": [row._asdict() for row in rows(run)],
    }


def put_into(path: Path, run: Run) -> None:
    """Write the section of this measurement into a file, in the place of the same one measured before.

    Raises:
        InputError: the file has one mark of the section but not both, or cannot be written.
    """
    from tilelli.errors import InputError
    from tilelli.experiment.report import put

    name = f"{run.source}, {run.prompt} + {run.number} bytes, threads {run.threads}"
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else OPENING
        path.write_text(put(before, name, section(run, f"{datetime.now(UTC):%Y-%m-%d}") + "\n"), encoding="utf-8")
    except OSError as error:
        raise InputError("The report cannot be written", f"{path} ({error.strerror})", "Change --write.") from None


def keep(path: Path, run: Run) -> None:
    """Write all figures as JSON.

    Raises:
        InputError: the file cannot be written.
    """
    from tilelli.errors import InputError

    try:
        path.write_text(json.dumps(record(run), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError("The figures cannot be written", f"{path} ({error.strerror})", "Change --json.") from None


def versions(run: Run) -> dict[str, str]:
    """Of Python, and of the packages behind the engines that ran."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    apart = {engine(one.name) for one in run.told} & set(APART)
    return found | dict(package.split("==") for name in sorted(apart) for package in NEEDS[name].packages)


def _share(one: Measured, run: Run) -> float | None:
    pairs = zip(one.speeds, run.rates, strict=False)
    return median(speed / limit(run.work, rates).lower for speed, rates in pairs) if run.rates else None


def _heads(run: Run) -> list[str]:
    return [head.format(run.told[0].name) for head in HEADS]


def _cells(row: Row) -> list[str]:
    same = {None: STANDS_IN, 0: "the same", 1: "1 byte differs"}.get(row.differing, f"{row.differing} bytes differ")
    return [
        row.name,
        f"{row.speed:,.0f}",
        f"{row.ratio:.2f} x",
        "–" if row.share is None else f"{100 * row.share:.1f} %",
        f"{1000 * row.first:.1f} ms",
        f"{row.prefill:,.0f}",
        f"{row.loaded:.2f} s",
        f"{row.memory / 2**20:.0f} MiB" if row.memory else "–",
        f"{row.file / 1e6:.1f} MB" if row.file else "–",
        same,
    ]


def _line(cells: list[str], widths: list[int]) -> str:
    """Cells one below the other: names to the left, figures to the right."""
    middle = (cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1], strict=True))
    return "  ".join([cells[0].ljust(widths[0]), *middle, cells[-1]])


def _facts(run: Run) -> list[str]:
    """What was measured, on what, and what could be reached."""
    m = machine()
    return [
        f"model: {run.source}: {run.model}",
        f"machine: {m['processor']}, {m['cores']} cores, {m['system']}, {' '.join(m['instructions']) or 'no vectors'}",
        f"versions: {', '.join(f'{name} {number}' for name, number in versions(run).items())}",
        f"run: {run.prompt} bytes read, {run.number} written greedily, {run.rounds} rounds in turns, "
        f"threads {run.threads}; medians",
        *_limits(run),
    ]


def _limits(run: Run) -> Iterator[str]:
    """What the machine could do for this model, measured between the rounds."""
    if not run.rates:
        yield "limit: not measured, numba is not installed"
        return
    found = [limit(run.work, rates) for rates in run.rates]
    near, far, trits, floats = (median(column) / 1e9 for column in zip(*run.rates, strict=True))
    memory, arithmetic = (median(column) for column in zip(*found, strict=True))
    yield (
        f"limit by memory: {run.work.size / 1e6:.2f} MB of weights a byte, read at {near:.1f} GB/s "
        f"({far:.1f} beyond the caches): {memory:,.0f} bytes/s"
    )
    yield (
        f"limit by arithmetic: {run.work.trits:,} trits at {trits:.1f} and {run.work.floats:,} floats at "
        f"{floats:.1f} multiply-adds a nanosecond: {arithmetic:,.0f} bytes/s"
    )
    yield f"the limit: the lower of the two in each round, {median(one.lower for one in found):,.0f} bytes/s"


def _notes(run: Run) -> list[str]:
    """Which stand-ins there were, and what did not run."""
    apart = dict[str, list[str]]()
    for one in run.told:
        apart.setdefault(one.model, []).append(one.name)
    apart.pop("", None)
    said = ["Stand-ins are other models of as many parameters, with random weights: their texts are not compared."]
    shapes = [f"{', '.join(names)}: {model}." for model, names in apart.items()]
    return [*(said if apart else []), *shapes, *(f"not run: {name}, {why}" for name, why in run.absent.items())]
