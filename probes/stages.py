"""What diagnostic probes do over and over: read texts, write texts, and keep every batch so that a killed run goes on.

A stage is a number of rows that are made a batch at a time. Batches are the same with a store and without one, so that
rows are the same to the last bit. This module does not know what is read or written, nor what for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.banks import Bank
from probes.store.keeper import Keeper
from probes.store.key import Key
from probes.store.sheet import Sheet
from tilelli.base import ByteLM
from tilelli.engine.writing import draw
from tilelli.evaluation import Window, cut, read
from tilelli.generation import Sampling, distribution, window_start
from tilelli.tokenizer import END_OF_DOCUMENT

SIDE_BY_SIDE = 32  # texts written at once
Floats = NDArray[np.float64]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Cost:
    """What reading a text, or a part of it, cost: `bits` at each byte scored."""

    bits: list[float]


@dataclass(frozen=True)
class Start:
    """How a text begins that a model is to go on with: a prompt, a temperature (0 is greedy) and a seed."""

    prompt: bytes
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Continuation:
    """What a model wrote.

    Attributes:
        text: its bytes in hexadecimal; an end of the document among them is a byte like any other.
        bits: surprise at each of them, before temperature.
    """

    text: str
    bits: list[float]

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self.text)

    @property
    def document(self) -> bytes:
        """The bytes before the first end of a document."""
        return self.raw.split(bytes((END_OF_DOCUMENT,)), 1)[0]


@dataclass(frozen=True)
class Bench:
    """A model, and all that the stages of a probe need.

    Attributes:
        probe: its name.
        bank: the questions; None where there are none.
        same: what has to be the same for rows to be the same, beside model, bank and seed.
    """

    probe: str
    model: ByteLM
    bank: Bank | None
    same: Mapping[str, Any]
    seed: int
    keeper: Keeper

    def sheet(self, stage: str, kind: type[Row]) -> Sheet[Row]:
        """The rows of a stage, each a `kind`."""
        return self.keeper.sheet(Key.of(f"{self.probe}: {stage}", self.model, self.bank, self.same, self.seed), kind)

    def read(self, stage: str, texts: Sequence[bytes]) -> list[Floats]:
        """Bits of every byte of each text."""

        def make(numbers: range) -> list[Cost]:
            return costs(self.model, [texts[number] for number in numbers])

        rows = staged(self.sheet(stage, Cost), len(texts), make)
        return [np.array(row.bits) for row in rows]

    def parts(self, stage: str, texts: Sequence[bytes], windows: Sequence[Window]) -> list[Floats]:
        """Bits of the bytes that each window scores."""

        def make(numbers: range) -> list[Cost]:
            return parts(self.model, texts, [windows[number] for number in numbers])

        rows = staged(self.sheet(stage, Cost), len(windows), make)
        return [np.array(row.bits) for row in rows]

    def write(self, stage: str, starts: Sequence[Start], max_new: int) -> list[Continuation]:
        """What the model writes after each start."""

        def make(numbers: range) -> list[Continuation]:
            return write_on(self.model, [starts[number] for number in numbers], max_new)

        return staged(self.sheet(stage, Continuation), len(starts), make)


def staged(
    sheet: Sheet[Row],
    count: int,
    make: Callable[[range], Sequence[Row]],
    size: int = SIDE_BY_SIDE,
) -> list[Row]:
    """Rows 0 to `count` - 1: those on the sheet, and the others, made `size` at a time by `make(numbers)` and added."""
    found = {number: sheet.known[number] for number in range(count) if number in sheet.known}
    for start in range(0, count, size):
        numbers = range(start, min(start + size, count))
        if not all(number in found for number in numbers):
            made = dict(zip(numbers, make(numbers), strict=True))
            sheet.add(made)
            found |= made
    return [found[number] for number in range(count)]


def costs(model: ByteLM, texts: Sequence[bytes]) -> list[Cost]:
    """What every byte of each text costs, as `tilelli.evaluation.surprise` has it for one."""
    bits = [np.zeros(len(text)) for text in texts]
    for reading in read(model, texts, cut(texts, model.config.context)):
        for window, own in reading.scored():
            bits[window.document][window.scored : window.end] = own
    return [Cost(row.tolist()) for row in bits]


def parts(model: ByteLM, texts: Sequence[bytes], windows: Sequence[Window]) -> list[Cost]:
    """What the bytes that each window scores cost, in the order of the windows."""
    order = sorted(range(len(windows)), key=lambda number: windows[number].end - windows[number].start)
    readings = read(model, texts, [windows[number] for number in order])
    scored = chain.from_iterable(reading.scored() for reading in readings)
    found = {number: Cost(bits.tolist()) for number, (_, bits) in zip(order, scored, strict=True)}
    return [found[number] for number in range(len(windows))]


def write_on(model: ByteLM, starts: Sequence[Start], max_new: int) -> list[Continuation]:
    """`max_new` bytes after each start; those of the same length are written side by side.

    Up to an end of the document they are those of `tilelli.generation.stream`, and a test proves it.
    """
    found: dict[int, Continuation] = {}
    for numbers in _alike([len(start.prompt) for start in starts]):
        found |= zip(numbers, _written(model, [starts[number] for number in numbers], max_new), strict=True)
    return [found[number] for number in range(len(starts))]


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of rows of one length, `SIDE_BY_SIDE` at most."""
    for length in sorted(set(lengths)):
        numbers = [number for number, own in enumerate(lengths) if own == length]
        for first in range(0, len(numbers), SIDE_BY_SIDE):
            yield numbers[first : first + SIDE_BY_SIDE]


@torch.no_grad()
def _written(model: ByteLM, starts: Sequence[Start], max_new: int) -> list[Continuation]:
    device = model.device
    prompts = [list(start.prompt) or [END_OF_DOCUMENT] for start in starts]
    text = torch.tensor(prompts, device=device)  # (B, T)
    how = [(Sampling(temperature=start.temperature), np.random.default_rng(start.seed)) for start in starts]
    state, window, bits = None, 0, np.zeros((len(starts), max_new))
    for place in range(max_new):
        start = window_start(text.shape[1], model.config.context)
        if start != window:
            state, window = None, start
        logits, state = model(text[:, window + (state.position if state else 0) :], state)
        last = logits[:, -1].cpu()  # (B, 256)
        byte = torch.tensor([_chosen(row, *each) for row, each in zip(last, how, strict=True)])
        bits[:, place] = -last.double().log_softmax(dim=-1).gather(1, byte[:, None])[:, 0].numpy() / np.log(2)
        text = torch.cat((text, byte[:, None].to(device)), dim=1)
    written = text[:, len(prompts[0]) :].tolist()
    return [Continuation(bytes(row).hex(), own.tolist()) for row, own in zip(written, bits, strict=True)]


def _chosen(logits: Tensor, sampling: Sampling, random: np.random.Generator) -> int:
    if sampling.temperature == 0:
        return int(logits.argmax())
    return draw(distribution(logits, sampling).numpy(), random)
