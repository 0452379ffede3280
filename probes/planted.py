"""Does a model still know what it read some bytes ago? A name is planted, and asked for after a distance of filler.

    His name was Bruno. The rain had stopped. A door stood open. His name was Bruno

What the asked name costs is compared between texts that planted it and texts that planted another of the same length,
in all four combinations, so that what names cost anyway, and what the filler does, cancels. The distance is that from
the first byte of the planted name to the first of the asked one. This module knows nothing of chats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pandas as pd

from probes.banks.making.filler import filler
from probes.metrics import Measured, wilson
from probes.metrics.draws import mean
from probes.result import Place
from probes.stages import Bench
from tilelli.evaluation import Window
from tilelli.sampling import window_start

NAMES = (
    ("Bruno", "Clara"),
    ("Amina", "Pavel"),
    ("Diego", "Freya"),
    ("Hamid", "Ivana"),
    ("Jonas", "Lucia"),
    ("Mateo", "Nadia"),
    ("Oskar", "Petra"),
    ("Rosie", "Simon"),
    ("Tanya", "Uriel"),
    ("Viola", "Wanda"),
    ("Yusuf", "Zelda"),
    ("Anton", "Betty"),
    ("Cyrus", "Daisy"),
    ("Elias", "Fiona"),
    ("Henry", "Irene"),
    ("Karim", "Leila"),
)
CUE, SIZE = "His name was ", 5
OWN = SIZE + len(". ") + len(" ") + len(CUE)  # bytes of the distance that are no filler
PART = "planted name"
SAME = 1e-4  # bits: texts read alike differ by rounding only


@dataclass(frozen=True)
class Planted:
    """One text: which pair of `NAMES` it is about, which of the two it planted, which it ends with, how far apart."""

    pair: int
    planted: int
    asked: int
    distance: int
    text: bytes


def plant(distances: Sequence[int], pairs: int, seed: int) -> list[Planted]:
    """Four texts a pair and distance, with the same filler; pairs go through `NAMES` again and again.

    Raises:
        AssertionError: no filler makes a distance.
    """
    rows = []
    for distance in distances:
        for pair in range(pairs):
            said = filler(distance - OWN, Random(f"{seed} {distance} {pair}"))
            names = NAMES[pair % len(NAMES)]
            rows += [
                Planted(pair, one, other, distance, f"{CUE}{names[one]}. {said} {CUE}{names[other]}".encode())
                for one in (0, 1)
                for other in (0, 1)
            ]
    return rows


def gains(bench: Bench, rows: Sequence[Planted]) -> dict[int, list[float]]:
    """For each distance, bits that having read the name saves at it, one figure a pair.

    Texts longer than the context are read as generation would, from where its window stands.
    """
    context = bench.model.config.context
    windows = [_window(number, len(row.text), context) for number, row in enumerate(rows)]
    bits = bench.parts("planted", [row.text for row in rows], windows)
    found: dict[tuple[int, int], float] = {}
    for row, own in zip(rows, bits, strict=True):
        key, sign = (row.distance, row.pair), -1 if row.planted == row.asked else 1
        found[key] = found.get(key, 0.0) + sign * float(own.sum()) / 2
    saved: dict[int, list[float]] = {}
    for (distance, _), gain in found.items():
        saved.setdefault(distance, []).append(gain)
    return saved


def figures(saved: dict[int, list[float]], seed: int) -> dict[Place, Measured]:
    """Bits saved, and how often it is the planted name that is preferred, one half by chance; over pairs.

    Where the name is out of view both texts are read alike and there is nothing to prefer.
    """
    found: dict[Place, Measured] = {}
    for distance, own in saved.items():
        values = np.where(np.abs(own) < SAME, 0.0, own)
        found[PART, f"bits saved, {distance} bytes back"] = mean(values, seed)
        found[PART, f"preferred, {distance} bytes back"] = wilson(int((values > 0).sum()), int((values != 0).sum()))
    return found


def table(saved: dict[int, list[float]]) -> pd.DataFrame:
    """One row a pair of names and distance: `distance` in bytes, `names`, `saved` bits."""
    rows = [
        (distance, " or ".join(NAMES[pair % len(NAMES)]), gain)
        for distance, own in saved.items()
        for pair, gain in enumerate(own)
    ]
    return pd.DataFrame(rows, columns=["distance", "names", "saved"])


def _window(number: int, length: int, context: int) -> Window:
    start = window_start(length, context)
    return Window(number, start, max(length - SIZE, start), length)
