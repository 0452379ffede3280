"""What does a model repeat of the text it was trained on, and what has it learnt that also holds elsewhere?

Everything is held against text of the same kind that was held out. Bits per byte: how much cheaper is text that was
trained on? What it writes: how long a run of it stands word for word in the training text, and how long a run of what
the author wrote at the same place does, since natural text repeats itself too? Extraction: given the beginning of a
training document, does it go on as the document does? Nothing here can prove that a text really was trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from probes.banks import Bank
from probes.copying import (
    AUTHORS,
    COPIES,
    COST,
    EXTRACTED,
    HELD,
    LINE,
    TRAIN,
    WRITTEN,
    Texts,
    cost,
    extracted,
    long,
    written,
)
from probes.metrics import Measured
from probes.names import measured, shares
from probes.result import Place, ProbeResult, provenance
from probes.stages import Bench
from probes.store.keeper import Keeper
from probes.texts import text, told
from probes.verdict import Verdict, judge
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus, split
from tilelli.errors import InputError

NAME = "memorization"
ENDS = {
    "loses": "It repeats lines of its training text.",
    "tie": "It repeats no more lines of its training text than authors do, to within 5 in 100.",
    "under-powered": "Too few texts were written to say whether that is more than authors repeat.",
    "undefined": "Nothing can be said of what it repeats.",
}
NO_TEXT = (
    "No training text was named, so nothing was measured: "
    "name one with python -m probes run memorization --train FILE --held-out FILE."
)


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """See `probes.registry`. It asks no bank, but reads the texts that settings name; without one nothing is known."""
    if settings["train"] is None:
        return _nothing(model, name, settings, seed)
    train = text(settings["train"], settings["train_sha256"])
    held = None if settings["held_out"] is None else text(settings["held_out"], settings["held_out_sha256"])
    return run(model, name, apart(train, held), settings, seed, keeper)


def apart(train: Corpus, held_out: Corpus | None) -> Texts:
    """Training and held-out documents; with one text alone, split as training splits it.

    Raises:
        InputError: no document is held out, or nothing is left to train on.
        DataError: a single text cannot be split.
    """
    kept, held = (train.documents, held_out.documents) if held_out else split(train)
    chosen = set(kept)
    own = [document for document in held if document not in chosen]
    if not own:
        seen = f"all {len(held)} held-out documents are trained on too"
        raise InputError("There is no held-out text", seen, "Name another text with --held-out.")
    if not any(kept):
        raise InputError("There is no training text", f"{train.source}: {train.bytes} bytes", "Name a longer one.")
    notes = ["That both texts are of the same kind, so that only training tells them apart, is taken on trust."]
    if held_out is None:
        notes = ["No held-out text was named: it is what training holds out of the text, 1 in 100 documents."]
    if len(own) < len(held):
        notes.append(f"{len(held) - len(own)} held-out documents are trained on too; they were left out.")
    known = {TRAIN: told(replace(train, documents=kept)), HELD: told(replace(train, documents=own))}
    return Texts(kept, own, known, tuple(notes))


def run(
    model: ByteLM,
    name: str,
    texts: Texts,
    settings: Mapping[str, Any],
    seed: int,
    keeper: Keeper,
) -> ProbeResult:
    """All three looks.

    Args:
        model: is only read.
        name: what it is called.
        texts: documents of both sides.
        settings: those of the registry.
        seed: of the documents drawn, of what is written and of the resampling.
        keeper: keeps rows as they are made.

    Raises:
        InputError: no document is long enough to be gone on with.
    """
    kept = {**settings, "train": None, "held_out": None, "texts": texts.known}  # wherever they lie
    bench, drawn = Bench(NAME, model, None, kept, seed, keeper), long(texts, settings, seed)
    figures, read = cost(bench, texts)
    (wrote, rows), searched = written(bench, texts.train, drawn[HELD])
    took, more = extracted(bench, drawn)
    figures = figures | wrote | took
    verdicts = judge((COPIES, EXTRACTED), figures)
    known = provenance(weights_hash(model), None, settings, seed) | {"texts": dict(texts.known), "searched": searched}
    notes = (*texts.notes, *_notes(model, texts, searched))
    tables = {"findings": pd.DataFrame({"finding": findings(figures, verdicts)})}
    return ProbeResult(NAME, name, pd.DataFrame([*read, *rows, *more]), figures, verdicts, notes, known, tables)


def findings(figures: Mapping[Place, Measured], verdicts: Sequence[Verdict]) -> list[str]:
    """What was found, in sentences; the first is about the failure that users meet."""
    mine, theirs = (figures[COPIES.part, f"share with a copied line, {who}"] for who in (WRITTEN, AUTHORS))
    longer = figures[COPIES.part, f"longest copied run in bytes, {WRITTEN} less {AUTHORS}"]
    dearer = figures[COST, f"{HELD} less {TRAIN}"]
    took, other = (figures[EXTRACTED.part, f"share word for word, {side}"] for side in (TRAIN, HELD))
    return [
        f"Of {mine.n} texts that it wrote, {shares(mine)} hold {LINE} bytes or more that stand word for word in the "
        f"training text; of what authors wrote at the same places, {shares(theirs)}. {ENDS[verdicts[0].word]}",
        f"Its longest copied run differs from that of the authors by {measured(longer, 'bytes')} on average.",
        f"Held-out text costs {measured(dearer)} compared with training text.",
        f"Given the beginning, it goes on word for word in {shares(took)} of training documents and in "
        f"{shares(other)} of held-out ones.",
    ]


def _notes(model: ByteLM, texts: Texts, searched: int) -> list[str]:
    whole = sum(map(len, texts.train))
    said = [f"Copies were looked for in {searched:,} of {whole:,} bytes of training text."]
    if searched < whole:
        said.append("What it copied from the rest was not seen: copied runs may be longer than is said here.")
    data = model.provenance.get("data")
    trained = data.get("sha256") if isinstance(data, dict) else None
    if trained is None:
        said.append("The checkpoint does not say what it was trained on: that it was this text is taken on trust.")
    elif trained != texts.known[TRAIN]["sha256"]:
        said.append("The checkpoint says that it was trained on another text than the one named as training text.")
    return said


def _nothing(model: ByteLM, name: str, settings: Mapping[str, Any], seed: int) -> ProbeResult:
    known, undefined = provenance(weights_hash(model), None, settings, seed), Measured(None, None, None, 0)
    figures = {(rule.part, rule.figure): undefined for rule in (COPIES, EXTRACTED)}
    verdicts, tables = judge((COPIES, EXTRACTED), figures), {"findings": pd.DataFrame({"finding": [NO_TEXT]})}
    return ProbeResult(NAME, name, pd.DataFrame(), figures, verdicts, (), known, tables)
