"""The engines side by side: each in a process of its own, in turns, run by a job and kept for the session."""

import os
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from threading import Lock
from typing import NamedTuple

import pandas as pd
import streamlit as st

from app import services, show
from app.figures import speed as figures
from app.jobs import Item, Job
from tilelli.commands.bench import PROMPT
from tilelli.engine.bench import Measured, Told, absent, summed, turns
from tilelli.engine.compiler import MACHINE
from tilelli.engine.peers import PEERS
from tilelli.header import read_header

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
    "file": NUMBER(format="%.1f MB", help="Size of the model that it ran."),
    "differing": NUMBER("bytes that differ", help="From what the first engine wrote."),
    "model": st.column_config.TextColumn(help="Engines for other architectures run another model of equal size."),
}
PYTHON = """
from statistics import median

from tilelli.commands.bench import PROMPT
from tilelli.engine.bench import measure

prompt = (PROMPT * 99)[:{race.prompt}]
for engine in measure({names!r}, {race.name!r}, prompt, {race.number}, {race.rounds}, {race.threads}):
    print(f"{{engine.name}}: {{median(engine.speeds):,.0f}} bytes/s, {{engine.model or 'the checkpoint itself'}}")
"""
COMMAND = """python -m tilelli bench --checkpoint {name} --prompt {race.prompt} --bytes {race.number} \\
    --rounds {race.rounds} --threads {race.threads}"""


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
        """All engines over the rounds that are whole."""
        return summed(self.job.items(), len(self.names))


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


def missing(name: str) -> dict[str, str]:
    """Engines that cannot run here, or not for this checkpoint, each with the reason."""
    return absent(PEERS, read_header(name).num_parameters)


def here(name: str) -> list[str]:
    """All the others."""
    gone = missing(name)
    return [engine for engine in PEERS if engine not in gone]


def find(race: Race) -> Run | None:
    """The newest measurement of just this."""
    return next((run for run in reversed(_runs()) if run.race == race), None)


def start(race: Race) -> Run:
    """Begin to measure all engines that are here; what this session was measuring is stopped."""
    stop()
    names = here(race.name)
    run = Run(race, names, Job(lambda stop: measuring(race, names, stop)))
    st.session_state.speed_runs = [*_runs()[-KEPT + 1 :], run]
    return run


def stop() -> None:
    """Ask what is being measured to end, which takes as long as its processes do; whole rounds stay."""
    for run in _runs():
        run.job.stop()


def measuring(race: Race, names: list[str], should_stop: Callable[[], bool]) -> Iterator[Told]:
    """Turn after turn, each engine once in a round; waits for machine code, and until nobody else here measures.

    Raises:
        InputError: an engine does not run.
    """
    prompt = (PROMPT * (race.prompt // len(PROMPT) + 1))[: race.prompt]
    MACHINE.begin()
    while "numba" in names and not (MACHINE.ready() or MACHINE.problem):
        time.sleep(WAIT)
        if should_stop():
            return
    yield from alone(turns(names, race.name, prompt, race.number, race.rounds, race.threads, should_stop), should_stop)


def alone(work: Iterator[Item], should_stop: Callable[[], bool]) -> Iterator[Item]:
    """What `work` gives, begun as soon as nobody else measures here."""
    while not ALONE.acquire(timeout=WAIT):
        if should_stop():
            return
    try:
        yield from work
    finally:
        ALONE.release()


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
                "file": one.file / 1e6 or None,
                "differing": one.differing(told[0]),
                "model": one.model or "the checkpoint itself",
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
    differing = [one.differing(first) for one in others]
    texts = "All wrote the same text." if not any(differing) else "Their texts differ: see the table."
    if None in differing:
        texts = texts.replace("All", "All that run the checkpoint itself")
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
    return PYTHON.format(race=race, names=here(race.name)), COMMAND.format(race=race, name=shlex.quote(race.name))


def _state(run: Run, done: int) -> str:
    if run.job.stopped or done == run.turns:
        return "Ending the engines …"
    return f"{done} of {run.turns} turns" if done else STARTING


def _runs() -> list[Run]:
    return st.session_state.get("speed_runs", [])  # type: ignore[no-any-return]
