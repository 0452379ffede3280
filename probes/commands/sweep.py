"""python -m probes sweep: every probe put to every checkpoint, here or on a cluster."""

import argparse
from typing import TYPE_CHECKING

from probes.commands.history import figures
from probes.commands.shared import add_json, bar, check_out, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.store.keeper import Keeper
    from probes.sweep import Asked, Outcome

TEXT = "every probe put to every checkpoint; what is stored already is not run again"
EXAMPLE = "--checkpoints 'runs/*' --probes all --quick"


def add(parser: argparse.ArgumentParser) -> None:
    names = "names, folders, or patterns such as 'runs/*', in quotes, for all that match and hold weights"
    parser.add_argument("--checkpoints", nargs="+", required=True, metavar="NAME", help=names)
    parser.add_argument("--probes", default="all", help="all, or names with commas in between")
    parser.add_argument("--bank", help="put this bank instead of each probe's own")
    parser.add_argument("--quick", action="store_true", help="a quick look: fewer questions of each part")
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn")
    backend = "dask://HOST:PORT, whose workers see the same paths; processes here if not given"
    parser.add_argument("--backend", metavar="URL", help=backend)
    parser.add_argument("--jobs", type=int, default=-1, metavar="N", help="processes here; -1: one a processor")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from probes.registry import chosen
    from probes.store.keeper import keeping
    from probes.store.store import Store
    from probes.sweep import Asked, matching
    from tilelli.errors import InputError

    check_out(options.json)
    if options.jobs != -1 and options.jobs < 1:
        raise InputError("There is no such number of jobs", str(options.jobs), "Use 1 or more, or -1.")
    if options.seed < 0:
        raise InputError("There is no such seed", str(options.seed), "Use 0 or more.")
    names, asked = matching(options.checkpoints), list[Asked]()
    for name, probe in chosen(options.probes).items():
        bank = probe.questions(options.bank, options.quick, options.seed)
        asked.append(Asked(name, probe.quickly() if options.quick else probe, bank))
    Store().close()  # hours are not begun with a store that cannot be used
    with keeping() as keeper:
        outcomes = _swept(names, asked, keeper, options)
        _tell(outcomes, lost=keeper.trouble is not None)
        if options.json:
            results = [outcome.result.to_dict() for outcome in outcomes if outcome.result is not None]
            write_json(options.json, {"results": results})
    _refuse(outcomes)


def _swept(
    names: "Sequence[str]", asked: "Sequence[Asked]", keeper: "Keeper", options: argparse.Namespace
) -> "list[Outcome]":
    """All outcomes, in the order of checkpoints and probes."""
    from probes.sweep import Outcome, Task, carry_out, plan

    outcomes, tasks = list[Outcome](), list[Task]()
    with bar("looking at checkpoints") as progress:
        for number, planned in enumerate(plan(names, asked, options.seed), start=1):
            if isinstance(planned, Outcome):
                outcomes.append(planned)
            else:
                tasks += planned
            progress(number, len(names))
    with bar("probes") as progress:
        for number, outcome in enumerate(carry_out(tasks, keeper, options.backend, options.jobs), start=1):
            outcomes.append(outcome)
            progress(number, len(tasks))
    return sorted(outcomes, key=lambda outcome: (names.index(outcome.checkpoint), outcome.probe))


def _tell(outcomes: "Sequence[Outcome]", lost: bool) -> None:
    """A line each; where results could not be kept, their figures too."""
    for outcome in outcomes:
        words = outcome.reason
        if outcome.result is not None:
            met = [verdict.word for verdict in outcome.result.verdicts]
            words = ", ".join(f"{met.count(word)} {word}" for word in dict.fromkeys(met))
        print(f"{outcome.state:9} {outcome.probe or '-':14} {outcome.checkpoint}  {words}".rstrip())
        if lost and outcome.result is not None:
            print(figures(outcome.result), end="\n\n")


def _refuse(outcomes: "Sequence[Outcome]") -> None:
    """Name what failed, for the exit code."""
    from tilelli.errors import InputError

    failed = list(dict.fromkeys(outcome.checkpoint for outcome in outcomes if outcome.state == "failed"))
    if failed:
        every = len({outcome.checkpoint for outcome in outcomes})
        remedy = "The reasons stand above; what is stored is not run again."
        happened = f"{len(failed)} checkpoint{'s' * (len(failed) > 1)} of {every} failed"
        raise InputError(happened, ", ".join(failed), remedy)
