"""A model that torch has loaded, as the compiled engine reads it."""

from typing import Any

from tilelli.base import ByteLM
from tilelli.engine.arrays import Compiled, shaped
from tilelli.layout import ternary
from tilelli.ternary import quantize


def compiled(model: ByteLM) -> Compiled:
    """Its weights as the kernels read them, on one thread."""
    return shaped(model.config, _multiplied(model))


def _multiplied(model: ByteLM) -> dict[str, Any]:
    """What its layers multiply with, by name."""
    found = {name: value.detach().float() for name, value in model.state_dict().items()}
    for name in ternary(model.config):
        trits, scale = quantize(found[name])
        found[name] = trits * scale
    return {name: value.numpy() for name, value in found.items()}
