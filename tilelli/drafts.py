"""Replies to many prompts at once: prompts of the same length are read and answered side by side.

Each byte is a cached step from the state before it; rows that have ended leave. The window slides as in `generation`,
so a row's reply is the one that it would get alone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.data.dialogues.replies import says_unknown
from tilelli.gate import Gate
from tilelli.generation import window_start
from tilelli.interventions import Change
from tilelli.sampling import Sampling, Written
from tilelli.state import DecodeState
from tilelli.tokenizer import END_OF_DOCUMENT
from tilelli.trace import Recorder

Write = Callable[[Sequence[int], Sampling], Iterator[Written]]  # an engine: from a prompt to what follows it
SIDE_BY_SIDE = 128
END_OF_REPLY = "\n"
ENDS = (ord(END_OF_REPLY), END_OF_DOCUMENT)


class Choose(Protocol):
    """Which bytes (b,) are written next, from logits (b, 256) of the rows `going` (b,), at step number `step`."""

    def __call__(self, logits: Tensor, going: Tensor, step: int) -> Tensor: ...


class Read(NamedTuple):
    """Prompts that have been read from byte number `window` on: logits (B, T, 256), state and what was seen."""

    window: int
    logits: Tensor
    state: DecodeState
    seen: Recorder


class Draft(NamedTuple):
    """What a model would reply: its bytes without the end of the line, how many bits each byte decided cost it, the
    end included, and the logit of the abstain head at the end of the prompt, None without a head."""

    reply: bytes
    bits: tuple[float, ...]
    head: float | None

    @property
    def declines(self) -> bool:
        """Whether its words do."""
        return says_unknown(self.reply.decode("utf-8", "replace"))

    @property
    def answer_bits(self) -> tuple[float, ...]:
        """What its first sentence cost: the answer. What comes after it, if anything does, is how the answer is put."""
        end = self.reply.find(b". ")
        return self.bits if end < 0 else self.bits[: end + 2]

    def abstain(self, gate: Gate) -> float | None:
        """The abstain probability; None without a head."""
        return None if self.head is None else gate.probability(self.head, self.answer_bits, self.declines)


@torch.no_grad()
def drafts(
    model: ByteLM, prompts: Sequence[Sequence[int]], max_new: int, interventions: Sequence[Change] = ()
) -> list[Draft]:
    """The greedy reply to each prompt, at most `max_new` bytes of it, under interventions if there are any."""
    found: dict[int, Draft] = {}
    for numbers in alike([len(ids) for ids in prompts], SIDE_BY_SIDE):
        text = tensor(model, [list(prompts[number]) for number in numbers])
        said, bits = [bytearray() for _ in numbers], [list[float]() for _ in numbers]
        read = read_prompts(model, text, interventions)
        heads = head_logits(model, text, read, interventions)
        for going, own, byte in written(model, text, read, max_new, greedy, interventions):
            cost = -own.gather(-1, byte[:, None])[:, 0].clamp(min=1e-30).log2()
            for row, value, each in zip(going.tolist(), byte.tolist(), cost.tolist(), strict=True):
                bits[row].append(each)
                if value not in ENDS:
                    said[row].append(value)
        for row, number in enumerate(numbers):
            found[number] = Draft(bytes(said[row]), tuple(bits[row]), None if heads is None else heads[row])
    return [found[number] for number in range(len(prompts))]


@torch.no_grad()
def drafted(model: ByteLM, ids: Sequence[int], max_new: int, write: Write) -> Draft:
    """What `drafts` gives for one prompt, written by another engine; the head is read by `model`."""
    said, bits = bytearray(), list[float]()
    for step in write(ids, Sampling(max_new, temperature=0.0, stop_at_end=False)):
        bits.append(-math.log2(max(step.probability, 1e-30)))
        if step.byte in ENDS:
            break
        said.append(step.byte)
    text = tensor(model, [list(ids)])
    heads = head_logits(model, text, read_prompts(model, text))
    return Draft(bytes(said), tuple(bits), None if heads is None else heads[0])


def greedy(logits: Tensor, going: Tensor, step: int) -> Tensor:
    """The likeliest byte."""
    return logits.argmax(dim=-1)


def alike(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Numbers of rows in batches of equal length."""
    by_length: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        by_length.setdefault(length, []).append(number)
    return [rows[start : start + most] for _, rows in sorted(by_length.items()) for start in range(0, len(rows), most)]


def tensor(model: ByteLM, ids: Sequence[list[int]]) -> Tensor:
    """(B, T), where the model is."""
    return torch.tensor(list(ids), device=model.device)


def read_prompts(model: ByteLM, text: Tensor, interventions: Sequence[Change] = ()) -> Read:
    """Read prompts (B, T) from where `generation` would."""
    window, seen = window_start(text.shape[1], model.config.context), Recorder(attention=False)
    logits, state = model(text[:, window:], trace=seen, interventions=interventions)
    return Read(window, logits, state, seen)


def head_logits(model: ByteLM, text: Tensor, read: Read, interventions: Sequence[Change] = ()) -> list[float] | None:
    """Of the abstain head at the end of prompts (B, T) that have been read; None without a head."""
    if not model.config.abstain:
        return None
    seen = read.seen
    if read.window:  # it reads as much as the context holds, where writing leaves room
        seen = Recorder(attention=False)
        model(text[:, -model.config.context :], trace=seen, interventions=interventions)
    assert seen.abstain is not None
    return seen.abstain[:, -1].tolist()


def written(
    model: ByteLM, text: Tensor, read: Read, max_new: int, choose: Choose, interventions: Sequence[Change] = ()
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Step by step the rows that go on (b,), what they held likely (b, 256), and the byte they write (b,)."""
    going = torch.arange(len(text))  # which row of the beginning each remaining row is
    window, logits, state = read.window, read.logits[:, -1], read.state
    memory: DecodeState | None = state
    for step in range(max_new):
        byte = choose(logits, going, step)
        yield going, logits.softmax(dim=-1), byte
        on = goes_on(byte)
        text, going = torch.cat((text, byte[:, None]), dim=1)[on], going[on.cpu()]
        if not len(going) or step + 1 == max_new:
            return
        memory = memory if memory is None or bool(on.all()) else memory.only(on)
        start = window_start(text.shape[1], model.config.context)
        if start != window:
            memory, window = None, start
        new = text[:, window + (memory.position if memory else 0) :]
        all_logits, memory = model(new, memory, interventions=interventions)
        logits = all_logits[:, -1]


def goes_on(byte: Tensor) -> Tensor:
    """(b,) bool: whether each byte leaves its reply open."""
    on = torch.ones_like(byte, dtype=torch.bool)
    for end in ENDS:
        on &= byte != end
    return on
