"""The process that a peer runs in."""

import io
import json
import sys

import pytest

from tilelli.engine.peers import Model, __main__


def test_what_a_turn_took_is_told_apart_from_the_first_byte_on() -> None:
    def write(prompt, number, say):  # type: ignore[no-untyped-def]
        for byte in prompt[:number]:
            say(byte)

    told = __main__._timed(write, [7, 8, 9], 2)
    assert told["text"] == [7, 8]
    assert told["first"] >= 0  # type: ignore[operator]
    assert told["rest"] >= 0  # type: ignore[operator]
    assert told["memory"]


def test_it_tells_what_it_runs_then_answers_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"prompt": [65], "number": 3}\n'))
    __main__.main("numpy", "tilelli/mini", 1, 4)
    begun, turn = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert begun["model"] == ""
    assert begun["file"] > 1_000_000
    assert len(turn["text"]) == 3


def test_a_problem_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    __main__.main("numpy", "no/such", 1, 4)
    assert "problem" in json.loads(capsys.readouterr().out)


def test_the_size_of_a_stand_in_is_that_of_all_its_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"678")
    assert __main__._size(Model(str(tmp_path), "Llama")) == 8
    assert __main__._size(Model(str(tmp_path / "a"), "Llama")) == 5
