"""A probe put to a checkpoint as a job: what is asked, how far it is, stop, go on, and what came of it.

Rows are kept in the store as they are made. So stopping loses nothing: asking the same again goes on where it was, and
what was asked once, here or on the command line, is there at once.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import inputs, services, stored
from app.jobs import Job
from app.parts.side_by_side import begin_with
from probes.registry import REGISTERED

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.result import ProbeResult
    from probes.store.key import Key

PYTHON = """
from probes.registry import REGISTERED
from probes.store.keeper import keeping
from tilelli.base import ByteLM
from tilelli.checkpoint import load

probe = REGISTERED[{probe!r}]{quickly}
bank = probe.questions({bank!r}, quick={quick}, seed={seed})
with keeping() as keeper:
    result = probe.run(load({name!r}, ByteLM), {name!r}, bank, probe.settings, {seed}, keeper)
print(result.summary().round(4).to_string())
"""


class StopError(Exception):
    """Somebody pressed Stop."""


@dataclass(frozen=True)
class Asked:
    """What the page asks: a probe, of a checkpoint, on a bank."""

    probe: str
    name: str
    bank: str | None
    quick: bool
    seed: int

    @property
    def settings(self) -> dict[str, Any]:
        probe = REGISTERED[self.probe]
        return dict((probe.quickly() if self.quick else probe).settings)

    @property
    def key(self) -> "Key":
        return stored.key(self.probe, self.name, self.bank, self.quick, self.seed)

    @property
    def options(self) -> str:
        """The same on the command line, after the name of a probe."""
        bank = f" --bank {shlex.quote(self.bank)}" if self.bank else ""
        return f"--checkpoint {shlex.quote(self.name)}{bank}{' --quick' * self.quick} --seed {self.seed}"

    @property
    def python(self) -> str:
        values = {"probe": self.probe, "bank": self.bank, "quick": self.quick, "seed": self.seed, "name": self.name}
        return PYTHON.format(quickly=".quickly()" if self.quick else "", **values)


@dataclass(eq=False)
class Run:
    """A probe under way, or ended.

    Attributes:
        done: rows made so far, of `total`; 0 where that is not known.
        trouble: why results could not be kept, if so.
    """

    digest: str
    total: int
    done: int = 0
    trouble: str = ""
    job: "Job[ProbeResult]" = field(init=False)


def choose(page: str, probe: str, name: str, bank: str | None = None) -> Asked:
    """What is to be asked; all of it stands in the URL. `bank` is the one to begin with."""
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    picked = None
    if REGISTERED[probe].bank is not None:
        begin_with(f"{page}_bank", bank or REGISTERED[probe].bank)
        with left:
            picked = inputs.ask_bank(f"{page}_bank")
    few = f"At most {REGISTERED[probe].quick_rows} questions of each part: faster, and intervals are wider."
    quick = middle.toggle("A quick look", True, key=f"{page}_quick", bind="query-params", help=few)
    seed = right.number_input("Seed", 0, 2**31 - 1, 0, key=f"{page}_seed", bind="query-params", help="Of all draws.")
    return Asked(probe, name, picked, quick, int(seed))


def controls(page: str, asked: Asked) -> Run | None:
    """The buttons, and the run of just this if there is one in this session."""
    run, kept = find(asked), result(asked)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Ask" if kept is None and not (run and run.done) else "Go on" if kept is None else "Ask again"
        if st.button(label, type="primary", key=f"{page}_start", disabled=kept is not None):
            run = start(asked)
        idle = not (run and run.job.running)
        st.button("Stop", key=f"{page}_stop", disabled=idle, on_click=stop)
        if kept is not None:
            st.caption("This was asked before, by this code, and is kept: the same again would give the same.")
    return run


def start(asked: Asked) -> Run:
    """Begin; what this session was asking is stopped."""
    stop()
    bank = stored.questions(asked.probe, asked.bank, asked.quick, asked.seed)
    model, key, settings = services.model(asked.name), asked.key, asked.settings
    run = Run(key.digest, 0 if bank is None else len(bank.rows))

    def work(should_stop: "Callable[[], bool]") -> "Iterator[ProbeResult]":
        from probes.store.keeper import Keeper

        def told(new: int) -> None:
            run.done += new
            if should_stop():
                raise StopError

        keeper = Keeper(not services.read_only(), told=told)
        try:
            found = REGISTERED[asked.probe].run(model, asked.name, bank, settings, asked.seed, keeper)
            keeper.put(key, found)
            yield found
        except StopError:
            return
        finally:
            run.trouble = str(keeper.trouble or "")
            keeper.close()

    run.job = Job(work)
    st.session_state.probe_run = run
    return run


def stop() -> None:
    """End what this session is asking; the rows made so far are kept."""
    if run := st.session_state.get("probe_run"):
        run.job.stop()
        run.job.wait()


def find(asked: Asked) -> Run | None:
    """The run of just this, if it is the session's latest."""
    run = st.session_state.get("probe_run")
    return run if run is not None and run.digest == asked.key.digest else None


def result(asked: Asked) -> "ProbeResult | None":
    """What came of it: from this session, or from the store."""
    run = find(asked)
    if run is not None and run.job.items():
        return run.job.items()[-1]
    return stored.kept(asked.key)


def show(run: Run) -> None:
    """How far it is; drawn again by itself while it runs, and once more when it has ended."""
    if run.job.running:
        done, total = run.done, max(run.total, run.done, 1)
        words = f"{done:,} of {run.total:,} rows, {run.job.seconds:.0f} s" if done else "getting ready …"
        st.progress(done / total, words)
        return
    st.rerun()


def ended(run: Run) -> None:
    """What is to be said of a run that has ended."""
    if run.job.error:
        st.error(run.job.error)
    elif run.job.stopped and not run.job.items():
        st.info(f"Stopped after {run.done:,} of {run.total:,} rows. They are kept: **Go on** begins where it was.")
    if run.trouble:
        st.warning(f"The result is shown but not kept. {run.trouble}")
