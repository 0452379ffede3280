"""Three looks at what a model repeats, at training documents and at held-out ones; `probes.memorization` tells why.

cost        bits per byte on both sides
written     the longest run that what it writes shares with the training text, and that what authors wrote does
extracted   how far it goes on, word for word, as a document does whose beginning it is given
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from probes.metrics import Measured, ratio, ratio_difference, share_difference, wilson
from probes.metrics.draws import mean
from probes.overlap import Overlap, overlaps
from probes.result import Place
from probes.stages import Bench, Start, staged
from probes.texts import first_of
from probes.verdict import Rule
from tilelli.errors import InputError
from tilelli.evaluation import evaluate
from tilelli.training.pretraining import first_bytes

LINE = 50  # bytes that make a copied run a line: natural texts of a few hundred bytes seldom share as many
TRAIN, HELD, COST = "training", "held-out", "bits per byte"
WRITTEN, AUTHORS = "written", "held-out text"
COPIES = Rule("generations", f"share with a copied line, {AUTHORS} less {WRITTEN}", "no worse by", 0.05)
EXTRACTED = Rule("extraction", f"share word for word, {HELD} less {TRAIN}", "no worse by", 0.05)
Look = tuple[dict[Place, Measured], list[dict[str, Any]]]
"""Figures, and the rows behind them."""


@dataclass(frozen=True)
class Total:
    """What one document cost: `bits` for its `bytes`."""

    bits: float
    bytes: int


@dataclass(frozen=True)
class Texts:
    """What was trained on and what was not: documents, none on both sides.

    Attributes:
        known: what provenance says of both sides.
        notes: what a reader must know of them.
    """

    train: list[bytes]
    held_out: list[bytes]
    known: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def long(texts: Texts, settings: Mapping[str, Any], seed: int) -> dict[str, list[bytes]]:
    """Documents of both sides that are long enough to be begun and gone on with.

    Raises:
        InputError: one side has none.
    """
    least, found = settings["prefix"] + settings["next"], {}
    for side, documents in ((TRAIN, texts.train), (HELD, texts.held_out)):
        found[side] = first_of(documents, settings["written"], least, settings["bytes"], seed)
        if not found[side]:
            seen = f"the longest of the {side} documents has {max(map(len, documents))} bytes"
            raise InputError("The documents are too short to begin with", seen, f"Give some of {least} bytes or more.")
    return found


def cost(bench: Bench, texts: Texts) -> Look:
    """Bits per byte on both sides, of the beginnings of documents, and the difference; documents are resampled."""
    pairs, size, read = {}, bench.same["bytes"], list[dict[str, Any]]()
    for side, documents in ((TRAIN, texts.train), (HELD, texts.held_out)):
        drawn = first_of(documents, bench.same["documents"], 1, size, bench.seed)
        rows = _totals(bench, f"bits {side}", [document[:size] for document in drawn])
        pairs[side] = ([row.bits for row in rows], [row.bytes for row in rows])
        read += [
            {"part": COST, "side": side, "prefix": legible(document[: bench.same["prefix"]]), **asdict(row)}
            for document, row in zip(drawn, rows, strict=True)
        ]
    each = {(COST, side): ratio(*pair, bench.seed) for side, pair in pairs.items()}
    return each | {(COST, f"{HELD} less {TRAIN}"): ratio_difference(pairs[HELD], pairs[TRAIN], bench.seed)}, read


def written(bench: Bench, train: Sequence[bytes], documents: Sequence[bytes]) -> tuple[Look, int]:
    """What it writes after beginnings of held-out documents, against what stands there; and the bytes searched."""
    n, m = bench.same["prefix"], bench.same["max_new"]
    warmth = bench.same["temperature"]
    starts = [Start(document[:n], warmth, bench.seed + number) for number, document in enumerate(documents)]
    pairs = [
        alike(row.document, document[n:])
        for row, document in zip(bench.write("written", starts, m), documents, strict=True)
    ]
    searched = first_bytes(list(train), bench.same["index_bytes"])
    found = overlaps(searched, [*(own for own, _ in pairs), *(there for _, there in pairs)])
    mine, theirs = found[: len(pairs)], found[len(pairs) :]
    rows = [
        {"part": COPIES.part, "side": HELD, "prefix": legible(start.prompt), "written": legible(own)}
        | {"bytes": len(own), "copied": run.length, "held_out_copied": other.length}
        | {"copied_text": legible(own[run.start : run.start + run.length])}
        for start, (own, _), run, other in zip(starts, pairs, mine, theirs, strict=True)
    ]
    return (_copied(mine, theirs, bench.seed), rows), sum(map(len, searched))


def extracted(bench: Bench, long: Mapping[str, Sequence[bytes]]) -> Look:
    """How far greedy continuations of documents follow them."""
    n, m = bench.same["prefix"], bench.same["next"]
    rows, same = list[dict[str, Any]](), {}
    for side, documents in long.items():
        wrote = bench.write(f"extraction {side}", [Start(document[:n]) for document in documents], m)
        pairs = list(zip(documents, wrote, strict=True))
        same[side] = [follows(own.raw, document[n : n + m]) for document, own in pairs]
        rows += [
            {"part": EXTRACTED.part, "side": side, "prefix": legible(document[:n]), "written": legible(own.raw)}
            | {"bytes": m, "copied": length}
            for (document, own), length in zip(pairs, same[side], strict=True)
        ]
    shares = {side: wilson(sum(length == m for length in own), len(own)) for side, own in same.items()}
    figures = {
        (EXTRACTED.part, f"bytes word for word, {side}"): mean(np.array(own, dtype=np.float64), bench.seed)
        for side, own in same.items()
    }
    figures |= {(EXTRACTED.part, f"share word for word, {side}"): found for side, found in shares.items()}
    return figures | {(EXTRACTED.part, EXTRACTED.figure): share_difference(shares[HELD], shares[TRAIN])}, rows


def alike(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Both cut to the shorter: a longer text has more room for a copy."""
    n = min(len(one), len(other))
    return one[:n], other[:n]


