import contextlib
import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import APP
from tests.conftest import MakeModel


def open_page(checkpoint: Path, text: str = "The cat sat", **state: int) -> AppTest:
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
