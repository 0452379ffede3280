"""One page that needs nothing else, holds every figure and row, and lets nothing that was typed act."""

import base64
import hashlib
import re
from dataclasses import replace

from probes.reports.behind import behind
from probes.reports.claims import claims
from probes.reports.made import compare
from probes.reports.page import Told, page
from probes.reports.summary import summary
from probes.result import ProbeResult
from tests.probes.reports.test_claims import ENTRY
from tests.probes.reports.test_escape import Reader
from tests.probes.results import abstained, coverage, odd

BAD = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def told(*results: ProbeResult) -> list[Told]:
    return [Told(result, claims(result, ENTRY, "python -m probes run")) for result in results]


def shown(*results: ProbeResult) -> str:
    return page(told(*results), compare(told(*results)))


def test_the_page_asks_for_nothing_outside_itself() -> None:
    content = shown(abstained(), coverage(), odd())
    assert not re.findall(r"\ssrc=|url\(|@import|href=.(?!#)", content)
    assert "http" not in content.replace("http-equiv", "")


def test_only_our_own_script_may_run() -> None:
    content = shown(coverage())
    (script,) = re.findall(r"<script>(.*?)</script>", content, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in content


def test_every_figure_and_every_row_is_there() -> None:
    result = abstained()
    text = Reader(shown(result)).text
    for part, name in result.figures:
        assert part in text
        assert name in text
    for prompt in result.rows["prompt"]:
        assert prompt.replace("\n", "↵") in text
    assert "The rule is not kept" in text
    assert "A note." in text
    assert "python -m probes reproduce report.json --only 1" in text


def test_a_figure_opens_just_the_rows_behind_it() -> None:
    result = abstained(n=40, made_up=7)
    content = shown(result)
    sets = re.findall(r'data-set="(s\d+)"', content)
    rows = re.findall(r'<tr class="([s\d ]*)"><td>part', content)
    assert (len(sets), len(rows)) == (len(result.figures), 40)
    for name, place in zip(sets, result.figures, strict=True):
        assert [name in row.split() for row in rows] == behind(result, place).tolist()


def test_what_was_typed_does_nothing() -> None:
    rows = coverage().rows.assign(text=[BAD] * 12, part=[BAD] * 12)
    figures = {(BAD, f"{BAD}{number}"): found for number, found in enumerate(coverage().figures.values())}
    known = {**coverage().provenance, "settings": {"text": BAD}}
    made = replace(
        coverage(), checkpoint=BAD, rows=rows, figures=figures, notes=(BAD,), tables={BAD: rows}, provenance=known
    )
    content = shown(made)
    assert content.count("<script") == 1
    assert "<img" not in content
    assert not {"script", "img"} & set(re.findall(r"(?<!\\)<(\w+)", summary(told(made), [])))


def test_a_result_with_whatever_there_may_be_is_shown() -> None:
    content = shown(odd())
    content.encode()
    assert "undefined" in Reader(content).text
    summary(told(odd()), []).encode()


def test_results_on_the_same_questions_are_compared_with_the_first() -> None:
    made = told(coverage(seed=1), abstained(), coverage(seed=2), coverage(seed=3))
    assert [(each.first, each.second) for each in compare(made)] == [(0, 2), (0, 3)]
    text = Reader(page(made, compare(made))).text
    assert "coverage: runs/c2 less runs/c1" in text
    assert "coverage: runs/c2 less runs/c1" in summary(made, compare(made)).replace("\\", "")


def test_the_summary_holds_every_figure() -> None:
    lines = summary(told(abstained()), []).splitlines()
    assert sum(line.startswith("| part |") for line in lines) == len(abstained().figures) + 1
    (verdict,) = [line for line in lines if line.startswith("- **missed**: The rule is not kept, narrowly")]
    assert verdict.endswith(r"part: hallucination at most 0.15: 0.300 \[0.108, 0.603\].")
