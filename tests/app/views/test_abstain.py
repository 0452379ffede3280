"""The Abstain page: asked once, as the command line asks; stopped, gone on with, worked with by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import probing
from probes import answering
from probes.__main__ import main
from probes.banks import BUNDLED
from probes.metrics import Measured
from probes.report import number
from probes.result import plain
from probes.store.store import Store
from tests.app.asked import chat_model, own_bank
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import MakeModel


@pytest.fixture
def chat(folder: Path, tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """A chat model, with two banks of one's own among the bundled ones."""
    for halves in (True, False):
        made = own_bank(halves=halves)
        monkeypatch.setitem(BUNDLED, made.name, lambda made=made: made)  # type: ignore[misc]
    return chat_model(folder, tiny)


def opened(name: str, bank: str = "own", **state: Any) -> AppTest:
    page = AppTest.from_file(APP / "views" / "abstain.py", default_timeout=60)
    page.session_state["checkpoint"], page.session_state["abstain_bank"] = name, bank
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def asked(page: AppTest) -> AppTest:
    """Press Ask, wait, and let the page see that it is done."""
    page.button(key="abstain_start").click().run()
    page.session_state["probe_run"].job.wait()
    page.run()
    assert not page.exception
    assert not page.error
    return page


def table(page: AppTest, key: str) -> list[dict[str, Any]]:
    """A table by its key, or by a column that only it has."""
    (found,) = [frame for frame in page.dataframe if frame.key == key or key in frame.value]
    return plain(found.value)


def told(page: AppTest, command: str, out: Path) -> dict[str, Any]:
    """What a command of the page gives as JSON."""
    (line,) = [line for line in page.code[-1].value.splitlines() if f"run {command}" in line]
    assert main([*line.split()[3:], "--json", str(out)]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_page_waits_for_a_click(chat: str) -> None:
    page = opened(chat)
    assert page.title[0].value == "Does it know what it does not know?"
    assert page.button(key="abstain_start").label == "Ask"
    assert page.button(key="abstain_stop").disabled
    assert not page.dataframe


def test_the_page_shows_what_the_command_line_finds(chat: str, tmp_path: Path) -> None:
    page = asked(opened(chat))
    found = told(page, "abstain", tmp_path / "abstain.json")["results"][0]
    for key, group in (("abstain_rates_numbers", "rates"), ("abstain_auroc_numbers", "auroc")):
        for row in table(page, key):
            own = found["summary"][row["part"]][group][row["figure"].removeprefix("AUROC of ")]
            assert {end: row[end] for end in own} == pytest.approx(own, abs=1e-14)
    for row in table(page, "abstain_counts"):
        kind = found["summary"][row["part"]]["table"]["answerable" if row["answerable"] else "unanswerable"]
        counts = {name: n for name, n in row.items() if name not in ("part", "answerable") and n is not None}
        assert counts == kind
    assert len(table(page, "abstain_rates_numbers")) == 10


def test_the_workbench_shows_what_the_command_line_finds(chat: str, tmp_path: Path) -> None:
    page = asked(opened(chat))
    page.slider(key="abstain_cost_invented").set_value(4.0).run()
    found = told(page, "threshold", tmp_path / "threshold.json")
    assert found["costs"] == {"wrong": 1, "invented": 4, "silent": 1}
    assert table(page, "policy") == found["tables"]["policies"]
    assert table(page, "abstain_chosen") == found["tables"]["outcomes"]
    area = f"AUGRC {number(Measured(**found['areas']['AUGRC']))}"
    assert any(area in said.value for said in page.markdown)


def test_what_was_asked_once_is_there_at_once_for_the_next(chat: str) -> None:
    first = asked(opened(chat))
    again = opened(chat)
    assert table(again, "abstain_rates_numbers") == table(first, "abstain_rates_numbers")
    assert again.button(key="abstain_start").disabled
    assert opened(chat, abstain_seed=1).button(key="abstain_start").label == "Ask"


def test_stop_means_stop_and_going_on_begins_where_it_was(chat: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own, seen = answering._answers, list[int]()

    def stopping(model: Any, text: Any, max_new: int) -> Any:
        seen.append(len(text))
        if len(seen) == 2:
            page.session_state["probe_run"].job.stop()  # somebody presses Stop
        return own(model, text, max_new)

    page = opened(chat)
    monkeypatch.setattr(answering, "_answers", stopping)
    page.button(key="abstain_start").click().run()
    page.session_state["probe_run"].job.wait()
    page.run()
    made = sum(seen)
    assert page.info[0].value.startswith(f"Stopped after {made} of 24 rows.")
    assert page.button(key="abstain_start").label == "Go on"
    asked(page)
    assert sum(seen) == 24
    assert table(page, "abstain_counts")


def test_a_model_without_an_abstain_head_is_told_of_and_judged_by_its_words(chat: str, folder: Path) -> None:
    page = opened(str(folder / "vanilla"))
    assert "not tuned to chat" in page.info[0].value
    assert "has no abstain head: there is no gate" in page.info[0].value
    asked(page)
    rows = [row for row in table(page, "abstain_auroc_numbers") if row["figure"] == "AUROC of abstain_p"]
    assert [row["value"] for row in rows] == [None, None]
    assert "abstain_p" not in page.selectbox(key="abstain_signal").options[0]
    assert {row["policy"] for row in table(page, "policy")} == {
        "never silent",
        "always silent",
        "chosen here",
    }


def test_a_bank_without_rows_to_choose_on_has_no_workbench_but_all_else(chat: str) -> None:
    page = opened(chat, "locked")
    page.button(key="abstain_start").click().run()
    page.session_state["probe_run"].job.wait()
    page.run()
    assert "There are no calibration rows" in page.error[0].value
    assert table(page, "abstain_counts")
    assert page.button(key="abstain_right")


def test_a_reply_is_labelled_counted_and_remembered(chat: str) -> None:
    page = asked(opened(chat))
    row = page.number_input(key="abstain_row").value
    page.button(key="abstain_abstained").click().run()
    assert not page.exception
    assert page.number_input(key="abstain_row").value != row
    assert any("Of **1** labelled rows" in said.value for said in page.markdown)
    again = opened(chat, abstain_row=row)
    assert any("By hand: **abstained**" in said.value for said in again.markdown)
    again.button(key="abstain_unlabel").click().run()
    assert not any("labelled rows" in said.value for said in again.markdown)


def test_a_shared_dashboard_keeps_nothing(chat: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILELLI_READ_ONLY", "1")
    page = asked(opened(chat))
    assert page.button(key="abstain_right").disabled
    store = Store()
    assert store.history() == []
    store.close()


def test_a_bank_that_is_not_there_is_a_sentence(chat: str) -> None:
    assert "There is no such bank: nothing" in opened(chat, "nothing").error[0].value


def test_with_a_store_that_cannot_be_used_the_page_says_so(
    chat: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.db").write_bytes(b"this is no database " * 100)
    monkeypatch.setenv("TILELLI_DB", f"sqlite:///{folder}/broken.db")
    assert "Results cannot be kept or read" in opened(chat).error[0].value


def test_the_python_on_the_page_runs_as_it_is(chat: str) -> None:
    page = asked(opened(chat))
    said = follow(page.code[-2].value)
    for row in table(page, "abstain_rates_numbers"):
        assert row["figure"] in said
        assert row["value"] is None or f"{row['value']:.4f}" in said


def test_a_run_counts_its_rows(chat: str) -> None:
    page = asked(opened(chat))
    run: probing.Run = page.session_state["probe_run"]
    assert (run.done, run.total, run.trouble) == (24, 24, "")
