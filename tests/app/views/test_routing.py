import contextlib
import io
import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from probes import banks
from probes.__main__ import main
from tests.conftest import TEXT, random_model

PAGE = str(Path(__file__).parents[3] / "app" / "views" / "routing.py")


@pytest.fixture(autouse=True)
def _checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_resource.clear()
    monkeypatch.setenv("TILELLI_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("TILELLI_HOME", str(tmp_path / "home"))


def open_page(checkpoint: Path, text: str = "The cat sat", **state: object) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    app.session_state["checkpoint"] = str(checkpoint)
    app.session_state["text"] = text
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def routed_folder(tmp_path: Path) -> Path:
    return random_model("routed").save_pretrained(tmp_path / "routed")


def drawn(app: AppTest) -> dict[str, Any]:
    """What each figure draws, by its title."""
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    return {figure["layout"]["title"]["text"]: figure["data"] for figure in figures}


@pytest.fixture
def own_bank(tmp_path: Path) -> Path:
    """Six sums and one greeting."""
    rows = [{"question": f"What is {n} + 1?", "answerable": False, "category": "sums"} for n in range(6)]
    rows.append({"question": "Good morning!", "answerable": False, "category": "greetings"})
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "own.jsonl"


def strips(app: AppTest) -> list[str]:
    return [element.proto.body for element in app.get("html")]


def test_the_page_asks_its_question_and_answers_it(routed_folder: Path) -> None:
    app = open_page(routed_folder)
    assert app.title[0].value == "Which pathway carries each byte?"
    assert not app.error
    assert len(app.get("plotly_chart")) == 4
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
    assert own
    assert all(key.startswith("routing_") for key in own)


def numbers(rows: list[dict[str, Any]], column: str, block: str = "all blocks") -> list[float]:
    return [row[column] for row in rows if row["block"] == block]


@pytest.mark.parametrize("under", ["", "remove:sparse@1 skip:0.2"])
def test_the_page_shows_what_the_command_line_finds(tmp_path: Path, own_bank: Path, under: str) -> None:
    folder = random_model("routed", context=128).save_pretrained(tmp_path / "wide")
    (tmp_path / "text").write_text(TEXT)
    given = ["--checkpoint", folder, "--text", tmp_path / "text", "--json", tmp_path / "out.json"]
    asked = ["run", "routing", *given, "--intervene", under, "--bank", own_bank, "--threads", 1]
    assert main([str(word) for word in asked]) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    tables = content["tables"]

    app = open_page(folder, TEXT, interventions=under, routing_bank=str(own_bank))
    assert not app.error
    figures = drawn(app)
    for n, name in enumerate(("local", "sparse", "dense")):
        by_block = figures["Share of the mix, block by block"][n]
        assert by_block["x"] == pytest.approx([row[name] for row in tables["blocks"]])
        for kind, axis, title in (
            ("classes", "x", "by kind of byte"),
            ("regimes", "x", "by kind of question"),
            ("positions", "y", "along the context"),
        ):
            mark = figures[f"Share of the mix, {title}, all blocks"][n]
            assert mark[axis] == pytest.approx(numbers(tables[kind], name)), (kind, name)
        high = figures["Share of the mix, along the context, all blocks"][n]["error_y"]["array"]
        ends = zip(numbers(tables["positions"], name), numbers(tables["positions"], f"{name} high"), strict=True)
        assert high == pytest.approx([0.0 if end is None else end - mean for mean, end in ends])
    assert figures["Share of the mix, by kind of question, all blocks"][0]["y"] == [
        "greetings (1 of 1)",
        "sums (6 of 6)",
    ]
    said = " ".join(text.value for text in [*app.warning, *app.caption])
    assert all(finding in said for finding in content["findings"])


def test_an_intervention_is_measured_on_the_page_and_on_the_command_line_alike(tmp_path: Path) -> None:
    folder = random_model("routed", context=128).save_pretrained(tmp_path / "wide")
    app = open_page(folder, TEXT * 2)
    assert not app.metric
    app.session_state["interventions"] = "remove:sparse"
    app.run()
    (tmp_path / "text").write_text((TEXT * 2)[:128])
    given = ["--checkpoint", folder, "--text", tmp_path / "text", "--json", tmp_path / "out.json"]
    asked = ["run", "effect", *given, "--intervene", "remove:sparse", "--threads", 1]
    assert main([str(word) for word in asked]) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    assert [metric.label for metric in app.metric] == ["Reading", "Writing", "Computing"]
    change = content["tables"]["effect"][0]["change"]
    assert app.metric[0].value == f"{change:+.3f} bpb".replace("-", "−")
    said = " ".join(caption.value for caption in app.caption).lower()
    for finding in content["findings"]:
        assert finding.split(": ", 1)[1].lower() in said


@pytest.mark.parametrize("text", ['It\'s 100 % \\ "so"\n', "🦊\x00\x1b[0m", "a" * 200], ids=ascii)
def test_the_shell_on_the_page_writes_the_text_that_was_read(routed_folder: Path, tmp_path: Path, text: str) -> None:
    app = open_page(routed_folder, text)
    first = app.code[1].value.rsplit("\npython", 1)[0]
    subprocess.run(["bash", "-c", first], cwd=tmp_path, check=True)
    assert (tmp_path / "text.txt").read_bytes() == text.encode()[:16]


def test_a_text_can_be_a_row_of_a_bank(routed_folder: Path, own_bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banks, "BUNDLED", {"own": lambda: banks.bank(str(own_bank))})
    app = open_page(routed_folder)
    assert not [widget for widget in app.selectbox if widget.key == "row_bank"]  # no bank is read before it is opened
    app.session_state["rows"] = True
    app.run()
    app.number_input(key="row_own").set_value(7).run()
    app.button(key="row_use").click().run()
    assert not app.exception
    assert app.text_area(key="text").value == "USER: Good morning!\nTILELLI:"


def test_a_bank_that_is_not_there_is_a_sentence(routed_folder: Path) -> None:
    app = open_page(routed_folder, routing_bank="nowhere.jsonl")
    assert "There is no such bank: nowhere.jsonl" in app.error[0].value


def test_a_bank_that_is_not_there_leaves_the_rest_of_the_page_standing(routed_folder: Path) -> None:
    app = open_page(routed_folder, routing_bank="nowhere", interventions="remove:sparse")
    assert [error.value.split(":")[0] for error in app.error] == ["There is no such bank"]
    assert [metric.label for metric in app.metric] == ["Reading", "Writing", "Computing"]
    assert app.code


def test_a_link_says_which_part_of_a_long_text_is_shown(routed_folder: Path) -> None:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.session_state["checkpoint"] = str(routed_folder)
    app.query_params["text"], app.query_params["from"] = "abcdefghij" * 3, "4"
    app.run()
    assert not app.exception
    assert any("Bytes 4 to 19 of 30" in caption.value for caption in app.caption)
    app.text_area(key="text").set_value("abcdefghij" * 2).run()  # where 4 is as far as one can go
    assert not app.exception
    assert not app.error
