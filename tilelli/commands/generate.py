"""python -m tilelli generate: continue a text."""

import argparse
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tilelli.commands.shared import add_checkpoint, add_interventions

if TYPE_CHECKING:
    from tilelli.sampling import Sampling, Written

TEXT = "continue a text"
EXAMPLE = '--checkpoint tilelli/mini --prompt "The cat" --max-new 200 --seed 1'
ENGINES = ("auto", "torch", "numpy")


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_interventions(parser)
    parser.add_argument("--prompt", default="", help="text to continue; empty starts a new document")
    parser.add_argument("--max-new", type=int, default=200, help="bytes to write at most")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 always takes the likeliest byte")
    parser.add_argument("--top-k", type=int, default=0, help="draw from the likeliest K bytes only; 0: from all")
    parser.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest bytes that reach P")
    parser.add_argument("--seed", type=int, default=0, help="the same seed and engine write the same text")
    parser.add_argument("--stop", action="append", default=[], help="end before this string; may be given again")

    engine = (
        "what computes: numpy starts at once and never loads torch; auto is torch where there is one. At temperature 0"
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help=f"{engine} all write the same text")


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
    engine = options.engine if options.engine != "auto" else "torch" if find_spec("torch") else "numpy"
    prompt = ByteTokenizer().encode(options.prompt)
    written = (_with_numpy if engine == "numpy" else _with_torch)(options, prompt, sampling)
    decoder = IncrementalDecoder()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    print(options.prompt.encode("utf-8", "replace").decode(), end="", flush=True)
    for step in written:
        print(decoder.push(step.byte), end="", flush=True)
    print(decoder.flush())


def _with_torch(options: argparse.Namespace, prompt: list[int], sampling: "Sampling") -> "Iterator[Written]":
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.generation import stream
    from tilelli.interventions import parse

    model, changes = load(options.checkpoint, ByteLM), parse(options.intervene)
    return stream(model, prompt, sampling, interventions=changes)


def _with_numpy(options: argparse.Namespace, prompt: list[int], sampling: "Sampling") -> "Iterator[Written]":
    from tilelli.engine.plain import load, stream
    from tilelli.errors import InputError

    if options.intervene.strip():
        raise InputError("The NumPy engine takes no interventions", options.intervene[:60], "Use --engine torch.")
    return stream(load(options.checkpoint), prompt, sampling)
