"""A probe put to a checkpoint as a job: what is asked, how far it is, stop, go on, and what came of it.

Rows are kept in the store as they are made. So stopping loses nothing: asking the same again goes on where it was, and
what was asked once, here or on the command line, is there at once.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import inputs, services, sidebar, stored
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
from probes.texts import named
from tilelli.base import ByteLM
from tilelli.checkpoint import load

probe = REGISTERED[{probe!r}]{quickly}
bank = probe.questions({bank!r}, quick={quick}, seed={seed})
settings = {{**probe.settings, **named({paths!r})}}
with keeping() as keeper:
    result = probe.run(load({name!r}, ByteLM), {name!r}, bank, settings, {seed}, keeper)
print(result.summary().round(4).to_string())
"""
TEXTS = {"text": "Plain text", "train": "Training text", "held_out": "Held-out text"}


class StopError(Exception):
    """Somebody pressed Stop."""


@dataclass(frozen=True)
class Asked:
    """What the page asks: a probe, of a checkpoint, on a bank.

    Attributes:
        texts: what its settings say of the texts that are named, see `probes.texts.named`.
    """

    probe: str
    name: str
    bank: str | None
    quick: bool
    seed: int
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        probe = REGISTERED[self.probe]
        return {**(probe.quickly() if self.quick else probe).settings, **self.texts}

    @property
    def paths(self) -> dict[str, str]:
        """Where the texts are, by setting."""
        return {setting: self.texts[setting] for setting in REGISTERED[self.probe].texts if setting in self.texts}

    @property
    def key(self) -> "Key":
        return stored.key(self.probe, self.name, self.bank, self.quick, self.seed, self.texts)

    @property
    def options(self) -> str:
        """The same on the command line, after the name of a probe."""
        named = {"checkpoint": self.name, **({"bank": self.bank} if self.bank else {}), **self.paths}
        words = [word for option, value in named.items() for word in (f"--{option.replace('_', '-')}", value)]
        return shlex.join([*words, *["--quick"] * self.quick, "--seed", str(self.seed)])

    @property
    def python(self) -> str:
        values = {"probe": self.probe, "bank": self.bank, "quick": self.quick, "seed": self.seed, "name": self.name}
        return PYTHON.format(quickly=".quickly()" if self.quick else "", paths=self.paths, **values)


@dataclass(eq=False)
class Run:
    """A probe under way, or ended.

    Attributes:
        done: rows made so far, of `total`; that is less where a probe makes more rows than its bank has.
        trouble: why results could not be kept, if so.
    """

    digest: str
    total: int
    done: int = 0
    trouble: str = ""
    job: "Job[ProbeResult]" = field(init=False)


def choose(page: str, probe: str, name: str, bank: str | None = None) -> Asked:
    """What is to be asked; all of it stands in the URL. `bank` is the one to begin with."""
    asks, picked = REGISTERED[probe].bank is not None, None
    places = st.columns([2, 1, 1] if asks else [1, 1, 2], vertical_alignment="bottom")
    left, middle, right = places if asks else (places[2], places[0], places[1])
    if asks:
        begin_with(f"{page}_bank", bank or REGISTERED[probe].bank)
        with left:
            picked = inputs.ask_bank(f"{page}_bank")
    texts = ask_texts(page, probe)
    rows = "Fewer texts" if picked is None else f"At most {REGISTERED[probe].quick_rows} rows of each part"
    few = f"{rows}: faster, and intervals are wider."
    quick = middle.toggle("A quick look", True, key=f"{page}_quick", bind="query-params", help=few)
    seed = right.number_input("Seed", 0, 2**31 - 1, 0, key=f"{page}_seed", bind="query-params", help="Of all draws.")
    return Asked(probe, name, picked, quick, int(seed), texts)


def ask_texts(page: str, probe: str) -> dict[str, str]:
    """What settings say of the texts that are named for a probe; raises DataError if one is not there."""
    asked = REGISTERED[probe].texts
    places = st.columns(len(asked)) if asked else []
    paths = dict[str, str | None]()
    for (setting, what), place in zip(asked.items(), places, strict=True):
        with place:
            paths[setting] = inputs.ask_file(f"{page}_{setting}", TEXTS[setting], what)
    return stored.texts(paths)


def subject(name: str) -> None:
    """Which checkpoint is asked."""
    st.caption(inputs.describe(name, runs=False))
    if sidebar.interventions(name):
        st.caption("Interventions do not hold here: the checkpoint is asked as it is.")


def answered(page: str, asked: Asked) -> "ProbeResult | None":
    """The buttons, how far it is, and what came of it."""
    run = controls(page, asked)
    if run is not None and run.job.running:
        st.fragment(show, run_every=0.5)(run)
    elif run is not None:
        ended(run)
    return result(asked)


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
    if not run.job.running:
        st.rerun()
    words = f"{rows(run)}, {run.job.seconds:.0f} s" if run.done else "getting ready …"
    if run.done <= run.total:
        st.progress(run.done / max(run.total, 1), words)
    else:
        st.markdown(f":material/hourglass_top: {words}")


def rows(run: Run) -> str:
    """How many are made, and of how many where that is known."""
    return f"{run.done:,} of {run.total:,} rows" if run.done <= run.total else f"{run.done:,} rows"


def ended(run: Run) -> None:
    """What is to be said of a run that has ended."""
    if run.job.error:
        st.error(run.job.error)
    elif run.job.stopped and not run.job.items():
        st.info(f"Stopped after {rows(run)}. They are kept: **Go on** begins where it was.")
    if run.trouble:
        st.warning(f"The result is shown but not kept. {run.trouble}")
