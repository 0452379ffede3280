import base64
import contextlib
import io
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from probes.__main__ import main
from probes.roles import ROLES
from tests.app.conftest import APP
from tests.conftest import MakeModel


def open_page(checkpoint: Path, text: str = "The cat sat", **state: int | str) -> AppTest:
    page = AppTest.from_file(str(APP / "views" / "attention.py"), default_timeout=60)
    for key, value in {"checkpoint": str(checkpoint), "text": text, **state}.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_the_page_asks_its_question_and_answers_it(folder: Path, kind: str) -> None:
    page = open_page(folder / kind)
    assert page.title[0].value == "Which earlier bytes does each byte look at?"
    assert f"{kind} model" in page.info[0].value
    assert len(page.get("plotly_chart")) == 6
    assert not page.error


def test_the_places_are_counted(folder: Path) -> None:
    said = open_page(folder / "routed").info[0].value
    assert "only its 4 best matches. 72.7 % of the bytes here fill all 4 places" in said  # 8 of 11


def test_without_text_the_page_says_what_to_do(folder: Path) -> None:
    page = open_page(folder / "routed", "")
    assert "empty" in page.info[0].value
    assert not page.get("plotly_chart")


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
@pytest.mark.parametrize(
    "text", ["🦊🌍", "سلام عليكم", "x", "a\x00\n\u202eb", "<script>alert(1)</script>", "hello " * 1667], ids=ascii
)
def test_any_text_survives(folder: Path, kind: str, text: str) -> None:
    page = open_page(folder / kind, text)
    assert not page.error
    assert len(page.get("plotly_chart")) == 6


def test_a_checkpoint_that_has_gone_is_an_error_in_words(folder: Path) -> None:
    page = open_page(folder / "gone")
    assert len(page.error) == 1
    assert not page.get("plotly_chart")


def test_another_head_and_byte_can_be_chosen(folder: Path) -> None:
    page = open_page(folder / "routed")
    page.selectbox(key="attention_block").select(2)
    page.selectbox(key="attention_head").select(2)
    page.slider(key="attention_byte").set_value(3).run()
    assert not page.exception
    assert "kept_set(seen, 1, 1, 3)" in page.code[0].value
    assert "byte 3" in page.get("plotly_chart")[0].proto.spec
    assert page.dataframe[0].value["attention"].sum() == pytest.approx(1)


def test_choices_that_no_longer_fit_fall_back(folder: Path, tiny: MakeModel) -> None:
    deep = tiny(n_blocks=3, n_heads=4).save_pretrained(folder / "deep")
    page = open_page(deep, "The cat sat on")
    page.selectbox(key="attention_block").select(3)
    page.selectbox(key="attention_head").select(4)
    page.slider(key="attention_byte").set_value(12).run()
    page.session_state["checkpoint"] = str(folder / "routed")
    page.session_state["text"] = "cat"
    page.run()
    assert not page.exception
    assert "kept_set(seen, 0, 0, 2)" in page.code[0].value


def test_a_link_that_does_not_fit_falls_back(folder: Path) -> None:
    page = AppTest.from_file(str(APP / "views" / "attention.py"), default_timeout=60)
    page.session_state["checkpoint"] = str(folder / "routed")
    for key, value in {"text": "cat", "attention_byte": "999", "attention_block": "9", "attention_head": "x"}.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert "kept_set(seen, 0, 0, 2)" in page.code[0].value


def test_the_python_on_the_page_runs_as_it_is(folder: Path) -> None:
    page = open_page(folder / "routed", "\"{quoted}\" 'x'\n")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(page.code[0].value, {})
    assert "effective_keys" in said.getvalue()


def test_a_model_without_a_sparse_pathway_has_nothing_to_look_at(folder: Path, tiny: MakeModel) -> None:
    page = open_page(tiny(pathways=("local", "dense")).save_pretrained(folder / "none"))
    assert "no sparse pathway" in page.info[0].value
    assert not page.error
    assert not page.get("plotly_chart")


