"""Signals: one number a prompt that may tell how unsure a model is, each by another definition.

What each means, which way it points, what values it can have and whether it is a probability is declared here, once;
a value outside its range raises. All are brought to one direction where they are compared: *doubt*, higher for less
sure. A signal that a model cannot give, such as that of a router it does not have, is undefined (NaN), never a number
in the middle. This module knows nothing of regimes, nor of right and wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log2
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from probes.answering import Answer
from probes.drawing import Drawn
from tilelli.base import ByteLM
from tilelli.chat import encode
from tilelli.data.dialogues.facts import normalise
from tilelli.errors import InputError
from tilelli.tokenizer import ByteTokenizer

Floats = NDArray[np.float64]
SLACK = 1e-6  # by which sums of float32 may lie outside a range; they are cut off there
SIDE_BY_SIDE = 32
LENGTH, COMBINED, COMMITTEE, AGREEMENT = "prompt_length", "combined", "committee_disagreement", "self_agreement"


@dataclass(frozen=True)
class Signal:
    """What is known of a signal before it is measured.

    Attributes:
        says: what it is.
        surer: whether a higher value is meant to be surer.
        low, high: its range.
        probability: whether it is one, so that "80 % sure" can be right 80 % of the time.
    """

    says: str
    surer: bool
    low: float
    high: float
    probability: bool = False


SIGNALS: dict[str, Signal] = {
    "max_softmax_last": Signal("probability of the likeliest byte where the reply begins", True, 0, 1, True),
    "max_softmax_mean": Signal("the same, mean over the bytes of the reply", True, 0, 1, True),
    "entropy_mean": Signal("entropy of the next byte in bits, mean over the reply", False, 0, 8),
    "logprob_mean": Signal("log2 probability of the byte written, mean over the reply", True, -inf, 0),
    "margin_mean": Signal("likeliest less second byte, mean over the reply", True, 0, 1),
    "reply_p": Signal("probability of the whole reply", True, 0, 1, True),
    "prompt_max_softmax_mean": Signal("probability of the likeliest byte, mean over the prompt", True, 0, 1),
    "prompt_logprob_mean": Signal("log2 probability of the bytes of the prompt, mean", True, -inf, 0),
    "router_conf": Signal("1 less the normalised router entropy, mean over blocks and prompt", True, 0, 1),
    "router_entropy_var": Signal("variance of that entropy over the prompt", False, 0, 0.25),
    "abstain_p": Signal("the abstain head at the end of the prompt", False, 0, 1, True),
    AGREEMENT: Signal("share of drawn replies that say what the likeliest one says", True, 0, 1, True),
    COMMITTEE: Signal("how far several checkpoints part over the reply, in bits a byte", False, 0, 8),
    COMBINED: Signal("logistic regression on the others, learned from other rows", False, 0, 1, True),
    LENGTH: Signal("bytes of the prompt: what every other must beat", False, 0, inf),
}


def table(
    prompts: Sequence[str],
    answers: Sequence[Answer],
    drawn: Sequence[Drawn] | None = None,
    parted: Floats | None = None,
) -> pd.DataFrame:
    """One row a prompt, one column a signal but `combined`; NaN where it is undefined.

    Args:
        prompts: of n questions.
        answers: to them.
        drawn: replies to them, for `self_agreement`.
        parted: (n,) `disagreement` of a committee.
    """
    told = [name for name in SIGNALS if name in Answer.__dataclass_fields__]
    found: dict[str, Any] = {name: [getattr(answer, name) for answer in answers] for name in told}
    if drawn is not None:
        found[AGREEMENT] = [agreement(answer.reply, own) for answer, own in zip(answers, drawn, strict=True)]
    if parted is not None:
        found[COMMITTEE] = parted
    found[LENGTH] = [len(prompt.encode()) for prompt in prompts]
    empty = np.full(len(prompts), np.nan)
    columns = {name: np.array(found.get(name, empty), dtype=np.float64) for name in SIGNALS if name != COMBINED}
    return pd.DataFrame({name: check(name, values) for name, values in columns.items()})


def agreement(reply: str, drawn: Drawn) -> float:
    """Share of the drawn replies with the same words, 0 to 1; case and marks do not count."""
    return sum(normalise(each) == normalise(reply) for each in drawn.replies) / len(drawn.replies)


def check(name: str, values: Floats) -> Floats:
    """The values (n,), what float32 put just outside the range cut off at its end.

    Raises:
        InputError: one lies outside, or is infinite.
    """
    known = SIGNALS[name]
    odd = values[(values < known.low - SLACK) | (values > known.high + SLACK) | np.isinf(values)]
    if len(odd):
        seen = f"{name} is {odd[0]:g}, its range {known.low:g} to {known.high:g}"
        raise InputError("A signal lies outside its range", seen, "See what makes it.")
    return np.clip(values, known.low, known.high)


def doubt(name: str, values: Floats) -> Floats:
    """The values turned so that higher is less sure."""
    return -values if SIGNALS[name].surer else values


def confidence(name: str, values: Floats) -> Floats:
    """The values of a probability turned so that higher is surer, 0 to 1.

    Raises:
        InputError: the signal is no probability.
    """
    if not SIGNALS[name].probability:
        raise InputError("The signal is no probability", name, "Rank by it, or calibrate it first.")
    return values if SIGNALS[name].surer else 1 - values


def undefined(found: pd.DataFrame) -> list[str]:
    """Signals without a value for some row, which are left out of every comparison."""
    return [str(name) for name in found if bool(found[name].isna().any())]


def parting(p: Sequence[Floats]) -> Floats:
    """(n,) bits: how far the distributions (n, 256) of several members part, by Jensen and Shannon.

    The entropy of their mean less the mean of their entropies: 0 where all say the same, log2 of their number at most.
    """
    mean = sum(p[1:], p[0]) / len(p)
    return np.clip(entropy(mean) - sum(entropy(each) for each in p) / len(p), 0.0, log2(len(p)))


def entropy(p: Floats) -> Floats:
    """(n,) bits of distributions (n, 256)."""
    logs = np.log2(p, out=np.zeros_like(p), where=p > 0)
    return -(p * logs).sum(axis=-1)  # type: ignore[no-any-return]


@torch.no_grad()
def disagreement(members: Sequence[ByteLM], prompts: Sequence[str], answers: Sequence[Answer]) -> Floats:
    """(n,) bits a byte: `parting` of members that all read the first one's reply, mean over its bytes and its end.

    Raises:
        InputError: there are not two of them.
    """
    if len(members) < 2:
        raise InputError("Nobody to disagree with", f"{len(members)} checkpoint", "Name a second one.")
    room = min(model.config.context for model in members)
    read, places = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        reply = ByteTokenizer().encode(answer.reply)
        ids = [*encode(prompt), *reply][-room:]
        read.append(ids)
        places.append(min(len(reply) + 1, len(ids)))
    found = np.zeros(len(read))
    order = sorted(range(len(read)), key=lambda number: len(read[number]))
    for start in range(0, len(order), SIDE_BY_SIDE):
        chunk = order[start : start + SIDE_BY_SIDE]
        likely = [_likely(model, [read[number] for number in chunk]) for model in members]
        for row, number in enumerate(chunk):
            t = slice(len(read[number]) - places[number], len(read[number]))
            found[number] = parting([p[row, t] for p in likely]).mean()
    return found


def _likely(model: ByteLM, rows: Sequence[list[int]]) -> Floats:
    """(B, T, 256): what comes after each byte; shorter rows are padded behind, where nothing that counts can see it."""
    text = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
    for number, row in enumerate(rows):
        text[number, : len(row)] = torch.tensor(row)
    logits, _ = model(text.to(model.device))
    likely: Floats = logits.double().softmax(dim=-1).cpu().numpy()
    return likely


def columns_of(found: pd.DataFrame) -> dict[str, Floats]:
    """Signals that are defined for every row, by name, as they are."""
    gone = undefined(found)
    return {str(name): found[name].to_numpy(dtype=np.float64) for name in found if name not in gone}
