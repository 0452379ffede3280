"""Is what a byte-level model writes text at all? The share of its writings that are valid UTF-8, by temperature.

It is asked to begin from nothing, and to go on with beginnings of sentences. This module reads no bank.
"""

import codecs
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from probes.metrics import Measured, wilson
from probes.result import Place
from probes.stages import Continuation, Start

BEGINNING = 12  # bytes of a sentence that are given, at most
NOTHING, SENTENCE = "from nothing", "after the beginning of a sentence"


def is_utf8(raw: bytes) -> bool:
    """Whether bytes are text; a character that is cut off at the end is no fault."""
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(raw)
    except UnicodeDecodeError:
        return False
    return True


def beginnings(
    sentences: Sequence[bytes], temperatures: Sequence[float], count: int, seed: int
) -> list[tuple[str, Start]]:
    """At each temperature `count` times nothing, and as many beginnings of sentences from all over the bank."""
    places = np.linspace(0, len(sentences) - 1, count).round().astype(int)
    prompts = [_whole(sentences[place]) for place in places]
    return [
        (kind, Start(prompt, temperature, seed + number))
        for temperature in temperatures
        for kind, own in ((NOTHING, [b""] * count), (SENTENCE, prompts))
        for number, prompt in enumerate(own)
    ]


def valid(starts: Sequence[tuple[str, Start]], wrote: Sequence[Continuation]) -> dict[Place, Measured]:
    """Shares of texts that are valid UTF-8, by temperature and what was given."""
    counts: dict[Place, list[bool]] = defaultdict(list)
    for (kind, start), own in zip(starts, wrote, strict=True):
        part = f"temperature {start.temperature:g}"
        counts[part, f"valid UTF-8 {kind}"].append(is_utf8(start.prompt + own.document))
    return {place: wilson(sum(found), len(found)) for place, found in counts.items()}


def written(starts: Sequence[tuple[str, Start]], wrote: Sequence[Continuation]) -> pd.DataFrame:
    """One row a text: `temperature`, `given`, `written`, `valid`."""
    return pd.DataFrame(
        [
            {"temperature": start.temperature, "given": _legible(start.prompt), "written": _legible(own.document)}
            | {"valid": is_utf8(start.prompt + own.document)}
            for (_, start), own in zip(starts, wrote, strict=True)
        ]
    )


def _whole(text: bytes) -> bytes:
    """The first characters, none of them cut."""
    return text[:BEGINNING].decode("utf-8", errors="ignore").encode()


def _legible(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
