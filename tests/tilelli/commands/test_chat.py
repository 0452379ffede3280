import io
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeModel
from tilelli import chat
from tilelli.__main__ import main
from tilelli.base import ByteLM
from tilelli.checkpoint import save_checkpoint
from tilelli.commands.chat import _printable
from tilelli.engine.choice import ENGINES
from tilelli.generation import Sampling

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def model(tiny: MakeModel) -> ByteLM:
    made = tiny(abstain=True, context=96)
    made.provenance = {"tuning": {}, "figures": {"threshold": 1.0}}
    return made


@pytest.fixture
def checkpoint(model: ByteLM, tmp_path: Path) -> Path:
    return save_checkpoint(model, tmp_path / "chat")


def piped(monkeypatch: pytest.MonkeyPatch, text: str | bytes, *arguments: object) -> int:
    raw = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))
    return main(["chat", *map(str, arguments)])


def test_every_line_gets_the_reply_of_the_library(
    model: ByteLM, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    arguments = ("--checkpoint", checkpoint, "--seed", 5, "--max-new", 8, "--temperature", 0.5)
    assert piped(monkeypatch, "One\nTwo é\n", *arguments) == 0
    sampling, turns, expected = Sampling(max_new=8, temperature=0.5, seed=5), list[chat.Turn](), ""
    for message in ("One", "Two é"):
        ids = chat.prompt(turns, message, 96, 8).ids
        reply = bytes(step.byte for step in chat.reply(model, ids, sampling)).decode("utf-8", "replace")
        turns.append(chat.Turn(message, reply.strip()))
        expected += _printable(reply).lstrip() + "\n"
    assert capsys.readouterr().out == expected


def test_the_gate_declines_and_says_so(checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert piped(monkeypatch, "One\n", "--checkpoint", checkpoint, "--gate", "0") == 0
    out, note = capsys.readouterr()
    assert out == "I don't know.\n"
    assert note.startswith("abstain probability 0.")
    assert note.endswith(", threshold 0: declined by the gate\n")


@pytest.mark.parametrize(("gate", "note"), [([], ", threshold 1\n"), (["--gate", "off"], "\n")])
def test_the_gate_is_the_checkpoints_own_or_off(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, gate: list[str], note: str
) -> None:
    assert piped(monkeypatch, "One\n", "--checkpoint", checkpoint, "--engine", "torch", *gate) == 0
    said = capsys.readouterr().err
    assert said.endswith(note)
    assert ("threshold" in said) == ("threshold" in note)


def test_new_forgets_quit_ends_and_blank_lines_are_passed_over(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    piped(monkeypatch, "One\n\n  \n/new\nOne\n/quit\nnever\n", "--checkpoint", checkpoint, "--max-new", 8)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_a_line_of_any_bytes_gets_one_line(checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    raw = b"\xff\xfe\n" + "🦊 كيف".encode() + b"\n\x00\nlast, without an end"
    assert piped(monkeypatch, raw, "--checkpoint", checkpoint, "--temperature", 2) == 0
    out, notes = capsys.readouterr()
    assert out.count("\n") == 3
    assert "There is no message to reply to" in notes


def test_a_model_that_was_not_taught_to_chat_says_so(
    routed: ByteLM, tiny: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    path = save_checkpoint(tiny(context=96), tmp_path / "plain")
    assert piped(monkeypatch, "One\n", "--checkpoint", path, "--gate", "0") == 0
    out, notes = capsys.readouterr()
    assert "was never taught to chat" in notes
    assert "abstain" not in notes
    assert out.count("\n") == 1


def test_an_impossible_gate_is_refused(checkpoint: Path, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["chat", "--checkpoint", str(checkpoint), "--gate", "2"])
    assert "2 is no probability, and not `off`" in capsys.readouterr().err


def test_what_would_move_the_cursor_is_shown_by_a_sign() -> None:
    assert _printable("a\x1b[2J\rb\u2028é") == "a�[2J�b�é"


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_replies_alike_and_auto_says_which_spoke(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, engine: str
) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    arguments = ("--checkpoint", checkpoint, "--max-new", 20, "--temperature", 0.7)
    assert piped(monkeypatch, "One\nTwo 😀\n", *arguments, "--engine", "torch") == 0
    expected = capsys.readouterr()
    assert piped(monkeypatch, "One\nTwo 😀\n", *arguments, "--engine", engine) == 0
    out, notes = capsys.readouterr()
    assert out == expected.out
    assert ("engine: " in notes) == (engine == "auto")


def test_only_torch_intervenes_in_a_conversation(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    arguments = ("--checkpoint", checkpoint, "--intervene", "remove:local", "--max-new", 3)
    assert piped(monkeypatch, "One\n", *arguments, "--engine", "numba") == 2
    assert "Only torch intervenes in a conversation: --engine numba with --intervene." in capsys.readouterr().err
    assert piped(monkeypatch, "One\n", *arguments) == 0
    assert capsys.readouterr().err.endswith("engine: torch\n")
