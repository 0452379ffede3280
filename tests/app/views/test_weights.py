import contextlib
import io
import json
import shlex
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from probes.__main__ import main
from tests.app.conftest import APP
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_packed

UP = "blocks.0.dense.up.weight"


def open_page(checkpoint: Path, **link: object) -> AppTest:
    page = AppTest.from_file(str(APP / "views" / "weights.py"), default_timeout=60)
    page.session_state["checkpoint"] = str(checkpoint)
    for key, value in link.items():
        page.query_params[f"weights_{key}"] = str(value)
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
    assert not page.slider
    assert len(page.get("plotly_chart")) == 1  # no trits, no picture of them
    assert not page.error


def test_a_packed_checkpoint_says_that_its_floats_are_stand_ins(folder: Path) -> None:
    assert not open_page(folder / "routed").info
    (folder / "small").mkdir()
    save_packed(load(folder / "routed", ByteLM), folder / "small" / "model.packed.safetensors")
    page = open_page(folder / "small")
    assert "stand-ins" in page.info[0].value
    assert page.success[0].value.startswith("Yes: all ")


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


def test_what_the_file_stores_is_told_from_what_is_multiplied_with(folder: Path) -> None:
    said = {caption.value for caption in open_page(folder / "routed").caption}
    assert any(line.startswith("The file stores something else: the floats behind the trits") for line in said)


def test_a_link_opens_a_zoom_and_a_distance(folder: Path) -> None:
    page = open_page(folder / "routed", tensor=UP, low=-0.25, high=0.25, near=0.2)
    assert page.number_input(key="weights_low").value == -0.25
    assert page.slider(key="weights_near").value == 0.2
    assert any("at most 0.2 scales from a line" in caption.value for caption in page.caption)
    assert "-0.25, 0.25, 0.2)" in page.code[0].value
    page.selectbox(key="weights_tensor").select("embedding.weight").run()
    assert page.number_input(key="weights_low").value is None


def test_an_empty_zoom_is_a_sentence_and_the_rest_of_the_page_stays(folder: Path) -> None:
    page = open_page(folder / "routed", low=2, high=1)
    assert [error.value for error in page.error] == ["There is nothing in this range: 2 to 1. Begin below its end."]
    assert len(page.dataframe) == 1


def test_nothing_is_compared_before_a_second_checkpoint_is_chosen(folder: Path, tiny: MakeModel) -> None:
    twin = tiny(seed=5).save_pretrained(folder / "twin")
    page = open_page(folder / "routed")
    assert page.selectbox(key="weights_against").value is None
    assert page.selectbox(key="weights_against").options == [str(twin)]  # the vanilla model has other tensors
    assert len(page.get("plotly_chart")) == 2
    page.selectbox(key="weights_against").select(str(twin)).run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 5
    assert any("trits flipped" in element.value for element in page.markdown)


def test_a_checkpoint_without_a_twin_says_so(folder: Path) -> None:
    captions = {caption.value for caption in open_page(folder / "vanilla").caption}
    assert any(line.startswith("No other checkpoint here has tensors of the same shapes.") for line in captions)


def test_the_command_on_the_page_gives_the_figures_of_the_page(
    folder: Path, tiny: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = tiny(seed=5).save_pretrained(folder / "twin")
    page = open_page(folder / "routed", near=0.1, tensor=UP, low=-0.5, high=0.5, against=twin)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(page.code[1].value)
    assert words[:3] == ["python", "-m", "probes"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main([*words[3:], "--threads=1"]) == 0
    content = json.loads((tmp_path / "weights.json").read_text())
    for frame, name in zip(page.dataframe, ("tensors", "drift"), strict=True):
        told, shown = pd.DataFrame(content["tables"][name]), frame.value
        assert list(told) == list(shown)
        for column in told:
            assert told[column].isna().tolist() == shown[column].isna().tolist()
            exact = told[column].dtype == object or told[column].dtype == bool
            expected = shown[column].dropna().tolist()
            assert told[column].dropna().tolist() == (expected if exact else pytest.approx(expected, abs=1e-9))
    said = "\n".join(element.value for element in page.markdown)
    assert page.success[0].value == content["findings"][0]
    assert content["findings"][1] in {caption.value for caption in page.caption}
    assert all(line in said for line in content["findings"][2:] if not line.startswith("From "))
    assert sum(row["weights"] for row in content["tables"]["histogram"]) > 0


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_the_python_on_the_page_runs_as_it_is(folder: Path, kind: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(open_page(folder / kind).code[0].value, {})
    assert "embedding.weight" in said.getvalue()


def test_what_is_done_to_the_routers_does_not_matter_here_even_if_it_makes_no_sense(folder: Path) -> None:
    page = AppTest.from_file(str(APP / "views" / "weights.py"), default_timeout=60)
    page.session_state["checkpoint"], page.session_state["interventions"] = str(folder / "routed"), "nonsense"
    page.run()
    assert not page.exception
    assert not page.error
    assert page.success
