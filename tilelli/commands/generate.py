"""python -m tilelli generate: continue a text."""

import argparse
import sys

from tilelli.commands.shared import add_checkpoint, add_engine, add_interventions, opened

TEXT = "continue a text"
EXAMPLE = '--checkpoint tilelli/mini --prompt "The cat" --max-new 200 --seed 1'


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_interventions(parser)
    parser.add_argument("--prompt", default="", help="text to continue; empty starts a new document")
    parser.add_argument("--max-new", type=int, default=200, help="bytes to write at most")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 always takes the likeliest byte")
    parser.add_argument("--top-k", type=int, default=0, help="draw from the likeliest K bytes only; 0: from all")
    parser.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest bytes that reach P")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same text")
    parser.add_argument("--stop", action="append", default=[], help="end before this string; may be given again")
    add_engine(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.sampling import Sampling
    from tilelli.tokenizer import ByteTokenizer, IncrementalDecoder

    sampling = Sampling(
        max_new=options.max_new,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        stop=tuple(options.stop),
    )
    speaker = opened(options)
    written = speaker.stream(ByteTokenizer().encode(options.prompt), sampling)
    decoder = IncrementalDecoder()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    print(options.prompt.encode("utf-8", "replace").decode(), end="", flush=True)
    for step in written:
        print(decoder.push(step.byte), end="", flush=True)
    print(decoder.flush())
    if options.engine == "auto":
        print(f"engine: {speaker.said()}", file=sys.stderr)
