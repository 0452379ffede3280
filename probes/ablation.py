"""What hangs on each pathway: every one of them is taken out, block by block, and what that costs is measured.

The cost is the change in bits per byte on one text, with an interval from resampled pieces of it. Many cells are
looked at, so some would look striking by luck: what is called clear stands up to Holm's correction over all of them,
is not too small to matter, and comes from a model that has something to lose. A cell says what this model loses if it
must do without; had it been trained without, it might have done as well by other means.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from probes.effects import check
from probes.metrics import FEWEST, Measured, holm
from probes.names import measured
from probes.resampling import Floats, paired, too_few
from tilelli.config import ModelConfig
from tilelli.errors import InputError
from tilelli.interventions import Change, Intervention

if TYPE_CHECKING:
    from tilelli.base import ByteLM

WHOLE = "whole block"
KINDS = {"remove": "Removing {pathway} in block {block}", "force": "Using only {pathway} in block {block}"}
LEVEL = 0.05
SMALL = 0.01  # bpb: a change nearer to 0 may be real, but nothing hangs on it
GUESSING = 8.0  # bits per byte of a model that knows nothing; one that reads no better has nothing to lose
AT_ONCE = 8  # windows a forward pass: more are no faster on a CPU, and stopping waits for one pass


@dataclass(frozen=True)
class Cell:
    """One pathway of one block taken out, or left alone.

    Attributes:
        block: its number, from 1.
        pathway: its name, or `WHOLE`.
        intervention: as it is written.
        before, after: bits per byte without and with it.
        change: their difference.
        low, high: its interval; None, as `p`, on a text too short to tell.
        pieces: of the text, which are resampled.
        p: of no change.
    """

    block: int
    pathway: str
    intervention: str
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    pieces: int
    p: float | None


MEASURED = [field.name for field in fields(Cell)]


@dataclass(frozen=True, eq=False)
class AblationMap:
    """What hangs on each pathway of each block, for one text.

    Attributes:
        cells: one row a cell: `MEASURED`, then `p_holm`, which is `p` corrected for all cells of the map, and `clear`,
            whether the change is a finding. NaN where undefined.
        findings: sentences.
        kind: one of `KINDS`.
        total: cells of the whole map; if there are fewer rows it was stopped.
        size: bytes of the text.
    """

    cells: pd.DataFrame
    findings: tuple[str, ...]
    kind: str
    total: int
    size: int


def ablation_map(
    model: "ByteLM",
    text: bytes,
    kind: str = "remove",
    under: Sequence[Change] = (),
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> AblationMap:
    """The whole map, or as much of it as there was time for.

    Args:
        model: it is only read.
        text: at least one byte; longer than the context, it is read in windows.
        kind: `remove` takes each pathway out, and each whole block; `force` leaves each as the only one.
        under: interventions that hold throughout, before and after.
        progress: called with counts of cells.
        should_stop: asked after each forward pass.

    Raises:
        InputError: the text is empty, the model has no routers, or there is no such kind.
    """
    found, total = list[Cell](), len(plan(model.config, kind))
    for cell in measure(model, text, kind, under, should_stop):
        found.append(cell)
        if progress:
            progress(len(found), total)
    return gather(found, kind, total, len(text))


def plan(config: ModelConfig, kind: str = "remove") -> list[tuple[str, Intervention]]:
    """What is done in each cell, block by block: the cell's pathway and the intervention.

    Raises:
        InputError: the model has no routers, or there is no such kind.
    """
    if kind not in KINDS:
        raise InputError("There is no such map", repr(kind[:40]), f"Use {' or '.join(KINDS)}.")
    if config.kind != "routed":
        raise InputError("There is no pathway to take out", f"a {config.kind} model", "Choose a routed checkpoint.")
    cells = []
    for block in range(config.n_blocks):
        cells += [(name, Intervention(kind, (name,), (), (block, block))) for name in config.pathways]
        if kind == "remove":
            cells.append((WHOLE, Intervention("zero", blocks=(block, block))))
    return cells


def measure(
    model: "ByteLM",
    text: bytes,
    kind: str = "remove",
    under: Sequence[Change] = (),
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Cell]:
    """The cells as they are measured, all those of a block together; see `ablation_map`."""
    cells = plan(model.config, kind)
    before = reading(model, text, under, should_stop)
    for block in range(model.config.n_blocks):
        found = None if before is None else of_block(model, text, block, cells, before, under, should_stop)
        if found is None:
            return
        yield from found


def reading(
    model: "ByteLM", text: bytes, under: Sequence[Change] = (), should_stop: Callable[[], bool] | None = None
) -> Floats | None:
    """(T,) bits of each byte before anything is taken out; None if it was stopped.

    Raises:
        InputError: the text is empty, or an intervention finds nothing to change.
    """
    from tilelli.evaluation import surprises

    check(model, text, under)
    bits = surprises(model, text, 0, [()], under, AT_ONCE, should_stop)
    return None if bits is None else bits[0]


def of_block(
    model: "ByteLM",
    text: bytes,
    block: int,
    cells: Sequence[tuple[str, Intervention]],
    before: Floats,
    under: Sequence[Change] = (),
    should_stop: Callable[[], bool] | None = None,
    seed: int = 0,
) -> list[Cell] | None:
    """Those of the planned `cells` that are of a block, counted from 0; None if it was stopped."""
    from tilelli.evaluation import surprises

    own = [(pathway, change) for pathway, change in cells if change.blocks == (block, block)]
    after = surprises(model, text, block, [(change,) for _, change in own], under, AT_ONCE, should_stop)
    if after is None:
        return None
    found = list[Cell]()
    for (pathway, change), bits in zip(own, after, strict=True):
        saw, p = paired(before, bits, seed)
        means = float(before.mean()), float(bits.mean())
        assert saw.value is not None
        found.append(Cell(block + 1, pathway, str(change), *means, saw.value, saw.low, saw.high, saw.n, p))
    return found


def gather(cells: Sequence[Cell], kind: str, total: int, size: int) -> AblationMap:
    """Cells as a map; those that are not there yet count in the correction as if they had shown nothing."""
    table = pd.DataFrame([asdict(cell) for cell in cells], columns=MEASURED)
    for column in ("before", "after", "change", "low", "high", "p"):
        table[column] = table[column].astype(float)
    known = table["p"].fillna(1.0).tolist()
    table["p_holm"] = np.where(table["p"].isna(), np.nan, holm([*known, *[1.0] * (total - len(known))])[: len(known)])
    matters = (table["change"].abs() >= SMALL) & (table["before"] < GUESSING)
    table["clear"] = (table["p_holm"] < LEVEL) & matters
    return AblationMap(table, tuple(_said(table, kind, total, size)), kind, total, size)


def _said(cells: pd.DataFrame, kind: str, total: int, size: int) -> Iterator[str]:
    if len(cells) < total:
        yield f"Stopped after {len(cells)} of {total} cells."
    if not len(cells):
        return
    pieces = int(cells["pieces"].iloc[0])
    if pieces < FEWEST:
        yield f"The text is too short to tell anything from chance: {too_few(size)}."
        return
    if cells["before"].iloc[0] >= GUESSING:
        yield f"The model reads these {size} bytes no better than even guessing does (8 bpb): it has nothing to lose."
        return
    found = cells[cells["clear"]].sort_values("change", ascending=False, kind="stable")
    if not len(found):
        yield f"Nothing here can be told from 0, on these {size} bytes."
        return
    worst, best = found.iloc[0], found.iloc[-1]
    if worst["change"] > 0:
        yield f"{_name(worst, kind)} costs the most: {_change(worst)}."
        parts = found[(found["pathway"] != WHOLE) & (found["change"] > 0)]
        if worst["pathway"] == WHOLE and len(parts):
            yield f"Of single pathways, {_name(parts.iloc[0], kind).lower()} does: {_change(parts.iloc[0])}."
    if best["change"] < 0:
        yield f"{_name(best, kind)} helps, on this text: {_change(best)}."
    others = (
        "" if len(found) == len(cells) else f"; the other {len(cells) - len(found)} cannot, or are below {SMALL} bpb"
    )
    yield f"{len(found)} of {len(cells)} cells can be told from 0{others}."


def _name(row: "pd.Series[str]", kind: str) -> str:
    if row["pathway"] == WHOLE:
        return f"Removing all of block {row['block']}"
    return KINDS[kind].format(pathway=row["pathway"], block=row["block"])


def _change(row: "pd.Series[float]") -> str:
    return measured(Measured(row["change"], row["low"], row["high"], 0))
