"""What the pathways cost to compute, in multiply-adds: counted from the configuration, without a model."""

import numpy as np
from numpy.typing import NDArray

from tilelli.config import PATHWAYS, ModelConfig


def costs(config: ModelConfig, position: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Multiply-adds of one block for a byte at each `position` (T,), by what they are for; each is (T,).

    `remembering` is what later bytes need of this one to attend to it: its keys and values.
    """
    inner, keys = config.n_heads * config.head_dim, position + 1
    attending = 2 * config.d_model * inner + inner * (keys + np.minimum(keys, config.top_k))
    found = {
        "local": np.full_like(position, config.d_model * config.kernel_size),
        "sparse": attending,  # query and output matrices, a score for every key, a sum over those kept
        "remembering": np.full_like(position, 2 * config.d_model * inner),
        "dense": np.full_like(position, 2 * config.d_model * config.hidden),
    }
    return {part: cost for part, cost in found.items() if part.replace("remembering", "sparse") in config.pathways}


def cost_shares(config: ModelConfig) -> tuple[float, ...]:
    """Of what the pathways of a block cost for a byte in the middle of the context, how much falls to each: (P,).

    Keys and values do not count: they are remembered for later bytes, whatever the router says of this one.
    """
    found = costs(config, np.array([config.context // 2]))
    own = [int(found[name][0]) if name in found else 0 for name in PATHWAYS]
    return tuple(cost / sum(own) for cost in own)
