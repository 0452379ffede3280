"""Replies drawn from what a chat model holds likely, several to a prompt: do they agree with one another?

Each reply has randomness of its own, from the seed and the number of its prompt, so that it is the same whatever is
read beside it. Everything else is as in `answering`, which takes the likeliest byte and draws nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from probes.answering import MAX_NEW, collect, in_batches
from probes.store.sheet import Sheet
from tilelli.base import ByteLM
from tilelli.drafts import SIDE_BY_SIDE, read_prompts, tensor, written
from tilelli.errors import InputError
from tilelli.tokenizer import ByteTokenizer


@dataclass(frozen=True)
class Drawn:
    """Replies to one prompt that were drawn from what the model holds likely."""

    replies: tuple[str, ...]


@torch.no_grad()
def draw(
    model: ByteLM,
    prompts: Sequence[str],
    count: int,
    temperature: float = 1.0,
    seed: int = 0,
    max_new: int = MAX_NEW,
    sheet: Sheet[Drawn] | None = None,
) -> list[Drawn]:
    """`count` replies to each prompt, drawn at a temperature above 0; everything else as in `answer`.

    Raises:
        InputError: there is nothing to draw, or the temperature is not above 0.
    """
    if count < 1 or not temperature > 0:
        seen = f"{count} replies at temperature {temperature:g}"
        raise InputError("Nothing can be drawn", seen, "Use 1 or more, and a temperature above 0.")

    def made(numbers: Sequence[int], ids: Sequence[list[int]]) -> list[Drawn]:
        uniform = np.concatenate([np.random.default_rng([seed, number]).random((count, max_new)) for number in numbers])
        text = tensor(model, ids).repeat_interleave(count, dim=0)
        said = _drawn(model, text, max_new, temperature, torch.from_numpy(uniform))
        return [Drawn(tuple(said[row : row + count])) for row in range(0, len(said), count)]

    return in_batches(prompts, max(1, SIDE_BY_SIDE // count), made, sheet)


def _drawn(model: ByteLM, text: Tensor, max_new: int, temperature: float, uniform: Tensor) -> list[str]:
    """One reply to each of the prompts (B, T), from numbers (B, max_new), uniform from 0 to 1."""

    def choose(logits: Tensor, going: Tensor, step: int) -> Tensor:
        below = (logits.double().cpu() / temperature).softmax(dim=-1).cumsum(dim=-1)
        place = torch.searchsorted(below, uniform[going, step, None] * below[:, -1:], right=True)[:, 0]
        return place.clamp(max=below.shape[1] - 1).to(logits.device)

    said: list[list[int]] = [[] for _ in range(len(text))]
    ended = torch.zeros(len(text), dtype=torch.bool)
    for going, _, byte in written(model, text, read_prompts(model, text), max_new, choose):
        collect(said, ended, going, byte)
    return [ByteTokenizer().decode(row).strip() for row in said]
