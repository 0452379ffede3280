"""What does a model read out of its window: by position in it, just before it slides and just after, and how far back?

Windows are cut out of texts anywhere. The last bytes of each are read twice: with nearly a full context before them and
as if the window had just slid, with half of one. As they are the same bytes, the difference is the cost of sliding.
"""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import pandas as pd

from probes.attention import reach
from probes.metrics import Measured
from probes.metrics.draws import mean
from probes.names import interval
from probes.result import Place
from probes.stages import Bench, Floats
from probes.verdict import Rule
from tilelli.evaluation import Window
from tilelli.trace import trace

BINS, TARGET = 8, 32  # stretches of a window; bytes that are read twice
LOOKED = 12  # windows in which attention is looked at
READING, REACH = "reading", "mean reach of attention in bytes"
SLIDING = Rule(READING, "bits per byte, before the window slides less after", "no worse by", 0.05)


def reading(bench: Bench, documents: Sequence[bytes]) -> tuple[dict[Place, Measured], pd.DataFrame]:
    """Figures over windows that are cut one after the other out of documents, and a row a window.

    The last `TARGET` bytes of each, or a quarter of a short context, are read a second time, as if the window had just
    slid. Windows are resampled.
    """
    C, seed = bench.model.config.context, bench.seed
    target = max(1, min(TARGET, C // 4))
    whole = _windows(documents, C, bench.same["windows"], seed)
    slid = [Window(w.document, max(0, w.end - target - C // 2), w.end - target, w.end) for w in whole]
    full = _stack(bench.parts("windows", documents, whole), C)
    after = _stack(bench.parts("slid windows", documents, slid), target)
    rows = {f"places {bin[0]} to {bin[-1]}": full[:, bin].mean(axis=1) for bin in np.array_split(np.arange(C), BINS)}
    rows |= {"before": full[:, -target:].mean(axis=1), "after": after.mean(axis=1)}
    columns = {
        **{f"bits per byte, {part}": own for part, own in rows.items() if part.startswith("places")},
        "bits per byte, before the window slides": rows["before"],
        "bits per byte, after it slid": rows["after"],
        SLIDING.figure: rows["before"] - rows["after"],
    }
    figures = {(READING, name): mean(own, seed) for name, own in columns.items()}
    where = pd.DataFrame({"document": [w.document for w in whole], "start": [w.start for w in whole]})
    return figures, where.assign(**rows)


def reaching(bench: Bench, documents: Sequence[bytes], windows: pd.DataFrame) -> dict[Place, Measured]:
    """How far back the heads of each block look, on average: bytes, weighted by attention. Windows are resampled."""
    C, far = bench.model.config.context, list[list[float]]()
    for number, start in zip(windows["document"][:LOOKED], windows["start"][:LOOKED], strict=True):
        seen = trace(bench.model, list(documents[number][start : start + C]))
        if not (seen.kept_weights > 0).any():
            return {}
        L, _, H = seen.kept_keys.shape[:3]
        far.append([float(np.mean([reach(seen, block, head).mean for head in range(H)])) for block in range(L)])
    blocks = np.array(far).T
    return {(REACH, f"block {number}"): mean(own, bench.seed) for number, own in enumerate(blocks, start=1)}


def furthest(figures: Mapping[Place, Measured]) -> list[str]:
    """A sentence on the block that looks back furthest, if any does."""
    far = {name: found for (part, name), found in figures.items() if part == REACH and found.value is not None}
    if not far:
        return []
    name, found = max(far.items(), key=lambda item: item[1].value or 0)
    return [f"Its attention looks back furthest in {name}, {interval(found, 0)} bytes on average."]


def _windows(documents: Sequence[bytes], context: int, most: int, seed: int) -> list[Window]:
    """At most `most` whole windows that do not overlap, drawn with `seed` from all there are.

    They begin anywhere: no place in a window is that of the beginning or the end of a text more often than another.
    """
    random, every = Random(seed), list[Window]()
    for number, document in enumerate(documents):
        spare = len(document) - context
        if spare >= TARGET:
            first = random.randrange(min(spare, context))
            every += [Window(number, n, n, n + context) for n in range(first, spare + 1, context)]
    return sorted(random.sample(every, min(most, len(every))))


def _stack(rows: Sequence[Floats], width: int) -> Floats:
    """(n, width), also where there is no row."""
    return np.array(rows, dtype=np.float64).reshape(-1, width)
