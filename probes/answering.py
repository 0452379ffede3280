"""What a chat model does with many questions: its greedy replies, how sure it was of them, and its abstain head.

Prompts of the same length are read and answered side by side, each byte a cached step from the state before; rows that
have ended leave. The replies are those of `tilelli.chat.reply` at temperature 0 without a gate, and a test proves it.
This module does not know which replies are right.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.chat import END_OF_REPLY, encode
from tilelli.generation import window_start
from tilelli.state import BlockState, DecodeState
from tilelli.tokenizer import END_OF_DOCUMENT, ByteTokenizer
from tilelli.trace import Recorder

MAX_NEW = 96  # bytes: the longest reply of the chat corpus and its space
SIDE_BY_SIDE = 128
LOOP = re.compile(r"(.{1,30}?)\1{3,}", re.DOTALL)
SHORTEST_LOOP = 24  # so that a laugh or a spelt word is none
ENDS = (ord(END_OF_REPLY), END_OF_DOCUMENT)


@dataclass(frozen=True)
class Answer:
    """What the model did with one prompt.

    Attributes:
        reply: its own words, without the space before and the end of the line; the gate has no part in them.
        ended: whether it ended the line itself.
        abstain_p: what the abstain head reads at the end of the prompt, 0 to 1; None without a head.
        max_softmax_mean: probability of the likeliest byte, mean over the bytes decided, the end included; 0 to 1.
        entropy_mean: entropy of the next byte in bits, mean over the same places; 0 to 8.
    """

    reply: str
    ended: bool
    abstain_p: float | None
    max_softmax_mean: float
    entropy_mean: float

    @property
    def is_nothing(self) -> bool:
        """Whether the reply says nothing: no letter and no digit, or the same piece over and over."""
        return not any(letter.isalnum() for letter in self.reply) or loops(self.reply)


def loops(text: str) -> bool:
    """Whether some piece of at most 30 characters stands at least four times in a row, 24 characters or more in all."""
    return any(len(found[0]) >= SHORTEST_LOOP for found in LOOP.finditer(text))


@torch.no_grad()
def answer(
    model: ByteLM,
    prompts: Sequence[str],
    max_new: int = MAX_NEW,
    progress: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """The answer to each prompt; `progress(done, total)` is called with counts of prompts.

    A prompt longer than the context is read from where `tilelli.chat` would read it.
    """
    ids = [encode(prompt) for prompt in prompts]
    found: dict[int, Answer] = {}
    for numbers in _alike([len(row) for row in ids]):
        text = torch.tensor([ids[number] for number in numbers], device=model.embedding.weight.device)
        found.update(zip(numbers, _answers(model, text, max_new), strict=True))
        if progress:
            progress(len(found), len(ids))
    return [found[number] for number in range(len(ids))]


def _alike(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of rows in batches of equal length."""
    by_length: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        by_length.setdefault(length, []).append(number)
    return [
        rows[start : start + SIDE_BY_SIDE]
        for _, rows in sorted(by_length.items())
        for start in range(0, len(rows), SIDE_BY_SIDE)
    ]


def _answers(model: ByteLM, text: Tensor, max_new: int) -> list[Answer]:
    """Answers to prompts (B, T) of equal length."""
    head = _abstain(model, text)
    B = len(text)
    going, state, window = torch.arange(B), None, 0  # `going`: which row of the beginning each remaining row is
    written: list[list[int]] = [[] for _ in range(B)]
    surest, entropy, places = torch.zeros(3, B, dtype=torch.float64)
    for _ in range(max_new):
        start = window_start(text.shape[1], model.config.context)
        if start != window:
            state, window = None, start
        all_logits, state = model(text[:, window + (state.position if state else 0) :], state)
        logits = all_logits[:, -1]  # (B, 256)
        own, byte = logits.softmax(dim=-1), logits.argmax(dim=-1)
        surest[going] += own.amax(dim=-1).double().cpu()
        entropy[going] += torch.special.entr(own).sum(dim=-1).double().cpu() / math.log(2)
        places[going] += 1
        on = torch.ones_like(byte, dtype=torch.bool)
        for end in ENDS:
            on &= byte != end
        text, going = torch.cat((text, byte[:, None]), dim=1)[on], going[on.cpu()]
        if not len(going):
            break
        state = state if bool(on.all()) else _rows(state, on)
        for row, value in zip(going.tolist(), text[:, -1].tolist(), strict=True):
            written[row].append(value)
    unended, places = set(going.tolist()), places.clamp(min=1)
    return [
        Answer(
            reply=ByteTokenizer().decode(written[row]).strip(),
            ended=row not in unended,
            abstain_p=None if head is None else head[row],
            max_softmax_mean=float(surest[row] / places[row]),
            entropy_mean=float(entropy[row] / places[row]),
        )
        for row in range(B)
    ]


def _abstain(model: ByteLM, text: Tensor) -> list[float] | None:
    """The abstain head at the end of prompts (B, T), as `tilelli.chat.abstain_probability` reads it."""
    if model.abstain is None:
        return None
    seen = Recorder(attention=False)
    model(text[:, -model.config.context :], trace=seen)
    assert seen.abstain is not None
    return seen.abstain[:, -1].sigmoid().tolist()


def _rows(state: DecodeState, on: Tensor) -> DecodeState:
    """The memory of some of the conversations."""
    kept = [
        BlockState(*(None if memory is None else memory[on] for memory in (block.keys, block.values, block.recent)))
        for block in state.blocks
    ]
    return DecodeState(state.position, tuple(kept))
