import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import MakeModel
from tilelli.__main__ import main
from tilelli.checkpoint import save_packed
from tilelli.commands.bench import _random, command
from tilelli.engine import peers
from tilelli.engine.bench import Measured, absent, measure
from tilelli.engine.plain import load
from tilelli.errors import InputError

SLOW = Measured("numpy", 0.25, (10.0, 20.0, 40.0), (0.1, 0.2, 0.3), 50 * 2**20, (65, 66))
FAST = Measured("numba", 1.5, (20.0, 80.0, 60.0), (0.01, 0.02, 0.03), 100 * 2**20, (65, 66))


def test_a_ratio_is_the_median_over_the_rounds_not_that_of_medians() -> None:
    assert FAST.ratio(SLOW) == 2.0  # of 2, 4 and 1.5; the medians alone would say 3
    assert SLOW.ratio(SLOW) == 1


def test_texts_are_compared_unless_one_is_of_another_model() -> None:
    other = Measured("torch", 2.0, (10.0, 20.0, 40.0), (0.1, 0.2, 0.3), 0, (65, 99))
    assert (SLOW.differing(FAST), other.differing(FAST)) == (0, 1)
    assert replace(other, model="Llama").differing(FAST) is FAST.differing(replace(other, model="Llama")) is None


def test_engines_write_in_turns_each_in_a_process_of_its_own(tiny: MakeModel, tmp_path: Path) -> None:
    path = save_packed(tiny(), tmp_path / "a.packed.safetensors")
    after = list[int]()
    one, two = measure(["numpy", "numpy"], str(path), b"abc", 20, rounds=2, after_round=lambda: after.append(1))
    assert one.text == two.text
    assert len(one.text) == 20
    assert (len(one.speeds), len(one.firsts)) == (2, 2)
    assert min(*one.speeds, *one.firsts, one.loaded) > 0
    assert (one.file, one.model) == (path.stat().st_size, "")
    assert len(after) == 3  # the round that does not count is one too


def test_every_peer_can_be_asked_for_and_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert {peers.engine(name) for name in (*peers.PEERS, *peers.KINDS)} == set(peers.PEERS) == set(peers.MODULES)
    assert absent(["numpy", "torch"], 1) == {}
    monkeypatch.setattr("tilelli.engine.peers.compiled.find_spec", lambda name: None)
    monkeypatch.setattr("tilelli.engine.peers.install.FOLDER", tmp_path)
    lacking = absent(peers.PEERS, 10_900_000)
    assert set(lacking) == {"numba", "llama.cpp", "hf"}
    assert lacking["numba"] == "numba is not installed"
    assert lacking["hf"].endswith("make it: python -m tilelli.engine.peers.install hf")
    with pytest.raises(InputError, match="hf does not run: it has no environment yet"):
        measure(["hf"], "tilelli/mini", b"a", 5, rounds=1)


def test_a_model_too_small_for_a_stand_in_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilelli.engine.peers.install.missing", lambda name: "")
    assert absent(["hf", "llama.cpp:Q4_0"], 10_900_000) == {}
    assert absent(["numpy", "hf"], 5_838) == {
        "hf": "there is no Llama of this size: 5,838 parameters with rows of 256, within 1 %"
    }


def test_an_engine_that_does_not_run_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"numpy does not run: The file is not a whole safetensors file.*Leave it out"):
        measure(["numpy"], str(tmp_path / "broken"), b"a", 5, rounds=1)
    with pytest.raises(InputError, match="nothing to measure: 1 bytes in 1 rounds"):
        measure(["numpy"], "tilelli/mini", b"a", 1, rounds=1)
    with pytest.raises(InputError, match="nothing to measure: no engine"):
        measure([], "tilelli/mini", b"a", 5, rounds=1)


def test_the_command_measures_a_shape_that_nobody_has_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilelli.engine.peers.compiled.find_spec", lambda name: None)
    shape = tmp_path / "shape.yaml"
    shape.write_text("model: {d_model: 8, n_blocks: 1, n_heads: 1, head_dim: 4, context: 16, ternary: [dense, local]}")
    monkeypatch.setattr("tilelli.engine.limits.find_spec", lambda name: None)
    arguments = ["--config", str(shape), "--against", "numpy", "--bytes", "4", "--rounds", "1", "--prompt", "5"]
    kept, written = tmp_path / "figures.json", tmp_path / "BENCHMARKS.md"
    assert main(["bench", *arguments, "--json", str(kept), "--write", str(written)]) == 0
    out = capsys.readouterr().out
    assert f"random weights, {shape}: routed, 2,923 parameters" in out
    assert "limit: not measured, numba is not installed" in out
    assert out.endswith("- not run: numba, numba is not installed\n")
    figures = json.loads(kept.read_text())
    assert [row["name"] for row in figures["rows"]] == ["numpy"]
    assert len(figures["told"][0]["text"]) == 4
    assert figures["command"] in written.read_text()
    assert f"--config {shape} --against numpy --prompt 5 --bytes 4 --rounds 1 --threads 1" in figures["command"]


def test_an_unknown_engine_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--against", "nunpy"]) == 2
    assert "There is no such engine: 'nunpy'. Did you mean 'numpy'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--write", "/nowhere/at/all.md"],
            "The result would have no place: /nowhere/at/all.md. Make the folder first.",
        ),
        (["--config", "configs/nano.yaml"], "64 + 128 bytes, the model has 32 positions. Use less of --prompt"),
    ],
)
def test_what_could_not_be_kept_or_written_is_refused_at_once(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--against", "numpy", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_random_checkpoint_is_one_like_any_other(tmp_path: Path) -> None:
    assert load(_random(Path("configs/nano.yaml"), tmp_path)).config.d_model == 16


def test_the_command_that_is_told_can_be_typed() -> None:
    numbers = {"prompt": 1, "bytes": 2, "rounds": 3, "threads": 4}
    options = argparse.Namespace(config=None, checkpoint="my runs/a", against="hf", **numbers)
    assert command(options) == (
        "python -m tilelli bench --checkpoint 'my runs/a' --against hf --prompt 1 --bytes 2 --rounds 3 --threads 4"
    )
