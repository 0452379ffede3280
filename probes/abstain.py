"""Does it know what it does not know? Every question of a bank is put to a chat model, and what it does is counted.

A model can abstain in two ways, and a table says which: its gate declines when the abstain head says enough, or its
words decline. The first table is answerable x {right, wrong, abstained} and unanswerable x {answered, abstained}; an
empty or looping reply is an outcome of its own. Then: does a signal stand higher where there is no answer (AUROC), and
higher than the wording alone can explain (`surface.py`)? This is about questions with and without an answer, not about
right and wrong replies.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import tilelli
from probes.answering import MAX_NEW, Answer, answer
from probes.banks import ABSTAIN_P, ADVANTAGE, HALLUCINATION, INABILITY, LOSS, RIGHT, TEXT, Bank, Question
from probes.metrics import Measured, auroc, auroc_difference, wilson
from probes.store.sheet import Sheet
from probes.surface import Floor
from probes.verdict import Verdict, judge
from tilelli.base import ByteLM
from tilelli.chat import encode, is_declined, threshold
from tilelli.checkpoint import weights_hash
from tilelli.data.dialogues.facts import normalise
from tilelli.data.dialogues.replies import is_right, says_unknown
from tilelli.data.dialogues.split import plan
from tilelli.errors import InputError
from tilelli.machine import described

GATED, WORDED, NOTHING = "abstained by the gate", "abstained in words", "empty or looping"
OUTCOMES = {
    True: ("right", "wrong", GATED, WORDED, NOTHING),
    False: ("answered", GATED, WORDED, NOTHING),
}  # by answerable
RATES = (HALLUCINATION, INABILITY, "coverage", "selective accuracy", RIGHT)
SIGNALS: dict[str, Callable[["Judged"], float | None]] = {
    "abstain_p": lambda row: row.answer.abstain_p,
    "abstain head alone": lambda row: row.answer.abstain_head,
    "declines in words": lambda row: float(declines(row.row, row.answer.reply)),
    "1 - max_softmax_mean": lambda row: 1 - row.answer.max_softmax_mean,
    "entropy_mean": lambda row: row.answer.entropy_mean,
    "prompt length": lambda row: float(len(row.row.prompt.encode())),
}  # of each, higher means more likely that there is no answer


@dataclass(frozen=True)
class Judged:
    """One question, what the model did with it, and what that counts as.

    Attributes:
        outcome: one of `OUTCOMES`.
        holds_answer: whether the reply holds an accepted answer; an unanswerable question can have one that the model
            was not taught, and may still know from elsewhere.
    """

    row: Question
    answer: Answer
    outcome: str
    holds_answer: bool


@dataclass(frozen=True)
class Part:
    """One part of a bank.

    Attributes:
        table: answerable -> outcome -> rows.
        rates: shares, by the names in `RATES`, with Wilson intervals.
        signals: AUROC of each signal of `SIGNALS`: unanswerable above answerable.
        surface: AUROC of each surface baseline on the same rows.
        advantage: AUROC of `abstain_p` minus that of the better baseline, paired; undefined where either is.
    """

    name: str
    rows: tuple[Judged, ...]
    table: dict[bool, dict[str, int]]
    rates: dict[str, Measured]
    signals: dict[str, Measured]
    surface: dict[str, Measured]
    advantage: Measured


@dataclass(frozen=True)
class AbstainResult:
    """Everything a page, a report or a file needs to say about one checkpoint and one bank."""

    checkpoint: str
    parts: tuple[Part, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    provenance: dict[str, Any]

    def figures(self) -> dict[tuple[str, str], Measured]:
        """Every figure by part and name: what rules are about, and what is averaged over checkpoints."""
        return _figures(self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, texts and numbers, for JSON."""
        summary = {
            part.name: {
                "table": {("unanswerable", "answerable")[key]: counts for key, counts in part.table.items()},
                "rates": {name: asdict(figure) for name, figure in part.rates.items()},
                "auroc": {name: asdict(figure) for name, figure in part.signals.items()},
                "surface": {name: asdict(figure) for name, figure in part.surface.items()},
                "advantage": asdict(part.advantage) | {"findable": part.advantage.findable},
            }
            for part in self.parts
        }
        verdicts = [asdict(verdict) | {"rule": str(verdict.rule)} for verdict in self.verdicts]
        return {
            "checkpoint": self.checkpoint,
            "summary": summary,
            "verdicts": verdicts,
            "notes": list(self.notes),
            "provenance": self.provenance,
            "rows": [row_of(judged) for part in self.parts for judged in part.rows],
        }


