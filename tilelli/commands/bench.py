"""python -m tilelli bench: how fast each engine writes here, side by side."""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tilelli.engine.peers import PEERS

if TYPE_CHECKING:
    from tilelli.config import ModelConfig
    from tilelli.engine.bench import Measured
    from tilelli.header import Header

TEXT = "how fast each engine writes on this machine: bytes a second, time to the first byte, memory, side by side"
EXAMPLE = "--checkpoint tilelli/mini --against torch,numpy --rounds 9"
PROMPT = b"The cat sat on the mat, and the dog sat on the cat. "


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="tilelli/mini", help="bundled name, folder, file or hub name")
    parser.add_argument("--config", type=Path, help="instead: random weights in the shape that this recipe names")
    against = f"engines to compare with {PEERS[0]}, by comma; all that are installed if not given"
    parser.add_argument("--against", default=",".join(PEERS[1:]), metavar="NAMES", help=against)
    parser.add_argument("--prompt", type=int, default=64, metavar="BYTES", help="length of the prompt")
    parser.add_argument("--bytes", type=int, default=128, help="bytes that each engine writes a round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds; every engine writes once in each")
    parser.add_argument("--threads", type=int, default=1, help="processor threads for those that take several")


def run(options: argparse.Namespace) -> None:
    from tilelli.config import check_known
    from tilelli.engine.bench import absent, measure
    from tilelli.header import read_header

    names = [PEERS[0], *(name.strip() for name in options.against.split(",") if name.strip())]
    names = [check_known(name, PEERS, "There is no such engine") for name in dict.fromkeys(names)]
    missing = absent(names)
    prompt = (PROMPT * (options.prompt // len(PROMPT) + 1))[: max(1, options.prompt)]
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = _random(options.config, Path(folder)) if options.config else options.checkpoint
        here = [name for name in names if name not in missing]
        told = measure(here, checkpoint, prompt, options.bytes, options.rounds, max(1, options.threads))
        print("\n".join([*facts(read_header(checkpoint), options), "", *table(told)]))
    for name, reason in missing.items():
        print(f"not run: {name}, {reason}")


def facts(header: "Header", options: argparse.Namespace) -> list[str]:
    """What was measured, on what."""
    c, source = header.config, f"random weights, {options.config}" if options.config else options.checkpoint
    return [
        f"model:   {source}: {c.kind}, {header.num_parameters:,} parameters, file of {header.file_size:,} bytes",
        f"machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}; Python {sys.version.split()[0]}",
        f"run:     {options.prompt} bytes read, {options.bytes} written greedily, {options.rounds} rounds in turns, "
        f"threads {options.threads}",
    ]


def table(told: list["Measured"]) -> list[str]:
    """One line an engine: medians over the rounds, and how many times as fast the first one is."""
    lines = [f"{'engine':8}{'bytes/s':>10}{told[0].name + ' is':>12}{'first byte':>13}{'start':>9}{'memory':>11}  text"]
    for one in told:
        same = sum(a == b for a, b in zip(one.text, told[0].text, strict=True))
        said = "the same" if same == len(one.text) else f"{len(one.text) - same} of {len(one.text)} bytes differ"
        lines.append(
            f"{one.name:8}{median(one.speeds):>10,.0f}{told[0].ratio(one):>10.2f} x"
            f"{1000 * median(one.firsts):>10.1f} ms{one.loaded:>7.2f} s{one.memory / 2**20:>7.0f} MiB  {said}"
        )
    return lines


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
    path.write_bytes(pack(model, found, rounded, Packing("float32", "0" * 64), {}))
    return str(path)
