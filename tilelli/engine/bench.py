"""Engines side by side: the same model, the same prompt, the same number of threads, turn by turn.

A machine is never quiet, so a time alone means little. Every round lets each engine write once, one after another; what
is told is the median over the rounds, and the ratio to the first engine round by round.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tilelli.engine.peers import peer
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
    """

    name: str
    loaded: float
    speeds: tuple[float, ...]
    firsts: tuple[float, ...]
    memory: int
    text: tuple[int, ...]

    def ratio(self, other: "Measured") -> float:
        """How many times as fast as `other` this is: the median over the rounds."""
        return median(mine / theirs for mine, theirs in zip(self.speeds, other.speeds, strict=True))


class Contestant:
    """An engine in a process of its own; a context manager that ends it."""

    def __init__(self, name: str, checkpoint: str, threads: int) -> None:
        self.name = name
        path = os.environ.get("PYTHONPATH")
        environment = os.environ | dict.fromkeys(THREADS, str(threads))
        environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
        command = [sys.executable, "-m", "tilelli.engine.peers", name, checkpoint, str(threads)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.loaded = float(self._answer()["loaded"])

    def __enter__(self) -> "Contestant":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def write(self, prompt: Sequence[int], number: int) -> dict[str, Any]:
        """Have it write, and tell what that took."""
        assert self._process.stdin is not None
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


def absent(names: Sequence[str]) -> dict[str, str]:
    """Which of the engines cannot run here, each with the reason."""
    return {name: reason for name in names if (reason := peer(name).missing())}


def measure(
    names: Sequence[str], checkpoint: str, prompt: Sequence[int], number: int, rounds: int, threads: int = 1
) -> list[Measured]:
    """Let engines write `number` greedy bytes after `prompt`, in turns, after one round that does not count.

    Raises:
        InputError: one of them does not run, or there is nothing to measure.
    """
    if number < 2 or rounds < 1:
        raise InputError("There is nothing to measure", f"{number} bytes in {rounds} rounds", "Use more of both.")
    contestants: list[Contestant] = []
    try:
        for name in names:
            contestants.append(Contestant(name, checkpoint, threads))
        turns = [[one.write(prompt, number) for one in contestants] for _ in range(rounds + 1)]
    finally:
        for one in contestants:
            one.__exit__()
    return [_summed(one, [turn[place] for turn in turns]) for place, one in enumerate(contestants)]


def _summed(one: Contestant, told: list[dict[str, Any]]) -> Measured:
    counted = told[1:]
    return Measured(
        one.name,
        one.loaded,
        tuple((len(turn["text"]) - 1) / turn["rest"] for turn in counted),
        tuple(turn["first"] for turn in counted),
        max(turn["memory"] for turn in told),
        tuple(told[-1]["text"]),
    )
