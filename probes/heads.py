"""What does each head do on average? One number a head and question, each with its interval.

How many bytes a head really uses, how far back they lie, how often it has to leave bytes out, and what it loses by
that: the share of the attention that its kept bytes would hold if it kept all. Intervals are 95 %, from `STRETCHES`
pieces of the text drawn again. Read off a trace, nothing is run again. This module knows of no screen.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.resampling import STRETCHES, Floats, means, stretches
from tilelli.errors import InputError

if TYPE_CHECKING:
    from tilelli.trace import Trace

MEASURES = ("effective_keys", "mass", "reach", "previous", "filled")


@dataclass(frozen=True, eq=False)
class Heads:
    """What each head does on average over a text; every array is (L, H), NaN where no byte was asked.

    Attributes:
        places: K, how many keys a query may keep.
        top_k: how many keys `mass` is about: K in a routed model, which has no others; fewer in a vanilla one.
        effective_keys: how many keys a query really uses: exp of the entropy of its weights, 1 to K; mean over queries.
        mass: share of dense attention, 0 to 1, on the `top_k` heaviest keys; mean over the queries that have more.
        reach: distance to the keys in bytes, weighted by attention; mean over queries.
        previous: attention on the byte just before, 0 to 1; mean over the queries that have one.
        filled: share of queries whose K places are all filled. Follows from K and the length of the text alone.
        low, high: (L, H) each, the intervals of the measures but `filled`, by their names.
    """

    places: int
    top_k: int
    effective_keys: Floats
    mass: Floats
    reach: Floats
    previous: Floats
    filled: Floats
    low: dict[str, Floats]
    high: dict[str, Floats]

    def table(self) -> pd.DataFrame:
        """One row a head, `block` and `head` counted from 1 as on screen; a measure's interval beside it."""
        block, head = np.indices(self.filled.shape)
        columns: dict[str, NDArray[Any]] = {"block": block.ravel() + 1, "head": head.ravel() + 1}
        for name in MEASURES:
            columns[name] = getattr(self, name).ravel()
            if name in self.low:
                columns |= {f"{name}_low": self.low[name].ravel(), f"{name}_high": self.high[name].ravel()}
        return pd.DataFrame(columns)


def heads(trace: "Trace", top_k: int | None = None) -> Heads:
    """What each head does, on average over all bytes of all texts of a trace.

    Args:
        trace: of a model that attends.
        top_k: for a vanilla model, how many keys its routed twin would keep; None for as many as there are.

    Raises:
        InputError: the model does not attend, or `top_k` is below 1.
    """
    check_attention(trace)
    if top_k is not None and top_k < 1:
        raise InputError("A head keeps at least one byte", f"top_k {top_k}", "Use 1 or more.")
    keys, weights = trace.kept_keys.numpy(), trace.kept_weights.numpy()  # (L, B, H, T, K)
    L, B, H, T, K = weights.shape
    most = K if top_k is None else min(top_k, K)
    found = [_block(keys[block], weights[block], _mass(trace, block, most)) for block in range(L)]
    every = np.stack(found, axis=1)  # (measures, L, B, H, T)
    rows = every.transpose(2, 4, 0, 1, 3).reshape(B * T, -1)
    group = (STRETCHES * np.arange(B)[:, None] + stretches(T)).ravel()
    mean = means(rows, group)
    value, low, high = (
        dict(zip(MEASURES, part.reshape(-1, L, H), strict=False)) for part in (mean.value, mean.low, mean.high)
    )
    filled = (weights[..., -1] > 0).mean(axis=(1, 3), dtype=np.float64)  # heaviest first: the last place is filled last
    return Heads(places=K, top_k=most, filled=filled, low=low, high=high, **value)


def check_attention(trace: "Trace") -> None:
    """Raise InputError if the model of a trace has nothing that attends."""
    if not (trace.kept_weights[..., 0] > 0).any():
        raise InputError("There is no attention to look at", "no sparse pathway", "Choose a checkpoint that has one.")


def _block(keys: NDArray[np.int64], weights: NDArray[np.float32], mass: NDArray[Any]) -> Floats:
    """(4, B, H, T): the measures of every query of one block, in their order, NaN where they make no sense."""
    query = np.arange(keys.shape[2])[:, None]
    entropy = -(weights * np.log(weights, where=weights > 0, out=np.zeros_like(weights))).sum(axis=-1)
    before = np.where(keys == query - 1, weights, 0).sum(axis=-1)
    previous = np.where(query[:, 0] > 0, before, np.nan)  # the first byte has none before it
    return np.stack((np.exp(entropy), mass, (weights * (query - keys)).sum(axis=-1), previous)).astype(np.float64)


def _mass(trace: "Trace", block: int, most: int) -> NDArray[Any]:
    """(B, H, T): what the `most` heaviest keys hold of dense attention; NaN for queries that have no more."""
    kept = trace.kept_weights[block].numpy()[..., :most].sum(axis=-1)
    if trace.kept_mass is not None:
        kept = kept * trace.kept_mass[block].numpy()
    return np.where(np.arange(kept.shape[-1]) >= most, kept, np.nan)
