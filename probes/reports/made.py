"""A report in its three forms, from stored results: a page, a summary, and the claims that can be checked."""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.paired import differences
from probes.reports.again import REPRODUCE, command
from probes.reports.claims import Pair, claimed, claims, written
from probes.reports.page import Compared, Told, page
from probes.reports.summary import summary
from probes.store.store import Entry, Store


@dataclass(frozen=True)
class Report:
    """The contents of three files, which share a name but for its ending."""

    html: str
    markdown: str
    json: str


def report(store: Store, entries: Sequence[Entry], name: str = "report.json") -> Report:
    """What these results say; `name` is what the file of claims will be called.

    Results of one probe on the same questions are compared, each with the first of them.
    """
    told = []
    for place, entry in enumerate(entries, start=1):
        result = store.get(entry.id)
        told.append(Told(result, claims(result, entry, command(result) or REPRODUCE.format(name, place))))
    compared = compare(told)
    pairs = [
        Pair(each.first, each.second, tuple(claimed(*item) for item in each.differences.items())) for each in compared
    ]
    return Report(
        page(told, compared, name), summary(told, compared, name), written([each.claims for each in told], pairs)
    )


def compare(told: Sequence[Told]) -> list[Compared]:
    """Differences to the first result with the same probe, questions, settings and seed, where rows can be paired."""
    firsts: dict[str, int] = {}
    found = []
    for place, (result, own) in enumerate(told):
        about = repr((own.probe, own.bank.get("sha256"), sorted(own.settings.items()), own.seed))
        first = firsts.setdefault(about, place)
        if first != place and (between := differences(told[first].result, result, own.seed)):
            found.append(Compared(first, place, between))
    return found
