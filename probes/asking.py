"""A bank put to a model, with everything that signals are made of: replies, replies drawn, a committee, right or wrong.

Answers and drawn replies are kept as they are made, each under a key of its own, so that whatever asks the same of the
same model finds them. This module measures nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from probes.abstain import NOTHING, WORDED, Judged, judge_row
from probes.abstain_probe import answers
from probes.answering import Answer, answer
from probes.banks import Bank
from probes.drawing import Drawn, draw
from probes.signals import Floats, disagreement, table
from probes.store.keeper import Keeper
from probes.store.key import Key
from tilelli.base import ByteLM
from tilelli.chat import encode
from tilelli.errors import InputError

DRAWS = "drawn replies"
NAMES = ("max_new", "samples", "temperature", "committee")  # of the settings that `ask` reads


@dataclass(frozen=True, eq=False)
class Asked:
    """What became of n questions.

    Attributes:
        rows: one a question: where it stands in the bank, the reply, its outcome as in `probes.abstain` without a gate,
            and whether it is `right`: 1, 0, or NaN where its words decline to answer.
        signals: one a question, see `probes.signals.table`.
        notes: what a reader must know.
    """

    rows: pd.DataFrame
    signals: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def answered(self) -> pd.Series:
        """(n,): whether there is an answer that can be right or wrong."""
        return self.rows["right"].notna()


def ask(
    model: ByteLM,
    bank: Bank,
    settings: Mapping[str, Any],
    seed: int,
    keeper: Keeper,
) -> Asked:
    """Put a bank to a model.

    Args:
        model: a chat model; it is only read.
        bank: questions.
        settings: `max_new` bytes of a reply at most; `samples` replies drawn at `temperature`, 0 for none; `committee`,
            other checkpoints by name with the hash of their weights.
        seed: of the drawing.
        keeper: of answers.

    Raises:
        InputError: the bank asks nothing, or a checkpoint of the committee has other weights.
    """
    bank.check_asks()
    prompts, (max_new, count, temperature, names) = [row.prompt for row in bank.rows], (settings[n] for n in NAMES)
    members = [_member(name, weights) for name, weights in names.items()]
    said = answer(model, prompts, max_new, sheet=answers(keeper, model, bank, max_new))
    drawn = None
    if count:
        known = {name: settings[name] for name in NAMES if name != "committee"}
        sheet = keeper.sheet(Key.of(DRAWS, model, bank, known, seed), Drawn)
        drawn = draw(model, prompts, count, temperature, seed, max_new, sheet)
    parted: Floats | None = disagreement([model, *members], prompts, said) if members else None
    rows = pd.DataFrame([_row(judge_row(row, own, None)) for row, own in zip(bank.rows, said, strict=True)])
    return Asked(rows, table(prompts, said, drawn, parted), _notes(model, bank, said))


def was_right(judged: Judged) -> float:
    """1 if the reply is right, 0 if it is wrong or says nothing, NaN where its words decline to answer.

    A reply to a question without an answer is right if it holds what is true all the same; for a false claim that it
    goes along with nothing helps, and to deny it with the truth is right.
    """
    if judged.outcome == NOTHING:
        return 0.0
    if judged.outcome == WORDED:
        return 1.0 if judged.holds_answer else float("nan")
    if judged.outcome == "answered":
        return float(judged.holds_answer and judged.row.category != "premise")
    return float(judged.outcome == "right")


def _row(judged: Judged) -> dict[str, Any]:
    row = judged.row
    kept = {name: getattr(row, name) for name in ("prompt", "part", "category", "kind", "split", "answerable")}
    return kept | {"reply": judged.answer.reply, "outcome": judged.outcome, "right": was_right(judged)}


def _member(name: str, weights: str) -> ByteLM:
    from tilelli.checkpoint import load, weights_hash

    model = load(name, ByteLM)
    if weights_hash(model) != weights:
        raise InputError("A checkpoint of the committee has changed", name, "Name it again to take it as it is now.")
    return model


def _notes(model: ByteLM, bank: Bank, said: list[Answer]) -> tuple[str, ...]:
    notes = []
    splice = model.provenance.get("splice")
    if isinstance(splice, dict):
        base, donor = (dict(splice.get(side) or {}).get("name", "?") for side in ("base", "donor"))
        notes.append(f"This is a splice: {splice.get('parts')} of {donor} in {base}.")
    if model.config.kind != "routed":
        notes.append("It has no routers: router_conf and router_entropy_var are undefined.")
    if model.abstain is None:
        notes.append("It has no abstain head: abstain_p is undefined.")
    cut = sum(len(encode(row.prompt)) > model.config.context for row in bank.rows)
    if cut:
        notes.append(f"{cut} prompts are longer than its context of {model.config.context} bytes; their end was read.")
    unended = np.sum([not own.ended for own in said])
    if unended:
        notes.append(f"{unended} replies did not end by themselves and were judged as far as they went.")
    return tuple(notes)
