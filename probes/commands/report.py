"""python -m probes report: stored results as one page to take away, with a summary and claims that can be checked."""

import argparse
from pathlib import Path

from probes.commands.shared import check_out

TEXT = "stored results as one HTML page that opens anywhere, a Markdown summary, and claims that reproduce checks"
EXAMPLE = "--checkpoint tilelli/mini --out report.html"


def add(parser: argparse.ArgumentParser) -> None:
    own = "numbers of results, see python -m probes history; the newest of each kind if none is given"
    parser.add_argument("ids", nargs="*", type=int, metavar="ID", help=own)
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page; .md and .json stand beside it")
    parser.add_argument("--probe", help="only results of this probe")
    parser.add_argument("--checkpoint", help="only those of this name, or of weights whose hash begins so")
    parser.add_argument("--bank", help="only those on this bank, or on questions whose hash begins so")
    parser.add_argument("--verdict", help="only those with a verdict of this word, such as wins or missed")


def run(options: argparse.Namespace) -> None:
    from probes.reports.choosing import narrowed, newest, numbered
    from probes.reports.made import report
    from probes.store.store import Store
    from tilelli.checkpoint import write
    from tilelli.errors import InputError

    places = {form: options.out.with_suffix(f".{form}") for form in ("html", "md", "json")}
    for place in places.values():
        check_out(place)
    store = Store()
    try:
        entries = store.history()
        alike = sorted(newest(entries), key=lambda entry: (entry.probe, entry.checkpoint, entry.id))
        entries = numbered(entries, options.ids) if options.ids else alike
        entries = narrowed(entries, options.probe, options.checkpoint, options.bank, options.verdict)
        if not entries:
            remedy = "Run a probe first, such as python -m probes run coverage --checkpoint tilelli/mini --quick."
            raise InputError("There is nothing to report", "no stored result is meant", remedy)
        made = report(store, entries, places["json"].name)
    finally:
        store.close()
    for place, content in zip(places.values(), (made.html, made.markdown, made.json), strict=True):
        write(place, content.encode())
    print(f"{len(entries)} results: {', '.join(map(str, places.values()))}")
