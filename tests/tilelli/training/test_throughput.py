import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY
from tilelli.__main__ import main
from tilelli.config import Recipe, TrainingConfig
from tilelli.training import throughput
from tilelli.training.throughput import Round, rounds, summary

RECIPE = Recipe(TINY, TrainingConfig(batch_size=2, warmup_steps=1, steps=9))


def test_a_summary_is_the_median_of_ratios_not_the_ratio_of_medians() -> None:
    said = summary([Round(100, 50), Round(10, 9), Round(40, 24)])
    assert said == "routed learns 0.600 times as fast as vanilla (0.500 to 0.900 over 3 rounds): 24 and 40 bytes/s"


def test_the_kinds_learn_in_turns_and_the_first_round_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, take = list[tuple[str, int]](), throughput.Trainer.take

    def watched(self: throughput.Trainer, step: int, watch: bool = False) -> object:
        taken.append((self.model.kind, step))
        return take(self, step, watch)

    monkeypatch.setattr(throughput.Trainer, "take", watched)
    found = list(rounds(RECIPE, 2, steps=1))
    assert len(found) == 2
    assert all(each.vanilla > 0 and each.routed > 0 for each in found)
    assert taken == [(kind, step) for step in range(3) for kind in ("vanilla", "routed")]


def test_the_command_measures_a_recipe_and_refuses_nothing_to_measure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.yaml").write_text(
        "model: {d_model: 8, n_blocks: 1, n_heads: 1, head_dim: 4, expand: 1, context: 16}\ntraining: {steps: 4}\n"
    )
    command = ["throughput", "--config", str(tmp_path / "r.yaml"), "--batch-size", "2", "--rounds", "1"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("routed learns ")
    assert main([*command, "--threads", "0"]) == 2
    assert "There is nothing to measure: 1 rounds, 0 threads." in capsys.readouterr().err


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a C++ compiler")
def test_what_was_compiled_before_learns_again_from_the_cache(tmp_path: Path) -> None:
    recipe = "model: {d_model: 8, n_blocks: 1, n_heads: 2, head_dim: 4, expand: 1, context: 16}\ntraining: {steps: 4}\n"
    (tmp_path / "r.yaml").write_text(recipe)
    command = [sys.executable, "-m", "tilelli", "throughput", "--config", str(tmp_path / "r.yaml"), "--compile"]
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    for _ in range(2):
        sizes = ("--batch-size", "2", "--rounds", "1")
        done = subprocess.run([*command, *sizes], env=environment, capture_output=True, text=True, check=False)
        assert "routed learns" in done.stdout, done.stderr
