"""python -m tilelli bench: how fast each engine writes here, side by side, and what the machine could do."""

import argparse
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.engine.peers import KINDS, PEERS
from tilelli.errors import InputError

if TYPE_CHECKING:
    from tilelli.config import ModelConfig
    from tilelli.engine.benchmark import Run

TEXT = "how fast each engine writes on this machine: bytes a second, time to the first byte, memory, side by side"
EXAMPLE = "--checkpoint tilelli/mini --against torch,numpy,llama.cpp,hf --rounds 9"
PROMPT = b"The cat sat on the mat, and the dog sat on the cat. "


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="tilelli/mini", help="bundled name, folder, file or hub name")
    parser.add_argument("--config", type=Path, help="instead: random weights in the shape that this recipe names")
    against = f"engines to compare with {PEERS[0]}, by comma; if not given, {', '.join(PEERS[1:])}, as far as installed"
    also = f"; there are {', '.join(KINDS)} too"
    parser.add_argument("--against", default=",".join(PEERS[1:]), metavar="NAMES", help=against + also)
    parser.add_argument("--prompt", type=int, default=64, metavar="BYTES", help="length of the prompt")
    parser.add_argument("--bytes", type=int, default=128, help="bytes that each engine writes a round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds; every engine writes once in each")
    parser.add_argument("--threads", type=int, default=1, help="processor threads for those that take several")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every figure of every round")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a file such as BENCHMARKS.md")


def run(options: argparse.Namespace) -> None:
    from tilelli.engine import benchmark

    for path in (options.json, options.write):
        if path and not path.parent.is_dir():
            raise InputError("The result would have no place", str(path), "Make the folder first.")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = _random(options.config, Path(folder)) if options.config else options.checkpoint
        found = measured(options, checkpoint)
    print("\n".join(benchmark.text(found)))
    if options.json:
        benchmark.keep(options.json, found)
    if options.write:
        benchmark.put_into(options.write, found)


def measured(options: argparse.Namespace, checkpoint: str) -> "Run":
    """Let the engines that are here write, and measure the machine after each round."""
    from tilelli.engine import limits
    from tilelli.engine.bench import absent, measure
    from tilelli.engine.benchmark import Run
    from tilelli.header import read_header

    header, threads, names = read_header(checkpoint), max(1, options.threads), _names(options.against)
    if options.prompt + options.bytes > header.config.context:
        seen = f"{options.prompt} + {options.bytes} bytes, the model has {header.config.context} positions"
        raise InputError("The text is longer than the context", seen, "Use less of --prompt or --bytes.")
    missing = absent(names, header.num_parameters)
    here = [name for name in names if name not in missing]
    prompt = (PROMPT * (options.prompt // len(PROMPT) + 1))[: max(1, options.prompt)]
    work, rates = limits.work(header.config), list[limits.Rates]()
    gauge = None if limits.missing() else limits.Gauge(work.size, threads)
    told = measure(
        here,
        checkpoint,
        prompt,
        options.bytes,
        options.rounds,
        threads,
        after_round=lambda: rates.append(gauge.rates()) if gauge else None,
    )
    return Run(
        command(options),
        f"random weights, {options.config}" if options.config else options.checkpoint,
        f"{header.config.kind}, {header.num_parameters:,} parameters, file of {header.file_size:,} bytes",
        len(prompt),
        options.bytes,
        threads,
        told,
        work,
        tuple(rates[1:]),
        missing,
    )


def command(options: argparse.Namespace) -> str:
    """What repeats a measurement, with all that it hangs on."""
    source = ["--config", str(options.config)] if options.config else ["--checkpoint", options.checkpoint]
    numbers = [f"--{name} {getattr(options, name)}" for name in ("prompt", "bytes", "rounds", "threads")]
    return " ".join(["python -m tilelli bench", shlex.join([*source, "--against", options.against]), *numbers])


def _names(against: str) -> list[str]:
    from tilelli.config import check_known

    names = dict.fromkeys([PEERS[0], *(name.strip() for name in against.split(",") if name.strip())])
    return [check_known(name, [*PEERS, *KINDS], "There is no such engine") for name in names]


def _random(config: Path, folder: Path) -> str:
    """A packed checkpoint of that shape, whose weights are random: enough to measure speed by."""
    import numpy as np

    from tilelli.config import Recipe
    from tilelli.layout import Packing, shapes, ternary
    from tilelli.packed import pack

    model: ModelConfig = Recipe.from_yaml(config).model
    chance, trits = np.random.default_rng(0), ternary(model)
    found = {
        name: chance.normal(0, shape[-1] ** -0.5, shape).astype(np.float32)
        for name, shape in shapes(model).items()
        if name not in trits
    }
    rounded = {name: (chance.integers(-1, 2, shapes(model)[name]), shapes(model)[name][1] ** -0.5) for name in trits}
    path = folder / "random.packed.safetensors"
    path.write_bytes(pack(model, found, rounded, Packing("float16", "0" * 64), {}))
    return str(path)
