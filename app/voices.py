"""Which engine writes the texts of a page, and how it is said.

An engine serves one text at a time and may hand over to a faster one in its middle (`tilelli.engine.choice`); what only
torch can do is done by the model that the dashboard has loaded already. This module knows no screens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from app.jobs import Job
from tilelli.engine.choice import Voice, skips_only, voice
from tilelli.header import SPLICE
from tilelli.interventions import parse
from tilelli.sampling import Sampling, Written

if TYPE_CHECKING:
    from tilelli.base import ByteLM


@dataclass(frozen=True)
class Speaker:
    """Writes texts, each with a voice of its own.

    Attributes:
        begin: gives a voice for one more text.
        voices: of the texts so far.
    """

    begin: Callable[[], Voice]
    voices: list[Voice] = field(default_factory=list)

    def write(self, ids: Sequence[int], sampling: Sampling) -> Iterator[Written]:
        """The continuation of `ids`, byte by byte."""
        self.voices.append(self.begin())
        return self.voices[-1].stream(ids, sampling)

    def said(self) -> str:
        """Which engine wrote the last text, or writes it; empty before the first."""
        return self.voices[-1].said() if self.voices else ""


def able(engine: str, name: str, interventions: str) -> str:
    """The engine that is asked for, or torch for what it alone can do: splices and interventions; numba can skip."""
    if SPLICE in name or (interventions and not (engine == "numba" and skips_only(interventions))):
        return "torch"
    return engine


def by_torch(model: "ByteLM", interventions: str = "") -> Speaker:
    """The model as it is loaded, under interventions as they are written."""

    def write(ids: Sequence[int], sampling: Sampling) -> Iterator[Written]:
        from tilelli.generation import stream

        return stream(model, ids, sampling, interventions=changes)

    changes = parse(interventions)
    return Speaker(lambda: Voice(write, [("torch", 0)]))


def by(engine: str, name: str, interventions: str = "") -> Speaker:
    """Another engine, which opens the checkpoint by its name when it is to write."""
    return Speaker(partial(voice, name, engine, interventions))


def writing(speaker: Speaker, prompt: bytes, sampling: Sampling) -> Job[Written]:
    """A job that writes what follows `prompt`; stop is asked for after every byte."""

    def work(stop: Callable[[], bool]) -> Iterator[Written]:
        return takewhile(lambda _: not stop(), speaker.write(list(prompt), sampling))

    return Job(work)
