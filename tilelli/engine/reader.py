"""The compiled engine in the place of a model that only reads and writes: what `drafts.py` asks, by machine code.

Prompts side by side share every reading of the weights. Everything is the same as with the model itself, to rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.config import ModelConfig
from tilelli.engine.arrays import Compiled, shaped
from tilelli.engine.compiled import read_together
from tilelli.engine.compiler import MACHINE
from tilelli.engine.memory import State
from tilelli.errors import InputError
from tilelli.interventions import Change
from tilelli.layout import ternary
from tilelli.ternary import quantize
from tilelli.trace import Recorder


@dataclass(frozen=True)
class States:
    """The memory of several conversations of the same length."""

    position: int
    each: tuple[State, ...]

    def only(self, which: Tensor) -> "States":
        """That of some of them, told by a mask (B,) or by their numbers."""
        numbers = which.nonzero()[:, 0] if which.dtype == torch.bool else which
        return replace(self, each=tuple(self.each[number] for number in numbers.tolist()))


class Reader:
    """Reads like the model whose weights it has; see `tilelli.drafts.Reads`."""

    def __init__(self, config: ModelConfig, compiled: Compiled) -> None:
        self.config, self.device = config, torch.device("cpu")
        self._compiled = compiled

    def __call__(
        self,
        ids: Tensor,
        state: States | None = None,
        trace: Recorder | None = None,
        interventions: Sequence[Change] = (),
    ) -> tuple[Tensor, States]:
        """Logits (B, T, 256) after each of `ids` (B, T), and the memory after them; a trace gets routers and head."""
        assert not interventions, "only the model itself takes them"
        before = state.each if state else [None] * len(ids)
        found = read_together(self._compiled, list(zip(ids.tolist(), before, strict=True)))
        readings, states = [reading for reading, _ in found], tuple(after for _, after in found)
        if trace is not None and readings[0].pathways:
            blocks = zip(*(reading.pathways for reading in readings), strict=True)
            trace.router += [torch.from_numpy(np.stack(rows)) for rows in blocks]
        if trace is not None and self.config.abstain:
            heads = [reading.abstain for reading in readings if reading.abstain is not None]
            trace.abstain = torch.from_numpy(np.stack(heads))
        logits = torch.from_numpy(np.stack([reading.logits for reading in readings]))
        return logits, States(states[0].position, states)


def reader(model: ByteLM) -> Any:
    """Who reads and writes for a model: machine code where there can be some, else the model itself.

    Waits for the machine code, so that it is the same each time; that takes about a minute, once on a computer.
    """
    if not find_spec("numba") or model.device.type != "cpu":
        return model
    try:
        MACHINE.code()
    except InputError:
        return model
    return Reader(model.config, replace(compiled(model), threads=torch.get_num_threads()))


def compiled(model: ByteLM) -> Compiled:
    """A model that is loaded, as the kernels read it."""
    return shaped(model.config, _multiplied(model))


def _multiplied(model: ByteLM) -> dict[str, Any]:
    """What the layers of a model multiply with, by name."""
    found = {name: value.detach().float() for name, value in model.state_dict().items()}
    for name in ternary(model.config):
        trits, scale = quantize(found[name])
        found[name] = trits * scale
    return {name: value.numpy() for name, value in found.items()}
