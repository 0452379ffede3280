"""Is the run well? Figures that tell before the loss does, and alarms in words.

Three things go wrong quietly in a routed ternary model: a pathway is starved until nothing flows through it, the trits
stop flipping while the latent weights drift on, and the text collapses into repetition. Each evaluation measures them;
`alarms` reads the records of a run and says what it finds. This module draws nothing.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tilelli.base import ByteLM
from tilelli.generation import Sampling, stream
from tilelli.ternary import TernaryWeight, quantize
from tilelli.tokenizer import END_OF_DOCUMENT, ByteTokenizer

SAMPLE = Sampling(max_new=160, temperature=0.8, seed=1)
DYING, COLLAPSED = 0.02, 0.95  # mean shares of a pathway in a block
FROZEN = 1e-5  # share of trits that flip in a step, below which nothing is learned any more
REPEATING = 0.25  # a sample that zlib shrinks to less than this says one thing over and over
RISING = 0.2  # bits per byte above the best


def trits(model: nn.Module) -> dict[str, Tensor]:
    """The trits of every ternary weight, as int8, by name."""
    found = {}
    for path, module in model.named_modules():
        rounding = getattr(module, "rounding", None)
        if isinstance(rounding, TernaryWeight) and rounding.ternary:
            found[path] = quantize(module.weight.detach())[0].to(torch.int8)
    return found


def compare(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, float]:
    """`zeros`, the share of trits that are 0, and `flips`, the share that changed; empty without ternary weights."""
    total = sum(t.numel() for t in after.values())
    if not total:
        return {}
    zeros = sum(int((t == 0).sum()) for t in after.values())
    flips = sum(int((t != before[name]).sum()) for name, t in after.items())
    return {"zeros": round(zeros / total, 5), "flips": round(flips / total, 7)}


def write_sample(model: ByteLM, opening: str = "") -> str:
    """What the model writes from nothing, or after an opening, always with the same seed."""
    ids = [END_OF_DOCUMENT, *ByteTokenizer().encode(opening)]  # as in training, where every text begins with the mark
    return opening + ByteTokenizer().decode([step.byte for step in stream(model, ids, SAMPLE)])


def entropy(share: Sequence[float]) -> float:
    """Of mean shares, over its largest value: 1 when all pathways are used alike, 0 when one has everything."""
    return -sum(p * math.log(p) for p in share if p > 0) / math.log(len(share))


def alarms(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a run, in sentences, from its records; empty when all is well."""
    from tilelli.pathways import PATHWAYS

    said: list[str] = []
    shares: list[list[float]] = next((r["shares"] for r in reversed(records) if r.get("shares")), [])
    for number, block in enumerate(shares, start=1):
        for name, share in zip(PATHWAYS, block, strict=False):
            if share < DYING:
                said.append(f"The {name} pathway of block {number} is dying: {100 * share:.1f} % of the mix.")
            elif share > COLLAPSED:
                said.append(f"The {name} pathway of block {number} has taken over: {100 * share:.1f} % of the mix.")
    flips = [r["flips"] for r in records if "flips" in r]
    if flips and flips[-1] < FROZEN:
        said.append(f"The trits have frozen: {flips[-1]:.1e} of them flipped in the last step measured.")
    sample = next((r["sample"] for r in reversed(records) if r.get("sample")), "")
    if len(sample) >= 80 and len(zlib.compress(sample.encode())) < REPEATING * len(sample.encode()):
        said.append("The sample has collapsed: it says the same thing over and over.")
    held_out = [r["held_out_bpb"] for r in records if "held_out_bpb" in r]
    if held_out and held_out[-1] > min(held_out) + RISING:
        said.append(f"The held-out loss is rising: {held_out[-1]:.3f} bits per byte after {min(held_out):.3f}.")
    return said
