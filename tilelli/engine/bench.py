"""Engines side by side: the same model, the same prompt, the same number of threads, turn by turn.

A machine is never quiet, so a time alone means little. Every round lets each engine write once, one after another; what
is told is the median over the rounds, and the ratio to the first engine round by round. Engines made for other
architectures run a stand-in: another model of as many parameters (`peers/`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tilelli.engine.peers import APART, engine, peer
from tilelli.engine.peers.install import interpreter
from tilelli.engine.peers.shape import llama
from tilelli.errors import InputError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Measured:
    """One engine over R rounds.

    Attributes:
        name: of the engine.
        loaded: seconds until it could begin, in a process of its own that had nothing imported.
        speeds: (R,) bytes a second, without the first byte of each round.
        firsts: (R,) seconds to the first byte, with the whole prompt read.
        memory: the most that its process held, in bytes; 0 where that is not told.
        text: what it wrote.
        file: size of the model that it ran, in bytes.
        model: what kind of stand-in that was; nothing if it was the checkpoint itself.
    """

    name: str
    loaded: float
    speeds: tuple[float, ...]
    firsts: tuple[float, ...]
    memory: int
    text: tuple[int, ...]
    file: int = 0
    model: str = ""

    def ratio(self, other: "Measured") -> float:
        """How many times as fast as `other` this is: the median over the rounds."""
        return median(mine / theirs for mine, theirs in zip(self.speeds, other.speeds, strict=True))

    def differing(self, other: "Measured") -> int | None:
        """How many bytes it wrote other than `other` did; nothing if one of them is a stand-in."""
        if self.model or other.model:
            return None
        return sum(mine != theirs for mine, theirs in zip(self.text, other.text, strict=True))


class Contestant:
    """An engine in a process of its own, for texts of up to `places` bytes; a context manager that ends it."""

    def __init__(self, name: str, checkpoint: str, threads: int, places: int) -> None:
        self.name = name
        if lacks := peer(name).missing():
            raise InputError(f"{name} does not run", lacks, "Leave it out with --against.")
        path = os.environ.get("PYTHONPATH")
        environment = os.environ | dict.fromkeys(THREADS, str(threads))
        environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
        python = str(interpreter(engine(name))) if engine(name) in APART else sys.executable
        command = [python, "-m", "tilelli.engine.peers", name, checkpoint, str(threads), str(places)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.begun = self._answer()

    def __enter__(self) -> "Contestant":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def write(self, prompt: Sequence[int], number: int) -> dict[str, Any]:
        """Have it write, and tell what that took."""
        assert self._process.stdin is not None
        with suppress(OSError):  # if it has ended, there is no answer either
            self._process.stdin.write(json.dumps({"prompt": list(prompt), "number": number}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"problem": "it ended without a word"}
        if "problem" in found:
            self.__exit__()
            raise InputError(f"{self.name} does not run", found["problem"], "Leave it out with --against.")
        return found


def absent(names: Sequence[str], parameters: int) -> dict[str, str]:
    """Which of the engines cannot run here, or have no stand-in for a model of that size, each with the reason."""
    return {name: reason for name in names if (reason := peer(name).missing() or _misfit(name, parameters))}


def _misfit(name: str, parameters: int) -> str:
    try:
        if engine(name) in APART:
            llama(parameters)
    except InputError as error:
        return f"{error.happened[0].lower()}{error.happened[1:]}: {error.seen}"
    return ""


class Told(NamedTuple):
    """What an engine told as it began, and what one turn took; see `tilelli.engine.peers`."""

    name: str
    begun: dict[str, Any]
    turn: dict[str, Any]


def measure(
    names: Sequence[str],
    checkpoint: str,
    prompt: Sequence[int],
    number: int,
    rounds: int,
    threads: int = 1,
    after_round: Callable[[], object] = lambda: None,
) -> list[Measured]:
    """Let engines write `number` greedy bytes after `prompt`, in turns, after one round that does not count.

    `after_round` is called after each round, that one too.

    Raises:
        InputError: one of them does not run, or there is nothing to measure.
    """
    if not names:
        raise InputError("There is nothing to measure", "no engine", "Name one that is installed with --against.")
    if number < 2 or rounds < 1:
        raise InputError("There is nothing to measure", f"{number} bytes in {rounds} rounds", "Use more of both.")
    told = list[Told]()
    for turn in turns(names, checkpoint, prompt, number, rounds, threads):
        told.append(turn)
        if len(told) % len(names) == 0:
            after_round()
    return summed(told, len(names))


def turns(
    names: Sequence[str],
    checkpoint: str,
    prompt: Sequence[int],
    number: int,
    rounds: int,
    threads: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Told]:
    """Turn after turn of `rounds` + 1, each engine once in a round; `should_stop` is asked before each start and turn.

    Raises:
        InputError: one of them does not run.
    """
    with ExitStack() as stack:
        engines = list[Contestant]()
        for name in names:
            if should_stop():
                return
            engines.append(stack.enter_context(Contestant(name, checkpoint, threads, len(prompt) + number)))
        for one in engines * (rounds + 1):
            if should_stop():
                return
            yield Told(one.name, one.begun, one.write(prompt, number))


def summed(told: Sequence[Told], engines: int) -> list[Measured]:
    """All engines over the rounds that are whole, the first one left out; none before there is such a round."""
    whole = len(told) // engines * engines
    return [_one(told[place:whole:engines]) for place in range(engines)] if len(told) >= 2 * engines else []


def _one(told: Sequence[Told]) -> Measured:
    """One engine, over all of its turns but the first."""
    took = [each.turn for each in told]
    return Measured(
        told[0].name,
        told[0].begun["loaded"],
        tuple((len(turn["text"]) - 1) / turn["rest"] for turn in took[1:]),
        tuple(turn["first"] for turn in took[1:]),
        max(turn["memory"] for turn in took),
        tuple(took[-1]["text"]),
        told[0].begun["file"],
        told[0].begun["model"],
    )