def run(
    model: ByteLM,
    name: str,
    bank: Bank,
    floor: Floor,
    gate: float | None = None,
    seed: int = 0,
    loss: Measured | None = None,
    max_new: int = MAX_NEW,
    progress: Callable[[int, int], None] | None = None,
    sheet: Sheet[Answer] | None = None,
) -> AbstainResult:
    """Put a bank to a model.

    Args:
        model: a chat model; one without an abstain head is judged by its words.
        name: what it is called.
        bank: the questions; `floor` is that of the same bank.
        gate: from which `abstain_p` on the gate declines; None takes the checkpoint's own.
        seed: of the resampling behind the intervals.
        loss: of plain text, bpb over the base's (`writing.py`); None if it was not measured.
        max_new: bytes of a reply at most.
        progress: called with counts of questions.
        sheet: answers from before, and where new ones are kept.

    Raises:
        InputError: the gate is not a probability, or the bank holds texts that ask nothing.
    """
    bank.check_asks()
    gate, origin = _gate(model, gate)
    answers = answer(model, [row.prompt for row in bank.rows], max_new, progress, sheet)
    parts = summarise(bank, answers, floor, gate, seed)
    figures = _figures(parts) | ({} if loss is None else {(TEXT, LOSS): loss})
    provenance = {
        "weights": weights_hash(model),
        "bank": {"name": bank.name, "sha256": bank.sha256, "rows": len(bank.rows), "card": bank.card},
        "threshold": gate,
        "threshold_from": origin,
        "floor": floor.how,
        "seed": seed,
        "max_new": max_new,
        "code": tilelli.__version__,
        "machine": described(),
    }
    return AbstainResult(name, parts, judge(bank.rules, figures), _notes(model, bank, answers), provenance)


def summarise(
    bank: Bank, answers: Sequence[Answer], floor: Floor, gate: float | None, seed: int = 0
) -> tuple[Part, ...]:
    """The parts of a bank, from an answer to each of its rows; `gate` is the threshold, None if there is no gate."""
    judged = [judge_row(row, said, gate) for row, said in zip(bank.rows, answers, strict=True)]
    return tuple(_part(name, numbers, judged, floor, seed) for name, numbers in bank.parts.items())


def judge_row(row: Question, answer: Answer, gate: float | None) -> Judged:
    """What a reply counts as. The gate comes first: behind it nobody sees the reply."""
    holds = is_right(answer.reply, row.answers)
    if is_declined(answer.abstain_p, gate):
        return Judged(row, answer, GATED, holds)
    if answer.is_nothing:
        return Judged(row, answer, NOTHING, holds)
    if declines(row, answer.reply):
        return Judged(row, answer, WORDED, holds)
    if not row.answerable:
        return Judged(row, answer, "answered", holds)
    return Judged(row, answer, "right" if holds else "wrong", holds)


def declines(row: Question, reply: str) -> bool:
    """Whether the words of a reply decline to answer or, asked about a claim, do not go along with it.

    A claim is gone along with by a yes, whatever follows. It is denied by a no or by words like "I don't think so",
    and a false one also by saying what is true instead.
    """
    if row.category != "premise":
        return says_unknown(reply)
    first = normalise(reply).split()[:1]
    if first == ["yes"]:
        return False
    return first == ["no"] or says_unknown(reply) or (not row.answerable and is_right(reply, row.answers))


def check_threshold(given: float | None) -> None:
    """Raises InputError if a threshold is given that is no probability."""
    if given is not None and not 0 <= given <= 1:
        raise InputError("A threshold is a probability", f"{given:g}", "Use a number from 0 to 1.")


def _gate(model: ByteLM, given: float | None) -> tuple[float | None, str]:
    """The threshold, and where it comes from."""
    check_threshold(given)
    if model.abstain is None:
        return None, "there is no abstain head, so no gate"
    if given is not None:
        return given, "given"
    figures = model.provenance.get("figures")
    own = isinstance(figures, dict) and isinstance(figures.get("threshold"), int | float)
    return threshold(model), "the checkpoint's own" if own else "the default, the checkpoint names none"


