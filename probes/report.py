"""The result of a probe as plain text, for a terminal: every figure with its 95 % interval.

This module computes nothing but the width of a column.
"""

from collections.abc import Sequence

from probes.abstain import GATED, NOTHING, RATES, WORDED, AbstainResult, Part
from probes.metrics import Measured, spread

NONE = "-"


def abstain(result: AbstainResult) -> str:
    """About thirty lines on one checkpoint and one bank."""
    p, bank = result.provenance, result.provenance["bank"]
    gate = "no gate" if p["threshold"] is None else f"gate at {p['threshold']:.4g} ({p['threshold_from']})"
    head = [
        f"Does it know what it does not know? {result.checkpoint} ({p['weights'][:12]})",
        f"on {bank['name']} ({bank['rows']:,} questions, {bank['sha256'][:12]}); {gate}; greedy, at most "
        f"{p['max_new']} bytes; seed {p['seed']}",
    ]
    verdicts = [
        [f"{verdict.word}{', narrowly' if verdict.narrow else ''}", str(verdict.rule), number(verdict.measured)]
        for verdict in result.verdicts
    ]
    blocks = [head, _outcomes(result.parts), _rates(result.parts), _aurocs(result.parts, p["floor"])]
    if verdicts:
        blocks.append(["The rule of the bank's card, figure by figure:", *_columns(verdicts)])
    if result.notes:
        blocks.append([f"Note: {note}" for note in result.notes])
    return "\n\n".join("\n".join(block) for block in blocks)


def over_checkpoints(results: Sequence[AbstainResult]) -> str:
    """Mean and range of every figure over several checkpoints, such as seeds."""
    every = [result.figures() for result in results]
    rows = []
    for key in every[0]:
        found = spread([figures[key] for figures in every])
        if found.mean is not None:
            seen = "" if found.n == len(results) else f"defined for {found.n}"
            rows.append(
                [f"{key[0]}: {key[1]}", f"{found.mean:.3f}", f"{found.lowest:.3f} to {found.highest:.3f}", seen]
            )
    return "\n".join([f"Over {len(results)} checkpoints: mean, lowest to highest", *_columns(rows)])


def number(measured: Measured | None) -> str:
    """`0.931 [0.921, 0.940]`; a figure that is undefined says so."""
    if measured is None:
        return "not measured"
    if measured.value is None:
        return "undefined"
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def _outcomes(parts: Sequence[Part]) -> list[str]:
    rows = [["questions", "answerable:", "right", "wrong", "gate", "words", "empty"]]
    rows[0] += ["unanswerable:", "answered", "gate", "words", "empty"]
    for part in parts:
        yes, no = part.table[True], part.table[False]
        shown = [sum(yes.values()), yes["right"], yes["wrong"], yes[GATED], yes[WORDED], yes[NOTHING]]
        shown += [sum(no.values()), no["answered"], no[GATED], no[WORDED], no[NOTHING]]
        rows.append([part.name, *map(str, shown)])
    lucky = sum(judged.outcome == "answered" and judged.holds_answer for part in parts for judged in part.rows)
    last = "empty: nothing said, or the same over and over. "
    return [
        *_columns(rows),
        f"{last}Of the unanswerable that were answered, {lucky} hold the true answer all the same.",
    ]


def _rates(parts: Sequence[Part]) -> list[str]:
    names = ["share", *RATES]
    cells = [
        [part.name, *(NONE if part.rates[name].n == 0 else number(part.rates[name]) for name in RATES)]
        for part in parts
    ]
    return _columns(_turned([names, *cells]))


def _aurocs(parts: Sequence[Part], how: str) -> list[str]:
    names = ["AUROC, no answer above answer", *parts[0].signals]
    names += [f"surface: {baseline}" for baseline in parts[0].surface]
    names += ["abstain_p minus better surface", "smallest such difference findable"] if parts[0].surface else []
    cells = []
    for part in parts:
        found = [part.name, *map(number, [*part.signals.values(), *part.surface.values()])]
        if part.surface:
            least = part.advantage.findable
            found += [number(part.advantage), NONE if least is None else f"{least:.3f}"]
        cells.append(found)
    return [*_columns(_turned([names, *cells])), f"Surface: {how}."]


def _turned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells side by side, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
