"""What does a model make of the bytes before, how far back, and what becomes of it when they no longer fit?

Three looks. Reading: bits per byte by position in a window on text cut anywhere, and what the same bytes cost just
before a window slides, with nearly a full context, and just after, with half of one. Planted names: see
`probes.planted`; and questions of a bank behind more and more text. Writing: past the context, does it repeat itself
more than before, does it still write UTF-8, how likely does it find its own bytes? Who loops finds himself likely.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from probes import planted
from probes.abstain_probe import answers
from probes.answering import answer
from probes.banks import Bank
from probes.metrics import Measured, wilson
from probes.metrics.draws import mean
from probes.names import interval, measured, shares
from probes.result import Place, ProbeResult, provenance
from probes.sliding import READING, SLIDING, furthest, reaching, reading
from probes.stages import Bench, Continuation, Floats, Start
from probes.store.keeper import Keeper
from probes.texts import of_settings, told
from probes.verdict import Rule, Verdict, judge
from probes.wellformed import is_utf8
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus
from tilelli.data.dialogues.replies import is_right

NAME = "context"
GRAM = 8  # bytes of a piece that is a repetition
WRITING = "writing"
LOOPING = Rule(WRITING, "share repeated, before the context is full less past it", "no worse by", 0.05)
ENDS = {
    "loses": "{} suffers.",
    "tie": "{} does not suffer, to within {}.",
    "under-powered": "{} may suffer or not: the figures are too uncertain to say.",
    "undefined": "{} was not measured.",
}


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """See `probes.registry`; the bank asks questions behind growing text, those of `long` unless it is another."""
    assert bank is not None, "context asks a bank"
    corpus = of_settings(settings)
    return run(model, name, bank, corpus, settings, seed, keeper)


def run(
    model: ByteLM,
    name: str,
    bank: Bank,
    corpus: Corpus | None,
    settings: Mapping[str, Any],
    seed: int,
    keeper: Keeper,
) -> ProbeResult:
    """All three looks.

    Args:
        model: is only read.
        name: what it is called.
        bank: questions of several lengths, the length as `category`; a row that asks nothing is only read.
        corpus: plain text to read; without one the prompts of the bank are read.
        settings: those of the registry.
        seed: of the filler, of what is written and of the resampling.
        keeper: keeps rows as they are made.
    """
    kept = {**settings, "text": None, "plain": None if corpus is None else corpus.sha256}  # wherever it lies
    bench = Bench(NAME, model, bank, kept, seed, keeper)
    documents = [row.prompt.encode() for row in bank.rows] if corpus is None else corpus.documents
    read, windows = reading(bench, documents)
    read |= reaching(bench, documents, windows)
    saved = planted.gains(bench, planted.plant(settings["distances"], settings["pairs"], seed))
    asked, replies = questions(bench, bank, settings["reply"])
    wrote, texts = writing(bench)
    figures = read | planted.figures(saved, seed) | asked | wrote
    verdicts = judge((SLIDING, LOOPING), figures)
    known = provenance(weights_hash(model), bank, settings, seed)
    said = findings(figures, verdicts, model.config.context)
    return ProbeResult(
        probe=NAME,
        checkpoint=name,
        rows=windows,
        figures=figures,
        verdicts=verdicts,
        notes=_notes(model, corpus, len(windows)),
        provenance=known | {"texts": {} if corpus is None else {"plain": told(corpus)}},
        tables={"findings": pd.DataFrame({"finding": said}), "planted": planted.table(saved)}
        | {"replies": replies, "writing": texts},
    )


def questions(bench: Bench, bank: Bank, max_new: int) -> tuple[dict[Place, Measured], pd.DataFrame]:
    """How often questions are answered rightly, where prompt and reply fit into the context and where not.

    Rows that ask nothing are left out. The table has a row a question, so that it can be read by length too.
    """
    asking = [row for row in bank.rows if row.asks and row.answerable]
    own = Bank(f"{bank.name}, what can be answered", tuple(asking), bank.card)
    sheet = answers(bench.keeper, bench.model, own, max_new)
    replies = answer(bench.model, [row.prompt for row in asking], max_new, sheet=sheet)
    frame = pd.DataFrame(
        [
            {"part": row.part, "category": row.category, "bytes": len(row.prompt.encode()), "prompt": row.prompt}
            | {"reply": said.reply, "right": is_right(said.reply, row.answers)}
            for row, said in zip(asking, replies, strict=True)
        ],
        columns=["part", "category", "bytes", "prompt", "reply", "right"],
    )
    fits = frame["bytes"] + max_new <= bench.model.config.context
    frame.insert(1, "fits", fits.map({True: "fits into the context", False: "is longer than the context"}))
    found = frame.groupby(["part", "fits"])["right"]
    figures = {(f"bank, {part}", f"right, {fits}"): wilson(int(own.sum()), len(own)) for (part, fits), own in found}
    return figures, frame


def writing(bench: Bench) -> tuple[dict[Place, Measured], pd.DataFrame]:
    """Figures on texts twice as long as the context, written from nothing, and a row a text.

    The second half of the first context is held against the second half of the second; an end of the document is
    written over.
    """
    C, warmth = bench.model.config.context, bench.same["temperature"]
    starts = [Start(b"", warmth, bench.seed + number) for number in range(bench.same["written"])]
    wrote = bench.write("writing", starts, 2 * C)
    sides = {"before": slice(C // 2, C), "past": slice(3 * C // 2, 2 * C)}
    columns: dict[str, Floats] = {}
    figures: dict[Place, Measured] = {}
    for side, place in sides.items():
        pieces = [row.raw[place] for row in wrote]
        columns[f"repeated {side}"] = np.array([repeated(piece) for piece in pieces])
        columns[f"bits per byte {side}"] = np.array([np.mean(row.bits[place]) for row in wrote])
        valid = [is_utf8(_from_character(piece)) for piece in pieces]
        figures[WRITING, f"valid UTF-8, {side}"] = wilson(sum(valid), len(valid))
    figures |= {(WRITING, name): mean(own, bench.seed) for name, own in columns.items()}
    for what, name in (("repeated", LOOPING.figure), ("bits per byte", "bits per byte of its own, before less past")):
        figures[WRITING, name] = mean(columns[f"{what} before"] - columns[f"{what} past"], bench.seed)
    return figures, pd.DataFrame({"text": [_legible(row) for row in wrote], **columns})


def repeated(piece: bytes) -> float:
    """Share of the runs of `GRAM` bytes in a piece that have stood in it before; 0 if it is too short to have any."""
    runs = [piece[start : start + GRAM] for start in range(len(piece) - GRAM + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def findings(figures: Mapping[Place, Measured], verdicts: Sequence[Verdict], context: int) -> list[str]:
    """What was found, in sentences; the first is about the failure that users meet."""
    before, after = (
        figures[READING, f"bits per byte, {when}"] for when in ("before the window slides", "after it slid")
    )
    once, past = (figures[WRITING, f"repeated {side}"] for side in ("before", "past"))
    slides = (
        f"Past its {context} bytes the window slides and half of it is forgotten: the same bytes then cost "
        f"{interval(after)} bits instead of {interval(before)}. {_end(verdicts[0], 'Its reading', '0.05 bits')}"
    )
    repeats = (
        f"Of what it writes there it has written {shares(past)} just before, instead of {shares(once)} within the "
        f"context. {_end(verdicts[1], 'Its writing', '5 in 100')}"
    )
    return [slides, repeats, _names(figures), *furthest(figures)]


def _end(verdict: Verdict, what: str, margin: str) -> str:
    said = ENDS[verdict.word].format(what, margin)
    return said[0].upper() + said[1:]


def _names(figures: Mapping[Place, Measured]) -> str:
    """How far back a planted name helps."""
    lead = "bits saved, "
    saved = {name.removeprefix(lead): found for (_, name), found in figures.items() if name.startswith(lead)}
    helps = [where for where, found in saved.items() if found.low is not None and found.low > 0]
    if not helps:
        return "Having read a name does not help it to write the name again, at any distance that was tried."
    each = "; ".join(f"{measured(found, 'bits')} {where}" for where, found in saved.items() if found.value)
    unseen = [where for where, found in saved.items() if not found.value]
    last = f" {unseen[0].capitalize()} the name is out of view." if unseen else ""
    return f"Having read a name helps it to write the name again, up to {helps[-1]}. It saves {each}.{last}"


def _from_character(piece: bytes) -> bytes:
    """Without the end of a character that began before it."""
    return piece.lstrip(bytes(range(0x80, 0xC0)))


def _legible(row: Continuation) -> str:
    return row.raw.decode("utf-8", errors="replace")


def _notes(model: ByteLM, corpus: Corpus | None, windows: int) -> tuple[str, ...]:
    said = []
    if corpus is None:
        said.append("Windows were cut out of the prompts of the bank; name a text of your own with --text.")
    if not windows:
        said.append(f"No text is longer than its context of {model.config.context} bytes: reading was not measured.")
    if "tuning" not in model.provenance:
        said.append("The checkpoint was not tuned to chat: that it answers no question says nothing of its context.")
    return tuple(said)
