"""Interventions: what is done to the router's weights before they mix the pathways, to see what hangs on them.

Each is a small value, written as a word or two: `remove:sparse`, `force:local@2`, `swap:local+dense@1-3`. They are an
argument of the forward pass and change the weights of that pass alone; the model is never touched, and may serve other
readers at the same time. Blocks count from 1 where they are written, and from 0 in Python, as everywhere.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.errors import InputError

if TYPE_CHECKING:  # the dashboard's sidebar knows these words, and does not wait for torch
    from torch import Tensor

FORM = re.compile(r"(?P<action>[a-z]+)(:(?P<argument>[^@]+))?(@(?P<first>\d{1,9})(-(?P<last>\d{1,9}))?)?")
LARGEST_SEED = 2**31 - 1
EXAMPLE = "Write for example remove:sparse, force:local@2 or swap:local+dense@1-3."


class Change(Protocol):
    """What `forward` accepts: something that changes router weights."""

    def check(self, config: ModelConfig) -> None:
        """Raise InputError if the model has nothing that this could change."""

    def change(self, weights: "Tensor", block: int, start: int, present: Sequence[int]) -> "Tensor":
        """The weights to use.

        Args:
            weights: (B, T, P), what the router chose, or what the change before this one made of it.
            block: which block, from 0.
            start: position of the first of the T bytes.
            present: numbers of the pathways that the block has.
        """


@dataclass(frozen=True)
class Intervention:
    """One change, in some blocks.

    Attributes:
        action: one of `ACTIONS`.
        pathways: those it is about: one for `force` and `remove`, two for `swap`, else none.
        numbers: three weights for `set`, one threshold for `skip`, one seed for `shuffle`, else none.
        blocks: first and last block, from 0, both included; None for all.
    """

    action: str
    pathways: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    blocks: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            known = ", ".join(ACTIONS)
            raise InputError("There is no such intervention", repr(self.action[:40]), f"Use one of {known}.")
        wanted = ACTIONS[self.action]
        fitting = len(self.pathways) == len(set(self.pathways)) == wanted.pathways
        if not fitting or not set(self.pathways) <= set(PATHWAYS):
            remedy = f"Name {wanted.pathways} of {', '.join(PATHWAYS)}." if wanted.pathways else "Leave them out."
            seen = "+".join(self.pathways) or "none"
            raise InputError(f"The pathways of {self.action} do not fit", seen[:60], remedy)
        if len(self.numbers) != wanted.numbers or not all(math.isfinite(n) and n >= 0 for n in self.numbers):
            remedy = f"Give {wanted.numbers}, none below 0." if wanted.numbers else "Leave them out."
            seen = ", ".join(map(str, self.numbers)) or "none"
            raise InputError(f"The numbers of {self.action} do not fit", seen[:60], remedy)
        if self.action == "shuffle" and self.numbers[0] > LARGEST_SEED:
            raise InputError("There is no such seed", f"{self.numbers[0]:g}", f"Use one up to {LARGEST_SEED}.")

    def __str__(self) -> str:
        argument = "+".join(self.pathways) or ",".join(map(_digits, self.numbers))
        place = ""
        if self.blocks is not None:
            first, last = self.blocks
            place = f"@{first + 1}" if first == last else f"@{first + 1}-{last + 1}"
        return self.action + (f":{argument}" if argument else "") + place

    def check(self, config: ModelConfig) -> None:
        _check_routed(config, None if self.blocks is None else self.blocks[0])
        if self.blocks is not None:
            _check_routed(config, self.blocks[1])
            if self.blocks[0] > self.blocks[1]:
                raise InputError("The range of blocks is empty", str(self), "Put the smaller number first.")
        if absent := [name for name in self.pathways if name not in config.pathways]:
            raise InputError("The model lacks a pathway", absent[0], f"It has {', '.join(config.pathways)}.")

    def change(self, weights: "Tensor", block: int, start: int, present: Sequence[int]) -> "Tensor":
        if self.blocks is not None and not self.blocks[0] <= block <= self.blocks[1]:
            return weights
        chosen = [PATHWAYS.index(name) for name in self.pathways]
        return ACTIONS[self.action].change(_At(weights, block, start, tuple(present), chosen, self.numbers))


@dataclass(frozen=True, eq=False)
class Given:
    """Router weights from elsewhere: block number -> (P,) or (B, T, P), used in place of the router's own."""

    weights: Mapping[int, "Tensor"]

    def check(self, config: ModelConfig) -> None:
        for block in self.weights:
            _check_routed(config, block)

    def change(self, weights: "Tensor", block: int, start: int, present: Sequence[int]) -> "Tensor":
        return self.weights[block].to(weights).expand_as(weights) if block in self.weights else weights


def parse(text: str) -> tuple[Intervention, ...]:
    """Interventions written one after another, with spaces in between; an empty text gives none.

    Raises:
        InputError: a word is not an intervention.
    """
    return tuple(_parse(word) for word in text.split())


