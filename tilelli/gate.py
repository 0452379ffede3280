"""How likely the right reply is to abstain: what the abstain head reads, and how sure the model is of its own reply.

The head reads the end of the prompt, where the kind of question shows: an invented name, a private matter, the future.
Whether one particular fact was ever learned shows only while it is said (LOG.md), and a false claim is seen through
once the truth has been said. So the reply is drafted, greedily and unseen; what its first sentence costs the model
weighs in, and whether its words decline. A logistic regression on these four numbers is fitted on validation questions
at the end of tuning. A checkpoint without such weights has its head alone.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAFT = 48  # bytes of a draft at most
RIDGE = 1e-3  # keeps the weights finite where a set can be told apart without error
PREFIX = "gate_"


@dataclass(frozen=True)
class Gate:
    """The abstain probability is the logistic function of a sum.

    Attributes:
        head: weight of the abstain head's logit.
        total: weight of the bits that the first sentence of the draft costs.
        mean: weight of the bits a byte of it.
        words: added where the draft declines in words.
        bias: added.
    """

    head: float = 1.0
    total: float = 0.0
    mean: float = 0.0
    words: float = 0.0
    bias: float = 0.0

    @property
    def drafts(self) -> bool:
        """Whether a draft is needed."""
        return bool(self.total or self.mean or self.words)

    def probability(self, logit: float, bits: Sequence[float] = (), words: bool = False) -> float:
        """0 to 1, from the head's logit, what each byte of the draft's answer cost, and whether its words decline."""
        total = math.fsum(bits)
        z = self.head * logit + self.total * total + self.mean * total / max(1, len(bits)) + self.bias
        z += self.words * words
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    def figures(self) -> dict[str, float]:
        """As `training.json` keeps it among the figures."""
        return {PREFIX + name: value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, provenance: dict[str, Any]) -> "Gate":
        """What a checkpoint says of its gate; the head alone if it says nothing."""
        figures = provenance.get("figures")
        kept = figures if isinstance(figures, dict) else {}
        kept = {PREFIX + "words": 0.0} | kept  # the first gates had no weight for them
        found = {name: kept.get(PREFIX + name) for name in asdict(cls())}
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in found.values()):
            return cls()
        return cls(**{name: float(value) for name, value in found.items() if value is not None})


def fit(logit: ArrayLike, bits: Sequence[Sequence[float]], words: ArrayLike, declines: ArrayLike) -> Gate:
    """The gate that tells best which questions (n,) are to be declined, by maximum likelihood.

    Args:
        logit: (n,) of the head.
        bits: what each byte of each draft's answer cost.
        words: (n,) truth values, whether each draft declines in words.
        declines: (n,) truth values, both of them among these.
    """
    totals = np.array([math.fsum(each) for each in bits])
    lengths = np.array([max(1, len(each)) for each in bits])
    given = np.asarray(logit, dtype=np.float64), np.asarray(words, dtype=np.float64)
    columns = np.column_stack((given[0], totals, totals / lengths, given[1]))
    middle, spread = columns.mean(axis=0), columns.std(axis=0).clip(min=1e-12)
    weights = _logistic((columns - middle) / spread, np.asarray(declines, dtype=np.float64))
    scaled = weights[:-1] / spread
    head, total, mean, said = map(float, scaled)
    return Gate(head, total, mean, said, float(weights[-1] - scaled @ middle))


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (columns and bias) of a logistic regression of y (n,) on x (n, columns), by Newton's method."""
    x = np.column_stack((x, np.ones(len(x))))
    weights, ridge = np.zeros(x.shape[1]), RIDGE * len(x) * np.diag([*np.ones(x.shape[1] - 1), 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (y - p) - ridge @ weights
        step = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]) + ridge, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights
