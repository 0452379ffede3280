"""python -m probes run NAME, for probes of the registry: one checkpoint, asked just as a sweep or a page asks it."""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from typing import Any

from probes.commands.shared import add_json, add_store, bar, begin, counting, write_json
from probes.registry import REGISTERED, Probe
from tilelli.commands.shared import add_checkpoint, add_threads


def command(name: str) -> SimpleNamespace:
    """The command of a probe, built like a module of a command."""
    probe = REGISTERED[name]
    return SimpleNamespace(
        TEXT=probe.asks,
        EXAMPLE=probe.example,
        add=partial(add_probe, probe),
        run=lambda options: put(name, begun(REGISTERED[name], options), options),
    )


def add_probe(probe: Probe, parser: argparse.ArgumentParser) -> None:
    """Options that every probe of the registry has, its texts and its committee among them."""
    add_checkpoint(parser)
    if probe.bank is not None:
        parser.add_argument("--bank", default=probe.bank, help="bundled bank, or a JSONL file")
    for setting, what in probe.texts.items():
        parser.add_argument(f"--{setting.replace('_', '-')}", metavar="FILE", help=what)
    if "committee" in probe.settings:
        what = "another checkpoint whose disagreement is a signal too; once for each"
        parser.add_argument("--committee", action="append", default=[], metavar="CHECKPOINT", help=what)
    add_json(parser)
    add_store(parser)
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn")
    parser.add_argument("--quick", action="store_true", help="a quick look: fewer rows, wider intervals")
    add_threads(parser)


def put(name: str, settings: Mapping[str, Any], options: argparse.Namespace) -> None:
    """Put a probe to the checkpoint, after `begun`; keep what was found, print it and write it."""
    from probes import report
    from probes.store.keeper import keeping
    from probes.store.key import Key
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    probe, seed = REGISTERED[name], options.seed
    bank = None if probe.bank is None else probe.questions(options.bank, options.quick, seed)
    model = load(options.checkpoint, ByteLM)
    with ExitStack() as shown, keeping(options.store, told=counting(shown.enter_context(bar("rows")))) as keeper:
        result = probe.run(model, options.checkpoint, bank, settings, seed, keeper)
        shown.close()
        print(report.probe(result), flush=True)
        keeper.put(Key.of(name, model, bank, settings, seed), result)
        if options.json:
            write_json(options.json, {"probe": name, "quick": options.quick, "results": [result.to_dict()]})


def begun(probe: Probe, options: argparse.Namespace) -> dict[str, Any]:
    """The settings of a probe with what was named, after `begin`.

    Raises:
        InputError: the seed is below 0.
        TilelliError: a text or a checkpoint that is named is not there.
    """
    from probes.texts import named
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, weights_hash
    from tilelli.errors import InputError

    begin(options)
    if options.seed < 0:
        raise InputError("There is no such seed", str(options.seed), "Use 0 or more.")
    settings = dict((probe.quickly() if options.quick else probe).settings)
    if "committee" in settings:
        settings["committee"] = {name: weights_hash(load(name, ByteLM)) for name in options.committee}
    return settings | named({setting: getattr(options, setting) for setting in probe.texts})
