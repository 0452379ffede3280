"""The result of a probe as plain text, for a terminal: every figure with its 95 % interval.

This module computes nothing but the width of a column.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from probes.abstain import GATED, NOTHING, RATES, WORDED, AbstainResult, Part
from probes.metrics import Measured, spread
from probes.result import ProbeResult

if TYPE_CHECKING:
    import pandas as pd

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


def probe(result: ProbeResult) -> str:
    """What was asked, what was found, and what to know of it."""
    p = result.provenance
    bank = f" on {p['bank']['name']} ({p['bank']['sha256'][:12]})" if p["bank"] else ""
    head = [f"{result.probe} of {result.checkpoint} ({p['weights'][:12]}){bank}; seed {p['seed']}"]
    blocks = {"calibration": _calibration, "metacognition": _metacognition}.get(result.probe, _plainly)(result)
    notes = [f"Note: {note}" for note in result.notes]
    return "\n\n".join("\n".join(block) for block in (head, *blocks, notes) if block)


def _plainly(result: ProbeResult) -> list[list[str]]:
    """What was found in sentences, the verdicts, and every figure."""
    verdicts = [[verdict.word, str(verdict.rule), number(verdict.measured)] for verdict in result.verdicts]
    said = result.tables["findings"]["finding"].tolist() if "findings" in result.tables else []
    return [said, _columns(verdicts) if verdicts else [], *_figures(result)]


def _metacognition(result: ProbeResult) -> list[list[str]]:
    """Signals by regimes, one table a question, the rule regime by regime, and what it comes to."""
    blocks = []
    for title in ("out of distribution", "failure"):
        table = result.tables[title]
        if len(table):
            heads = ["AUROC", "AUROC among prompts of like lengths"]
            for head, names in zip(heads, (("auroc", "low", "high"), _ends("matched")), strict=True):
                blocks.append([f"{title}: {head}", *_grid(table, "signal", "regime", names)])
    if "rule" in result.tables:
        rule = [
            [
                *(str(row[name]) for name in ("question", "signal", "against", "regime", "word", "best_baseline")),
                *(_cell(row, names) for names in (("difference", "low", "high"), ("p_holm",))),
            ]
            for row in result.tables["rule"].to_dict("records")
        ]
        heads = ["question", "signal", "against", "regime", "word", "best baseline", "difference", "p (Holm)"]
        blocks.append(_columns([heads, *rule]))
    blocks.append([f"{verdict.word}: {verdict.rule}" for verdict in result.verdicts])
    own = [[name, number(figure)] for (part, name), figure in result.figures.items() if part == "choices"]
    blocks.append(["Forced choices:", *_columns(own)] if own else [])
    return blocks


def _calibration(result: ProbeResult) -> list[list[str]]:
    """One row a confidence: its figures, and what a calibrated model would have shown."""
    rows = [
        [row["part"], row["signal"], row["kind"], str(row["rows"])]
        + [_cell(row, _ends(name)) for name in ("accuracy", "confidence", "ece")]
        + [_cell(row, (name,)) for name in ("ece_band", "ece_p", "ece_mass", "ece_mass_p", "brier", "miscalibration")]
        + [_cell(row, (name,)) for name in ("discrimination", "uncertainty", "log_loss")]
        + [_cell(row, _ends("auroc")), _cell(row, ("temperature",)), _cell(row, _ends("ece_after"))]
        for row in result.tables["measures"].to_dict("records")
    ]
    heads = ["answers", "confidence", "kind", "rows", "accuracy", "confidence", "ECE", "calibrated: below", "p"]
    heads += ["equal mass", "p", "Brier", "= miscal.", "- discr.", "+ uncert.", "log loss", "AUROC", "T", "ECE after T"]
    return [_columns([heads, *rows])]


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


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _cell(row: Mapping[Any, Any], names: Sequence[str]) -> str:
    """A figure of a table, alone or with its ends; a dash where there is none."""
    found = [row.get(name) for name in names]
    value, low, high = (*(None if one is None or math.isnan(one) else float(one) for one in found), None, None)[:3]
    return NONE if value is None else number(Measured(value, low, high, 0))


def _grid(table: "pd.DataFrame", down: str, across: str, names: Sequence[str]) -> list[str]:
    """A long table as a square one."""
    rows = table.to_dict("records")
    cells = {(row[down], row[across]): _cell(row, names) for row in rows}
    heads = list(dict.fromkeys(row[across] for row in rows))
    each = dict.fromkeys(row[down] for row in rows)
    return _columns([["", *heads], *([name, *(cells.get((name, head), NONE) for head in heads)] for name in each)])


def _figures(result: ProbeResult) -> list[list[str]]:
    """A block for parts that have the same figures: a row a part, or a row a figure where the part is alone."""
    parts: dict[str, dict[str, Measured]] = {}
    for (part, name), found in result.figures.items():
        parts.setdefault(part, {})[name] = found
    alike: dict[tuple[str, ...], list[str]] = {}
    for part, own in parts.items():
        alike.setdefault(tuple(own), []).append(part)
    blocks = []
    for names, group in alike.items():
        if len(group) == 1:
            rows = [[name, number(found), f"n {found.n}"] for name, found in parts[group[0]].items()]
            blocks.append([f"{group[0]}:", *_columns(rows)])
        else:
            rows = [[part, *map(number, parts[part].values()), str(parts[part][names[0]].n)] for part in group]
            blocks.append(_columns([["", *names, "n"], *rows]))
    return blocks


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