def _part(name: str, numbers: Sequence[int], everything: Sequence[Judged], floor: Floor, seed: int) -> Part:
    rows = tuple(everything[number] for number in numbers)
    label = [not judged.row.answerable for judged in rows]
    table = {
        answerable: {
            outcome: sum(judged.row.answerable == answerable and judged.outcome == outcome for judged in rows)
            for outcome in outcomes
        }
        for answerable, outcomes in OUTCOMES.items()
    }
    values = {signal: [read(judged) for judged in rows] for signal, read in SIGNALS.items()}
    signals = {signal: _auroc(score, label, seed) for signal, score in values.items()}
    scores = {baseline: score[list(numbers)] for baseline, score in floor.scores.items()}
    surface = {baseline: auroc(score, label, seed) for baseline, score in scores.items()}
    advantage = Measured(None, None, None, len(rows))
    if surface and signals["abstain_p"].value is not None:
        better = max(surface, key=lambda baseline: surface[baseline].value or 0)
        head = np.array(values["abstain_p"], dtype=np.float64)
        advantage = auroc_difference(head, scores[better], label, seed)
    return Part(name, rows, table, _rates(rows, table), signals, surface, advantage)


def _auroc(score: Sequence[float | None], label: Sequence[bool], seed: int) -> Measured:
    if None in score:
        return Measured(None, None, None, 0)
    return auroc(np.array(score, dtype=np.float64), label, seed)


def _rates(rows: Sequence[Judged], table: dict[bool, dict[str, int]]) -> dict[str, Measured]:
    yes, no = table[True], table[False]
    asked, unanswerable = sum(yes.values()), sum(no.values())
    spoken = yes["right"] + yes["wrong"] + no["answered"]
    closed = [judged for judged in rows if judged.row.answerable and judged.row.category == "facts"]
    found = (
        wilson(no["answered"], unanswerable),
        wilson(yes[GATED] + yes[WORDED], asked),
        wilson(spoken, asked + unanswerable),
        wilson(yes["right"], spoken),
        wilson(sum(judged.outcome == "right" for judged in closed), len(closed)),
    )
    return dict(zip(RATES, found, strict=True))


def _figures(parts: Sequence[Part]) -> dict[tuple[str, str], Measured]:
    found: dict[tuple[str, str], Measured] = {}
    for part in parts:
        own = part.rates | {ABSTAIN_P: part.signals["abstain_p"], ADVANTAGE: part.advantage}
        found |= {(part.name, figure): measured for figure, measured in own.items()}
    return found


def _notes(model: ByteLM, bank: Bank, answers: Sequence[Answer]) -> tuple[str, ...]:
    """What a reader must know before believing the figures."""
    said = []
    if model.abstain is None:
        said.append("The checkpoint has no abstain head: abstain_p is undefined, only its words can abstain.")
    if bank.seed is not None:
        said += _taught(model.provenance.get("tuning"), bank.seed)
    measured = model.provenance.get("held_out")
    if isinstance(measured, list) and measured and measured[-1][0] != model.provenance.get("steps"):
        seen = f"step {measured[-1][0]}, its weights are of step {model.provenance.get('steps')}"
        said.append(f"The checkpoint is of an unfinished run: its own threshold was chosen at {seen}.")
    cut = sum(len(encode(row.prompt)) > model.config.context for row in bank.rows)
    if cut:
        said.append(f"{cut} prompts are longer than its context of {model.config.context} bytes; their end was read.")
    unended = sum(not answer.ended for answer in answers)
    if unended:
        said.append(f"{unended} replies did not end by themselves and were judged as far as they went.")
    return tuple(said)


def _taught(tuning: Any, seed: int) -> Iterator[str]:
    """What to know if a model may have been taught what the dialogues of a seed keep from it."""
    told = tuning if isinstance(tuning, dict) else {}
    if (taught := told.get("data_seed")) is None:
        yield "The checkpoint does not say what it was taught: its held-out facts may not be held out."
    elif taught != seed:
        yield f"It was taught from seed {taught}, the bank is of seed {seed}: it may know held-out facts."
    elif (own := told.get("plan")) and own != (now := plan(seed).sha256):
        seen = f"by plan {str(own)[:8]}, the bank is of plan {now[:8]}"
        yield f"It was taught by an older or newer choice of facts, {seen}: it may know held-out facts."


def row_of(judged: Judged) -> dict[str, Any]:
    """One question and what became of it, as plain values; `ungated` is what the reply counts as without a gate."""
    row, answer = judged.row, judged.answer
    kept = {"part": row.part, "prompt": row.prompt, "answerable": row.answerable, "category": row.category}
    kept |= {"kind": row.kind, "split": row.split, "outcome": judged.outcome}
    kept |= {"ungated": judge_row(row, answer, None).outcome, "holds_answer": judged.holds_answer}
    return kept | asdict(answer)
