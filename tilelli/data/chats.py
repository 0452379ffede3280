"""Rows for learning to chat: dialogues of which only the last reply counts, and among them plain text, so that writing
is not forgotten.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tilelli.data.batch import Batch
from tilelli.data.dialogues.rows import Dialogue
from tilelli.data.windows import Windows
from tilelli.errors import DataError
from tilelli.tokenizer import END_OF_DOCUMENT

PAD = 16  # widths are multiples of this: kernels are kept for every shape they meet, and there should be few
POOL = 32  # batches sorted by length together, so that little is padded


class Chats:
    """Shuffled dialogues; which ones a step reads is a function of the seed and the step alone."""

    def __init__(self, dialogues: Sequence[Dialogue], context: int, batch_size: int, seed: int) -> None:
        """Take in the dialogues that fit into the context.

        Args:
            dialogues: what to learn.
            context: the longest dialogue, in bytes.
            batch_size: dialogues a step.
            seed: of the order.

        Raises:
            DataError: fewer than a batch fit.
        """
        self.rows = [row for row in dialogues if len(row.text.encode()) <= context]
        if len(self.rows) < batch_size:
            seen = f"{len(self.rows)} of {len(dialogues)} fit into {context} bytes, for batches of {batch_size}"
            raise DataError("There are too few dialogues", seen, "Make more, or use a smaller batch.")
        self.batch_size, self.seed = batch_size, seed
        self.per_epoch = len(self.rows) // batch_size
        self._lengths = np.array([len(row.text.encode()) for row in self.rows])
        self.mean_bytes = float(self._lengths.mean())
        self._epoch: tuple[int, NDArray[np.int64]] | None = None

    def batch(self, step: int) -> Batch:
        """Dialogues of this step, counted from 0, about equally long."""
        epoch, place = divmod(step, self.per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = (epoch, self._order(epoch))
        return of_dialogues([_row(self.rows[number]) for number in self._epoch[1][place]])

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """(per_epoch, batch_size) numbers of rows."""
        random = np.random.default_rng((self.seed, 2, epoch))
        order = random.permutation(len(self.rows))[: self.per_epoch * self.batch_size]
        pools = [
            pool[np.argsort(self._lengths[pool], kind="stable")] for pool in _pieces(order, POOL * self.batch_size)
        ]
        return random.permutation(np.concatenate(pools).reshape(self.per_epoch, self.batch_size))


@dataclass(frozen=True)
class Row:
    """A prompt, the reply to learn, and whether that reply abstains."""

    prompt: str
    reply: str
    abstains: bool


class Mixed:
    """Chats, and with every `share` of the steps windows of plain text in their place."""

    def __init__(self, chats: Chats, text: Windows, share: float) -> None:
        self.chats, self.text, self.share = chats, text, share

    def batch(self, step: int) -> Batch:
        before, after = math.floor(step * self.share), math.floor((step + 1) * self.share)
        return self.text.batch(before) if after > before else self.chats.batch(step - before)


def of_dialogues(rows: Sequence[Row]) -> Batch:
    """Dialogues side by side, padded at the end; only the reply counts, up to the end of its line."""
    prompts = [bytes((END_OF_DOCUMENT,)) + f"{row.prompt} ".encode() for row in rows]
    texts = [prompt + f"{row.reply}\n".encode() for prompt, row in zip(prompts, rows, strict=True)]
    width = -(-max(map(len, texts)) // PAD) * PAD
    ids = torch.zeros(len(rows), width, dtype=torch.int64)
    batch = Batch.of_text(ids)
    batch.counted.fill_(False)
    for number, (prompt, text, row) in enumerate(zip(prompts, texts, rows, strict=True)):
        ids[number, : len(text)] = torch.tensor(list(text))
        batch.counted[number, len(prompt) - 1 : len(text) - 1] = True
        batch.abstain[number, len(prompt) - 1] = float(row.abstains)
    return batch


def _row(dialogue: Dialogue) -> Row:
    return Row(dialogue.prompt, dialogue.reply, not dialogue.answerable)


def _pieces(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [order[start : start + size] for start in range(0, len(order), size)]
