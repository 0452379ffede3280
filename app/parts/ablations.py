"""The ablation maps of a session: each measured by a job, shown as it grows, kept until eight newer ones have come."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app import services, show, sidebar
from app.figures import ablation as figures
from app.jobs import Job
from tilelli.header import read_header
from tilelli.interventions import parse

if TYPE_CHECKING:
    from probes.ablation import AblationMap, Cell

KEPT = 8
CAPTION = (
    "Each cell is one pathway of one block: how many more bits the model needs for a byte of this text when that is "
    "done to it. Orange is worse, blue is better; the stronger, the more (by its square root). In brackets on grey: "
    "cannot be told from 0. Hover for the interval."
)
NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "before": NUMBER("bpb before", format="%.3f"),
    "after": NUMBER("bpb after", format="%.3f"),
    "change": NUMBER(format="%+.3f", help="Bits per byte after, less before."),
    "low": NUMBER("from", format="%+.3f", help="Where the 95 % interval of the change begins."),
    "high": NUMBER("to", format="%+.3f", help="Where it ends."),
    "pieces": NUMBER(help="Stretches of the text that are drawn again and again for the interval."),
    "p": NUMBER(format="%.2g", help="How likely so large a change would be if there were none."),
    "p_holm": NUMBER("p, corrected", format="%.2g", help="The same, corrected for looking at every cell."),
    "clear": st.column_config.CheckboxColumn(help="Corrected p below 0.05, and at least 0.01 bpb."),
}
PYTHON = """
from probes.ablation import ablation_map
from tilelli import TilelliLM
from tilelli.interventions import parse

lm = TilelliLM.from_pretrained({name!r})
found = ablation_map(lm, {text!r}, {kind!r}, under=parse({under!r}))
print(found.cells.round(4).to_string(), *found.findings, sep="\\n")
"""
COMMAND = "{file}\npython -m probes run ablation --checkpoint {name} --text text.txt --kind {kind}{intervene}"


@dataclass(frozen=True, eq=False)
class Run:
    """One map being measured, or measured.

    Attributes:
        about: hash of the weights, text and kind: what else may change is the intervention it is measured `under`.
    """

    job: "Job[Cell]"
    about: tuple[str, bytes, str]
    under: str
    n_blocks: int
    total: int

    def result(self) -> "AblationMap":
        """The map, as far as it is measured."""
        from probes.ablation import gather

        _, text, kind = self.about
        return gather(self.job.items(), kind, self.total, len(text))


def find(name: str, text: bytes, kind: str, under: str) -> Run | None:
    """The newest map of these weights, this text and kind; rather one under the same interventions."""
    alike = [run for run in _runs() if run.about == (services.identity(name), text, kind)]
    return next((run for run in reversed(alike) if run.under == under), alike[-1] if alike else None)


def start(name: str, text: bytes, kind: str, under: str) -> Run:
    """Begin to measure; what this session was measuring is stopped.

    Raises:
        InputError: the interventions do not fit the model.
    """
    from probes.ablation import measure, plan

    stop()
    model, changes, total = services.model(name), parse(under), len(plan(read_header(name).config, kind))
    job = Job(lambda stop: measure(model, text, kind, changes, stop))
    about = (services.identity(name), text, kind)
    run = Run(job, about, under, model.config.n_blocks, total)
    st.session_state.ablation_runs = [*_runs()[-KEPT + 1 :], run]
    return run


def stop() -> None:
    """End what is being measured; the cells that came so far stay."""
    for run in _runs():
        run.job.stop()
        run.job.wait()


def show_map(run: Run, polling: bool) -> None:
    """The map as far as it is measured; drawn again by itself until the job ends, then once more for the rest."""
    found = run.result()
    if polling:
        st.progress(len(found.cells) / found.total, f"{len(found.cells)} of {found.total} cells measured")
    if run.job.error:
        st.error(run.job.error)
    show.picture(figures.heatmap(found, run.n_blocks), found.cells, "ablation_map", CAPTION)
    if polling and not run.job.running:
        st.rerun()


def choose(run: Run, under: str) -> None:
    """Findings, the table, and a way to take a cell's intervention to the other pages."""
    found = run.result()
    for finding in found.findings:
        st.write(finding)
    st.caption("Choose a row to use its intervention on every page.")
    event = st.dataframe(
        found.cells,
        height="content" if len(found.cells) < 50 else "auto",
        hide_index=True,
        column_config=COLUMNS,
        on_select="rerun",
        selection_mode="single-row",
        key="ablation_cells",
    )
    for row in event["selection"]["rows"]:
        word = found.cells["intervention"].iloc[row]
        held = word in under.split()
        label = f"`{word}` is in force" if held else f"Use `{word}` everywhere"
        change = f"{under} {word}".strip()
        st.button(label, key="ablation_use", disabled=held, on_click=sidebar.intervene, args=(change,))


def elsewhere(name: str, text: bytes, kind: str, under: str) -> tuple[str, str]:
    """The same map in Python and on the command line."""
    intervene = f" --intervene {shlex.quote(under)}" if under else ""
    file, values = show.as_file(text, "text.txt"), {"kind": kind, "under": under}
    return (
        PYTHON.format(name=name, text=text, **values),
        COMMAND.format(file=file, name=shlex.quote(name), intervene=intervene, **values),
    )


def _runs() -> list[Run]:
    return st.session_state.get("ablation_runs", [])  # type: ignore[no-any-return]
