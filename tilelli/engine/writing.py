"""Writing with an engine that gives its logits as NumPy arrays: which byte comes next, and what is told of it.

Sampling means what it means in `generation.py`, and the random numbers are the same: with one seed every engine writes
one text, but where two bytes are so close that rounding decides. Nothing here imports torch.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tilelli.errors import InputError
from tilelli.sampling import ALTERNATIVES, Sampling, Written, until, window_start
from tilelli.tokenizer import END_OF_DOCUMENT, VOCABULARY, check_bytes

Probabilities = NDArray[np.float64]
State = TypeVar("State")


@dataclass(frozen=True)
class Reading:
    """What a model makes of T bytes.

    Attributes:
        logits: (T, 256), over the byte after each.
        pathways: router weights (T, P) a block; empty for vanilla models.
        abstain: (T,), logits of the abstain head; None without a head.
    """

    logits: NDArray[np.float32]
    pathways: Sequence[NDArray[np.float32]]
    abstain: NDArray[np.float32] | None


Read = Callable[[Sequence[int], State | None], tuple[Reading, State]]
"""New bytes and the state before them (None: at the start) -> what the model makes of them, and the state after."""


def write(read: Read[State], context: int, ids: Sequence[int], sampling: Sampling) -> Iterator[Written]:
    """The continuation of `ids`, byte by byte, with a window of `context` bytes that slides as in `generation.py`.

    Raises:
        InputError: an id is not a byte, or the model's logits are not finite.
    """
    text = Text[State](context, ids, sampling)
    return until(sampling.stop, written(read, text))


def distribution(logits: NDArray[np.float32], sampling: Sampling) -> Probabilities:
    """Probabilities (256,) to draw the next byte from: temperature first, then top-k, then top-p.

    `sampling.temperature` is above 0. At least one byte always remains.
    """
    with np.errstate(over="ignore"):  # the largest is 0 however small the divisor
        p = _softmax((logits.astype(np.float64) - logits.max()) / sampling.temperature)
    order = np.argsort(-p, kind="stable")
    if 0 < sampling.top_k < VOCABULARY:
        p[order[sampling.top_k :]] = 0
        p /= p.sum()
    if sampling.top_p < 1:
        before = np.cumsum(p[order]) - p[order]  # probability of what is likelier than this byte
        p[order[(before >= sampling.top_p) & (before > 0)]] = 0
    p /= p.sum()
    return p


def draw(p: Probabilities, random: np.random.Generator) -> int:
    """A byte by its probability (256,), from one random number; all engines draw here."""
    reached = p.cumsum()
    return int((reached / reached[-1]).searchsorted(random.random(), side="right"))


def entropy(logits: NDArray[Any]) -> NDArray[Any]:
    """Of the distribution over the next byte, in bits: (..., 256) -> (...). 0 is certain, 8 knows nothing."""
    logs = logits - logits.max(axis=-1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(axis=-1, keepdims=True))
    bits: NDArray[Any] = -(np.exp(logs) * logs).sum(axis=-1) / math.log(2)
    return bits


class Text(Generic[State]):
    """A text that is being written: what the model is to read next, and what comes of it.

    Attributes:
        left: bytes that may still be written; 0 once it has ended.
        sampling: how they are chosen.
    """

    def __init__(self, context: int, ids: Sequence[int], sampling: Sampling) -> None:
        self.left, self.sampling = sampling.max_new, sampling
        self._ids, self._context = check_bytes(ids) or [END_OF_DOCUMENT], context
        self._random = np.random.default_rng(sampling.seed)
        self._state: State | None = None
        self._window = self._position = 0

    def next(self) -> tuple[Sequence[int], State | None]:
        """The bytes to read, and the state before them."""
        start = window_start(len(self._ids), self._context)
        if start != self._window:
            self._state, self._window, self._position = None, start, start
        return self._ids[self._position :], self._state

    def took(self, seen: Reading, state: State) -> Written | None:
        """The byte that is written now that they have been read; None if the text ends instead."""
        self._state, self._position, s = state, len(self._ids), self.sampling
        logits = seen.logits[-1]
        if not np.isfinite(logits).all():
            raise overflow()
        byte = int(logits.argmax()) if s.temperature == 0 else draw(distribution(logits, s), self._random)
        if s.stop_at_end and byte == END_OF_DOCUMENT:
            self.left = 0
            return None
        self._ids.append(byte)
        self.left -= 1
        return _told(byte, seen)

    def random(self, number: int) -> NDArray[np.float64]:
        """The next numbers by which bytes are drawn, (number,) from 0 to 1; where nothing is drawn, zeros."""
        return self._random.random(number) if self.sampling.temperature else np.zeros(number)

    def went_on(self, ids: Sequence[int], state: State, ended: bool) -> None:
        """So many bytes more have been written; all but the last of them were read."""
        self._ids += ids
        self._state, self._position = state, len(self._ids) - 1
        self.left = 0 if ended else self.left - len(ids)

    def forget(self) -> None:
        """Somebody else goes on with it, who has read nothing yet."""
        self._state, self._position = None, self._window


def written(read: Read[State], text: Text[State]) -> Iterator[Written]:
    """A text as it goes on, byte by byte, its stop strings not looked for."""
    while text.left:
        if (step := text.took(*read(*text.next()))) is None:
            return
        yield step


def overflow() -> InputError:
    """What is said where no byte can be chosen."""
    return InputError("The model's arithmetic overflows", "logits that are not finite", "Use another one.")


def _told(byte: int, seen: Reading) -> Written:
    logits = seen.logits[-1].astype(np.float64)
    own = _softmax(logits)
    return Written(
        byte,
        probability=float(own[byte]),
        entropy=float(entropy(logits)),
        alternatives=tuple((int(b), float(own[b])) for b in np.argsort(-own, kind="stable")[:ALTERNATIVES]),
        pathways=tuple(np.mean([w[-1] for w in seen.pathways], axis=0).tolist()) if seen.pathways else (),
        abstain=None if seen.abstain is None else 0.5 + 0.5 * math.tanh(float(seen.abstain[-1]) / 2),
    )


def _softmax(logits: Probabilities) -> Probabilities:
    e = np.exp(logits - logits.max())
    p: Probabilities = e / e.sum()
    return p
