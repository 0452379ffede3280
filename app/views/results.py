"""All that probes have found so far: what is stored, opened and compared."""

from functools import partial

import streamlit as st

from app import show, stored
from app.parts import found, history

FIRST = (
    "Nothing is stored yet. Ask something on the Abstain page, or on the command line: "
    "`python -m probes run coverage --checkpoint tilelli/mini --quick`."
)
PYTHON = """
from probes.store.store import Store

store = Store()
for number in {ids}:
    print(store.get(number).summary().round(4).to_string())
store.close()
"""


def page() -> None:
    if not (entries := stored.history()):
        st.info(FIRST)
        return
    if not (narrow := history.narrow(entries)):
        st.info(f"None of {len(entries)} results is of this kind. Take a choice above away.")
        return
    if not (chosen := history.choose(narrow)):
        st.info("Choose a result to open it, two to four to compare them.")
        return
    stamps = tuple((entry.id, entry.time) for entry in chosen)
    results = [stored.result(entry.id, entry.time) for entry in chosen]
    if len(results) == 1:
        found.one(chosen[0], results[0])
    else:
        found.several(chosen, results, stored.differences(stamps))
    report(stamps)
    ids = [entry.id for entry in chosen]
    words = " ".join(map(str, ids))
    open_one = f"python -m probes history {words}\n" if len(ids) == 1 else ""
    show.elsewhere(PYTHON.format(ids=ids), f"{open_one}python -m probes report {words} --out report.html")


def report(stamps: tuple[tuple[int, str], ...]) -> None:
    """What was chosen, as files to take away."""
    st.subheader("Take it away as a report", anchor=False)
    st.caption(
        "The page opens anywhere, without a network; the file of claims is what `python -m probes reproduce` measures "
        "again, figure by figure."
    )
    forms = {"html": "Page (HTML)", "markdown": "Summary (Markdown)", "json": "Claims (JSON)"}
    with st.container(horizontal=True):
        for form, label in forms.items():
            name = f"report.{'md' if form == 'markdown' else form}"
            make = partial(_content, stamps, form)
            st.download_button(label, make, name, key=f"results_report_{form}")


def _content(stamps: tuple[tuple[int, str], ...], form: str) -> str:
    return str(getattr(stored.report(stamps), form))


st.title("What has been found so far?")
st.write(
    "Every probe keeps its result, whether it was asked here or on the command line. Open one to see its figures and "
    "the rows behind them, or hold up to four against each other."
)
show.guarded(page)
