"""Forced choices: which of the options that a question names does a model hold likelier, and how much?

Nothing is written. Each option is scored as the whole of the first words of a reply: the probability of its bytes, as
the question has it or with a capital, and then of a byte that ends the word, so that "Niger" gains nothing from
"Nigeria". The scores of the options of one question are made to add up to 1. This module does not know which is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from torch import Tensor

from probes.answering import in_batches
from probes.banks import Question
from probes.store.sheet import Sheet
from tilelli.base import ByteLM
from tilelli.drafts import tensor
from tilelli.errors import InputError
from tilelli.tokenizer import ByteTokenizer

SIDE_BY_SIDE = 32  # questions
ENDS = [byte for byte in range(0x80) if not chr(byte).isalnum()]  # bytes that end a word


@dataclass(frozen=True)
class Chosen:
    """The probability of each option among the options, in their order; they add up to 1."""

    p: tuple[float, ...]

    @property
    def option(self) -> int:
        """Number of the likeliest option, the first of equals."""
        return self.p.index(max(self.p))


@torch.no_grad()
def choose(
    model: ByteLM,
    rows: Sequence[Question],
    sheet: Sheet[Chosen] | None = None,
) -> list[Chosen]:
    """What the model holds likely of the options of each question, all of which have some.

    Of a prompt that leaves no room in the context the end is read. The sheet as in `probes.answering.answer`.

    Raises:
        InputError: a question has no options.
    """
    if not all(row.options for row in rows):
        raise InputError("There is no choice", "a question without options", "Choose a bank of forced choices.")

    def made(numbers: Sequence[int], ids: Sequence[list[int]]) -> list[Chosen]:
        return _chosen(model, [rows[number].options for number in numbers], tensor(model, ids))

    return in_batches([row.prompt for row in rows], SIDE_BY_SIDE, made, sheet)


def clusters(rows: Sequence[Question]) -> NDArray[np.int64]:
    """(n,): which rows hang together: those of one relation with the same options, in whatever order."""
    keys = [(row.kind.split("|")[0], *sorted(row.options)) for row in rows]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)


def forms(option: str) -> tuple[str, ...]:
    """How an option may stand at the beginning of a reply."""
    return tuple(dict.fromkeys((option, option[:1].upper() + option[1:])))


def _chosen(model: ByteLM, options: Sequence[tuple[str, ...]], prompts: Tensor) -> list[Chosen]:
    """Of B questions, from their options and prompts (B, T)."""
    said = [(row, form) for row, own in enumerate(options) for option in own for form in forms(option)]
    scores, found = iter(_scores(model, prompts, said)), []
    for own in options:
        each = [float(logsumexp([next(scores) for _ in forms(option)])) for option in own]
        found.append(Chosen(tuple(np.exp(log_softmax(each)).tolist())))
    return found


def _scores(model: ByteLM, prompts: Tensor, said: Sequence[tuple[int, str]]) -> list[float]:
    """Log probability, in nats, of texts as whole words, each after the prompt of a number; prompts are read once."""
    texts = [ByteTokenizer().encode(text) for _, text in said]
    longest = max(map(len, texts))
    before, state = model(prompts[:, -max(1, model.config.context - longest) :])
    padded = tensor(model, [text + [0] * (longest - len(text)) for text in texts])
    number = torch.tensor([row for row, _ in said], device=padded.device)
    after, _ = model(padded, state.only(number))
    logits = torch.cat((before[number, -1:], after), dim=1)  # (texts, 1 + longest, 256)
    logs, found = logits.double().log_softmax(dim=-1).cpu(), []
    for row, own in zip(logs, texts, strict=True):
        bytes_ = row[: len(own)].gather(-1, torch.tensor(own)[:, None])
        found.append(float(bytes_.sum() + row[len(own), ENDS].logsumexp(dim=0)))
    return found
