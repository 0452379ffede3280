import contextlib
import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import APP
from tests.conftest import MakeModel


def open_page(checkpoint: Path) -> AppTest:
    page = AppTest.from_file(str(APP / "views" / "weights.py"), default_timeout=60)
    page.session_state["checkpoint"] = str(checkpoint)
    page.run()
    assert not page.exception
    return page


def test_a_routed_model_is_confirmed_to_be_ternary(folder: Path) -> None:
    page = open_page(folder / "routed")
    assert page.title[0].value == "What are the weights made of?"
    assert page.success[0].value.startswith("Yes: all ")
    assert len(page.get("plotly_chart")) == 2
    assert not page.error


def test_a_vanilla_model_is_all_floats_and_says_so(folder: Path) -> None:
    page = open_page(folder / "vanilla")
    assert page.info[0].value.startswith("Nothing here is ternary")
    assert len(page.get("plotly_chart")) == 2
    assert not page.error


def test_the_table_has_every_tensor(folder: Path) -> None:
    table = open_page(folder / "routed").dataframe[0].value
    assert "embedding.weight" in set(table["name"])
    assert table["ternary"].sum() == 10


def test_a_float_tensor_can_be_chosen(folder: Path) -> None:
    page = open_page(folder / "routed")
    page.selectbox(key="weights_tensor").select("embedding.weight").run()
    assert not page.exception
    assert any("used as they are" in caption.value for caption in page.caption)


def test_a_tensor_that_the_next_checkpoint_lacks_falls_back(folder: Path, tiny: MakeModel) -> None:
    page = open_page(tiny(n_blocks=3).save_pretrained(folder / "deep"))
    page.selectbox(key="weights_tensor").select("blocks.2.dense.up.weight").run()
    page.session_state["checkpoint"] = str(folder / "vanilla")
    page.run()
    assert not page.exception
    assert page.selectbox(key="weights_tensor").value == "embedding.weight"


def test_a_link_to_no_tensor_falls_back(folder: Path) -> None:
    page = AppTest.from_file(str(APP / "views" / "weights.py"), default_timeout=60)
    page.session_state["checkpoint"] = str(folder / "routed")
    page.query_params["weights_tensor"] = "nose"
    page.run()
    assert not page.exception
    assert not page.error


def test_a_checkpoint_that_has_gone_is_an_error_in_words(folder: Path) -> None:
    assert len(open_page(folder / "gone").error) == 1


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_the_python_on_the_page_runs_as_it_is(folder: Path, kind: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(open_page(folder / kind).code[0].value, {})
    assert "embedding.weight" in said.getvalue()
