"""What leaving out small router weights costs and saves: measured by a job, shown as it grows, kept for the session."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app import services, show
from app.figures import speed as figures
from app.jobs import Job
from app.parts.speeds import alone
from tilelli.engine.choice import compiled_before
from tilelli.interventions import parse

if TYPE_CHECKING:
    from probes.skipping import Point

KEPT = 8
COST = (
    "Above the dashed line the model reads this text worse than with all weights, below it better; the bars are the "
    "95 % intervals. The line need not rise evenly: what is left out of one block changes what the next one gets."
)
SAVED = (
    "How much of each pathway's work, and of all of it, can be left out. This is counted from the weights; what it is "
    "worth in time is shown below."
)
PACE = (
    "To the right is faster, below is better: a mark for each threshold, its number beside it. Where the line goes "
    "right and hardly up, speed is cheap. The compiled engine is timed, all thresholds in turns; the bars span the "
    "middle half of the rounds, so they show how quiet this computer was."
)
NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "threshold": NUMBER(format="%.2f"),
    "bpb": NUMBER(format="%.3f"),
    "change": NUMBER(format="%+.3f", help="Bits per byte, less those with all weights."),
    "low": NUMBER("from", format="%+.3f", help="Where the 95 % interval of the change begins."),
    "high": NUMBER("to", format="%+.3f", help="Where it ends."),
    "pieces": NUMBER(help="Stretches of the text that are drawn again and again for the interval."),
    "speed": NUMBER("bytes/s", format="localized", help="Written by the compiled engine."),
    "faster": NUMBER(format="%.2f x", help="How many times as fast as with the lowest threshold, median over rounds."),
    "quarter": NUMBER(format="%.2f x", help="In a quarter of the rounds it is less than this."),
    "three_quarters": NUMBER("three quarters", format="%.2f x", help="In three quarters of the rounds it is less."),
    "skipped": NUMBER("left out", format="percent", help="Share of all multiply-adds of the pathways."),
    **{name: NUMBER(format="percent", help="Share of this pathway's own.") for name in ("local", "sparse", "dense")},
}
PYTHON = """
from probes.skipping import findings, measure, table
from tilelli import TilelliLM
from tilelli.interventions import parse

text = {text!r}
points = list(measure(TilelliLM.from_pretrained({name!r}), text, under=parse({under!r}), timed={timed}))
print(table(points).round(4).to_string(index=False), *findings(points, len(text)), sep="\\n")
"""
COMMAND = "{file}\npython -m probes run skipping --checkpoint {name} --text text.txt{intervene}"


class About(NamedTuple):
    """What is measured: a checkpoint by its weights, a text, and the interventions that hold throughout."""

    weights: str
    text: bytes
    under: str


@dataclass(frozen=True, eq=False)
class Run:
    """A curve that is being measured, or was."""

    about: About
    job: "Job[Point]"


def find(name: str, text: bytes, under: str) -> Run | None:
    """The newest curve of just this."""
    about = About(services.identity(name), text, under)
    return next((run for run in reversed(_runs()) if run.about == about), None)


def start(name: str, text: bytes, under: str) -> Run:
    """Begin to measure; what this session was measuring is stopped."""
    from probes.skipping import measure

    stop()
    model, changes = services.model(name), parse(under)
    timed = _timed(under)

    def work(stop: Callable[[], bool]) -> "Iterator[Point]":
        points = takewhile(lambda _: not stop(), measure(model, text, under=changes, timed=timed, should_stop=stop))
        return alone(points, stop) if timed else points

    run = Run(About(services.identity(name), text, under), Job(work))
    st.session_state.speed_skips = [*_runs()[-KEPT + 1 :], run]
    return run


def stop() -> None:
    """End what is being measured; the thresholds that came so far stay."""
    for run in _runs():
        run.job.stop()
        run.job.wait()


def show_run(run: Run | None, polling: bool) -> None:
    """The curve as far as it is measured; drawn again by itself until the job ends, then once more."""
    from probes.skipping import THRESHOLDS, findings, table

    points = run.job.items() if run else []
    if polling:
        waits = run and not points and _timed(run.about.under)
        first = "; the engine is timed first, as soon as nobody else measures here" if waits else ""
        st.progress(len(points) / len(THRESHOLDS), f"{len(points)} of {len(THRESHOLDS)} thresholds measured{first}")
    if run and run.job.error:
        st.error(run.job.error)
    found = table(points)
    left, right = st.columns(2)
    with left:
        show.picture(figures.cost(points), found, "speed_cost", COST)
    with right:
        show.picture(figures.saved(points), found, "speed_saved", SAVED)
    if any(point.speed for point in points):
        show.picture(figures.pace(points), found, "speed_pace", PACE)
    if run and not polling:
        for finding in findings(points, len(run.about.text)):
            st.write(finding)
        st.dataframe(found, hide_index=True, column_config=COLUMNS, height="content", placeholder="–")
    if run and polling and not run.job.running:
        st.rerun()


def elsewhere(name: str, text: bytes, under: str) -> tuple[str, str]:
    """The same in Python and on the command line."""
    intervene = f" --intervene {shlex.quote(under)}" if under else ""
    file = show.as_file(text, "text.txt")
    return (
        PYTHON.format(name=name, text=text, under=under, timed=_timed(under)),
        COMMAND.format(file=file, name=shlex.quote(name), intervene=intervene),
    )


def _timed(under: str) -> bool:
    """Whether the compiled engine is timed: if it can do what is asked, and need not be compiled first."""
    return not under.strip() and find_spec("numba") is not None and compiled_before()


def _runs() -> list[Run]:
    return st.session_state.get("speed_skips", [])  # type: ignore[no-any-return]
