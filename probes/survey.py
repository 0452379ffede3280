"""All heads of a model over one text: what each does, which rules they follow, which of them do the same."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from probes.alike import Alike, alike
from probes.heads import Heads, heads
from probes.roles import Roles, roles

if TYPE_CHECKING:
    from tilelli.config import ModelConfig
    from tilelli.trace import Trace

LARGEST = 2**24  # kept keys that a trace of a vanilla model may hold: some 200 MB
TOO_FEW = "The text has too few kinds of byte to tell whether any head follows a rule."
NO_ROLE = "No head follows one of the simple rules clearly enough to be named."


class Survey(NamedTuple):
    """What is said of all heads at once; `sparse` has the mean router weight of attention in each block, if any."""

    heads: Heads
    roles: Roles
    alike: Alike
    sparse: tuple[float, ...] | None

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences: rules that are named, then heads that do the same."""
        nothing = TOO_FEW if np.isnan(self.roles.p).all() else NO_ROLE
        return (*(self.roles.findings or (nothing,)), *self.alike.findings)


def survey(trace: "Trace", top_k: int | None = None) -> Survey:
    """Look at all heads of a trace; `top_k` is, for a vanilla model, how many keys its routed twin would keep.

    Raises:
        InputError: the model does not attend, or `top_k` is below 1.
    """
    from tilelli.config import PATHWAYS

    every, weights = heads(trace, top_k), trace.router_weights
    sparse = None
    if weights is not None:
        sparse = tuple(weights[..., PATHWAYS.index("sparse")].mean(dim=(1, 2)).tolist())
    return Survey(every, roles(trace), alike(trace), sparse)


def longest(config: "ModelConfig") -> int:
    """How many bytes are looked at at once: the context, or what memory bears, as a vanilla head keeps all keys."""
    if config.kind == "routed":
        return config.context
    return min(config.context, math.isqrt(LARGEST // (config.n_blocks * config.n_heads)))
