"""The abstain probe as every probe is: its answers kept, its result in the common shape."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes import answering
from probes.__main__ import main
from probes.abstain import row_of, run
from probes.abstain_probe import answers, probe, shaped
from probes.answering import MAX_NEW
from probes.banks import ABSTAIN_P
from probes.registry import REGISTERED
from probes.store.keeper import Keeper, keeping
from probes.store.store import Store
from probes.surface import Floor
from tests.conftest import MakeModel
from tests.probes.chats import SETTINGS, bank, bank_file, checkpoints
from tests.probes.store.conftest import assert_equal, key
from tilelli.base import ByteLM

ROOT = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]
KILL = """
import os, signal, sys
from probes import answering
from probes.__main__ import main
own, left = answering._answers, [3]
def dying(*given):
    left[0] -= 1
    left[0] or os.kill(os.getpid(), signal.SIGKILL)
    return own(*given)
answering._answers = dying
main(sys.argv[1:])
"""


@pytest.fixture
def chat(tiny: MakeModel) -> ByteLM:
    return tiny(abstain=True, context=64)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many prompts were read side by side, each time some were."""
    seen: list[int] = []
    own: Callable[..., Any] = answering._answers

    def counting(model: ByteLM, text: Any, max_new: int) -> Any:
        seen.append(len(text))
        return own(model, text, max_new)

    monkeypatch.setattr(answering, "_answers", counting)
    return seen


def test_the_shape_holds_every_row_in_the_order_of_the_bank_and_every_figure(chat: ByteLM) -> None:
    found = run(chat, "m", bank(), Floor({}, "no floor"), max_new=4)
    result = shaped(found, bank(), SETTINGS)
    assert result.rows["prompt"].tolist() == [row.prompt for row in bank().rows]
    expected = {judged.row.prompt: row_of(judged) for part in found.parts for judged in part.rows}
    assert result.rows.to_dict("records") == [expected[row.prompt] for row in bank().rows]
    assert result.figures[("a", ABSTAIN_P)] == found.parts[0].signals["abstain_p"]
    assert {place: result.figures[place] for place in found.figures()} == found.figures()
    assert result.tables["outcomes"]["rows"].sum() == 12
    assert result.provenance["settings"] == SETTINGS
    assert json.dumps(result.to_dict(), allow_nan=False)


def test_a_result_comes_back_from_the_store_equal(chat: ByteLM) -> None:
    with keeping() as keeper:
        result = probe(chat, "m", bank(), SETTINGS, 3, keeper)
        keeper.put(key(), result)
        assert_equal(keeper.result(key()), result)


def test_answers_that_are_kept_are_not_made_again(chat: ByteLM, answered: list[int]) -> None:
    with keeping() as keeper:
        first = probe(chat, "m", bank(), SETTINGS, 0, keeper)
        made = answered.copy()
        second = probe(chat, "m", bank(), SETTINGS, 0, keeper)
        probe(chat, "m", bank(), {**SETTINGS, "threshold": 0.1}, 5, keeper)
        assert (sum(made), answered) == (12, made)
        assert_equal(second, first)
        probe(chat, "m", bank(), {**SETTINGS, "max_new": 5}, 0, keeper)
        assert sum(answered) == 24


def test_without_a_store_the_figures_are_the_same(chat: ByteLM) -> None:
    with keeping() as keeper:
        kept = probe(chat, "m", bank(), SETTINGS, 0, keeper)
    assert_equal(probe(chat, "m", bank(), SETTINGS, 0, Keeper(wanted=False)), kept)


def test_half_known_answers_are_completed_by_whole_batches(chat: ByteLM, answered: list[int]) -> None:
    prompts = [row.prompt for row in bank().rows]
    whole = answering.answer(chat, prompts, 4)
    with keeping() as keeper:
        answers(keeper, chat, bank(), 4).add({number: whole[number] for number in range(4)})
        answered.clear()
        assert answering.answer(chat, prompts, 4, sheet=answers(keeper, chat, bank(), 4)) == whole
        assert answered == [3, 3, 3]
        assert list(answers(keeper, chat, bank(), 4).known) == list(range(12))


@pytest.mark.parametrize("name", REGISTERED)
def test_a_result_names_just_the_settings_it_was_asked_with(name: str, chat: ByteLM) -> None:
    registered = REGISTERED[name]
    settings = dict(registered.quickly().settings)
    result = registered.run(chat, "m", bank(), settings, 2, Keeper(wanted=False))
    assert (result.probe, result.checkpoint) == (name, "m")
    assert (result.provenance["settings"], result.provenance["seed"]) == (settings, 2)
    assert json.dumps(result.to_dict(), allow_nan=False)


def test_the_registry_knows_how_long_a_reply_may_be() -> None:
    assert REGISTERED["abstain"].settings["max_new"] == MAX_NEW


def call(folder: Path, *more: object) -> list[str]:
    (checkpoint,) = checkpoints(folder, 1)
    own = ["--checkpoint", checkpoint, "--bank", str(bank_file(folder)), "--threads", "1"]
    return ["run", "abstain", *own, *map(str, more)]


def test_a_killed_run_goes_on_where_it_was_and_ends_as_if_it_had_not_been_killed(
    tmp_path: Path, answered: list[int]
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILL, *call(tmp_path)], cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert main(call(tmp_path, "--json", tmp_path / "resumed.json")) == 0
    assert answered == [3, 3]  # two of the four batches were kept
    assert main(call(tmp_path, "--json", tmp_path / "whole.json", "--no-store")) == 0
    assert (tmp_path / "resumed.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_results_are_kept_unless_they_are_not_wanted(tmp_path: Path, capsys: Captured) -> None:
    assert main(call(tmp_path, "--no-store")) == 0
    assert main(["history"]) == 0
    assert "Nothing is stored yet" in capsys.readouterr().out
    assert main(call(tmp_path)) == 0
    (entry,) = Store().history()
    assert (entry.probe, entry.checkpoint) == ("abstain", str(tmp_path / "runs/c0"))


def test_with_a_store_that_cannot_be_used_the_figures_are_printed_all_the_same(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.db").write_bytes(b"this is no database " * 100)
    monkeypatch.setenv("TILELLI_DB", f"sqlite:///{tmp_path}/broken.db")
    assert main(call(tmp_path, "--json", tmp_path / "out.json")) == 2
    out, message = capsys.readouterr()
    assert "Does it know what it does not know?" in out
    assert json.loads((tmp_path / "out.json").read_text())["results"]
    assert message.splitlines()[-1].startswith("StoreError: Results cannot be kept or read: ")
    assert message.count("StoreError") == 1
