"""python -m tilelli pack: a checkpoint becomes one small file, and what that took and cost is printed."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.layout import FLOATS, ternary

if TYPE_CHECKING:
    from tilelli.base import ByteLM
    from tilelli.header import Header

TEXT = "write a checkpoint as one small file: trits at 2 bits, the rest at a precision that the file states"
EXAMPLE = "tilelli/mini --out mini.packed.safetensors"
SUFFIX = ".packed.safetensors"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="bundled name, folder, file, hub name or BASE::PARTS::DONOR")
    out = f"file that is made and must not be there yet; its name ends in {SUFFIX}"
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=out)
    floats = "precision of what is not ternary; float32 is exact, int8 has a scale for each row of a matrix"
    parser.add_argument("--floats", choices=FLOATS, default="float16", help=floats)


def run(options: argparse.Namespace) -> None:
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, save_packed
    from tilelli.errors import InputError
    from tilelli.header import read_header

    out = options.out.expanduser()
    if not out.name.endswith(SUFFIX):
        raise InputError("The name does not say what the file is", str(out), f"Let it end in {SUFFIX}.")
    if out.exists():
        raise InputError("There is something of this name already", str(out), "Choose another name.")
    before, model = read_header(options.checkpoint), load(options.checkpoint, ByteLM)
    again = before.packing is not None and before.packing.floats == options.floats  # then nothing is lost, nor changed
    try:
        save_packed(model, out, options.floats, before.packing.source if before.packing and again else None)
    except OSError as error:
        seen = f"{out} ({error.strerror})"
        raise InputError("The file cannot be written", seen, "Name a place that can be written to.") from None
    print("\n".join(facts(options.checkpoint, before, model, read_header(out))))


def facts(name: str, before: "Header", model: "ByteLM", after: "Header") -> list[str]:
    """What packing did, in lines: sizes, bits a weight, what is exact, and the largest change of what is not."""
    import numpy as np

    from tilelli.packed import weights

    assert after.packing is not None
    floats, trits, total = dict(model.state_dict()), ternary(model.config), model.num_parameters()
    count = sum(floats.pop(tensor).numel() for tensor in trits)
    kept = weights(after)
    changed = max(float(np.abs(value.numpy() - kept[tensor]).max()) for tensor, value in floats.items())
    loss = f"the largest change of one is {changed:.2g}" if changed else "all exactly as they were"
    return [
        f"{after.path}: {after.file_size:,} bytes, {100 * after.file_size / before.file_size:.1f} % of "
        f"{name} ({before.file_size:,} bytes)",
        f"{total:,} parameters at {8 * after.file_size / total:.2f} bits each",
        f"trits: {count:,} in {len(trits)} tensors at 2 bits; they and the scale of each tensor are exact"
        if trits
        else "trits: none, the model has no ternary weights",
        f"floats: {total - count:,} as {after.packing.floats}; {loss}",
        f"source: weights {after.packing.source[:12]}",
    ]