def test_another_measure_of_the_heads_can_be_chosen(folder: Path) -> None:
    page = open_page(folder / "routed")
    page.selectbox(key="attention_measure").select("reach").run()
    assert not page.exception
    assert "Bytes back, on average" in page.get("plotly_chart")[4].proto.spec


def test_what_is_seen_is_the_model_under_the_interventions(folder: Path) -> None:
    text = "The cat sat on t"
    page = open_page(folder / "routed", text, interventions="remove:sparse@2", attention_block=2)
    assert "under `remove:sparse@2`" in page.caption[0].value
    assert "no effect" in page.info[0].value
    assert "parse('remove:sparse@2')" in page.code[0].value
    assert "--intervene remove:sparse@2" in page.code[1].value


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_a_long_context_is_drawn_in_a_window_and_the_page_says_so(folder: Path, tiny: MakeModel, kind: str) -> None:
    long = tiny(kind, context=1024).save_pretrained(folder / "long")
    page = open_page(long, "The cat sat on the mat, and the dog. " * 28, attention_byte=1000)
    said = " ".join(caption.value for caption in page.caption)
    assert "Drawn: bytes 745 to 1000 of 1024" in said
    specs = [chart.proto.spec for chart in page.get("plotly_chart")]
    assert len(specs) == 6
    assert max(map(len, specs)) < 1_000_000  # what a browser has to swallow


@pytest.mark.parametrize("changed", ["", "flatten"])
def test_the_command_on_the_page_gives_the_figures_of_the_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    places = {"attention_block": 2, "attention_head": 1, "attention_byte": 9}
    page = open_page(folder / "routed", 'The cat\'s "hat"\n', interventions=changed, **places)
    monkeypatch.chdir(tmp_path)
    file, command = page.code[1].value.split("\npython -m probes ")
    subprocess.run(["bash", "-ec", file], check=True)
    assert main(shlex.split(command)) == 0
    tables = json.loads((tmp_path / "attention.json").read_text())["tables"]
    charts = [json.loads(chart.proto.spec)["data"] for chart in page.get("plotly_chart")]
    assert [row["attention"] for row in tables["kept"]] == pytest.approx(page.dataframe[0].value["attention"].tolist())
    assert [row["attention"] for row in tables["reach"]] == pytest.approx(values(charts[2][0]["y"]))
    roles = {name: [row["excess"] for row in tables["roles"] if row["role"] == name] for name in ROLES}
    shown = np.array(values(charts[3][0]["z"]), dtype=float)
    np.testing.assert_allclose(np.array(list(roles.values()), dtype=float), shown, rtol=1e-5, atol=1e-7)
    mass = [row["mass"] for row in tables["heads"]]
    np.testing.assert_allclose(mass, np.ravel(values(charts[4][0]["z"])), rtol=1e-5)
    shared = np.array(values(charts[5][0]["z"]), dtype=float)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(sorted(row["overlap"] for row in tables["alike"]), sorted(shared), rtol=1e-5)
    square = np.array(values(charts[1][0]["z"]), dtype=float)
    for row in tables["square"]:
        assert square[row["query"], row["key"]] == pytest.approx(row["attention"], rel=1e-5)


def values(written: Any) -> Any:
    """Numbers of a figure, which plotly may write down as base64."""
    if not isinstance(written, dict):
        return written
    flat = np.frombuffer(base64.b64decode(written["bdata"]), dtype=written["dtype"])
    shape = [int(n) for n in str(written.get("shape", len(flat))).split(",")]
    return flat.reshape(shape).tolist()


def test_a_byte_beyond_the_end_of_a_shorter_text_is_forgotten(folder: Path) -> None:
    page = open_page(folder / "routed", attention_byte=9)
    page.text_area(key="text").set_value("The cat").run()
    assert not page.exception
    assert page.slider(key="attention_byte").value == 6
    page.session_state["attention_byte"] = 99
    page.run()
    assert not page.exception
    assert page.slider(key="attention_byte").value == 6
