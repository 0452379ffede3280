"""python -m probes run weights: what are the weights made of, and what changed between two checkpoints?"""

import argparse
from pathlib import Path

from probes.commands.shared import add_json, opened, tell
from tilelli.commands.shared import add_checkpoint, add_threads

TEXT = "trits, scales, and weights about to flip, tensor by tensor; what changed since another checkpoint"
EXAMPLE = "--checkpoint tilelli/mini --json weights.json"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    parser.add_argument("--against", metavar="EARLIER", help="what changed from this checkpoint of the same shape?")
    near = "how close to a rounding threshold counts as about to flip, in scales (0.05)"
    parser.add_argument("--near", type=float, default=0.05, help=near)
    parser.add_argument("--tensor", help="name of a tensor: how are its floats spread?")
    parser.add_argument("--low", type=float, help="where that picture begins; all but a thousandth if not given")
    parser.add_argument("--high", type=float, help="where it ends")
    parser.add_argument("--text", type=Path, help="as other probes take it; no text is read")
    add_json(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from probes.drift import drift
    from probes.latents import latent
    from probes.weights import findings, table, tensors, verdict
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, weights_hash

    model = opened(options)
    facts = tensors(model, options.near)
    answer = verdict(facts)
    tables, more, said = {"tensors": table(facts)}, {}, [answer.sentence, answer.file, *findings(facts, options.near)]
    if options.tensor is not None:
        more["histogram"] = latent(model, options.tensor, options.low, options.high, options.near).table()
    if options.against is not None:
        earlier = load(options.against, ByteLM)
        changed = drift(earlier, model)
        tables["drift"] = changed.table()
        said += [f"From {options.against} (weights {weights_hash(earlier)[:12]}):", *changed.findings]
    tell(options, "weights", model, None, tables, list(filter(None, said)), more)
