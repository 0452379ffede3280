"""The Calibration page: asked once, as the command line asks; every figure with the answers behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import calibrating
from probes.__main__ import main
from probes.banks import BUNDLED, Bank, bank, sample
from probes.calibration import OPTION, TOP
from probes.registry import REGISTERED
from probes.result import ProbeResult, plain
from tests.app.asked import chat_model, own_bank
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import MakeModel

QUICK = {"max_new": 4, "samples": 1, "bytes": 700}


@pytest.fixture
def chat(folder: Path, tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """A chat model, a look that is quicker than quick, and a bank with questions and forced choices."""
    for name, value in QUICK.items():
        monkeypatch.setitem(REGISTERED["calibration"].quick, name, value)  # type: ignore[arg-type]
    few = sample(bank("calibration"), 60, 0)
    for made in (Bank("few", few.rows, ""), own_bank(halves=False)):
        monkeypatch.setitem(BUNDLED, made.name, lambda made=made: made)  # type: ignore[misc]
    return chat_model(folder, tiny)


def opened(name: str, bank_name: str = "few", **state: Any) -> AppTest:
    page = AppTest.from_file(APP / "views" / "calibration.py", default_timeout=60)
    page.session_state["checkpoint"], page.session_state["calibration_bank"] = name, bank_name
    for key, value in state.items():
        page.session_state[f"calibration_{key}"] = value
    page.run()
    assert not page.exception
    return page


def asked(page: AppTest) -> AppTest:
    """Press Ask, wait, and let the page see that it is done."""
    page.button(key="calibration_start").click().run()
    page.session_state["probe_run"].job.wait()
    page.run()
    assert not page.exception
    assert [error.value for error in page.error] == []
    return page


def result_of(page: AppTest) -> ProbeResult:
    return page.session_state["probe_run"].job.items()[-1]  # type: ignore[no-any-return]


def table(page: AppTest, key: str) -> list[dict[str, Any]]:
    (found,) = [frame for frame in page.dataframe if frame.key == f"calibration_{key}"]
    return plain(found.value)


def told(page: AppTest, out: Path) -> dict[str, Any]:
    """What the page's command gives as JSON."""
    assert main([*page.code[-1].value.split()[3:], "--json", str(out), "--threads", "1"]) == 0
    (found,) = json.loads(out.read_text())["results"]
    return found  # type: ignore[no-any-return]


def test_the_page_waits_for_a_click(chat: str) -> None:
    page = opened(chat)
    assert page.title[0].value == "Does it know how sure to be?"
    assert page.button(key="calibration_start").label == "Ask"
    assert not page.dataframe


def test_the_page_shows_what_the_command_line_finds(chat: str, tmp_path: Path, text_file: Path) -> None:
    page = asked(opened(chat, text=str(text_file)))
    found = told(page, tmp_path / "calibration.json")
    whole = [row for row in found["tables"]["measures"] if row["kind"] == "all"]
    shown = table(page, "numbers")
    assert {(row["part"], row["signal"]) for row in shown} >= {("choices", OPTION), ("text", TOP)}
    assert [{name: row[name] for name in shown[0]} for row in whole] == shown
    bins = [r for r in found["tables"]["reliability"] if (r["part"], r["signal"]) == ("questions", "reply_p")]
    own = table(page, "bins")
    assert own == [{name: row[name] for name in own[0]} for row in bins if row["equal"] == "width"]
    row = next(r for r in whole if (r["part"], r["signal"]) == ("questions", "reply_p"))
    assert f"The gap, mean over the bins (*ECE*), is {row['ece']:.3f} [" in page.markdown[1].value


def test_every_figure_opens_just_the_answers_it_counts(chat: str, text_file: Path) -> None:
    result = result_of(asked(opened(chat, text=str(text_file))))
    for row in result.tables["measures"].to_dict("records"):
        own = calibrating.told(result, row["part"], row["signal"])
        own = own if row["kind"] == "all" else own[own["kind"] == row["kind"]]
        assert len(own) == row["rows"]
        assert own["confidence"].mean() == pytest.approx(row["confidence"])
        assert own["right"].mean() == pytest.approx(row["accuracy"])
    replies, bytes_ = (calibrating.told(result, *which) for which in (("questions", "reply_p"), ("text", TOP)))
    assert (replies["confidence"] == result.rows["reply_p"][replies.index]).all()
    assert replies["prompt"].str.startswith("USER: ").all()
    assert bytes_["text"].str.contains("→").all()
    for row in result.tables["reliability"].to_dict("records"):
        own = calibrating.told(result, row["part"], row["signal"])
        assert own["confidence"].between(row["low"], row["high"]).sum() == row["n"]


def test_other_answers_have_confidences_of_their_own(chat: str) -> None:
    page = asked(opened(chat))
    page.selectbox(key="calibration_signal").set_value("abstain_p").run()
    page.selectbox(key="calibration_part").set_value("choices").run()
    assert not page.exception
    assert page.selectbox(key="calibration_signal").value == OPTION
    assert any("hang together" in said.value for said in page.caption)
    page.segmented_control(key="calibration_equal").set_value("mass").run()
    assert not page.exception


def test_without_rows_to_choose_on_there_is_no_temperature(chat: str) -> None:
    page = asked(opened(chat, "locked"))
    assert "There is no temperature" in page.markdown[1].value
    assert any("no temperature was fitted" in said.value for said in page.caption)


def test_a_text_that_is_not_there_and_a_vanilla_model_are_no_trouble(chat: str, folder: Path, tiny: MakeModel) -> None:
    assert "/nowhere/at/all.txt" in opened(chat, text="/nowhere/at/all.txt").error[0].value
    page = asked(opened(str(tiny("vanilla", context=64).save_pretrained(folder / "longer"))))
    assert "abstain_p" not in {row["signal"] for row in table(page, "numbers")}


def test_the_python_on_the_page_runs_as_it_is(chat: str) -> None:
    page = asked(opened(chat))
    said = follow(page.code[-2].value)
    result = result_of(page)
    figure = result.figures["questions", "ECE of reply_p"]
    assert "ECE of reply_p" in said
    assert f"{figure.value:.4f}" in said
