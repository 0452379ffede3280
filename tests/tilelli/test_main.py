import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TEXT
from tests.tilelli.forge import lone_file, parts, whole
from tilelli import ByteTokenizer, TilelliLM, VanillaLM, hub
from tilelli.__main__ import main
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_checkpoint, weights_hash
from tilelli.commands.shared import Stop, in_bytes
from tilelli.evaluation import evaluate

ROOT = Path(__file__).parents[2]
NANO = ROOT / "configs" / "nano.yaml"
RECIPE = """
model: {d_model: 8, n_blocks: 1, n_heads: 1, head_dim: 4, top_k: 4, expand: 1, context: 16}
training: {steps: 4, batch_size: 2, warmup_steps: 1, log_every: 1, eval_every: 2, save_every: 2}
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """`train` takes over Ctrl-C and SIGTERM; the tests give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


@pytest.fixture
def checkpoint(routed: ByteLM, tmp_path: Path) -> Path:
    return save_checkpoint(routed, tmp_path / "checkpoint")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A thousand short documents, the first empty."""
    path = tmp_path / "many.jsonl"
    texts = ["", *(f"{n}: {TEXT}" for n in range(999))]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def call(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def train(recipe: Path, data: Path, out: Path, *more: object) -> int:
    return call("train", "--config", recipe, "--data", data, "--out", out, "--threads", 1, *more)


def refused(capsys: Captured, *arguments: object) -> str:
    """The message of a command that fails as it should: exit code 2, one to three lines, nothing on standard output."""
    assert call(*arguments) == 2
    out, message = capsys.readouterr()
    assert out == ""
    assert 1 <= len(message.strip().splitlines()) <= 3
    assert "Traceback" not in message
    return message


def test_train_eval_and_generate_work_one_after_another(
    recipe: Path, text_file: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert train(recipe, text_file, tmp_path / "run") == 0
    last = r"run: done\. 2,\d{3} parameters, 128 bytes seen, held-out \d\.\d{5} bpb\."
    assert re.search(last, capsys.readouterr().out)
    assert call("eval", "--checkpoint", tmp_path / "run", "--data", text_file) == 0
    assert re.search(
        r"run: \d\.\d{4} bits per byte \(\d\.\d{4} nats\) over 4,700 bytes in 1 doc", capsys.readouterr().out
    )
    assert call("generate", "--checkpoint", tmp_path / "run", "--prompt", "The", "--max-new", 5) == 0
    assert capsys.readouterr().out.startswith("The")


def test_the_example_of_the_front_page_works_with_a_folder_of_ones_own(checkpoint: Path) -> None:
    tok = ByteTokenizer()
    lm = TilelliLM.from_pretrained(checkpoint)
    text = tok.decode(lm.generate(tok.encode("Once upon a time"), max_new=128))
    assert text.startswith("Once upon a time")


def test_eval_prints_what_evaluate_measures(
    checkpoint: Path, text_file: Path, routed: ByteLM, capsys: Captured
) -> None:
    assert call("eval", "--checkpoint", checkpoint, "--data", text_file) == 0
    expected = evaluate(routed, [text_file.read_bytes()]).bits_per_byte
    assert f": {expected:.4f} bits per byte" in capsys.readouterr().out


def test_generate_writes_what_the_library_writes(checkpoint: Path, routed: ByteLM, capsys: Captured) -> None:
    assert call("generate", "--checkpoint", checkpoint, "--prompt", "Aé", "--max-new", 30, "--seed", 3) == 0
    ids = ByteTokenizer().encode("Aé")
    assert capsys.readouterr().out == ByteTokenizer().decode(routed.generate(ids, 30, seed=3)) + "\n"


def test_generate_is_decided_by_its_seed(checkpoint: Path, capsys: Captured) -> None:
    texts = []
    for seed in (1, 1, 2):
        call("generate", "--checkpoint", checkpoint, "--max-new", 30, "--temperature", 2, "--seed", seed)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]


def test_data_says_what_a_corpus_holds(text_file: Path, capsys: Captured) -> None:
    assert call("data", "--data", text_file) == 0
    out = capsys.readouterr().out
    assert "1 documents, 4,700 bytes, 0 dropped." in out
    assert "train: 1 documents, 4,230 bytes" in out
    assert "held out: 1 documents, 470 bytes" in out
    assert "begins: 'The cat sat" in out


def test_data_fetches_a_sample_and_goes_on_with_it(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    out = tmp_path / "sample.jsonl.gz"
    fetch = ("data", "--source", many, "--bytes", "10K", "--out", out)
    with monkeypatch.context() as patch:
        patch.setattr(Stop, "asked", lambda self: True)
        assert call(*fetch) == 0
    assert "sample.jsonl.gz: stopped; go on with --resume. 1 documents, " in capsys.readouterr().out
    assert call(*fetch, "--resume") == 0
    first, *summary = capsys.readouterr().out.splitlines()
    assert re.search(
        r"jsonl\.gz: done\. \d+ documents, 10,0\d\d bytes of .*many\.jsonl, 1 dropped \(1 empty\)\.$", first
    )
    assert call("data", "--data", out) == 0
    assert capsys.readouterr().out.splitlines() == summary
    assert "0 dropped." in summary[0]


def test_data_describes_the_beginning_of_a_stream(many: Path, capsys: Captured) -> None:
    assert call("data", "--source", many, "--bytes", 100) == 0
    assert re.search(r"many\.jsonl: 2 documents, 1\d\d bytes, 1 dropped \(1 empty\)\.", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "InputError: It is not clear which text is meant: neither --data nor --source. Give one of the two."),
        (("--data", "a", "--source", "b"), "both --data and --source"),
        (("--data", "a", "--bytes", "2G"), "InputError: Only a stream has a limit: --bytes without --source."),
        (("--source", "a", "--bytes", "2 lots"), "InputError: There is no such amount of bytes: 2 lots. Write a num"),
        (("--source", "a", "--bytes", "0"), "InputError: There is no such amount of bytes: 0"),
        (("--source", "absent.txt"), "DataError: There is no text to read: absent.txt"),
        (("--source", "hub:HuggingFaceFW/fineweb-edu:sample-10BT"), "DataError: The hub cannot be reached: hub:Hugg"),
    ],
)
@pytest.mark.parametrize("command", ["data", "train"])
def test_an_impossible_source_is_refused(
    recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    command: str,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)
    more = ("--config", recipe, "--out", tmp_path / "run") if command == "train" else ()
    said = refused(capsys, command, *more, *options)
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("amount", "count"),
    [("500000", 500_000), ("500K", 500_000), ("1.5m", 1_500_000), ("2G", 2 * 10**9), ("2GB", 2 * 10**9), (None, None)],
)
def test_an_amount_of_bytes_may_be_given_in_thousands(amount: str | None, count: int | None) -> None:
    assert in_bytes(amount) == count


def test_a_text_is_streamed_with_one_word(recipe: Path, many: Path, tmp_path: Path, capsys: Captured) -> None:
    arguments = ("train", "--config", recipe, "--source", many, "--bytes", "20K", "--out", tmp_path / "run")
    assert call(*arguments) == 0
    assert re.search(r"run: done\. .* 128 bytes seen, held-out \d\.\d{5} bpb\.", capsys.readouterr().out)
    told = load(tmp_path / "run", ByteLM).provenance["data"]
    assert (told["source"], told["bytes"]) == ("many.jsonl", 20_000)
    assert "another data: bytes was 20000, is 30000" in refused(capsys, *arguments, "--resume", "--bytes", "30K")


def test_the_vanilla_twin_is_trained_with_one_word(recipe: Path, text_file: Path, tmp_path: Path) -> None:
    assert train(recipe, text_file, tmp_path / "run", "--kind", "vanilla") == 0
    assert VanillaLM.from_pretrained(tmp_path / "run").provenance["recipe"]["model"]["kind"] == "vanilla"


def test_steps_seed_and_held_out_text_stand_in_place_of_the_usual(
    recipe: Path, text_file: Path, tmp_path: Path
) -> None:
    held_out = tmp_path / "held_out.txt"
    held_out.write_text(TEXT)
    assert train(recipe, text_file, tmp_path / "run", "--steps", 3, "--seed", 9, "--held-out", held_out) == 0
    told = load(tmp_path / "run", ByteLM).provenance
    assert (told["steps"], told["recipe"]["training"]["seed"]) == (3, 9)
    assert told["data"]["bytes"] == 4700  # nothing of it was set apart


def test_a_folder_that_holds_a_run_is_refused(recipe: Path, text_file: Path, tmp_path: Path, capsys: Captured) -> None:
    train(recipe, text_file, tmp_path / "run")
    capsys.readouterr()
    arguments = ("train", "--config", recipe, "--data", text_file, "--out", tmp_path / "run")
    assert "TrainingError: The folder already holds a run" in refused(capsys, *arguments)
    assert "another training: seed was 0, is 1" in refused(capsys, *arguments, "--resume", "--seed", 1)


def test_a_finished_run_can_be_resumed_and_is_done(
    recipe: Path, text_file: Path, tmp_path: Path, capsys: Captured
) -> None:
    train(recipe, text_file, tmp_path / "run")
    first = capsys.readouterr().out
    assert train(recipe, text_file, tmp_path / "run", "--resume") == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--config", "absent.yaml", "ConfigError: The recipe cannot be read"),
        ("--data", "absent.txt", "DataError: There is no text to read"),
        ("--held-out", "absent.txt", "DataError: There is no text to read"),
        ("--text-field", "story", "DataError: There is no column 'story'"),
        ("--steps", "0", "ConfigError: steps is out of range: 0"),
        ("--seed", "-1", "ConfigError: seed is out of range: -1"),
        ("--threads", "-1", "threads"),
    ],
)
def test_an_impossible_training_is_refused(
    recipe: Path, tmp_path: Path, capsys: Captured, option: str, value: str, message: str
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"text": TEXT}))
    arguments = {"--config": recipe, "--data": data, "--out": tmp_path / "run"} | {option: value}
    assert message in refused(capsys, "train", *(word for pair in arguments.items() for word in pair))


def test_a_file_in_the_place_of_the_folder_is_refused(recipe: Path, text_file: Path, capsys: Captured) -> None:
    arguments = ("train", "--config", recipe, "--data", text_file, "--out", text_file)
    assert "TrainingError" in refused(capsys, *arguments)


@pytest.mark.parametrize("command", ["generate", "eval"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 99, b"PK\x03\x04" * 99, b"\x80\x02}." * 99, whole({}, b"")])
def test_a_file_that_is_no_checkpoint_ends_in_one_line(
    tmp_path: Path, text_file: Path, capsys: Captured, command: str, content: bytes
) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    more = ("--data", text_file) if command == "eval" else ()
    message = refused(capsys, command, "--checkpoint", tmp_path / "model.safetensors", *more)
    assert message.startswith("CheckpointError: ")
    assert len(message.splitlines()) == 1


def test_a_header_with_a_line_break_does_not_flood_the_screen(routed: ByteLM, tmp_path: Path, capsys: Captured) -> None:
    path = lone_file(routed, tmp_path)
    header, body = parts(path.read_bytes())
    header["line\n" * 50] = header.pop("norm.bias")
    path.write_bytes(whole(header, body))
    refused(capsys, "generate", "--checkpoint", path)


def test_offline_a_name_that_is_not_bundled_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)
    message = refused(capsys, "generate", "--checkpoint", "nobody/nothing")
    assert "neither bundled nor on this disk" in message
    assert "Bundled, and always there: " in message


@pytest.mark.parametrize("option", [("--top-p", 2), ("--top-k", 300), ("--temperature", "nan"), ("--max-new", -1)])
def test_impossible_sampling_is_refused(checkpoint: Path, capsys: Captured, option: tuple[str, object]) -> None:
    assert "is out of range" in refused(capsys, "generate", "--checkpoint", checkpoint, *option)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train"], ["generate", "--seed", "x"]])
def test_a_command_that_makes_no_sense_ends_with_two(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m tilelli" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "eval", "generate", "chat", "data"])
def test_every_command_explains_itself_with_an_example(command: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"example: python -m tilelli {command} --" in capsys.readouterr().out


def test_the_first_ctrl_c_is_a_wish_and_the_second_an_interruption() -> None:
    stop = Stop()
    assert not stop.asked()
    signal.raise_signal(signal.SIGINT)
    assert stop.asked()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_wish_to_stop_saves_says_so_and_can_be_gone_on_from(
    recipe: Path, text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Stop, "asked", lambda self: True)
        assert train(recipe, text_file, tmp_path / "run") == 0
    assert "run: stopped; go on with --resume. " in capsys.readouterr().out
    assert train(recipe, text_file, tmp_path / "run", "--resume") == 0
    assert load(tmp_path / "run", ByteLM).provenance["steps"] == 4


def figures(folder: Path) -> list[dict[str, Any]]:
    """All that was logged, less the speed, which is never the same twice."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key != "bytes_per_second"} for record in records]


def killed_once_it_has_saved(arguments: list[str], folder: Path) -> int:
    """Runs the command line in a process of its own and kills it after its first save; returns its exit code."""
    process = subprocess.Popen([sys.executable, "-m", "tilelli", *arguments], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (folder / "state.safetensors").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    return process.wait()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a thing of Unix")
def test_a_killed_run_resumed_ends_with_the_figures_of_one_that_was_not(text_file: Path, tmp_path: Path) -> None:
    assert train(NANO, text_file, tmp_path / "whole", "--steps", 40) == 0
    killed = ["train", "--config", str(NANO), "--data", str(text_file), "--out", str(tmp_path / "killed")]
    killed += ["--threads", "1", "--steps", "40"]
    assert killed_once_it_has_saved(killed, tmp_path / "killed") == -signal.SIGKILL
    assert main([*killed, "--resume"]) == 0
    assert figures(tmp_path / "killed") == figures(tmp_path / "whole")
    models = [load(tmp_path / name, ByteLM) for name in ("killed", "whole")]
    assert weights_hash(models[0]) == weights_hash(models[1])
