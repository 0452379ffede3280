"""Stand-ins: a model of the shape of Llama with as many parameters as another model has, in the shape that suits it.

That is few wide layers with narrow attention: of about 10 M parameters 512 x 4 was the fastest, and half as wide
attention with one head of keys made it faster still, so all are about 128 times as wide as deep, and attention is as
narrow as the number of parameters allows. Types of 2 bits come in blocks of 256, which fill rows without a rest.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tilelli.errors import InputError
from tilelli.tokenizer import VOCABULARY

BLOCK = 256  # weights that share a scale
SLACK = 0.01  # by which the numbers of parameters may differ
RATIO = 128  # of width to depth
HEADS = (64, 32, 16)  # widths of a head


@dataclass(frozen=True)
class Llama:
    """Gated feed-forward, attention whose keys are shared by several heads, root mean square norms, one matrix for
    reading and writing bytes.

    Attributes:
        width, layers, hidden: of the residual stream, their number, and of the feed-forward.
        inner, keys: widths of all queries, and of all keys.
    """

    width: int
    layers: int
    hidden: int
    inner: int
    keys: int

    @property
    def parameters(self) -> int:
        attention, dense = 2 * self.width * (self.inner + self.keys), 3 * self.width * self.hidden
        return (VOCABULARY + 1) * self.width + self.layers * (attention + dense + 2 * self.width)

    @property
    def head(self) -> int:
        """Width of a head."""
        return next(width for width in HEADS if self.keys % width == 0)

    def __str__(self) -> str:
        heads = f"{self.inner // self.head} heads of {self.head}, {self.keys // self.head} for keys"
        return f"Llama {self.width} x {self.layers}, hidden {self.hidden}, {heads}, {self.parameters:,} parameters"


@cache
def llama(parameters: int) -> Llama:
    """The stand-in for a model of so many parameters.

    Raises:
        InputError: there is none within 1 %.
    """
    for width, layers in sorted(_depths(parameters), key=lambda pair: (abs(math.log(RATIO * pair[1] / pair[0])), pair)):
        if fits := [shape for shape in _shapes(parameters, width, layers) if _near(shape, parameters)]:
            return min(fits, key=lambda shape: (shape.inner + shape.keys, abs(shape.parameters - parameters)))
    seen = f"{parameters:,} parameters with rows of {BLOCK}, within 1 %"
    raise InputError("There is no Llama of this size", seen, "Leave out llama.cpp and hf.")


def _near(shape: Llama, parameters: int) -> bool:
    return abs(shape.parameters - parameters) <= SLACK * parameters


def _depths(parameters: int) -> Iterator[tuple[int, int]]:
    """Widths, each with the numbers of layers that it may have, as far as that can be of this size."""
    for width in range(BLOCK, min(16 * BLOCK, parameters // VOCABULARY) + 1, BLOCK):
        for layers in range(width // (2 * RATIO), 4 * width // RATIO + 1):
            least = Llama(width, layers, width, BLOCK, HEADS[-1]).parameters
            most = Llama(width, layers, 4 * width, 2 * width, 2 * width).parameters
            if least <= (1 + SLACK) * parameters and (1 - SLACK) * parameters <= most:
                yield width, layers


def _shapes(parameters: int, width: int, layers: int) -> Iterator[Llama]:
    """Shapes of nearly that size: the feed-forward takes what the rest leaves."""
    for inner in range(BLOCK, 2 * width + 1, BLOCK):
        for keys in (keys for keys in range(HEADS[-1], inner + 1, HEADS[-1]) if inner % keys == 0):
            rest = parameters - Llama(width, layers, 0, inner, keys).parameters
            hidden = round(rest / (3 * width * layers * BLOCK)) * BLOCK
            if width <= hidden <= 4 * width:
                yield Llama(width, layers, hidden, inner, keys)
