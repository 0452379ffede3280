"""python -m probes run threshold: from when on should a model keep silent, given what mistakes cost?"""

import argparse
from typing import TYPE_CHECKING, Any

from probes.commands.shared import add_json, add_store, bar, begin, counting, write_json
from probes.registry import REGISTERED
from tilelli.commands.shared import add_checkpoint, add_threads

if TYPE_CHECKING:
    from probes.result import ProbeResult
    from probes.workbench import Choice, Selective

TEXT = "from when on should it keep silent? A threshold chosen by what mistakes cost, and read on other questions"
EXAMPLE = "--checkpoint runs/my-chat --quick --invented 5"
PROBE, BANK = REGISTERED["abstain"], "abstain"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    parser.add_argument("--bank", default=BANK, help="a bank with rows to choose on and rows to read")
    parser.add_argument("--signal", default="abstain_p", help="what the threshold is on, such as max_softmax_mean")
    for name, what in (
        ("wrong", "a wrong answer"),
        ("invented", "an answer where it cannot know"),
        ("silent", "silence where it could know"),
    ):
        parser.add_argument(f"--{name}", type=float, default=1.0, metavar="COST", help=f"what {what} costs")
    add_json(parser)
    add_store(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the resampling, and of the rows of --quick")
    parser.add_argument("--quick", action="store_true", help=f"at most {PROBE.quick_rows} questions of each part")
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from probes import workbench
    from probes.result import plain
    from tilelli.errors import InputError

    begin(options)
    costs = workbench.Costs(options.wrong, options.invented, options.silent)
    result = _asked(options)
    if options.signal not in (offered := workbench.signals(result.rows)):
        raise InputError("This model has no such signal", options.signal, f"Use {', '.join(offered)}.")
    gate, seed = result.provenance["threshold"], options.seed
    choice = workbench.choose(result.rows, options.signal, costs, gate, seed)
    found = workbench.selective(result.rows, options.signal, seed)
    _tell(choice, found)
    if options.json:
        tables = {"policies": workbench.table(choice.policies), "outcomes": choice.outcomes, "curve": found.curve}
        content: dict[str, Any] = {"signal": options.signal, "costs": asdict(costs), "threshold": choice.threshold}
        content |= {"areas": {name: asdict(area) for name, area in found.areas.items()}, "saved": asdict(choice.saved)}
        content["tables"] = {name: plain(table) for name, table in tables.items()}
        write_json(options.json, {"probe": "threshold", "provenance": result.provenance, **content})


def _asked(options: argparse.Namespace) -> "ProbeResult":
    """The result of the abstain probe, from the store if it is there."""
    from probes.store.keeper import keeping
    from probes.store.key import Key
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    probe, seed = PROBE.quickly() if options.quick else PROBE, options.seed
    model, bank = load(options.checkpoint, ByteLM), PROBE.questions(options.bank, options.quick, seed)
    assert bank is not None
    key = Key.of("abstain", model, bank, probe.settings, seed)
    with bar("questions") as progress, keeping(options.store, told=counting(progress, len(bank.rows))) as keeper:
        result = keeper.result(key)
        if result is None:
            result = probe.run(model, options.checkpoint, bank, probe.settings, seed, keeper)
            keeper.put(key, result)
    return result


def _tell(choice: "Choice", found: "Selective") -> None:
    """The threshold, what it does beside other policies, and how well the signal ranks."""
    import pandas as pd

    from probes.report import number

    print(choice.sentence)
    print(f"On the test rows that saves {number(choice.saved)} a question.\n")
    rows = {policy: {name: number(own) for name, own in each.items()} for policy, each in choice.policies.items()}
    print(f"{pd.DataFrame(rows).T.to_string()}\n\n{choice.outcomes.to_string(index=False)}\n")
    print(
        f"{found.answered} of {found.rows} replies on the test rows give an answer. Letting the surest through first:"
    )
    for name, area in found.areas.items():
        print(f"{name} {number(area)}")
