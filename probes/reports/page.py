"""Results as one HTML page that needs nothing else: no network, no library, no server.

Every figure stands with its interval, its rows, where it comes from and how to get it again. Nothing that a user or a
model wrote can act on the page: all of it is escaped, and a policy in the page's head lets no script run but our own.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from probes.metrics import Measured
from probes.report import number
from probes.reports.behind import behind
from probes.reports.claims import Claims
from probes.reports.escape import in_html
from probes.reports.forest import Line, forest
from probes.reports.words import panels, sentence
from probes.result import Place, ProbeResult

TITLE = "Results of probes"
HERE = Path(__file__).parent
FACTS = ("checkpoint", "weights", "bank", "settings", "seed", "code", "machine", "time")


class Told(NamedTuple):
    """A result and what it claims."""

    result: ProbeResult
    claims: Claims


class Compared(NamedTuple):
    """The second of two results less the first, by their numbers from 0; figures without a difference are missing."""

    first: int
    second: int
    differences: Mapping[Place, Measured]


def page(told: Sequence[Told], compared: Sequence[Compared], name: str = "report.json") -> str:
    """The whole page; `name` is that of the file with the claims."""
    script, style = ((HERE / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    body = [f"<h1>{TITLE}</h1>", _introduction(name), _contents(told)]
    body += [_result(place, each, name) for place, each in enumerate(told, start=1)]
    body += [_compared(each, told) for each in compared]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{TITLE}</title>'
        f"<style>{style}</style></head><body><main>{''.join(body)}</main><script>{script}</script></body></html>\n"
    )


def _introduction(name: str) -> str:
    return (
        "<p>Every figure stands with its 95 % interval and <i>n</i>, the rows it was computed from; a click on "
        "<b>rows</b> shows them. What is undefined is said to be, and no number stands in its place. All of it can be "
        "measured again and held against this page, figure by figure:</p>"
        f"<pre>python -m probes reproduce {in_html(name)}</pre>"
    )


def _contents(told: Sequence[Told]) -> str:
    lines = [
        f'<tr><td><a href="#r{place}">{place}</a></td><td>{in_html(each.claims.probe)}</td>'
        f"<td>{in_html(each.claims.checkpoint)}</td><td>{in_html(each.claims.bank.get('name', '–'))}</td>"
        f"<td>{in_html(', '.join(v.word for v in each.claims.verdicts) or '–')}</td></tr>"
        for place, each in enumerate(told, start=1)
    ]
    return _table(("", "probe", "checkpoint", "bank", "verdicts"), lines)


def _result(place: int, told: Told, name: str) -> str:
    result, claims = told
    said = result.tables["findings"]["finding"].tolist() if "findings" in result.tables else []
    verdicts = [f'<li class="{verdict.word}">{in_html(sentence(verdict))}</li>' for verdict in result.verdicts]
    again = dict.fromkeys((claims.command, f"python -m probes reproduce {name} --only {place}"))
    lines = "\n".join(map(in_html, again))
    blocks = [
        f'<section id="r{place}"><h2>{place}. {in_html(claims)}</h2>',
        *(f"<p>{in_html(line)}</p>" for line in said),
        f"<ul>{''.join(verdicts)}</ul>" if verdicts else "",
        *(f'<p class="note">{in_html(note)}</p>' for note in result.notes),
        f'<div class="panels">{"".join(_panels(result))}</div>',
        _figures(place, result),
        *(_other(name, table) for name, table in result.tables.items() if name != "findings"),
        _rows(place, result),
        _fold("Where it comes from", _facts(claims)),
        f"<h3>Measure it again</h3><pre>{lines}</pre></section>",
    ]
    return "".join(blocks)


def _panels(result: ProbeResult) -> list[str]:
    return [
        forest(panel.title, [Line(label, result.figures[own]) for label, own in panel.lines.items()], panel.reference)
        for panel in panels(result.figures)
    ]


def _figures(place: int, result: ProbeResult) -> str:
    sets = _sets(result)
    lines = [
        f"<tr><td>{in_html(part)}</td><td>{in_html(name)}</td><td>{number(found)}</td><td>{found.n}</td>"
        f'<td><button data-result="r{place}" data-set="s{sets[part, name]}">rows</button></td></tr>'
        for (part, name), found in result.figures.items()
    ]
    return _fold(f"All {len(lines)} figures", _table(("part", "figure", "value", "n", ""), lines), is_open=True)


def _rows(place: int, result: ProbeResult) -> str:
    rows, sets = result.rows, _sets(result)
    within = {sets[own]: behind(result, own).to_numpy(dtype=bool) for own in result.figures}
    values = rows.astype(object).to_numpy().tolist()
    lines = [
        f'<tr class="{" ".join(f"s{name}" for name, mask in within.items() if mask[at])}">{_cells(own)}</tr>'
        for at, own in enumerate(values)
    ]
    search = '<p><input type="search" placeholder="Search the rows" aria-label="Search the rows"> <span></span></p>'
    return _fold(f"All {len(lines)} rows", search + _table(list(map(str, rows)), lines), "rows")


def _sets(result: ProbeResult) -> dict[Place, int]:
    """Which figures come from the same rows: a number for each set of rows."""
    seen: dict[bytes, int] = {}
    return {
        own: seen.setdefault(behind(result, own).to_numpy(dtype=bool).tobytes(), len(seen)) for own in result.figures
    }


def _other(name: str, table: pd.DataFrame) -> str:
    lines = [f"<tr>{_cells(own)}</tr>" for own in table.astype(object).to_numpy().tolist()]
    return _fold(f"Table: {name} ({len(lines)} rows)", _table(list(map(str, table)), lines)) if lines else ""


def _facts(claims: Claims) -> str:
    lines = [f"<tr><td>{name}</td><td>{in_html(getattr(claims, name))}</td></tr>" for name in FACTS]
    return _table(("", ""), lines)


def _compared(compared: Compared, told: Sequence[Told]) -> str:
    first, second = told[compared.first].result, told[compared.second].result
    lines = []
    for (part, name), mine in first.figures.items():
        found = compared.differences.get((part, name))
        if found is not None:
            theirs = second.figures[part, name]
            cells = (part, name, number(mine), number(theirs), number(found), str(found.n))
            lines.append(f"<tr>{''.join(f'<td>{in_html(cell)}</td>' for cell in cells)}</tr>")
    heads = ("part", "figure", first.checkpoint, second.checkpoint, "second less first", "n")
    shown = [
        forest(f"Difference: {panel.title}", [Line(k, compared.differences[v]) for k, v in panel.lines.items()], 0.0)
        for panel in panels(compared.differences)
    ]
    return (
        f"<section><h2>{in_html(first.probe)}: {in_html(second.checkpoint)} less {in_html(first.checkpoint)}</h2>"
        "<p>Both were asked the same questions; questions are drawn again and again, and each draw is read by both.</p>"
        f'<div class="panels">{"".join(shown)}</div>{_table(heads, lines)}</section>'
    )


def _cells(values: Sequence[Any]) -> str:
    return "".join(f"<td>{in_html(value)}</td>" for value in values)


def _table(heads: Sequence[str], lines: Sequence[str]) -> str:
    head = "".join(f"<th>{in_html(name)}</th>" for name in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _fold(title: str, content: str, name: str = "", is_open: bool = False) -> str:
    return f'<details class="{name}"{" open" * is_open}><summary>{in_html(title)}</summary>{content}</details>'
