"""What scripts and languages cost a model, and which it was hardly taught.

Scripts need one to four bytes a character, so bits per character stand beside bits per byte: those compare what it
costs to write the same in two languages. Who was never taught a script may still guess from how frequent each byte is
in it; a model that does worse than that knows less than the letters. This module reads no model.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from probes.metrics import Measured, ratio
from probes.result import Place
from probes.stages import Floats

BYTES, CHARACTERS, FREQUENCIES = "bits per byte", "bits per character", "byte frequencies alone, per byte"
SHOWN = 5  # languages named


@dataclass(frozen=True)
class Sentence:
    """One text that is read."""

    text: bytes
    script: str
    language: str

    @property
    def characters(self) -> int:
        """What it has of them; bytes that are no character count as one each."""
        return len(self.text.decode("utf-8", errors="replace"))


def by(
    sentences: Sequence[Sentence], bits: Sequence[Floats], part: Callable[[Sentence], str], seed: int
) -> dict[Place, Measured]:
    """Bits per byte and per character of each part; sentences are resampled.

    Beside them what each byte costs who knows nothing but how frequent it is among these: the entropy of their bytes,
    with the correction of Miller (1955) for few of them.
    """
    groups: dict[str, list[tuple[bytes, float, int, int]]] = defaultdict(list)
    for sentence, own in zip(sentences, bits, strict=True):
        groups[part(sentence)].append((sentence.text, float(own.sum()), len(sentence.text), sentence.characters))
    found: dict[Place, Measured] = {}
    for name, rows in groups.items():
        texts, total, size, characters = zip(*rows, strict=True)
        found[name, FREQUENCIES] = Measured(frequencies(b"".join(texts)), None, None, len(texts))
        found[name, BYTES] = ratio(total, size, seed)
        found[name, CHARACTERS] = ratio(total, characters, seed)
    return found


def frequencies(raw: bytes) -> float:
    """Entropy in bits of the bytes of a text, corrected for their number."""
    counts = np.unique(np.frombuffer(raw, dtype=np.uint8), return_counts=True)[1]
    shares = counts / len(raw)
    return float(-(shares * np.log2(shares)).sum() + (len(counts) - 1) / (2 * len(raw) * np.log(2)))


def taught(figures: Mapping[Place, Measured], languages: pd.DataFrame) -> list[str]:
    """In sentences: which scripts cost more than byte frequencies alone would, which languages less; the extremes."""
    sure, maybe, floors = list[str](), list[str](), dict[str, float]()
    for (part, name), found in figures.items():
        if name == FREQUENCIES and found.value is not None:
            cost, floors[part] = figures[part, BYTES], found.value
            if cost.value is not None and cost.value >= found.value:
                (sure if cost.low is not None and cost.low >= found.value else maybe).append(part)
    less = f"; and, with less certainty, {', '.join(maybe)}" if maybe else ""
    seems = "Never taught, it seems, as byte frequencies alone would be cheaper (each script taken whole)"
    said = [f"{seems}: {_all(sure)}{less}."]
    if len(languages):
        below = languages["bits_per_byte"] < languages["script"].map(floors)
        known: list[str] = languages["language"][below].tolist()
        those = _all(known) if len(known) <= SHOWN else f"{len(known)} of {len(languages)}"
        said.append(f"Languages that are cheaper than the byte frequencies of their script: {those}.")
    if len(languages) > 2 * SHOWN:
        order = languages.sort_values("bits_per_character")
        said.append(
            f"Easiest in bits a character are {_list(order[:SHOWN])}; hardest {_list(order[: -SHOWN - 1 : -1])}."
        )
    return said


def _all(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _list(rows: pd.DataFrame) -> str:
    return ", ".join(f"{name} {cost:.1f}" for name, cost in zip(rows.language, rows.bits_per_character, strict=True))


def by_language(sentences: Sequence[Sentence], bits: Sequence[Floats], seed: int) -> pd.DataFrame:
    """One row a language, with intervals where it has five sentences or more."""
    figures = by(sentences, bits, lambda sentence: sentence.language, seed)
    figures = {place: figure for place, figure in figures.items() if place[0]}
    script = {sentence.language: sentence.script for sentence in sentences}
    rows = []
    for name in dict.fromkeys(part for part, _ in figures):
        row: dict[str, Any] = {"language": name, "script": script[name]}
        for unit in (BYTES, CHARACTERS):
            found, column = figures[name, unit], unit.replace(" ", "_")
            row |= {column: found.value, f"{column}_low": found.low, f"{column}_high": found.high, "n": found.n}
        rows.append(row)
    return pd.DataFrame(rows)