def written(interventions: Sequence[Intervention]) -> str:
    """The text from which `parse` gives them back."""
    return " ".join(map(str, interventions))


def _digits(number: float) -> str:
    """All it takes to read the same number again: 7, 0.25, 1e-09."""
    return repr(float(number)).removesuffix(".0")


def _parse(word: str) -> Intervention:
    found = FORM.fullmatch(word)
    if found is None:
        raise InputError("This is not an intervention", repr(word[:60]), EXAMPLE)
    argument, first, last = found["argument"] or "", found["first"], found["last"]
    blocks = None
    if first is not None:
        blocks = (int(first) - 1, int(last or first) - 1)
        if blocks[0] < 0:
            raise InputError("There is no block 0", repr(word[:60]), "Count blocks from 1.")
    if ACTIONS.get(found["action"], ACTIONS["flatten"]).numbers:
        try:
            numbers = tuple(float(number) for number in argument.split(",")) if argument else ()
        except ValueError:
            raise InputError("This is not an intervention", repr(word[:60]), EXAMPLE) from None
        return Intervention(found["action"], (), numbers, blocks)
    return Intervention(found["action"], tuple(filter(None, argument.split("+"))), (), blocks)


def _check_routed(config: ModelConfig, block: int | None) -> None:
    if config.kind != "routed" or (block is not None and not 0 <= block < config.n_blocks):
        at = "" if block is None else f"block {block + 1} of "
        seen = f"{at}a {config.kind} model of {config.n_blocks}"
        raise InputError("There is no router to intervene in", seen, "Name a block of a routed model.")


@dataclass(frozen=True)
class _At:
    """What an action works on; see `Change.change`."""

    weights: "Tensor"
    block: int
    start: int
    present: tuple[int, ...]
    chosen: list[int]
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Action:
    """What a word means: its sentence, how many pathways and numbers it wants, and what it does."""

    sentence: str
    pathways: int
    numbers: int
    change: Callable[[_At], "Tensor"]


def _only(at: _At, pathway: int, weight: float = 1.0) -> "Tensor":
    alone = at.weights.new_zeros(at.weights.shape)
    alone[..., pathway] = weight
    return alone


def _remove(at: _At) -> "Tensor":
    mask = at.weights.new_ones(at.weights.shape[-1])
    mask[at.chosen] = 0
    return at.weights * mask


def _swap(at: _At) -> "Tensor":
    first, second = at.chosen
    order = list(range(at.weights.shape[-1]))
    order[first], order[second] = second, first
    return at.weights[..., order]


def _flatten(at: _At) -> "Tensor":
    flat = at.weights.new_zeros(at.weights.shape)
    flat[..., list(at.present)] = 1 / len(at.present)
    return flat


def _shuffle(at: _At) -> "Tensor":
    """Deals each byte's weights out anew. Where they go depends on the byte's position alone, so that writing byte by
    byte and reading at once agree."""
    import torch

    T = at.weights.shape[1]
    generator = torch.Generator().manual_seed(int(at.numbers[0]) * 1_000_003 + at.block)
    lots = torch.rand(at.start + T, len(at.present), generator=generator)[at.start :]
    dealt = at.weights.clone()
    own = at.weights[..., list(at.present)]
    dealt[..., list(at.present)] = own.gather(-1, lots.argsort(dim=-1).to(own.device).expand(len(own), -1, -1))
    return dealt


def _top(at: _At) -> "Tensor":
    best = at.weights.argmax(dim=-1, keepdim=True)
    return at.weights.new_zeros(at.weights.shape).scatter(-1, best, at.weights.gather(-1, best))


def _skip(at: _At) -> "Tensor":
    return at.weights * (at.weights >= at.numbers[0])


def _set(at: _At) -> "Tensor":
    given = [number if pathway in at.present else 0.0 for pathway, number in enumerate(at.numbers)]
    return at.weights.new_tensor(given).expand_as(at.weights)


ACTIONS = {
    "force": Action("Only this pathway, at full weight.", 1, 0, lambda at: _only(at, at.chosen[0])),
    "remove": Action("This pathway weighs nothing; the others keep their weights.", 1, 0, _remove),
    "swap": Action("Two pathways exchange their weights.", 2, 0, _swap),
    "flatten": Action("All pathways weigh alike.", 0, 0, _flatten),
    "shuffle": Action("Every byte's weights are dealt out anew, by this seed.", 0, 1, _shuffle),
    "top": Action("Only the heaviest pathway of each byte is left, at its own weight.", 0, 0, _top),
    "skip": Action("A pathway whose weight is below this counts as nothing.", 0, 1, _skip),
    "set": Action(
        "These weights for every byte: local, sparse, dense; 0 for one that the model lacks.", 0, len(PATHWAYS), _set
    ),
    "zero": Action("The whole block adds nothing.", 0, 0, lambda at: 0 * at.weights),
}
