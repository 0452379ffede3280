"""How fast a routed model learns, beside the vanilla model of its shape: steps in turns on random bytes."""

import dataclasses
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import numpy as np
import torch

from tilelli.base import build
from tilelli.config import Recipe
from tilelli.data.windows import Windows
from tilelli.training.distributed import Group
from tilelli.training.step import Trainer

KINDS = ("vanilla", "routed")


class Round(NamedTuple):
    """Bytes a second that each kind learned in one round."""

    vanilla: float
    routed: float

    @property
    def ratio(self) -> float:
        """Routed as a share of vanilla."""
        return self.routed / self.vanilla


def rounds(recipe: Recipe, number: int, steps: int = 2) -> Iterator[Round]:
    """So many rounds, each of `steps` steps of either kind, after one that does not count.

    Both have the shape and the training of the recipe, whose `kind` does not matter; what is learned is of no use.
    """
    trainers = [_trainer(recipe, kind) for kind in KINDS]
    size = steps * recipe.training.batch_size * recipe.model.context
    for turn in range(number + 1):
        found = Round(*(size / _seconds(trainer, turn * steps, steps) for trainer in trainers))
        if turn:
            yield found


def summary(found: list[Round]) -> str:
    """The median ratio with the least and the largest, and the median speeds."""
    ratios = sorted(each.ratio for each in found)
    speeds = (f"{median(getattr(each, kind) for each in found):,.0f}" for kind in reversed(KINDS))
    range_ = f"{ratios[0]:.3f} to {ratios[-1]:.3f} over {len(found)} rounds"
    return "routed learns {:.3f} times as fast as vanilla ({}): {} and {} bytes/s".format(
        median(ratios), range_, *speeds
    )


def _trainer(recipe: Recipe, kind: str) -> Trainer:
    torch.manual_seed(recipe.training.seed)
    c = recipe.training
    document = np.random.default_rng(0).integers(1, 256, 8 * recipe.model.context * c.batch_size, np.uint8).tobytes()
    rows = Windows([document], recipe.model.context, c.batch_size, c.seed)
    plan = dataclasses.replace(c, distill=0.0)
    return Trainer(plan, build(recipe.model.twin(kind)), rows, Group())


def _seconds(trainer: Trainer, first: int, steps: int) -> float:
    start = time.perf_counter()
    for step in range(first, first + steps):
        trainer.take(step)
    return time.perf_counter() - start
