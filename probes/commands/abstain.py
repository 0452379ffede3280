"""python -m probes run abstain: does a chat model know what it does not know?"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from probes.commands.shared import add_json, add_store, bar, begin, write_json
from probes.registry import REGISTERED
from tilelli.commands.shared import add_threads

if TYPE_CHECKING:
    from probes.abstain import AbstainResult
    from probes.metrics import Measured
    from tilelli.base import ByteLM

PROBE = REGISTERED["abstain"]
TEXT, EXAMPLE = PROBE.asks, PROBE.example
TEXT_BYTES = 500_000


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint",
        action="append",
        required=True,
        help="bundled name, folder, file or hub name; given several times, the spread over them is printed too",
    )
    parser.add_argument("--bank", default=PROBE.bank, help="bundled bank, or a JSONL file")
    add_json(parser)
    add_store(parser)
    parser.add_argument(
        "--threshold", type=float, help="decline from this abstain_p on; the checkpoint's own if not given"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the resampling, and of the rows of --quick")
    parser.add_argument("--quick", action="store_true", help=f"a look at {PROBE.quick_rows} questions of each part")
    parser.add_argument("--text", help=f"plain text to compare with the base on: its first {TEXT_BYTES:,} bytes")
    parser.add_argument("--base", help="what the checkpoint was tuned from; what it says itself if not given")
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from probes import abstain, report, surface
    from probes.abstain_probe import NAME, answers, shaped
    from probes.store.keeper import keeping
    from probes.store.key import Key
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    begin(options)
    _check(options)
    models = [(name, load(name, ByteLM)) for name in options.checkpoint]
    bank, settings = PROBE.questions(options.bank, options.quick, options.seed), _settings(options)
    assert bank is not None
    losses = [_loss(model, options) for _, model in models]
    with bar("surface floor") as progress:
        floor = surface.floor(bank, options.seed, settings["training"], progress)
    results = []
    with keeping(options.store) as keeper:
        for (name, model), loss in zip(models, losses, strict=True):
            sheet, length = answers(keeper, model, bank, settings["max_new"]), settings["max_new"]
            gate, seed = options.threshold, options.seed
            with bar(name) as progress:
                result = abstain.run(model, name, bank, floor, gate, seed, loss, length, progress, sheet)
            results.append(result)
            print(report.abstain(result), end="\n\n", flush=True)
            keeper.put(Key.of(NAME, model, bank, settings, seed), shaped(result, bank, settings))
        _finish(options, results)


def _finish(options: argparse.Namespace, results: "Sequence[AbstainResult]") -> None:
    """What is said of all results together, and the file."""
    from probes import report

    if len(results) > 1:
        print(report.over_checkpoints(results))
    if options.json:
        content: dict[str, Any] = {"probe": "abstain", "quick": options.quick}
        content["results"] = [result.to_dict() for result in results]
        write_json(options.json, content)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What changes the figures, as a sweep names it; a text and its base only where there is one."""
    asked = PROBE.quickly() if options.quick else PROBE
    told = {} if options.text is None else {"text": options.text, "base": options.base}
    return {**asked.settings, "threshold": options.threshold, **told}


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot work before minutes are spent on it."""
    from probes.abstain import check_threshold
    from tilelli.errors import InputError

    check_threshold(options.threshold)
    if options.seed < 0:
        raise InputError("There is no such seed", str(options.seed), "Use 0 or more.")


def _loss(model: "ByteLM", options: argparse.Namespace) -> "Measured | None":
    """What plain text costs over the base, if a text was given."""
    from probes.writing import over_base
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.data.corpus import read
    from tilelli.errors import InputError
    from tilelli.training.pretraining import first_bytes

    if options.text is None:
        return None
    said = model.provenance.get("base")
    base = options.base or (said.get("name") if isinstance(said, dict) else None)
    if base is None:
        raise InputError("The checkpoint does not say what it was tuned from", "no base", "Name it with --base.")
    with bar("plain text") as progress:
        documents = first_bytes(read(options.text).documents, TEXT_BYTES)
        return over_base(model, load(base, ByteLM), documents, options.seed, progress)
