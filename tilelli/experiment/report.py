"""The report: a plan's section of RESULTS.md, between two marks, and the figure beside it.

Whatever else stands in the file is left alone. The same records give the same report, byte for byte.
"""

import os
from pathlib import Path

from tilelli.checkpoint import write
from tilelli.errors import InputError
from tilelli.experiment.figure import draw
from tilelli.experiment.interval import Difference
from tilelli.experiment.plan import Plan
from tilelli.experiment.results import Results, Row, gather

MISSING = "–"
OPENING = """# Results

Tables that one command each rebuilds from records in this repository. What stands between two marks is written by it.
"""


def write_report(plan: Plan, results: Path) -> Results:
    """Rebuild the plan's section of the file `results` and its figure under `docs/` beside it; returns the numbers.

    Raises:
        DataError: a record cannot be read, or the records are of different texts.
        InputError: the file has one of the marks but not both, or cannot be written.
    """
    found = gather(plan)
    figure = results.parent / "docs" / f"{plan.name}.svg"
    try:
        before = results.read_text(encoding="utf-8") if results.exists() else OPENING
        content = put(before, plan.name, section(found, os.path.relpath(plan.path, results.parent)))
        figure.parent.mkdir(parents=True, exist_ok=True)
        write(figure, draw(found).encode())
        write(results, content.encode())
    except OSError as error:
        raise InputError("The report cannot be written", f"{results} ({error.strerror})", "Change --results.") from None
    return found


def put(text: str, name: str, section: str) -> str:
    """`text` with the section between the marks of `name`; at its end if there are none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    marked = f"{begin}\n\n{section}\n{end}"
    if begin not in text and end not in text:
        return f"{text.rstrip()}\n\n{marked}\n".lstrip()
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found or end in before + after or begin in rest:
        raise InputError(f"The marks of {name} are not a pair", "a begin without its end, or two", "Remove them.")
    return before + marked + after


def section(results: Results, plan_path: str) -> str:
    """The plan's results in Markdown."""
    plan = results.plan
    parts = [
        f"## {plan.title}",
        f"    python -m tilelli experiment {plan_path} --report",
        _standing(results),
        f"![Difference of each arm to {plan.arms[plan.baseline].title}](docs/{plan.name}.svg)",
        _table(results),
        _reading(results),
    ]
    if results.verdicts:
        parts.append(_claims(results))
    if results.left_out:
        parts.append("\n".join(f"- {line}" for line in results.left_out))
    return "\n\n".join(parts) + "\n"


def _standing(results: Results) -> str:
    done = f"{results.runs} of {results.planned} runs are done."
    if not results.runs:
        return f"**Nothing is measured yet.** {done}"
    size = f"{results.documents:,} documents, {results.bytes:,} bytes"
    if results.split == "test":
        return f"Bits per byte on the test split ({size}), read once, after every choice had been made. {done}"
    return (
        f"**These are validation figures, not test figures.** The recipe was chosen on this split ({size}), which "
        f"flatters it. The test split has been read for {results.tested} of {results.runs} runs. {done}"
    )


def _table(results: Results) -> str:
    plan = results.plan
    baseline = plan.arms[plan.baseline].title
    seeds = [f"bpb, seed {seed}" for seed in plan.seeds]
    heads = [
        "arm",
        "parameters",
        "bytes seen",
        "bytes a parameter",
        *seeds,
        "mean",
        f"% from {baseline}",
        "core-minutes",
    ]
    rules = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rules, *map(_cells, results.rows)))


def _cells(row: Row) -> list[str]:
    a_parameter = row.bytes_seen / row.parameters if row.bytes_seen and row.parameters else None
    return [
        _plain(row.arm.title),
        _number(row.parameters, ",d"),
        _number(row.bytes_seen, ",d"),
        _number(a_parameter, ".1f"),
        *(_number(bpb, ".4f") for bpb in row.bpb),
        _number(row.mean, ".4f"),
        _interval(row.difference),
        _number(row.core_minutes, ".1f"),
    ]


def _claims(results: Results) -> str:
    lines = ["| claim | target | measured, % | verdict |", "| --- | --- | ---: | --- |"]
    for verdict in results.verdicts:
        c = verdict.comparison
        lines.append(f"| {_plain(c.claim)} | {c.target} | {_interval(verdict.difference)} | **{verdict.words}** |")
    return "\n".join(lines)


def _reading(results: Results) -> str:
    seeds = len(results.plan.seeds)
    return (
        "How to read it: below zero is better. In brackets is the 95 % interval of the paired difference, over "
        f"documents (resampled 2,000 times) and over seeds (Student's t). Where only one of {seeds} seeds is there, it "
        "covers the documents alone and says so. Core-minutes are the mean of a run: seconds times threads."
    )


def _interval(difference: Difference | None) -> str:
    if difference is None:
        return MISSING
    alone = ", documents only" if difference.documents_only else ""
    return f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]{alone}"


def _number(value: float | None, form: str) -> str:
    return MISSING if value is None else format(value, form)


def _plain(text: str) -> str:
    """Text that cannot end its cell."""
    return " ".join(text.replace("|", "\\|").split())
