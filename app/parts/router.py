"""Parts of the Router page that are no pictures of the text: what is drawn of it, a bank's questions, elsewhere."""

import shlex

import streamlit as st

from app import inputs, services, show
from app.figures import routing as figures
from probes.routing import Routing

MOST_BYTES, MOST_BLOCKS = 256, 8  # drawn at once, so that an old laptop keeps up
REGIMES = (
    "One bar for each kind of question in the bank, with how many of its questions were read. Hover for the interval, "
    "which comes from drawing those questions again; where bars differ by less, nothing is shown."
)
PYTHON = """
from probes.routing import from_trace, share_by_position
from tilelli import TilelliLM
from tilelli.interventions import parse
from tilelli.trace import trace

lm, text, changes = TilelliLM.from_pretrained({name!r}), {text!r}, parse({under!r})
result = from_trace(trace(lm, list(text), changes))
positions = share_by_position(result, lm.config.context)
for table in (result.blocks, result.classes, positions):
    print(table.round(3).to_string())
print(*result.findings, sep="\\n")
"""
BANK = """
from probes.banks import bank
from probes.regimes import share_by_regime

print(share_by_regime(lm, bank({bank!r}), interventions=changes).round(3).to_string())
"""
EFFECT = """
from probes.effects import effect

print(*effect(lm, text, changes).findings, sep="\\n")
"""


def in_view(result: Routing) -> Routing:
    """The part of a long text or a deep model that is drawn; a slider appears where there is more."""
    start, block = 0, 1
    if (spare := len(result.ids) - MOST_BYTES) > 0:
        start = inputs.slide(f"First of the {MOST_BYTES} bytes drawn", 0, spare, "routing_start")
    if (spare := len(result.numbers) - MOST_BLOCKS) > 0:
        block = inputs.slide(f"First of the {MOST_BLOCKS} blocks drawn", 1, spare + 1, "routing_first_block")
    return result.window(start, MOST_BYTES, block, MOST_BLOCKS)


def call_out(result: Routing, under: str) -> None:
    """Dead and collapsed pathways in words; under an intervention they are no news of the model."""
    if under:
        st.caption(" ".join(("The weights are drawn as the intervention leaves them.", *result.findings)))
        return
    for finding in result.findings:
        st.warning(finding)
    if not result.findings:
        st.caption("Every block uses each of its pathways: none is below 2 % of the mix of this text, none above 95 %.")


def questions(name: str, under: str, block: str) -> str | None:
    """The mix by kind of question, for a bank that the user chooses; returns its name."""
    st.subheader("Does it depend on what is asked?", anchor=False)
    bank = inputs.ask_bank("routing_bank", "Bank of questions", none="Choose a bank")
    if bank:
        show.guarded(_by_regime, name, bank, under, block)
    return bank


def _by_regime(name: str, bank: str, under: str, block: str) -> None:
    regimes = services.regimes(name, bank, under)
    show.picture(figures.by_regime(regimes, block), regimes, "routing_regimes", REGIMES)


def elsewhere(name: str, text: bytes, under: str, bank: str | None) -> None:
    """All of the page in Python and on the command line."""
    python = PYTHON + (BANK if bank else "") + (EFFECT if under else "")
    intervene = f" --intervene {shlex.quote(under)}" if under else ""
    given = f"--checkpoint {shlex.quote(name)} --text text.txt{intervene}"
    asked = f" --bank {shlex.quote(bank)}" if bank else ""
    command = [show.as_file(text, "text.txt"), f"python -m probes run routing {given}{asked}"]
    command += [f"python -m probes run effect {given}"] if under else []
    show.elsewhere(python.format(name=name, text=text, under=under, bank=bank), "\n".join(command))
