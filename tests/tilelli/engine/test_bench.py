from pathlib import Path

import pytest

from tests.conftest import MakeModel
from tilelli.__main__ import main
from tilelli.checkpoint import save_packed
from tilelli.commands.bench import table
from tilelli.engine import peers
from tilelli.engine.bench import Measured, absent, measure
from tilelli.engine.plain import load
from tilelli.errors import InputError

SLOW = Measured("numpy", 0.25, (10.0, 20.0, 40.0), (0.1, 0.2, 0.3), 50 * 2**20, (65, 66))
FAST = Measured("numba", 1.5, (20.0, 80.0, 60.0), (0.01, 0.02, 0.03), 100 * 2**20, (65, 66))


def test_a_ratio_is_the_median_over_the_rounds_not_that_of_medians() -> None:
    assert FAST.ratio(SLOW) == 2.0  # of 2, 4 and 1.5; the medians alone would say 3
    assert SLOW.ratio(SLOW) == 1


def test_the_table_says_all_of_it_and_whether_the_texts_are_one() -> None:
    other = Measured("torch", 2.0, (10.0, 20.0, 40.0), (0.1, 0.2, 0.3), 0, (65, 99))
    lines = table([FAST, SLOW, other])
    assert [" ".join(line.split()) for line in lines] == [
        "engine bytes/s numba is first byte start memory text",
        "numba 60 1.00 x 20.0 ms 1.50 s 100 MiB the same",
        "numpy 20 2.00 x 200.0 ms 0.25 s 50 MiB the same",
        "torch 20 2.00 x 200.0 ms 2.00 s 0 MiB 1 of 2 bytes differ",
    ]


def test_engines_write_in_turns_each_in_a_process_of_its_own(tiny: MakeModel, tmp_path: Path) -> None:
    path = save_packed(tiny(), tmp_path / "a.packed.safetensors")
    one, two = measure(["numpy", "numpy"], str(path), b"abc", 20, rounds=2)
    assert one.text == two.text
    assert len(one.text) == 20
    assert (len(one.speeds), len(one.firsts)) == (2, 2)
    assert min(*one.speeds, *one.firsts, one.loaded) > 0


def test_every_peer_can_be_asked_for_and_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(peers.MODULES) == set(peers.PEERS)
    assert absent(["numpy", "torch"]) == {}
    monkeypatch.setattr("tilelli.engine.peers.compiled.find_spec", lambda name: None)
    assert absent(peers.PEERS) == {"numba": "numba is not installed"}


def test_an_engine_that_does_not_run_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"numpy does not run: The file is not a whole safetensors file.*Leave it out"):
        measure(["numpy"], str(tmp_path / "broken"), b"a", 5, rounds=1)
    with pytest.raises(InputError, match="nothing to measure: 1 bytes in 1 rounds"):
        measure(["numpy"], "tilelli/mini", b"a", 1, rounds=1)


def test_the_command_measures_a_shape_that_nobody_has_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilelli.engine.peers.compiled.find_spec", lambda name: None)
    shape = tmp_path / "shape.yaml"
    shape.write_text("model: {d_model: 8, n_blocks: 1, n_heads: 1, head_dim: 4, context: 16, ternary: [dense, local]}")
    arguments = ["--config", str(shape), "--against", "numpy", "--bytes", "4", "--rounds", "1", "--prompt", "5"]
    assert main(["bench", *arguments]) == 0
    out = capsys.readouterr().out
    assert f"random weights, {shape}: routed, 2,923 parameters" in out
    assert "numpy " in out
    assert out.endswith("not run: numba, numba is not installed\n")


def test_an_unknown_engine_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--against", "nunpy"]) == 2
    assert "There is no such engine: 'nunpy'. Did you mean 'numpy'?" in capsys.readouterr().err


def test_a_random_checkpoint_is_one_like_any_other(tmp_path: Path) -> None:
    from tilelli.commands.bench import _random

    assert load(_random(Path("configs/nano.yaml"), tmp_path)).config.d_model == 16
