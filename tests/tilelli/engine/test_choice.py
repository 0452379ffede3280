from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import IDS
from tests.tilelli.engine.test_compiled import Kernel
from tests.tilelli.forge import lone_file, parts
from tilelli.__main__ import main
from tilelli.checkpoint import save_checkpoint, save_packed
from tilelli.engine import choice, compiled, plain
from tilelli.engine.choice import Voice, handed_over, voice
from tilelli.engine.compiler import MACHINE
from tilelli.errors import InputError
from tilelli.sampling import Sampling

SAMPLING = Sampling(max_new=40, temperature=1, seed=5, stop_at_end=False)
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tiny: MakeModel, tmp_path: Path) -> str:
    return str(save_checkpoint(tiny(), tmp_path / "checkpoint"))


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun in the background."""
    monkeypatch.setattr(MACHINE, "begin", lambda: None)


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name in packages else object())


def test_every_engine_writes_the_same_text_with_the_same_seed(folder: str, machine_code: Kernel) -> None:
    texts = [
        [step.byte for step in voice(folder, engine).stream(IDS, SAMPLING)] for engine in ("torch", "numpy", "numba")
    ]
    assert texts[0] == texts[1] == texts[2]
    assert len(set(texts[0])) > 10


@pytest.mark.parametrize("after", [0, 1, 7, 39])
def test_handing_over_within_a_text_leaves_it_as_it_is(
    tiny: MakeModel, tmp_path: Path, after: int, machine_code: Kernel
) -> None:
    path = save_packed(tiny(through_local=True), tmp_path / "a.packed.safetensors")
    first, then, engines = plain.load(path), compiled.load(path), list[tuple[str, int]]()
    calls = iter(range(1000))
    told = handed_over(first, then, IDS[:3], SAMPLING, lambda: next(calls) >= after, engines)
    found = [step.byte for step in told]  # the window slides, before and after
    assert found == [step.byte for step in plain.stream(first, IDS[:3], SAMPLING)]
    assert engines == ([("numpy", 0), ("numba", after)] if after else [("numba", 0)])


@pytest.mark.parametrize("engine", ["torch", "numba", "auto"])
def test_with_two_threads_the_text_is_the_same(folder: str, machine_code: Kernel, engine: str) -> None:
    texts = [[step.byte for step in voice(folder, engine, threads=n).stream(IDS, SAMPLING)] for n in (1, 2)]
    torch.set_num_threads(1)
    assert texts[0] == texts[1]
    with pytest.raises(InputError, match=r"no such number of threads: 0\. Use --threads 1 or more"):
        voice(folder, engine, threads=0)


def test_it_is_said_which_engine_spoke() -> None:
    assert Voice(lambda ids, sampling: iter(()), [("numpy", 0), ("numba", 12)]).said() == "numpy, numba from byte 12 on"
    assert Voice(lambda ids, sampling: iter(()), [("torch", 0)]).said() == "torch"
    assert Voice(lambda ids, sampling: iter(())).said() == "none"


@pytest.mark.parametrize(
    ("packages", "intervene", "engine"),
    [
        ((), "", "numpy"),
        ((), "remove:local", "torch"),
        (("numba",), "", "torch"),
        (("numba", "torch"), "", "numpy"),
        (("torch",), "", "numpy"),
    ],
)
def test_auto_takes_what_there_is_and_what_can_do_it(
    folder: str, monkeypatch: pytest.MonkeyPatch, packages: tuple[str, ...], intervene: str, engine: str
) -> None:
    without(monkeypatch, *packages)
    monkeypatch.setattr(MACHINE, "_code", None)
    speaker = voice(folder, "auto", intervene)
    list(speaker.stream(IDS, Sampling(max_new=2)))
    assert speaker.said() == engine


def test_auto_leaves_to_torch_what_numpy_cannot_read(
    tiny: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lone_file(tiny(), tmp_path)
    metadata = parts(path.read_bytes())[0]["__metadata__"]
    save_file({name: value.bfloat16() for name, value in load_file(path).items()}, path, metadata)
    assert voice(str(path)).said() == "torch"
    assert voice("tilelli/mini::router::tilelli/mini").said() == "torch"


@pytest.mark.parametrize(
    ("engine", "happened"),
    [("numba", "The compiled engine can skip and no more"), ("numpy", "The NumPy engine takes no interventions")],
)
def test_most_interventions_are_for_torch_alone(folder: str, engine: str, happened: str, capsys: Captured) -> None:
    arguments = ["generate", "--checkpoint", folder, "--engine", engine, "--intervene", "remove:local"]
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"InputError: {happened}: remove:local. Use --engine torch.\n")


def test_what_weighs_little_is_left_out_by_machine_code_as_by_torch(folder: str, machine_code: Kernel) -> None:
    def text(engine: str, intervene: str) -> list[int]:
        return [step.byte for step in voice(folder, engine, intervene).stream(IDS, SAMPLING)]

    assert text("numba", "skip:0.35") == text("torch", "skip:0.35") != text("torch", "")
    assert voice(folder, "numba", "skip:0.35 skip:0.4@1").said() == "numba"
    assert voice(folder, "auto", "skip:0.35").said() == "torch"
    assert voice(folder, "auto", "skip:0.35 remove:local").said() == "torch"
    with pytest.raises(InputError, match="no router to intervene in: block 3 of a routed model of 2"):
        voice(folder, "numba", "skip:0.1@3")


def test_where_numba_is_missing_asking_for_it_is_answered(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Callable[..., None]:
        raise ModuleNotFoundError(name="numba")

    monkeypatch.setattr(MACHINE, "_code", None)
    monkeypatch.setattr("tilelli.engine.compiler._made", missing)
    with pytest.raises(InputError, match=r"There is no machine code: numba is not installed\. Use --engine numpy"):
        voice(folder, "numba")
    monkeypatch.setattr(MACHINE, "problem", None)


def test_the_command_line_says_who_spoke_and_writes_one_text(
    folder: str, capsys: Captured, machine_code: Kernel
) -> None:
    command = ["generate", "--checkpoint", folder, "--prompt", "Aé", "--max-new", "30", "--seed", "3"]
    told = {}
    for engine in choice.ENGINES:
        assert main([*command, "--engine", engine]) == 0
        told[engine] = capsys.readouterr()
    assert len({out for out, _ in told.values()}) == 1
    assert told["auto"].err == "engine: numba\n"
    assert told["torch"].err == told["numpy"].err == told["numba"].err == ""
