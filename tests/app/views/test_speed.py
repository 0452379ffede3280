import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest

from app.parts import speeds
from probes.skipping import measure, table
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import TEXT
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.engine.bench import Measured
from tilelli.engine.compiler import MACHINE
from tilelli.interventions import parse

LONG = TEXT.replace("\n", " ") * 3
QUICK = {"speed_prompt": 8, "speed_bytes": 6, "speed_rounds": 2}


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the engine that is quick to start."""
    monkeypatch.setattr(speeds, "PEERS", ("numpy",))


def opened(folder: Path, kind: str = "routed", text: str = LONG, under: str = "") -> AppTest:
    page = AppTest.from_file(APP / "views" / "speed.py", default_timeout=60)
    page.session_state["checkpoint"], page.session_state["text"] = str(folder / kind), text
    page.session_state["interventions"] = under
    for key, value in QUICK.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def measured(page: AppTest, start: str, runs: str) -> AppTest:
    """Press a button, wait, and let the page see that it is done."""
    page.button(key=start).click().run()
    page.session_state[runs][-1].job.wait()
    page.run()
    assert not page.exception
    assert not page.error
    return page


def test_the_page_waits_for_a_click(folder: Path) -> None:
    page = opened(folder)
    assert page.title[0].value == "How fast does it write?"
    assert not any(json.loads(chart.proto.spec)["data"] for chart in page.get("plotly_chart"))
    assert page.button(key="speed_stop").disabled
    assert page.button(key="speed_skip_stop").disabled


def test_engines_are_measured_in_whole_rounds(folder: Path) -> None:
    page = measured(opened(folder), "speed_start", "speed_runs")
    row = page.dataframe[0].value.iloc[0]
    assert row["engine"] == "numpy"
    assert 0 < row["slowest"] <= row["speed"] <= row["fastest"]
    assert (row["ratio"], row["differing"]) == (1.0, 0)
    _, dots = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert len(dots["y"]) == QUICK["speed_rounds"]
    (told,) = page.session_state["speed_runs"][-1].result()
    assert len(told.text) == QUICK["speed_bytes"]
    page.number_input(key="speed_rounds").set_value(3).run()
    assert len(page.dataframe) == 0  # that was another measurement


def test_the_ratio_is_told_with_its_range() -> None:
    first = Measured("numba", 1, (100, 90, 80), (1, 1, 1), 0, (65,))
    other = Measured("torch", 1, (10, 10, 10), (1, 1, 1), 0, (65,))
    said = speeds.finding([first, other])
    assert said.startswith("numba is 9.0 times as fast as torch (8.0 to 10.0), over 3 rounds")
    assert said.endswith("All wrote the same text.")
    assert "differ" in speeds.finding([first, Measured("torch", 1, (10, 10, 10), (1, 1, 1), 0, (66,))])
    apart = Measured("hf", 1, (10, 10, 10), (1, 1, 1), 0, (66,), 9, "Llama")
    assert speeds.finding([first, other, apart]).endswith("All that run the checkpoint itself wrote the same text.")
    assert speeds.table([first, apart])["differing"].isna().tolist() == [False, True]


def test_engines_that_are_not_here_are_named_with_their_reason(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speeds, "PEERS", ("numpy", "hf"))
    monkeypatch.setattr("tilelli.engine.peers.install.FOLDER", tmp_path)
    said = [caption.value for caption in opened(folder).caption]
    assert any(line.startswith("Without hf: it has no environment yet; make it: python -m") for line in said)
    assert speeds.here(str(folder / "routed")) == ["numpy"]


def test_stop_means_stop_and_leaves_the_way_free(folder: Path) -> None:
    page = opened(folder)
    page.number_input(key="speed_bytes").set_value(2000).run()
    page.number_input(key="speed_rounds").set_value(50).run()
    page.button(key="speed_start").click().run()
    page.button(key="speed_stop").click().run()
    run = page.session_state["speed_runs"][-1]
    assert len(run.job.wait()) < run.turns
    assert not page.run().exception
    assert not speeds.ALONE.locked()


def test_two_sessions_do_not_measure_at_once() -> None:
    with speeds.ALONE:
        assert list(speeds.alone(iter([1]), lambda: True)) == []
    assert list(speeds.alone(iter([1, 2]), lambda: False)) == [1, 2]
    assert not speeds.ALONE.locked()


def test_an_engine_that_does_not_run_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(folder)
    weights = load_file(path := folder / "routed" / "model.safetensors")
    weights["embedding.weight"][0, 0] = np.nan
    save_file(weights, path)
    job = speeds.start(speeds.Race(str(folder / "routed"), "", 8, 6, 2, 1)).job
    assert job.wait() == []
    assert job.error is not None
    assert "numpy does not run" in job.error
    assert not speeds.ALONE.locked()
    assert not page.exception


@pytest.mark.parametrize("under", ["", "remove:local@1"])
def test_the_curve_is_that_of_the_probe(folder: Path, under: str) -> None:
    MACHINE.code()
    page = measured(opened(folder, under=under), "speed_skip_start", "speed_skips")
    expected = table(list(measure(load(folder / "routed", ByteLM), LONG.encode(), under=parse(under))))
    shown = page.dataframe[0].value
    times = ["speed", "faster", "quarter", "three_quarters"]
    pd.testing.assert_frame_equal(shown.drop(columns=times), expected.drop(columns=times), check_dtype=False)
    charts = [json.loads(chart.proto.spec)["data"] for chart in page.get("plotly_chart")[1:]]
    assert charts[0][0]["y"] == pytest.approx(expected["change"].tolist())
    assert charts[1][-1]["y"] == pytest.approx(expected["skipped"].tolist())
    if under:  # the compiled engine cannot do that
        assert shown[times].isna().all(axis=None)
        assert len(charts) == 2
        assert any("Computations are counted" in said.value for said in page.markdown)
    else:
        assert charts[2][0]["x"] == pytest.approx(shown["speed"].tolist())
        assert charts[2][0]["y"] == pytest.approx(shown["bpb"].tolist())
        assert any("The compiled engine writes" in said.value for said in page.markdown)


def test_a_vanilla_model_has_engines_and_no_routers(folder: Path) -> None:
    page = opened(folder, "vanilla")
    assert "no routers" in page.info[0].value
    measured(page, "speed_start", "speed_runs")


def test_a_splice_has_no_engine_but_torch(folder: Path) -> None:
    page = opened(folder, f"routed::router::{folder / 'routed'}")
    assert "alone runs it" in page.info[0].value
    assert measured(page, "speed_skip_start", "speed_skips").dataframe


@pytest.mark.parametrize("text", ["x", "🦊 سلام", "<script>alert(1)</script>"], ids=ascii)
def test_any_text_survives(folder: Path, text: str) -> None:
    page = measured(opened(folder, text=text), "speed_skip_start", "speed_skips")
    assert any("too short" in said.value for said in page.markdown)


def test_a_missing_checkpoint_is_a_sentence(folder: Path) -> None:
    assert "There is no such checkpoint" in opened(folder, "gone").error[0].value


def test_the_same_elsewhere_gives_the_pages_figures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = measured(opened(folder, under="flatten@2"), "speed_skip_start", "speed_skips")
    changes = [f"{row.change:.4f}" for row in page.dataframe[0].value.itertuples()]
    said = follow(page.code[0].value)
    assert "bytes/s, the checkpoint itself" in said
    assert all(change in said for change in changes)
    lines = page.code[1].value.replace("\\\n", "").splitlines()
    curve = "\n".join(lines[1:])
    assert all(change in follow(curve) for change in changes)
