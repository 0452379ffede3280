"""The Metacognition page: two questions, the rule, forced choices, and a part of another checkpoint."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from probes.__main__ import main
from probes.banks import BUNDLED, Bank, bank, sample
from probes.metacognition import FAILED, FAILURE, SHIFTED
from probes.registry import REGISTERED
from probes.reports.behind import behind
from probes.reports.escape import in_markdown
from probes.result import ProbeResult, plain
from probes.verdict import PUBLISHED
from tests.app.asked import chat_model, own_bank
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import MakeModel

QUICK = {"max_new": 3, "samples": 0, "choices": 40}


@pytest.fixture
def chat(folder: Path, tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """A chat model, a look that is quicker than quick, and a few questions of each regime."""
    for name, value in QUICK.items():
        monkeypatch.setitem(REGISTERED["metacognition"].quick, name, value)  # type: ignore[arg-type]
    few = sample(bank("regimes"), 6, 0)
    for made in (Bank("few", few.rows, "", claim=PUBLISHED), own_bank()):
        monkeypatch.setitem(BUNDLED, made.name, lambda made=made: made)  # type: ignore[misc]
    return chat_model(folder, tiny)


def opened(name: str, bank_name: str = "few", **state: Any) -> AppTest:
    page = AppTest.from_file(APP / "views" / "metacognition.py", default_timeout=60)
    page.session_state["checkpoint"], page.session_state["metacognition_bank"] = name, bank_name
    for key, value in state.items():
        page.session_state[f"metacognition_{key}"] = value
    page.run()
    assert not page.exception
    return page


def asked(page: AppTest) -> AppTest:
    """Press Ask, wait, and let the page see that it is done."""
    page.button(key="metacognition_start").click().run()
    page.session_state["probe_run"].job.wait()
    page.run()
    assert not page.exception
    assert [error.value for error in page.error] == []
    return page


def table(page: AppTest, key: str) -> list[dict[str, Any]]:
    (found,) = [frame for frame in page.dataframe if frame.key == f"metacognition_{key}"]
    return plain(found.value)


def words(page: AppTest) -> str:
    return "\n".join(each.value for each in (*page.markdown, *page.caption, *page.info, *page.warning))


def test_the_page_waits_for_a_click(chat: str) -> None:
    page = opened(chat)
    assert page.title[0].value == "Does it notice when it does not know?"
    assert page.button(key="metacognition_start").label == "Ask"
    assert not page.dataframe


def test_the_page_shows_what_the_command_line_finds(chat: str, tmp_path: Path) -> None:
    page = asked(opened(chat, out_regime="gibberish"))
    out = tmp_path / "metacognition.json"
    assert main([*page.code[-1].value.split()[3:], "--json", str(out), "--threads", "1"]) == 0
    (found,) = json.loads(out.read_text())["results"]
    for key, title, regime in (("out", SHIFTED, "gibberish"), ("failure", FAILED, "all")):
        own = [row | {"value": row["auroc"]} for row in found["tables"][title] if row["regime"] == regime]
        shown = table(page, f"{key}_numbers")
        assert [{name: row[name] for name in shown[0] if name != "meaning"} for row in own] == [
            {name: value for name, value in row.items() if name != "meaning"} for row in shown
        ]
        ruled = [row for row in found["tables"]["rule"] if row["question"] == title]
        shown = table(page, f"ruled_{key}")
        assert [row["difference"] for row in ruled] == [row["value"] for row in shown]
        assert [row["word"] for row in ruled] == [row["word"] for row in shown]
    for row in found["summary"]:
        if row["part"] == "choices" and row["value"] is not None:
            (told,) = re.findall(re.escape(row["figure"]) + r" ([−-]?[\d.]+)", words(page))
            assert float(told.replace("−", "-")) == pytest.approx(row["value"], abs=6e-4)
    assert len([line for line in page.markdown if in_markdown(PUBLISHED) in line.value]) == 1


def test_every_figure_opens_just_the_rows_it_counts(chat: str) -> None:
    page = asked(opened(chat))
    result: ProbeResult = page.session_state["probe_run"].job.items()[-1]
    for place, figure in result.figures.items():
        if place[0] != "choices":
            assert behind(result, place).sum() == figure.n
    assert (result.rows[behind(result, (f"{FAILURE}all", "AUROC"))]["right"].notna()).all()


def test_a_part_of_another_stands_beside_both_it_is_made_of(chat: str, folder: Path, tiny: MakeModel) -> None:
    donor = chat_model(folder, tiny, 1)
    page = opened(chat, donor=donor, parts=["abstain"])
    assert f"--checkpoint {chat}::abstain::{donor}" in page.code[-1].value
    asked(page)
    assert "ask them alone too" in words(page)
    for name in (chat, donor):
        asked(opened(name))
    page = opened(chat, donor=donor, parts=["abstain"])
    assert page.button(key="metacognition_start").disabled
    assert "Each colour is a model" in words(page)
    less = {row["part"]: row["value"] for row in table(page, "spliced_numbers")}
    assert set(less) == set(PUBLISHED.parts)
    page.selectbox(key="metacognition_spliced").set_value("router_conf").run()
    assert {row["value"] for row in table(page, "spliced_numbers")} == {0.0}  # the head alone came from elsewhere


def test_a_donor_of_another_shape_says_so(chat: str, folder: Path) -> None:
    assert "Nothing of this donor fits" in words(opened(chat, donor=str(folder / "vanilla")))
    assert "metacognition_parts" not in opened(chat, donor="gone").session_state


def test_a_bank_without_regimes_has_failures_only(chat: str) -> None:
    page = asked(opened(chat, "own"))
    assert "The bank has no part `in_domain`" in words(page)
    assert "No rule is attached" in words(page)
    assert table(page, "failure_numbers")


def test_a_vanilla_model_without_a_head_is_asked_all_the_same(chat: str, folder: Path, tiny: MakeModel) -> None:
    page = asked(opened(str(tiny("vanilla", context=64).save_pretrained(folder / "longer"))))
    signals = {row["signal"] for row in table(page, "out_numbers")}
    assert "entropy_mean" in signals
    assert not signals & {"abstain_p", "router_conf"}
    assert "Undefined, so in no table" in words(page)


def test_the_python_on_the_page_runs_as_it_is(chat: str) -> None:
    page = asked(opened(chat))
    said = follow(page.code[-2].value)
    for row in table(page, "out_numbers"):
        assert f"AUROC of {row['signal']}" in said
        assert f"{row['value']:.4f}" in said
