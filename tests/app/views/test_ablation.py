import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from probes.__main__ import main
from probes.result import plain
from tests.app.conftest import APP
from tests.conftest import TEXT, MakeModel


def opened(folder: Path, kind: str = "routed", text: str = TEXT * 2, under: str = "") -> AppTest:
    page = AppTest.from_file(APP / "views" / "ablation.py", default_timeout=60)
    page.session_state["checkpoint"], page.session_state["text"] = str(folder / kind), text
    page.session_state["interventions"] = under
    page.run()
    assert not page.exception
    return page


def measured(page: AppTest) -> AppTest:
    """Press Measure, wait, and let the page see that it is done."""
    page.button(key="ablation_start").click().run()
    page.session_state["ablation_runs"][-1].job.wait()
    page.run()
    assert not page.exception
    return page


def drawn(page: AppTest) -> dict[str, Any]:
    return json.loads(page.get("plotly_chart")[0].proto.spec)["data"][0]  # type: ignore[no-any-return]


def test_the_page_waits_for_a_click(folder: Path) -> None:
    page = opened(folder)
    assert page.title[0].value == "What hangs on each pathway?"
    assert not json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert page.button(key="ablation_stop").disabled


@pytest.mark.parametrize(("kind", "under"), [("remove", ""), ("force", "remove:sparse@1")])
def test_the_page_shows_what_the_command_line_finds(folder: Path, tmp_path: Path, kind: str, under: str) -> None:
    page = opened(folder, under=under)
    page.segmented_control(key="ablation_kind").set_value(kind).run()
    measured(page)
    (tmp_path / "text").write_text(TEXT * 2)
    given = ["--checkpoint", folder / "routed", "--text", tmp_path / "text", "--json", tmp_path / "out.json"]
    asked = ["run", "ablation", *given, "--kind", kind, "--intervene", under, "--threads", 1]
    assert main([str(word) for word in asked]) == 0
    (content,) = json.loads((tmp_path / "out.json").read_text())["results"]
    shown = page.dataframe[0].value
    assert plain(shown) == content["tables"]["cells"]
    notes = [note for row in drawn(page)["customdata"] for note in row]
    assert [note.split("<br>")[0] for note in notes] == shown["intervention"].tolist()
    said = [text.value for text in page.markdown]
    assert all(row["finding"] in said for row in content["tables"]["findings"])


def test_the_map_is_kept_for_these_weights_and_this_text(folder: Path) -> None:
    page = measured(opened(folder))
    kept = drawn(page)
    page.text_area(key="text").set_value("Another text").run()
    assert not json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    page.text_area(key="text").set_value(TEXT * 2).run()
    assert drawn(page) == kept


def test_what_was_measured_before_an_intervention_says_so(folder: Path) -> None:
    page = measured(opened(folder))
    page.session_state["interventions"] = "top@1"
    page.run()
    assert page.info[0].value.startswith("Measured without an intervention.")
    measured(page)
    assert not page.info


def test_stop_means_stop(folder: Path) -> None:
    page = opened(folder, text=TEXT * 40)
    page.button(key="ablation_start").click().run()
    page.button(key="ablation_stop").click().run()
    assert not page.exception
    assert not page.session_state["ablation_runs"][-1].job.running
    assert page.button(key="ablation_stop").disabled


def test_a_vanilla_model_has_nothing_to_take_out(folder: Path) -> None:
    assert "no pathway to take out" in opened(folder, "vanilla").info[0].value


@pytest.mark.parametrize("text", ["x", "🦊 سلام", "a\x00\n\t\u202e", "<script>alert(1)</script>"], ids=ascii)
def test_any_text_survives(folder: Path, text: str) -> None:
    page = measured(opened(folder, text=text))
    assert not page.error
    assert any("too short" in said.value for said in page.markdown)


def test_without_text_the_page_says_what_to_do(folder: Path) -> None:
    assert "empty" in opened(folder, text="").info[0].value


def test_a_model_without_a_pathway_has_a_map_without_it(folder: Path, tiny: MakeModel) -> None:
    tiny(pathways=["local", "dense"]).save_pretrained(folder / "two")
    page = measured(opened(folder, "two"))
    assert "sparse" not in page.dataframe[0].value["pathway"].tolist()


def test_a_wrong_intervention_is_a_sentence(folder: Path) -> None:
    assert "no such intervention: 'explode'" in opened(folder, under="explode").error[0].value


@pytest.mark.parametrize("under", ["", "flatten@2"])
def test_the_python_on_the_page_runs_as_it_is(folder: Path, under: str) -> None:
    page, said = measured(opened(folder, under=under)), io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(page.code[0].value, {})
    for row in page.dataframe[0].value.itertuples():
        assert f"{row.change:.4f}" in said.getvalue()
