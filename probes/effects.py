"""What an intervention does: to how well a model reads a text, to what it writes next, to what has to be computed.

Reading is measured in bits per byte, twice on the same text, with and without; the interval of the difference comes
from pieces of the text drawn again (`probes.resampling`). Writing is one continuation of the text each, with the same
seed. Compute is counted in multiply-adds of the pathways: a pathway whose router weight is exactly 0 need not be run.
Nothing is run faster by this: it counts what a decoder made for it could leave out.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.metrics import Measured
from probes.names import measured
from probes.resampling import Floats, paired, too_few
from tilelli.config import PATHWAYS, ModelConfig
from tilelli.costs import costs
from tilelli.errors import InputError
from tilelli.interventions import Change

if TYPE_CHECKING:
    from tilelli.base import ByteLM
    from tilelli.generation import Sampling

LENGTH = 64  # bytes of a continuation
Weights = NDArray[np.float32]


class Counted(NamedTuple):
    """A text that has been read, and what that takes.

    Attributes:
        bits: (T,) that each byte costs.
        needed: multiply-adds of the pathways, by part, see `costs`, that weights of 0 do not make needless.
        total: of all there are; both are empty for a model without routers.
    """

    bits: Floats
    needed: Counter[str]
    total: Counter[str]


@dataclass(frozen=True, eq=False)
class Effect:
    """What an intervention does.

    Attributes:
        bits_before, bits_after: (T,) bits that each byte of the text costs without and with it.
        change: bits per byte with it less without it, and the interval; `n` counts the pieces of the text.
        before, after: what follows the text, without and with it.
        needed, skipped: multiply-adds of the pathways over the text under the intervention, and how many of all there
            are a weight of 0 makes needless; both 0 for a model without routers.
    """

    bits_before: Floats
    bits_after: Floats
    change: Measured
    before: bytes
    after: bytes
    needed: int
    skipped: int

    @property
    def bpb(self) -> tuple[float, float]:
        """Bits per byte without and with it."""
        return float(self.bits_before.mean()), float(self.bits_after.mean())

    @property
    def differing(self) -> float | None:
        """Share of places at which the continuations differ; where one has ended, it does. None if both are empty."""
        longest = max(len(self.before), len(self.after))
        same = sum(one == other for one, other in zip(self.before, self.after, strict=False))
        return 1 - same / longest if longest else None

    @property
    def first(self) -> int | None:
        """The first place, from 0, at which the continuations differ; None if nowhere."""
        pairs = zip(self.before, self.after, strict=False)
        shorter, longer = sorted((len(self.before), len(self.after)))
        return next((n for n, (one, other) in enumerate(pairs) if one != other), shorter if shorter < longer else None)

    @property
    def share_skipped(self) -> float | None:
        """Share of the pathways' multiply-adds that need not be done; None for a model without routers."""
        total = self.needed + self.skipped
        return self.skipped / total if total else None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All figures: one row for the effect, one each for what is written without and with it."""
        (before, after), change = self.bpb, self.change
        row = {"bytes": len(self.bits_before), "bpb before": before, "bpb after": after, "change": change.value}
        row |= {"low": change.low, "high": change.high, "pieces": change.n}
        row |= {"bytes that differ": self.differing, "first": self.first, "compute skipped": self.share_skipped}
        texts = [written.decode("utf-8", "replace") for written in (self.before, self.after)]
        return {
            "effect": pd.DataFrame([row]),
            "continuation": pd.DataFrame({"intervention": ["without", "with"], "text": texts}),
        }

    @property
    def findings(self) -> list[str]:
        """What was found, in sentences."""
        return [_reading(self), _writing(self), _computing(self)]


def effect(
    model: "ByteLM",
    text: bytes,
    interventions: Sequence[Change],
    sampling: "Sampling | None" = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Effect:
    """Measure `interventions` on a text of any length.

    Args:
        model: it is only read.
        text: at least one byte; longer than the context, it is read in windows, as `tilelli.evaluation` does.
        interventions: none of them is an effect of exactly nothing.
        sampling: how the continuations are written, both with the same seed; the likeliest 64 bytes if None.
        seed: of the resampling.
        progress: called with counts of windows, in the reading without and again in that with them.

    Raises:
        InputError: the text is empty, or an intervention finds nothing to change.
    """
    from tilelli.generation import Sampling, stream

    check(model, text, interventions)
    s = sampling or Sampling(LENGTH, temperature=0.0)
    before = counted(model, text, (), progress).bits
    after, needed, total = counted(model, text, interventions, progress)
    without, with_ = (
        bytes(step.byte for step in stream(model, list(text), s, interventions=changes))
        for changes in ((), interventions)
    )
    change, work = paired(before, after, seed).change, needed.total()
    return Effect(before, after, change, without, with_, work, total.total() - work)


def check(model: "ByteLM", text: bytes, interventions: Sequence[Change]) -> None:
    """Refuse what cannot be measured, before anything is.

    Raises:
        InputError: the text is empty, or an intervention finds nothing to change.
    """
    if not text:
        raise InputError("There is nothing to measure on", "an empty text", "Give at least one byte.")
    for intervention in interventions:
        intervention.check(model.config)


def needs(config: ModelConfig, weights: Weights) -> dict[str, NDArray[np.bool_]]:
    """Which parts of `costs` are needed where, (L, T) each, from the router weights (L, T, P) of one pass.

    Keys and values are needed as long as some later byte attends; where the dense pathway reads through the local one,
    that is needed wherever dense is.
    """
    used = {name: weights[..., number] != 0 for number, name in enumerate(PATHWAYS)}
    used["remembering"] = np.logical_or.accumulate(used["sparse"][:, ::-1], axis=1)[:, ::-1]
    if config.through_local:
        used["local"] = used["local"] | used["dense"]
    return used


def counted(
    model: "ByteLM",
    text: bytes,
    interventions: Sequence[Change] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Counted:
    """Read a text under interventions; `progress` is called with counts of windows."""
    import torch

    from tilelli.evaluation import cut, read

    bits, needed, total = np.zeros(len(text)), Counter[str](), Counter[str]()
    windows, read_so_far = cut([text], model.config.context), 0
    for reading in read(model, [text], windows, interventions=interventions, watch=True):
        for row, (window, own) in enumerate(reading.scored()):
            bits[window.scored : window.end] = own
            if reading.router:
                used = torch.stack([block[row, : window.end - window.start] for block in reading.router])
                done, whole = _work(model.config, used.float().cpu().numpy(), window.scored - window.start)
                needed.update(done)
                total.update(whole)
        read_so_far += len(reading.windows)
        if progress:
            progress(read_so_far, len(windows))
    return Counted(bits, needed, total)


def _work(config: ModelConfig, weights: Weights, first: int) -> tuple[dict[str, int], dict[str, int]]:
    """Multiply-adds by part, needed and all there are, in one window, from its place `first` on."""
    used, needed, total = needs(config, weights), dict[str, int](), dict[str, int]()
    for part, cost in costs(config, np.arange(weights.shape[1], dtype=np.int64)).items():
        each = np.broadcast_to(cost, used[part].shape)[:, first:]
        needed[part], total[part] = int(each[used[part][:, first:]].sum()), int(each.sum())
    return needed, total


def _reading(found: Effect) -> str:
    (before, after), change = found.bpb, found.change
    numbers = f"{measured(change)}, from {before:.3f} to {after:.3f}"
    if not np.any(found.bits_before != found.bits_after):
        return f"Reading: nothing changes, not a single byte; {before:.3f} bpb."
    if change.low is None or change.high is None:
        return f"Reading: {numbers}; no interval, for {too_few(len(found.bits_before))}."
    if change.low <= 0 <= change.high:
        return f"Reading: no clear change, {numbers}; the interval covers 0."
    return f"Reading: it gets {'worse' if change.value and change.value > 0 else 'better'}, {numbers}."


def _writing(found: Effect) -> str:
    longest = max(len(found.before), len(found.after))
    if found.differing is None:
        return "Writing: nothing is written, with or without it."
    if found.first is None:
        return f"Writing: the next {longest} bytes are the same."
    same = f"the first {found.first} are the same" if found.first > 1 else "the first is the same"
    same = same if found.first else "from the very first on"
    return f"Writing: {100 * found.differing:.0f} % of the next {longest} bytes differ, {same}."


def _computing(found: Effect) -> str:
    share = found.share_skipped
    if share is None:
        return "Computing: there is no router whose zeros could save anything."
    return f"Computing: {100 * share:.1f} % of the pathways' multiply-adds need not be done."
