"""When it says 80 %, is it right 80 % of the time? Of replies, of forced choices, and of the next byte of a text.

Only confidences that are probabilities are asked. Temperatures, and the combined signal, are learned on the
calibration rows and everything is read on the test rows; of a text the first half is for learning. Options in fours and
neighbouring bytes hang together and are drawn together. Kinds of byte are those of the byte that was predicted: sorted
by what came, even a calibrated model would look too sure where something rare came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.asking import Asked, ask
from probes.banks import CALIBRATION, Bank
from probes.choices import Chosen, choose, clusters
from probes.combined import combined
from probes.metrics import Measured, Temperature, aurocs, brier_split, ece, recalibrated, reliability, temperature
from probes.metrics.calibration import Equal
from probes.nextbyte import distributions
from probes.resampling import MOST_SEGMENTS, SEGMENT, means, pieces
from probes.result import Place, ProbeResult, provenance
from probes.routing import byte_class
from probes.signals import COMBINED, SIGNALS, Floats, columns_of, confidence
from probes.store.keeper import Keeper
from probes.store.key import Key
from probes.texts import of_settings, told
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus
from tilelli.training.pretraining import first_bytes

NAME, CHOSEN = "calibration", "chosen options"
OPTION, TOP = "option_p", "top byte"  # confidences that are no signals: of a choice, and of the next byte
EQUAL: tuple[Equal, Equal] = ("width", "mass")
FEWEST = 20  # rows of a kind, and rows to fit a temperature on
BEFORE = 24  # bytes that are shown before one that was predicted
Truth = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Stated:
    """One confidence in n answers.

    Attributes:
        part: which answers.
        signal: which confidence.
        sure: (n,) probability that the answer is right.
        right: (n,) whether it is.
        learn: (n,) rows to choose on; the others are read.
        kind: (n,) names.
        group: (n,) which rows hang together; None where each stands for itself.
        row: (n,) number of the question in the bank, or of the byte in the text; None where that is not known.
        said: (n,) what was answered, where the reply is not.
    """

    part: str
    signal: str
    sure: Floats
    right: Truth
    learn: Truth
    kind: NDArray[Any]
    group: NDArray[np.int64] | None = None
    row: NDArray[np.int64] | None = None
    said: NDArray[Any] | None = None

    def only(self, rows: Truth) -> "Stated":
        """Some of the rows."""
        arrays = [field.name for field in fields(self) if isinstance(getattr(self, field.name), np.ndarray)]
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """Put the bank to a model, and let it read the text that the settings name; see `probes.registry`."""
    corpus = of_settings(settings)
    return run(model, name, bank, corpus, settings, seed, keeper)


def run(
    model: ByteLM,
    name: str,
    bank: Bank | None,
    corpus: Corpus | None,
    settings: Mapping[str, Any],
    seed: int,
    keeper: Keeper,
) -> ProbeResult:
    """Put a bank, and a text if there is one, to a model.

    Args:
        model: a chat model; any model for a text.
        name: what it is called.
        bank: questions, forced choices among them or not.
        corpus: of which the first `bytes` of the settings are read.
        settings: those of `probes.asking.ask`, and `bytes`.
        seed: of everything drawn.
        keeper: of replies and choices.

    Raises:
        InputError: see `probes.asking.ask`.
    """
    assert bank is not None, "the calibration probe asks questions"
    asked = ask(model, bank, settings, seed, keeper)
    stated = [*_questions(asked, bank, seed), *_choices(model, bank, keeper)]
    if corpus is not None:
        stated += _bytes(model, first_bytes(corpus.documents, settings["bytes"]))
    measured, tables = measure(stated, seed)
    known = provenance(weights_hash(model), bank, settings, seed)
    known |= {} if corpus is None else {"text": told(corpus)}
    notes = (*asked.notes, *_notes(asked, stated, corpus))
    return ProbeResult(NAME, name, asked.rows.join(asked.signals), measured, (), notes, known, tables)


def measure(stated: Sequence[Stated], seed: int = 0) -> tuple[dict[Place, Measured], dict[str, pd.DataFrame]]:
    """Every figure, and tables, from confidences and what became of them; `answers` are the rows behind the others."""
    figures: dict[Place, Measured] = {}
    rows, bins, lines, answers = (list[Any]() for _ in range(4))
    for each in stated:
        read = each.only(~each.learn)
        own = {"part": each.part, "signal": each.signal}
        answers.append(_answers(read).assign(**own))
        for kind, some in {"all": read, **_kinds(read)}.items():
            found = _figures(some, seed)
            part = each.part if kind == "all" else f"{each.part}: {kind}"
            figures |= {(part, f"{name} of {each.signal}"): figure for name, figure in found.items()}
            row = own | {"kind": kind, "rows": len(some.sure)} | _flat(found) | _against(some, seed)
            if kind == "all":
                cooled, more = _cooled(each, read, seed)
                figures |= {(part, f"{name} of {each.signal}"): figure for name, figure in cooled.items()}
                split, line = _split(read, seed)
                row |= more | split
                lines.append(line.assign(**own))
                bins += [_bins(read, equal, seed).assign(**own, equal=equal) for equal in EQUAL]
            rows.append(row)
    joined = {"reliability": bins, "line": lines, "answers": answers}
    tables = {name: pd.concat(own, ignore_index=True) for name, own in joined.items() if own}
    return figures, {"measures": pd.DataFrame(rows)} | tables


def _figures(some: Stated, seed: int) -> dict[str, Measured]:
    """What is measured of confidences, each with its interval."""
    sure, right = some.sure, some.right
    group = np.arange(len(sure)) if some.group is None else some.group
    here = np.clip(np.where(right, sure, 1 - sure), np.finfo(float).eps, 1)
    values = np.stack((right.astype(float), sure, (sure - right) ** 2, -np.log(here)), axis=1)
    found = means(values, group, seed)
    ends = np.stack((found.value, found.low, found.high), axis=1)
    names = ("accuracy", "confidence", "Brier", "log loss")
    averages = {name: _measured(end, len(sure)) for name, end in zip(names, ends.tolist(), strict=True)}
    errors = {
        "ECE": ece(sure, right, seed=seed, group=some.group).figure,
        "ECE, equal mass": ece(sure, right, equal="mass", seed=seed, group=some.group).figure,
    }
    return averages | errors | {"AUROC": aurocs({"": sure}, right, seed, some.group).figures[""]}


def _against(some: Stated, seed: int) -> dict[str, float | None]:
    """What calibrated models would have shown, and how often as much as this."""
    found: dict[str, float | None] = {}
    for name, equal in zip(("ece", "ece_mass"), EQUAL, strict=True):
        null = ece(some.sure, some.right, equal=equal, seed=seed, group=some.group)
        found |= {f"{name}_expected": null.expected, f"{name}_band": null.band, f"{name}_p": null.p}
    return found


def _cooled(each: Stated, read: Stated, seed: int) -> tuple[dict[str, Measured], dict[str, float | None]]:
    """The temperature of the rows to choose on, and what it makes of those that are read."""
    known = each.only(each.learn)
    if min(int(known.right.sum()), int((~known.right).sum())) < FEWEST or not len(read.sure):
        return {}, {"temperature": None}
    after, fitted = recalibrated(temperature, calibration=(known.sure, known.right), test=(read.sure, read.right))
    null = ece(after, read.right, seed=seed, group=read.group)
    assert isinstance(fitted, Temperature)
    return {"ECE after temperature": null.figure}, {
        "temperature": fitted.temperature,
        "ece_after": null.value,
        "ece_after_low": null.low,
        "ece_after_high": null.high,
        "ece_after_p": null.p,
    }


def _split(read: Stated, seed: int) -> tuple[dict[str, float | None], pd.DataFrame]:
    """The Brier score in three and the rising line; where rows hang together neither p nor band would hold."""
    found = brier_split(read.sure, read.right, seed)
    parts = {name: getattr(found, name).value for name in ("miscalibration", "discrimination", "uncertainty")}
    alone = read.group is None
    line = pd.DataFrame({"x": found.x, "y": found.y, "low": found.low, "high": found.high})
    if not alone:
        line[["low", "high"]] = np.nan
    return parts | {"miscalibration_p": found.miscalibration.p if alone else None}, line


def _bins(read: Stated, equal: Equal, seed: int) -> pd.DataFrame:
    """The reliability diagram; where rows hang together the band of calibrated models would be too narrow."""
    table = pd.DataFrame(asdict(reliability(read.sure, read.right, equal=equal, seed=seed)))
    if read.group is not None:
        table[["accuracy_low", "accuracy_high", "band_low", "band_high"]] = np.nan
    return table


def _answers(read: Stated) -> pd.DataFrame:
    """What was read, one row an answer."""
    own = {"kind": read.kind, "confidence": read.sure, "right": read.right}
    return pd.DataFrame(own).assign(row=np.nan if read.row is None else read.row, said=read.said)


def _kinds(read: Stated) -> dict[str, Stated]:
    """Rows of each kind that has enough, if there are several."""
    names = list(dict.fromkeys(read.kind.tolist()))
    each = {name: read.only(read.kind == name) for name in names} if len(names) > 1 else {}
    return {name: some for name, some in each.items() if len(some.sure) >= FEWEST}


def _questions(asked: Asked, bank: Bank, seed: int) -> list[Stated]:
    """Confidence in the replies to each part that leaves the choice open; those that decline are left out."""
    rows, found = asked.rows, list[Stated]()
    free = np.array([not row.options for row in bank.rows]) & asked.answered.to_numpy()
    for part in dict.fromkeys(rows["part"][free]):
        where = free & (rows["part"] == part).to_numpy()
        own, right = asked.signals[where], (rows["right"][where] == 1).to_numpy()
        learn, kind = (rows["split"][where] == CALIBRATION).to_numpy(), rows["category"][where].to_numpy()
        scores = columns_of(own)
        sure = {name: confidence(name, values) for name, values in scores.items() if SIGNALS[name].probability}
        sure[COMBINED] = 1 - combined(own, ~right, learn, seed)
        for name, values in sure.items():
            if (there := ~np.isnan(values)).any():
                each = Stated(part, name, values, right, learn, kind, row=np.flatnonzero(where))
                found.append(each.only(there))
    return found


def _choices(model: ByteLM, bank: Bank, keeper: Keeper) -> list[Stated]:
    """Confidence in the option held likeliest, fours kept together."""
    rows = [row for row in bank.rows if row.options]
    if not rows:
        return []
    asked = Bank(f"{bank.name}, choices", tuple(rows), bank.card)
    made = choose(model, rows, keeper.sheet(Key.of(CHOSEN, model, asked, {}, 0), Chosen))
    right = np.array([own.option == row.right for own, row in zip(made, rows, strict=True)])
    learn = np.array([row.split == CALIBRATION for row in rows])
    kind = np.array([row.kind.split("|")[0].split(".")[0] for row in rows])
    number = np.flatnonzero([bool(row.options) for row in bank.rows])
    said = np.array([row.options[own.option] for own, row in zip(made, rows, strict=True)], dtype=object)
    sure = np.array([max(own.p) for own in made])
    return [Stated("choices", OPTION, sure, right, learn, kind, clusters(rows), number, said)]


def _bytes(model: ByteLM, documents: Sequence[bytes]) -> list[Stated]:
    """Confidence in the likeliest next byte of a text."""
    text, p = b"".join(documents), distributions(model, documents)
    came = np.frombuffer(text, dtype=np.uint8)
    T, top = len(came), p.argmax(axis=1)
    group = pieces(T, max(SEGMENT, -(-T // MOST_SEGMENTS)))
    learn = group < (group[-1] + 1) // 2
    kind = np.array([byte_class(int(byte)) for byte in top])
    said = np.array([_next(text, place, int(byte)) for place, byte in enumerate(top)], dtype=object)
    return [Stated("text", TOP, np.minimum(p.max(axis=1), 1.0), top == came, learn, kind, group, np.arange(T), said)]


def _next(text: bytes, place: int, predicted: int) -> str:
    """A byte in its place: what stands before it, what was held likeliest, and what came."""
    before = text[max(0, place - BEFORE) : place].decode(errors="replace")
    return f"{before} → {chr(predicted)!a}, came {chr(text[place])!a}"


def _measured(ends: Sequence[float], n: int) -> Measured:
    value, low, high = (None if np.isnan(end) else float(end) for end in ends)
    return Measured(value, low, high, n)


def _flat(found: Mapping[str, Measured]) -> dict[str, float | None]:
    names = {name: name.replace(", equal mass", "_mass").replace(" ", "_").lower() for name in found}
    return {
        f"{names[name]}{end}": value
        for name, figure in found.items()
        for end, value in (("", figure.value), ("_low", figure.low), ("_high", figure.high))
    }


def _notes(asked: Asked, stated: Sequence[Stated], corpus: Corpus | None) -> list[str]:
    """What a reader must know before believing the figures."""
    said = ["abstain_p is read as the probability that the reply is not right."] if "abstain_p" in asked.signals else []
    declined = int((~asked.answered).sum())
    if declined:
        said.append(f"{declined} replies decline in words: neither right nor wrong, so left out.")
    if not any(each.learn.any() for each in stated):
        said.append(
            "The bank has no rows to choose on: no temperature was fitted, the combined signal is cross-fitted."
        )
    if corpus is None:
        said.append("No text was given, so nothing is said of next bytes.")
    return said
