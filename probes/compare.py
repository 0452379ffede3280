"""Which of several models predicts a text better, byte by byte and on the whole, and how sure is that?

All read the same bytes, each under its own interventions. What is easy or hard for all of them cancels in the
difference, so it is the difference that gets an interval, from pieces of the text drawn again (`probes.resampling`).
The interval says what more text like this would show: nothing of other kinds of text, nor of other seeds of training.
This module knows nothing of screens.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from probes.metrics import FEWEST, Measured
from probes.names import measured
from probes.resampling import SEGMENT, Floats, paired
from tilelli.errors import InputError

if TYPE_CHECKING:
    from tilelli.header import Header

LETTERS = "ABCD"


@dataclass(frozen=True, eq=False)
class Reading:
    """How one model read the text.

    Attributes:
        name: of the checkpoint.
        interventions: what was done to its routers, as it is written; empty for nothing.
        bits: (T,) surprise in bits at each byte: -log2 of the probability it had just before it was read.
    """

    name: str
    interventions: str
    bits: Floats

    @property
    def bpb(self) -> float:
        return float(self.bits.mean())

    @property
    def probabilities(self) -> Floats:
        return np.exp2(-self.bits)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two to four readings of one text, called A, B, C and D; the others are held against the first.

    Attributes:
        text: (T,) the bytes read.
        readings: one a model.
        differences: bits per byte of each other reading less those of the first: below 0 the other is better. `n` is
            the number of pieces of the text; where they are too few there is no interval.
        first: position of the first byte.
    """

    text: bytes
    readings: tuple[Reading, ...]
    differences: tuple[Measured, ...]
    first: int = 0

    @property
    def letters(self) -> str:
        return LETTERS[: len(self.readings)]

    @property
    def bits(self) -> Floats:
        """(R, T): one row a reading."""
        return np.stack([reading.bits for reading in self.readings])

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """(T,): number of the reading that gave each byte the largest probability; the first of them on a tie."""
        return self.bits.argmin(axis=0)  # type: ignore[no-any-return]

    @property
    def table(self) -> pd.DataFrame:
        """One row a reading: what it is, its `bpb`, and the `difference` to the first with its interval."""
        none = Measured(None, None, None, 0)
        rows = [
            (letter, r.name, r.interventions, r.bpb, d.value, d.low, d.high)
            for letter, r, d in zip(self.letters, self.readings, (none, *self.differences), strict=True)
        ]
        columns = ["reading", "checkpoint", "interventions", "bpb", "difference", "low", "high"]
        return pd.DataFrame(rows, columns=columns).astype({"difference": float, "low": float, "high": float})

    @property
    def rows(self) -> pd.DataFrame:
        """One row a byte: `position`, `byte`, the bits of each reading, and which is `best`; empty on a tie."""
        frame = pd.DataFrame({"position": np.arange(self.first, self.first + len(self.text)), "byte": list(self.text)})
        for letter, reading in zip(self.letters, self.readings, strict=True):
            frame[f"bits_{letter}"] = reading.bits
        two = np.sort(self.bits, axis=0)[:2]
        return frame.assign(best=np.where(two[0] < two[1], [self.letters[n] for n in self.best], ""))

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence for each of the others."""
        return tuple(
            _sentence(self.letters[number], difference, len(self.text))
            for number, difference in enumerate(self.differences, start=1)
        )

    def window(self, start: int, length: int) -> "Comparison":
        """Bytes from position `start` on; the differences stay those of the whole text."""
        t = slice(start - self.first, start - self.first + length)
        readings = tuple(replace(reading, bits=reading.bits[t]) for reading in self.readings)
        return replace(self, text=self.text[t], readings=readings, first=start)


def read(name: str, text: bytes, interventions: str = "") -> Reading:
    """Load a checkpoint and let it read a text, under interventions as they are written.

    Raises:
        CheckpointError: whatever `tilelli.checkpoint.load` refuses.
        InputError: an intervention is none, or finds nothing to change.
    """
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.evaluation import surprise
    from tilelli.interventions import parse

    return Reading(name, interventions, surprise(load(name, ByteLM), text, parse(interventions)))


def compare(text: bytes, readings: Sequence[Reading], seed: int = 0) -> Comparison:
    """Hold readings of one text against the first of them.

    Raises:
        InputError: there are not two to four, or they are not readings of this text.
    """
    check_count(len(readings))
    if not text:
        raise InputError("There is nothing to read", "an empty text", "Give at least one byte.")
    for reading in readings:
        if len(reading.bits) != len(text):
            seen = f"{len(reading.bits)} of {len(text)} bytes"
            raise InputError("This is a reading of another text", seen, "Let all read the same.")
    first, *others = readings
    return Comparison(text, tuple(readings), tuple(paired(first.bits, other.bits, seed).change for other in others))


def check_count(readings: int) -> None:
    """Raise InputError unless so many can be compared."""
    if not 2 <= readings <= len(LETTERS):
        raise InputError("Two to four can be compared", f"{readings}", "Name as many checkpoints.")


def settings(headers: Sequence["Header"]) -> pd.DataFrame:
    """What differs between configurations: one row a setting, a column a checkpoint, `A` and so on; values as text."""
    configs = [header.config.to_dict() for header in headers]
    rows = [
        (name, *(_plain(config[name]) for config in configs))
        for name in configs[0]
        if any(config[name] != configs[0][name] for config in configs)
    ]
    return pd.DataFrame(rows, columns=["setting", *LETTERS[: len(headers)]])


def facts(names: Sequence[str], headers: Sequence["Header"]) -> pd.DataFrame:
    """What checkpoints say of themselves, one row each; what one does not say is missing.

    A splice has not been trained as it is: it has seen no bytes and has no loss of its own, and no file until saved.
    """
    from tilelli.header import SPLICE

    rows = []
    for letter, name, header in zip(LETTERS, names, headers, strict=False):
        trained = {} if "splice" in header.provenance else header.provenance
        seen, size = _number(trained.get("bytes_seen")), None if SPLICE in name else header.file_size
        rows.append((letter, name, header.config.kind, header.num_parameters, size, seen, _held_out(trained)))
    columns = ["reading", "checkpoint", "kind", "parameters", "file_bytes", "bytes_seen", "held_out_bpb"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[4:], float))


def _sentence(letter: str, d: Measured, length: int) -> str:
    assert d.value is not None
    size = f"{abs(d.value):.3f} bits per byte {'less' if d.value < 0 else 'more'} than A"
    if d.low is None or d.high is None:
        few = f"{length} bytes are too few to say whether that is chance: give at least {SEGMENT * FEWEST}."
        return f"{letter} needs {size} on this text, but {few}"
    if d.low == d.high == 0:
        return f"A and {letter} find every byte of this text equally likely."
    if d.low > 0 or d.high < 0:
        low, high = sorted((abs(d.low), abs(d.high)))
        return f"{letter} needs {size} [{low:.3f}, {high:.3f}]."
    least = f"One of {d.findable:.3f} would have been found four times out of five."
    return f"No difference between A and {letter} can be seen in this text: {measured(d, 'bits per byte')}. {least}"


def _plain(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _held_out(provenance: Mapping[str, Any]) -> float | None:
    """The last loss on held-out text that a checkpoint's provenance tells of, bits per byte."""
    try:
        return _number(provenance["held_out"][-1][1])
    except (LookupError, TypeError):
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
