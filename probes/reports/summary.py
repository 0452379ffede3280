"""Results as Markdown: what was found, figure by figure, for a pull request or a notebook on paper."""

from collections.abc import Iterator, Sequence

from probes.report import number
from probes.reports.escape import in_markdown, visible
from probes.reports.page import Compared, Told
from probes.reports.words import sentence


def summary(told: Sequence[Told], compared: Sequence[Compared], name: str = "report.json") -> str:
    """The whole text; `name` is that of the file with the claims."""
    lines = ["# Results of probes", ""]
    lines += ["Every figure has a 95 % interval. All of them are measured again, and held against these, by", ""]
    lines += [f"    python -m probes reproduce {name}", ""]
    for place, each in enumerate(told, start=1):
        lines += _result(place, each)
    for difference in compared:
        lines += _compared(difference, told)
    return "\n".join(lines)


def _result(place: int, told: Told) -> Iterator[str]:
    result, claims = told
    yield f"## {place}. {in_markdown(claims)}\n"
    bank = f" on {in_markdown(claims.bank['name'])} ({claims.bank['sha256'][:12]})" if claims.bank else ""
    yield f"Weights {claims.weights[:12]}{bank}, seed {claims.seed}, code {claims.code}, {claims.machine}.\n"
    yield f"    {visible(claims.command)}\n"
    if "findings" in result.tables:
        yield from (f"- {in_markdown(line)}" for line in [*result.tables["findings"]["finding"]])
        yield ""
    if result.verdicts:
        yield from (f"- **{verdict.word}**: {in_markdown(sentence(verdict))}" for verdict in result.verdicts)
        yield ""
    yield from (f"Note: {in_markdown(note)}\n" for note in result.notes)
    yield "| part | figure | value | n |\n| --- | --- | --- | ---: |"
    for (part, name), found in result.figures.items():
        yield f"| {in_markdown(part)} | {in_markdown(name)} | {number(found)} | {found.n} |"
    yield ""


def _compared(compared: Compared, told: Sequence[Told]) -> Iterator[str]:
    first, second = told[compared.first].result, told[compared.second].result
    yield f"## {in_markdown(first.probe)}: {in_markdown(second.checkpoint)} less {in_markdown(first.checkpoint)}\n"
    yield "On the same questions, which are drawn again for both at once.\n"
    yield "| part | figure | difference | n |\n| --- | --- | --- | ---: |"
    for (part, name), found in compared.differences.items():
        yield f"| {in_markdown(part)} | {in_markdown(name)} | {number(found)} | {found.n} |"
    yield ""
