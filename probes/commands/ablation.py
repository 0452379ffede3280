"""python -m probes run ablation: what hangs on each pathway?"""

import argparse
import hashlib

from probes.commands.registered import add_probe, begun, put
from probes.commands.shared import add_text, read_text
from probes.registry import REGISTERED
from tilelli.commands.shared import add_interventions

PROBE = REGISTERED["ablation"]
TEXT, EXAMPLE = PROBE.asks, PROBE.example
KINDS = ("remove", "force")


def add(parser: argparse.ArgumentParser) -> None:
    add_probe(PROBE, parser)
    add_text(parser, "the prompts of the bank, in an order drawn with the seed")
    text = "remove: each pathway is taken out (default); force: each is the only one left"
    parser.add_argument("--kind", choices=KINDS, default="remove", help=text)
    parser.add_argument("--bytes", type=int, help="how many are read at most")
    add_interventions(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.interventions import parse, written

    settings = begun(PROBE, options) | {"kind": options.kind, "intervene": written(parse(options.intervene))}
    if options.bytes is not None:
        settings["bytes"] = options.bytes
    if options.text is not None:
        read_text(options, None)  # what cannot be read is refused here
        content = hashlib.sha256(options.text.read_bytes()).hexdigest()
        settings |= {"text": str(options.text), "text_sha256": content, "from": options.first}
    put("ablation", settings, options)
