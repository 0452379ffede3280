"""Which pathway carries which kind of question: the prompts of a bank, read, and their router weights averaged.

A regime is a category of the bank. A few prompts of each are drawn; the mean weights of each prompt count alike, and
prompts are what is drawn again for the intervals. This module reads prompts and writes nothing: what the model would
answer is the business of `probes.abstain`.
"""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from probes.banks import Bank
from probes.resampling import means
from probes.routing import ALL, name_of, with_ends
from tilelli.base import ByteLM
from tilelli.chat import encode
from tilelli.errors import InputError
from tilelli.interventions import Change
from tilelli.pathways import PATHWAYS
from tilelli.trace import Recorder

EACH = 8  # prompts of a regime, unless said otherwise
SIDE_BY_SIDE = 32


def share_by_regime(
    model: ByteLM,
    bank: Bank,
    each: int = EACH,
    seed: int = 0,
    interventions: Sequence[Change] = (),
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Mean weights by category of a bank, for all blocks together and for each.

    Args:
        model: it is only read.
        bank: where no category is given, the part stands for it.
        each: how many prompts of each category are read, drawn with `seed`; all if there are fewer.
        seed: of the drawing, and of the resampling.
        interventions: what is done to the router weights meanwhile.
        progress: called with counts of prompts.

    Returns:
        One row a block and regime: `block`, `regime`, `prompts` (read), `of` (in the bank), and the shares with their
        intervals as in `share_by_position`; NaN for the ends where fewer than five prompts were read.

    Raises:
        InputError: the model has no routers, or no prompt is to be read.
    """
    if model.config.kind != "routed":
        raise InputError("There is no router to look at", f"a {model.config.kind} model", "Choose a routed checkpoint.")
    if each < 1:
        raise InputError("There are no prompts to read", f"{each} a regime", "Read at least one.")
    regimes = _drawn(bank, each, seed)
    numbers = [number for _, chosen in regimes.values() for number in chosen]
    mixes = dict(
        zip(numbers, _mixes(model, [bank.rows[n].prompt for n in numbers], interventions, progress), strict=True)
    )
    rows = []
    for regime, (size, chosen) in regimes.items():
        own = np.stack([mixes[number] for number in chosen])  # (prompts, L, P)
        own = np.concatenate((own.mean(axis=1, keepdims=True), own), axis=1)
        found = means(own.reshape(len(own), -1), np.arange(len(own)), seed)
        names = (ALL, *map(name_of, range(1, model.config.n_blocks + 1)))
        shares = np.stack((found.value, found.low, found.high), axis=-1).reshape(len(names), -1)
        rows += [(block, regime, len(own), size, *share) for block, share in zip(names, shares, strict=True)]
    return pd.DataFrame(rows, columns=["block", "regime", "prompts", "of", *with_ends(PATHWAYS)])


def _drawn(bank: Bank, each: int, seed: int) -> dict[str, tuple[int, list[int]]]:
    """Regime -> how many rows it has, and the numbers of those to read."""
    members: dict[str, list[int]] = {}
    for number, row in enumerate(bank.rows):
        members.setdefault(row.category or row.part, []).append(number)
    random = Random(seed)
    return {
        regime: (len(numbers), sorted(random.sample(numbers, min(each, len(numbers)))))
        for regime, numbers in sorted(members.items())
    }


@torch.no_grad()
def _mixes(
    model: ByteLM,
    prompts: Sequence[str],
    interventions: Sequence[Change],
    progress: Callable[[int, int], None] | None,
) -> list[NDArray[np.float64]]:
    """(L, P) for each prompt: its mean weights, the first byte read not counted: the one that begins a document.

    Shorter prompts are padded behind their end, where nothing that counts can see it. Of one longer than the context
    the end is read.
    """
    ids = [encode(prompt)[-model.config.context :] for prompt in prompts]
    order, found = sorted(range(len(ids)), key=lambda n: len(ids[n])), dict[int, NDArray[np.float64]]()
    for start in range(0, len(order), SIDE_BY_SIDE):
        chunk = order[start : start + SIDE_BY_SIDE]
        rows = torch.zeros(len(chunk), len(ids[chunk[-1]]), dtype=torch.int64)
        for row, number in enumerate(chunk):
            rows[row, : len(ids[number])] = torch.tensor(ids[number])
        seen = Recorder(attention=False)
        model(rows, trace=seen, interventions=interventions)
        weights = torch.stack(seen.router).double().cpu().numpy()  # (L, B, T, P)
        for row, number in enumerate(chunk):
            found[number] = weights[:, row, 1 : len(ids[number])].mean(axis=1)
        if progress:
            progress(len(found), len(ids))
    return [found[number] for number in range(len(ids))]
