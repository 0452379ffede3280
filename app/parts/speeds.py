"""The engines side by side: each in a process of its own, in turns, run by a job and kept for the session."""

import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from threading import Lock
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from app import services, show
from app.figures import speed as figures
from app.jobs import Job
from tilelli.commands.bench import PROMPT
from tilelli.engine.bench import Contestant, Measured, absent
from tilelli.engine.compiler import MACHINE
from tilelli.engine.peers import PEERS

KEPT = 8
ALONE = Lock()  # two measurements at once would slow each other
WAIT = 0.2  # seconds
CAPTION = (
    "The longer a bar, the faster. It is the median over the rounds; a dot is one of them, so they show the noise."
)
STARTING = "Starting the engines; machine code is compiled once on a computer, which takes a while …"
NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "engine": st.column_config.TextColumn(pinned=True),
    "speed": NUMBER("bytes/s", format="localized", help="Median over the rounds, without the first byte of each."),
    "slowest": NUMBER(format="localized", help="Bytes a second in its slowest round."),
    "fastest": NUMBER(format="localized", help="Bytes a second in its fastest round."),
    "ratio": NUMBER(
        "first is", format="%.2f x", help="How many times as fast the first engine is, median over rounds."
    ),
    "first": NUMBER("first byte", format="%.1f ms", help="From the prompt to the first byte written, median."),
    "start": NUMBER(format="%.2f s", help="From an empty process until it can begin, imports and loading included."),
    "memory": NUMBER(format="%.0f MiB", help="The most that its process held, Python and all libraries included."),
    "differing": NUMBER("bytes that differ", help="From what the first engine wrote."),
}
PYTHON = """
from tilelli.commands.bench import PROMPT, table
from tilelli.engine.bench import measure

prompt = (PROMPT * 99)[:{race.prompt}]
told = measure({names!r}, {race.name!r}, prompt, {race.number}, {race.rounds}, {race.threads})
print(*table(told), sep="\\n")
"""
COMMAND = """python -m tilelli bench --checkpoint {name} --prompt {race.prompt} --bytes {race.number} \\
    --rounds {race.rounds} --threads {race.threads}"""


class Told(NamedTuple):
    """What one turn of one engine took; see `tilelli.engine.peers`."""

    name: str
    loaded: float
    turn: dict[str, Any]


class Race(NamedTuple):
    """What is measured: a checkpoint by name and weights, bytes read and written, rounds and threads."""

    name: str
    weights: str
    prompt: int
    number: int
    rounds: int
    threads: int


