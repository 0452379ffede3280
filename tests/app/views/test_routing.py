import contextlib
import io
import itertools
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import random_model

PAGE = str(Path(__file__).parents[3] / "app" / "views" / "routing.py")


@pytest.fixture(autouse=True)
def _checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILELLI_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("TILELLI_HOME", str(tmp_path / "home"))


def open_page(checkpoint: Path, text: str = "The cat sat") -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.session_state["checkpoint"] = str(checkpoint)
    app.session_state["text"] = text
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def routed_folder(tmp_path: Path) -> Path:
    return random_model("routed").save_pretrained(tmp_path / "routed")


def strips(app: AppTest) -> list[str]:
    return [element.proto.body for element in app.get("html")]


def test_the_page_asks_its_question_and_answers_it(routed_folder: Path) -> None:
    app = open_page(routed_folder)
    assert app.title[0].value == "Which pathway carries each byte?"
    assert not app.error
    assert len(app.get("plotly_chart")) == 3
    assert len(strips(app)) == 3
    assert strips(app)[1].count("title=") == len("The cat sat")


def test_a_vanilla_model_has_no_router_and_says_so(tmp_path: Path) -> None:
    app = open_page(random_model("vanilla").save_pretrained(tmp_path / "vanilla"))
    assert "no router" in app.info[0].value
    assert not app.error


def test_without_text_the_page_says_what_to_do(routed_folder: Path) -> None:
    app = open_page(routed_folder, "")
    assert "empty" in app.info[0].value
    assert not app.get("plotly_chart")


@pytest.mark.parametrize(
    "text", ["👩‍🚀 🌍", "سلام عليكم", "a\x00\n\t\u202eb", "<script>alert(1)</script>", "x", "hello " * 1700], ids=ascii
)
def test_any_text_survives(routed_folder: Path, text: str) -> None:
    app = open_page(routed_folder, text)
    assert not app.error
    assert not any("<script" in page for page in strips(app))


def test_a_checkpoint_that_has_gone_is_an_error_in_words(tmp_path: Path) -> None:
    app = open_page(tmp_path / "nowhere")
    assert len(app.error) == 1


def test_one_block_can_be_shown(routed_folder: Path) -> None:
    app = open_page(routed_folder)
    app.selectbox(key="routing_block").select("block 2").run()
    assert not app.exception
    assert "block 2: local" in strips(app)[1]


def test_a_block_that_the_next_checkpoint_lacks_falls_back_to_all(routed_folder: Path, tmp_path: Path) -> None:
    app = open_page(random_model("routed", n_blocks=3).save_pretrained(tmp_path / "deeper"))
    app.selectbox(key="routing_block").select("block 3").run()
    app.session_state["checkpoint"] = str(routed_folder)
    app.run()
    assert not app.exception
    assert app.selectbox(key="routing_block").value == "all blocks"


def test_long_texts_and_deep_models_are_drawn_in_part(tmp_path: Path) -> None:
    deep = random_model("routed", n_blocks=9, context=300).save_pretrained(tmp_path / "deep")
    app = open_page(deep, "abcdefghij" * 30)
    app.slider(key="routing_start").set_value(44).run()
    app.slider(key="routing_first_block").set_value(2).run()
    assert not app.exception
    assert strips(app)[1].count("title=") == 256
    assert strips(app)[2].count("title=") == 256 * (1 + 8)
    assert ">block 9<" in strips(app)[2]
    assert "byte 299: j" in strips(app)[2]


def test_a_dead_pathway_is_called_out_on_the_page(tmp_path: Path) -> None:
    model = random_model("routed")
    model.get_parameter("blocks.1.router.score.bias")[0] = -50.0
    app = open_page(model.save_pretrained(tmp_path / "dead"))
    assert app.warning[0].value.startswith("In block 2 the local pathway is nearly unused: 0.0 %")


def test_the_python_on_the_page_runs_as_it_is(routed_folder: Path) -> None:
    app = open_page(routed_folder, "سلام \"quoted\" 'twice'\n")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(app.code[0].value, {})
    assert "effective" in said.getvalue()


def test_widget_keys_do_not_collide(routed_folder: Path) -> None:
    app = open_page(routed_folder)
    own = [w.key for w in itertools.chain(app.selectbox, app.slider) if w.key]
    assert all(key.startswith("routing_") for key in own)