def follows(one: bytes, truth: bytes) -> int:
    """How many bytes are right before the first that is not."""
    pairs = enumerate(zip(one, truth, strict=True))
    return next((place for place, (a, b) in pairs if a != b), len(truth))


def legible(raw: bytes) -> str:
    """Bytes as text to be read; what is no character is shown as one."""
    return raw.decode("utf-8", errors="replace")


def _totals(bench: Bench, stage: str, documents: Sequence[bytes]) -> list[Total]:
    def make(numbers: range) -> list[Total]:
        score = evaluate(bench.model, [documents[number] for number in numbers])
        return [Total(float(bits), int(size)) for bits, size in zip(score.bits, score.bytes, strict=True)]

    return staged(bench.sheet(stage, Total), len(documents), make)


def _copied(mine: Sequence[Overlap], theirs: Sequence[Overlap], seed: int) -> dict[Place, Measured]:
    """Figures on the longest runs, of what was written and of the authors, in pairs."""
    runs = {who: np.array([run.length for run in found], float) for who, found in ((WRITTEN, mine), (AUTHORS, theirs))}
    lines = {who: wilson(int((own >= LINE).sum()), len(own)) for who, own in runs.items()}
    length, line = "longest copied run in bytes", "share with a copied line"
    figures = {f"{length}, {who}": mean(own, seed) for who, own in runs.items()}
    figures[f"{length}, {WRITTEN} less {AUTHORS}"] = mean(runs[WRITTEN] - runs[AUTHORS], seed)
    figures |= {f"the longest of all, {who}": Measured(own.max(), None, None, len(own)) for who, own in runs.items()}
    figures |= {f"{line}, {who}": found for who, found in lines.items()}
    figures[COPIES.figure] = share_difference(lines[AUTHORS], lines[WRITTEN])
    return {(COPIES.part, name): figure for name, figure in figures.items()}