@dataclass(frozen=True, eq=False)
class Run:
    """Engines that are being measured, or were."""

    race: Race
    names: list[str]
    job: Job[Told]

    @property
    def turns(self) -> int:
        """How many turns there are in all, with those of the round that does not count."""
        return len(self.names) * (self.race.rounds + 1)

    def result(self) -> list[Measured]:
        """All engines over the rounds that are whole, the first one left out."""
        told, n = self.job.items(), len(self.names)
        return [summed(told[place : len(told) // n * n : n]) for place in range(n)] if len(told) >= 2 * n else []


def ask(name: str) -> Race:
    """How much is to be read and written; it stands in the URL."""
    first, second, third, fourth = st.columns(4)
    fields = (
        (first, "Bytes of the prompt", 1, 1024, 64, "prompt", "What each engine reads before it writes."),
        (second, "Bytes to write", 2, 2000, 128, "bytes", "Greedily, by each engine in each round."),
        (third, "Rounds", 1, 50, 7, "rounds", "Each engine writes once in each; one more before them does not count."),
        (fourth, "Threads", 1, os.cpu_count() or 1, 1, "threads", "For engines that can use several."),
    )
    found = [
        int(column.number_input(label, low, high, at, key=f"speed_{key}", bind="query-params", help=said))
        for column, label, low, high, at, key, said in fields
    ]
    return Race(name, services.identity(name), *found)


def find(race: Race) -> Run | None:
    """The newest measurement of just this."""
    return next((run for run in reversed(_runs()) if run.race == race), None)


def start(race: Race) -> Run:
    """Begin to measure all engines that are here; what this session was measuring is stopped."""
    stop()
    missing = absent(PEERS)
    names = [name for name in PEERS if name not in missing]
    run = Run(race, names, Job(lambda stop: measuring(race, names, stop)))
    st.session_state.speed_runs = [*_runs()[-KEPT + 1 :], run]
    return run


def stop() -> None:
    """Ask what is being measured to end, which takes as long as its processes do; whole rounds stay."""
    for run in _runs():
        run.job.stop()


def measuring(race: Race, names: list[str], should_stop: Callable[[], bool]) -> Iterator[Told]:
    """Turn after turn, each engine once in a round; waits for machine code, and until no other session measures.

    Raises:
        InputError: an engine does not run.
    """
    prompt = (PROMPT * (race.prompt // len(PROMPT) + 1))[: race.prompt]
    MACHINE.begin()
    while ("numba" in names and not (MACHINE.ready() or MACHINE.problem)) or not ALONE.acquire(timeout=WAIT):
        time.sleep(WAIT)
        if should_stop():
            return
    with ExitStack() as stack:
        stack.callback(ALONE.release)
        engines = list[Contestant]()
        for name in names:
            if should_stop():
                return
            engines.append(stack.enter_context(Contestant(name, race.name, race.threads)))
        for engine in engines * (race.rounds + 1):
            if should_stop():
                return
            yield Told(engine.name, engine.loaded, engine.write(prompt, race.number))


def summed(told: list[Told]) -> Measured:
    """One engine, over all of its turns but the first."""
    turns = [each.turn for each in told]
    return Measured(
        told[0].name,
        told[0].loaded,
        tuple((len(turn["text"]) - 1) / turn["rest"] for turn in turns[1:]),
        tuple(turn["first"] for turn in turns[1:]),
        max(turn["memory"] for turn in turns),
        tuple(turns[-1]["text"]),
    )


def table(told: list[Measured]) -> pd.DataFrame:
    """One row an engine."""
    return pd.DataFrame(
        [
            {
                "engine": one.name,
                "speed": round(median(one.speeds)),
                "slowest": round(min(one.speeds)),
                "fastest": round(max(one.speeds)),
                "ratio": told[0].ratio(one),
                "first": 1000 * median(one.firsts),
                "start": one.loaded,
                "memory": one.memory / 2**20 or None,
                "differing": sum(a != b for a, b in zip(one.text, told[0].text, strict=True)),
            }
            for one in told
        ]
    )


def finding(told: list[Measured]) -> str:
    """How many times as fast the first engine is, with the range over the rounds, and whether the texts are one."""
    first, *others = told
    said = []
    for one in others:
        each = [mine / theirs for mine, theirs in zip(first.speeds, one.speeds, strict=True)]
        said.append(f"{first.ratio(one):.1f} times as fast as {one.name} ({min(each):.1f} to {max(each):.1f})")
    same = all(one.text == first.text for one in others)
    texts = "All wrote the same text." if same else "Their texts differ: see the table."
    over = f"over {len(first.speeds)} rounds, in brackets the lowest and the highest"
    return f"{first.name} is {' and '.join(said)}, {over}. {texts}" if said else ""


def show_run(run: Run, polling: bool) -> None:
    """The engines as far as they are measured; drawn again by itself until the job ends, then once more."""
    told, done = run.result(), len(run.job.items())
    if polling:
        st.progress(done / run.turns, _state(run, done))
    if run.job.error:
        st.error(run.job.error)
    found = table(told)
    show.picture(figures.lanes(told), found, "speed_engines", CAPTION)
    if told:
        st.dataframe(found, hide_index=True, column_config=COLUMNS, placeholder="–")
        st.write(finding(told))
    if polling and not run.job.running:
        st.rerun()


def elsewhere(race: Race) -> tuple[str, str]:
    """The same in Python and on the command line."""
    missing = absent(PEERS)
    names = [name for name in PEERS if name not in missing]
    return PYTHON.format(race=race, names=names), COMMAND.format(race=race, name=shlex.quote(race.name))


def _state(run: Run, done: int) -> str:
    if run.job.stopped or done == run.turns:
        return "Ending the engines …"
    return f"{done} of {run.turns} turns" if done else STARTING


def _runs() -> list[Run]:
    return st.session_state.get("speed_runs", [])  # type: ignore[no-any-return]
