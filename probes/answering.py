"""What a chat model does with many questions: its greedy replies, how sure it was of them, and its abstain head.

Prompts of the same length are answered side by side (`tilelli.drafts`). The replies are those of `tilelli.chat.reply`
at temperature 0 without a gate, and a test proves it. This module does not know which replies are right.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from probes.routing import normalised_entropy
from probes.store.sheet import Sheet
from tilelli.base import ByteLM
from tilelli.chat import encode
from tilelli.drafts import (
    SIDE_BY_SIDE,
    Draft,
    Read,
    alike,
    goes_on,
    greedy,
    head_logits,
    read_prompts,
    tensor,
    written,
)
from tilelli.gate import DRAFT, Gate
from tilelli.pathways import PATHWAYS
from tilelli.tokenizer import ByteTokenizer

MAX_NEW = 96  # bytes: the longest reply of the chat corpus and its space
LOOP = re.compile(r"(.{1,30}?)\1{3,}", re.DOTALL)
SHORTEST_LOOP = 24  # so that a laugh or a spelt word is none
Row = TypeVar("Row")


@dataclass(frozen=True)
class Answer:
    """What the model did with one prompt. A figure that is undefined, or was not read, is None.

    Attributes:
        reply: its own words, without the space before and the end of the line; the gate has no part in them.
        ended: whether it ended the line itself.
        abstain_p: how likely it is that the right reply is to abstain, as the gate has it (`tilelli.gate`), 0 to 1;
            None without an abstain head.
        max_softmax_mean: probability of the likeliest byte, mean over the bytes decided, the end included; 0 to 1.
        entropy_mean: entropy of the next byte in bits, mean over the same places; 0 to 8.
        max_softmax_last: probability of the likeliest byte at the end of the prompt; 0 to 1.
        logprob_mean: log2 of the probability of the byte written, mean over the bytes decided; at most 0.
        margin_mean: how much likelier than the second the likeliest byte was, mean over them; 0 to 1.
        reply_p: probability of the whole reply, its end included; 0 to 1.
        prompt_max_softmax_mean: as above, over the bytes of the prompt but the first, before each was read.
        prompt_logprob_mean: log2 of the probability of each of them, mean.
        router_conf: 1 less the normalised entropy of the router weights, mean over blocks and bytes of the prompt; 0 to
            1; None for vanilla models.
        router_entropy_var: variance over bytes of that entropy's mean over blocks; 0 to 0.25.
        abstain_head: what the abstain head alone reads at the end of the prompt, 0 to 1.
    """

    reply: str
    ended: bool
    abstain_p: float | None
    max_softmax_mean: float
    entropy_mean: float
    max_softmax_last: float | None = None
    logprob_mean: float | None = None
    margin_mean: float | None = None
    reply_p: float | None = None
    prompt_max_softmax_mean: float | None = None
    prompt_logprob_mean: float | None = None
    router_conf: float | None = None
    router_entropy_var: float | None = None
    abstain_head: float | None = None

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
    sheet: Sheet[Answer] | None = None,
) -> list[Answer]:
    """The answer to each prompt; `progress(done, total)` is called with counts of prompts.

    A prompt longer than the context is read from where `tilelli.chat` would read it. Answers on the `sheet` are not
    made again, and new ones are added to it; what is read side by side is the same with a sheet and without one, so
    that answers are the same to the last bit.
    """
    return in_batches(
        prompts, SIDE_BY_SIDE, lambda _, ids: _answers(model, tensor(model, ids), max_new), sheet, progress
    )


def in_batches(
    prompts: Sequence[str],
    most: int,
    made: Callable[[Sequence[int], Sequence[list[int]]], list[Row]],
    sheet: Sheet[Row] | None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """What is `made` of prompts, from their numbers and bytes, at most so many of equal length at a time."""
    ids = [encode(prompt) for prompt in prompts]
    sheet = sheet or Sheet()
    found = {number: sheet.known[number] for number in range(len(ids)) if number in sheet.known}
    for numbers in alike([len(row) for row in ids], most):
        if not all(number in found for number in numbers):
            new = dict(zip(numbers, made(numbers, [ids[number] for number in numbers]), strict=True))
            sheet.add(new)
            found |= new
        if progress:
            progress(len(found), len(ids))
    return [found[number] for number in range(len(ids))]


def _answers(model: ByteLM, text: Tensor, max_new: int) -> list[Answer]:
    """Answers to prompts (B, T) of equal length."""
    B = len(text)
    read = read_prompts(model, text)
    of_prompt = _of_prompt(model, text, read)
    logits, gate = head_logits(model, text, read), Gate.of(model.provenance)
    said: list[list[int]] = [[] for _ in range(B)]
    costs: list[list[float]] = [[] for _ in range(B)]  # bits of each byte of the draft
    ended, places = torch.zeros(B, dtype=torch.bool), torch.zeros(B, dtype=torch.float64)
    sums = torch.zeros(B, 4, dtype=torch.float64)
    for going, own, byte in written(model, text, read, max_new, greedy):
        two, there = own.topk(2, dim=-1).values, own.gather(-1, byte[:, None])[:, 0]
        entropy = torch.special.entr(own).sum(dim=-1) / math.log(2)
        figures = torch.stack((two[:, 0], entropy, there.clamp(min=1e-30).log2(), two[:, 0] - two[:, 1]), dim=-1)
        sums[going] += figures.double().cpu()
        places[going] += 1
        for row, bits in zip(going.tolist(), (-figures[:, 2]).tolist(), strict=True):
            costs[row].append(bits)
        collect(said, ended, going, byte)
    heads: list[float | None] = [None] * B if logits is None else [*logits]
    drafted = [Draft(bytes(said[row][:DRAFT]), tuple(costs[row][:DRAFT]), heads[row]) for row in range(B)]
    surest, entropies, logs, margins = (sums / places.clamp(min=1)[:, None]).T.tolist()
    return [
        Answer(
            reply=ByteTokenizer().decode(said[row]).strip(),
            ended=bool(ended[row]),
            abstain_p=drafted[row].abstain(gate),
            max_softmax_mean=surest[row],
            entropy_mean=entropies[row],
            max_softmax_last=of_prompt["max_softmax_last"][row],
            logprob_mean=logs[row],
            margin_mean=margins[row],
            reply_p=float(2 ** sums[row, 2]),
            prompt_max_softmax_mean=of_prompt["prompt_max_softmax_mean"][row],
            prompt_logprob_mean=of_prompt["prompt_logprob_mean"][row],
            router_conf=of_prompt["router_conf"][row],
            router_entropy_var=of_prompt["router_entropy_var"][row],
            abstain_head=None if logits is None else Gate().probability(logits[row]),
        )
        for row in range(B)
    ]


def collect(written: list[list[int]], ended: Tensor, going: Tensor, byte: Tensor) -> None:
    """Add the bytes of one step to the rows they belong to, or note their end."""
    for row, value, on in zip(going.tolist(), byte.tolist(), goes_on(byte).tolist(), strict=True):
        if on:
            written[row].append(value)
        else:
            ended[row] = True


def _of_prompt(model: ByteLM, text: Tensor, read: Read) -> dict[str, list[float] | list[None]]:
    """What reading prompts (B, T) tells, by the names of `Answer`."""
    nothing: list[None] = [None] * len(text)
    p = read.logits.softmax(dim=-1)
    surest, ids = p.amax(dim=-1), text[:, read.window :]
    logs = p[:, :-1].gather(-1, ids[:, 1:, None])[..., 0].clamp(min=1e-30).log2()
    found: dict[str, list[float] | list[None]] = {
        "max_softmax_last": surest[:, -1].tolist(),
        "prompt_max_softmax_mean": surest[:, :-1].mean(dim=-1).tolist(),
        "prompt_logprob_mean": logs.mean(dim=-1).tolist(),
        "router_conf": nothing,
        "router_entropy_var": nothing,
    }
    if read.seen.router:
        there = [number for number, name in enumerate(PATHWAYS) if name in model.config.pathways]
        weights = torch.stack(read.seen.router)[:, :, 1:, there].double().cpu().numpy()  # (L, B, T - 1, P)
        entropy = normalised_entropy(weights).mean(axis=0)  # (B, T - 1)
        found |= {"router_conf": (1 - entropy.mean(axis=1)).clip(0, 1).tolist()}
        found |= {"router_entropy_var": entropy.var(axis=1).tolist()}
    return found
