"""How much of each pathway a text gets: what the router of every block decided, byte by byte and on average.

A router gives each byte one weight a pathway; the weights add up to one. Their mean over bytes is the pathway's share
of the mix, their entropy says whether the router chose or spread. A weight says how loud a pathway is turned up, not
how much it had to say. This module knows a finished trace; it runs no model and draws nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from probes.resampling import average, means, pieces
from tilelli.errors import InputError

if TYPE_CHECKING:
    from tilelli.trace import Trace

Array = npt.NDArray[np.float64]

DEAD, COLLAPSED = 0.02, 0.95  # mean shares below and above which a pathway is called out
ALL = "all blocks"
BINS, RUN = 8, 4  # stretches of the context; and bytes of a run, the piece that is drawn for their intervals
CLASSES = ("letter", "space", "digit", "punctuation", "newline", "UTF-8 lead", "UTF-8 continuation", "control")


class Mix(NamedTuple):
    """What one block did, or all of them on average: `weights` (T, P), `entropy` (T,) and `effective` (T,)."""

    weights: Array
    entropy: Array
    effective: Array


@dataclass(frozen=True, eq=False)
class Routing:
    """What the routers did with one text. L blocks, T bytes, P pathways.

    Attributes:
        ids: (T,) the bytes; several texts stand one after another.
        weights: (L, T, P), each row adds up to 1, unless an intervention made it something else.
        entropy: (L, T), entropy of each row over its largest value: 0 chose one pathway (or there is but one), 1 used
            all that the model has alike; NaN where an intervention has left none.
        effective: (L, T), how many pathways the byte really used: exp of the entropy in nats, 1 to as many as there
            are; NaN as above.
        blocks: one row a block: `block`, a column a pathway (mean share), mean `entropy` and mean `effective`, of the
            bytes that have one.
        classes: one row a block and byte class that occurs: `block`, `class`, `bytes`, a column a pathway. The block
            "all blocks" is the mean over them.
        findings: sentences on dead and collapsed pathways.
        pathways: names, in the order of the last axis of `weights`.
        numbers: the block number of each row of `weights`, counted from 1.
        first: position of the first byte.
    """

    ids: npt.NDArray[np.int64]
    weights: Array
    entropy: Array
    effective: Array
    blocks: pd.DataFrame
    classes: pd.DataFrame
    findings: tuple[str, ...]
    pathways: tuple[str, ...]
    numbers: tuple[int, ...]
    first: int = 0

    @property
    def rows(self) -> pd.DataFrame:
        """Every weight: one row a block and byte."""
        L, T, _ = self.weights.shape
        frame = pd.DataFrame(self.weights.reshape(L * T, -1), columns=list(self.pathways))
        frame.insert(0, "block", np.repeat(self.numbers, T))
        frame.insert(1, "position", np.tile(np.arange(self.first, self.first + T), L))
        frame.insert(2, "byte", np.tile(self.ids, L))
        return frame.assign(entropy=self.entropy.ravel(), effective=self.effective.ravel())

    def mix(self, block: str = ALL) -> Mix:
        """The weights in one block, named as in `classes`, or the means over all blocks."""
        if block == ALL:
            return Mix(self.weights.mean(axis=0), average(self.entropy, 0), average(self.effective, 0))
        row = [name_of(number) for number in self.numbers].index(block)
        return Mix(self.weights[row], self.entropy[row], self.effective[row])

    def window(self, start: int, length: int, block: int, count: int) -> "Routing":
        """Bytes from position `start` and blocks from number `block` on; averages and findings stay as they were."""
        t, b = slice(start - self.first, start - self.first + length), slice(block - 1, block - 1 + count)
        return replace(
            self,
            ids=self.ids[t],
            weights=self.weights[b, t],
            entropy=self.entropy[b, t],
            effective=self.effective[b, t],
            numbers=self.numbers[b],
            first=start,
        )


def from_trace(trace: "Trace") -> Routing:
    """What the routers did, from one forward pass.

    Raises:
        InputError: the model has no routers.
    """
    from tilelli.pathways import PATHWAYS

    if trace.router_weights is None:
        raise InputError("There is no router to look at", "the trace of a vanilla model", "Choose a routed checkpoint.")
    L, *_, P = trace.router_weights.shape
    weights = np.asarray(trace.router_weights, dtype=np.float64).reshape(L, -1, P)  # (L, B * T, P)
    return summarise(weights, np.asarray(trace.ids, dtype=np.int64).ravel(), PATHWAYS, trace.pathways)


def summarise(
    weights: Array, ids: npt.NDArray[np.int64], pathways: Sequence[str], present: Sequence[str] | None = None
) -> Routing:
    """The whole result from weights (L, T, P) and their T bytes; `present` names the pathways that the model has."""
    assert weights.shape == (len(weights), len(ids), len(pathways))
    there = [number for number, name in enumerate(pathways) if present is None or name in present]
    entropy = normalised_entropy(weights[..., there])
    effective = np.exp(entropy * np.log(len(there)))
    share = weights.mean(axis=1)  # (L, P)
    numbers = tuple(range(1, len(weights) + 1))
    blocks = pd.DataFrame(share, columns=list(pathways))
    blocks.insert(0, "block", numbers)
    blocks = blocks.assign(entropy=average(entropy, 1), effective=average(effective, 1))
    classes = share_by_class(weights, ids, pathways)
    findings = tuple(call_outs(share[:, there], [pathways[number] for number in there]))
    return Routing(ids, weights, entropy, effective, blocks, classes, findings, tuple(pathways), numbers)


def normalised_entropy(weights: Array) -> Array:
    """(..., P) -> (...): entropy over its largest value log P, from 0 (one pathway has all) to 1 (all alike).

    Weights that do not add up to 1 count by their proportions; where all are 0 there is none, but NaN. Who has one
    pathway only can but choose it: 0.
    """
    total = weights.sum(axis=-1, keepdims=True)
    shares = np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)  # 0 log 0 is 0
    entropy = -(shares * logs).sum(axis=-1) / np.log(max(weights.shape[-1], 2))
    return np.clip(entropy, 0.0, 1.0)  # type: ignore[no-any-return]


def share_by_class(weights: Array, ids: npt.NDArray[np.int64], pathways: Sequence[str]) -> pd.DataFrame:
    """Mean weights over the bytes of each class that occurs, for all blocks together and for each."""
    kinds = np.array([byte_class(int(byte)) for byte in ids])
    mixes = [(ALL, weights.mean(axis=0)), *((name_of(i), w) for i, w in enumerate(weights, start=1))]
    rows = [
        (block, kind, int((kinds == kind).sum()), *mix[kinds == kind].mean(axis=0))
        for block, mix in mixes
        for kind in CLASSES
        if (kinds == kind).any()
    ]
    return pd.DataFrame(rows, columns=["block", "class", "bytes", *pathways])


def share_by_position(result: Routing, context: int, seed: int = 0) -> pd.DataFrame:
    """Mean weights along the context, in `BINS` equal stretches as far as the text reaches.

    One row a block ("all blocks" among them) and stretch: `block`, `from`, `to` (both included), `bytes`, and for each
    pathway its share and the ends of its interval, `local`, `local low`, `local high` and so on. Runs of `RUN` bytes
    are resampled with `seed`; a stretch with fewer than five of them has no interval, but NaN.

    Raises:
        InputError: the result is of a part of a text, or of several.
    """
    L, T, P = result.weights.shape
    if result.first or context < T:
        seen = f"{T} bytes from {result.first} on, with a context of {context}"
        raise InputError("These are not the positions of one text", seen, "Trace one text, and take all of it.")
    mixes = np.concatenate((result.weights.mean(axis=0, keepdims=True), result.weights))  # (1 + L, T, P)
    flat = mixes.transpose(1, 0, 2).reshape(T, -1)
    length, rows = -(-context // BINS), []
    for start in range(0, T, length):
        part = flat[start : start + length]
        found = means(part, pieces(len(part), RUN), seed)
        shares = np.stack((found.value, found.low, found.high), axis=-1).reshape(1 + L, P * 3)
        place = (start, start + len(part) - 1, len(part))
        rows += [(block, *place, *own) for block, own in zip((ALL, *map(name_of, result.numbers)), shares, strict=True)]
    return pd.DataFrame(rows, columns=["block", "from", "to", "bytes", *with_ends(result.pathways)])


def with_ends(pathways: Sequence[str]) -> list[str]:
    """Columns of a table of shares with intervals: `local`, `local low`, `local high`, and so on."""
    return [f"{name}{end}" for name in pathways for end in ("", " low", " high")]


def call_outs(share: Array, pathways: Sequence[str]) -> list[str]:
    """Sentences on what is nearly unused or carries nearly everything, by the proportions of mean shares (L, P)."""
    said = []
    for number, weights in enumerate(share, start=1):
        if not weights.any():
            said.append(f"Block {number} adds nothing: no pathway has any weight.")
            continue
        if len(pathways) == 1:  # it cannot but carry everything
            continue
        row = weights / weights.sum()
        lead = f"In block {number} the {{}} pathway"
        if row.max() > COLLAPSED:  # the others being dead is then no news
            said.append(
                f"{lead} carries nearly everything: {{:.1%}} of the mix.".format(pathways[row.argmax()], row.max())
            )
            continue
        for name, value in zip(pathways, row, strict=True):
            if value < DEAD:
                said.append(f"{lead} is nearly unused: {{:.1%}} of the mix.".format(name, value))
    return [sentence.replace("%", " %") for sentence in said]


def byte_class(byte: int) -> str:
    """Which of `CLASSES` a byte belongs to. A tab counts as space; all bytes from C0 on count as lead bytes."""
    if byte >= 0x80:
        return "UTF-8 lead" if byte >= 0xC0 else "UTF-8 continuation"
    sign = chr(byte)
    if sign in "\r\n":
        return "newline"
    if sign in " \t":
        return "space"
    if not sign.isprintable():
        return "control"
    return "letter" if sign.isalpha() else "digit" if sign.isdigit() else "punctuation"


def name_of(block: int) -> str:
    """What a block is called on screen and in `classes`; blocks count from 1."""
    return f"block {block}"
