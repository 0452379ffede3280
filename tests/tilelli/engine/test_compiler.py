import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tilelli.engine.test_compiled import Kernel
from tilelli.engine import compiler, kernels, team, topk_attention
from tilelli.engine.compiler import Code, Machine
from tilelli.errors import InputError

ROOT = Path(__file__).parents[3]


def waited(machine: Machine) -> Machine:
    """A machine whose background work has come to an end."""
    machine.begin()
    for _ in range(3000):
        if machine.ready() or machine.problem:
            return machine
        time.sleep(0.01)
    raise AssertionError("the background work does not end")


def test_what_is_in_the_cache_is_there_at_once_and_begun_only_once(machine_code: Kernel) -> None:
    assert compiler.cached()
    machine = waited(Machine())
    assert (machine.ready(), machine.problem) == (True, None)
    before = machine.code()
    machine.begin()
    assert machine.code() is before


def test_without_numba_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    assert waited(Machine()).problem == "numba is not installed"
    with pytest.raises(InputError, match=r"no machine code: numba is not installed\. Use --engine numpy, or install"):
        Machine().code()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a compiler that has nothing to do."""
    pytest.importorskip("numba")
    monkeypatch.setattr(compiler, "_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(compiler, "_tried", lambda code, check: code)
    return tmp_path / "cache"


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.write_text("a file stands where the folder should")
    found = Machine().code()
    assert [one.py_func for one in found] == [kernels.read, kernels.write, team.assist]  # type: ignore[attr-defined]
    assert waited(Machine()).problem is not None  # in the background nothing is made that could not be kept


def test_somebody_else_fills_the_cache_and_is_not_disturbed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(compiler, "_elsewhere", lambda: begun.append(1))  # a child that has nothing to wait for
    assert "nothing could be kept in" in str(waited(Machine()).problem)
    cache.mkdir()
    (cache / compiler.MAKING).touch()
    machine = Machine()
    machine.begin()
    (cache / compiler.MADE).touch()
    assert waited(machine).ready()
    (cache / compiler.MADE).unlink()
    os.utime(cache / compiler.MAKING, (0, 0))  # whoever began it is gone
    waited(Machine())
    assert begun == [1, 1]


def test_a_cache_that_holds_something_else_is_made_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(code: Code, check: bool) -> Code:
        kept.append(type(code.read._cache).__name__)  # type: ignore[attr-defined]
        if len(kept) == 1:
            raise EOFError
        return code

    kept: list[str] = []
    monkeypatch.setattr(compiler, "_tried", tried)
    Machine().code()
    assert kept == ["FunctionCache", "NullCache"]
    assert not compiler.cached()


def test_the_process_in_the_background_leaves_a_full_cache_and_no_mark(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler.os, "nice", lambda by: by)
    monkeypatch.setattr(compiler, "MACHINE", Machine())
    cache.mkdir()
    (cache / compiler.MAKING).touch()
    compiler.fill()
    assert compiler.cached()
    assert not (cache / compiler.MAKING).exists()


def test_machine_code_that_says_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lying:
        def __call__(self, *arguments: object) -> None:
            told: np.ndarray = arguments[6]  # type: ignore[assignment]
            told[:] = 0

        def disable_compile(self) -> None: ...

    with pytest.raises(ArithmeticError, match="machine code and Python disagree"):
        compiler._tried(Code(Lying(), Lying(), team.assist), check=True)


def test_machine_code_compiles_nothing_while_somebody_waits(machine_code: Kernel) -> None:
    with pytest.raises(TypeError, match="No matching definition"):
        machine_code(1, 2, 3, 4, 5, 6, 7, 8, 9)


def test_importing_the_engines_loads_neither_numba_nor_torch() -> None:
    script = (
        "import sys, tilelli.engine.choice, tilelli.engine.compiled, tilelli.engine.bench\n"
        "assert not {'numba', 'llvmlite', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_attention_is_kept_in_the_cache_and_not_where_the_kernels_stand(cache: Path) -> None:
    before = {path.name for path in Path(topk_attention.__file__).parent.glob("__pycache__/*.nb*")}
    found = compiler._kept(compiler._top_k)
    assert len(found.keep.signatures) == len(found.learn.signatures) == 1  # type: ignore[attr-defined]
    assert {path.suffix for path in cache.rglob("topk_attention*")} == {".nbi", ".nbc"}
    assert {path.name for path in Path(topk_attention.__file__).parent.glob("__pycache__/*.nb*")} == before


def test_where_nothing_can_be_kept_attention_is_compiled_all_the_same(cache: Path) -> None:
    cache.write_text("a file stands where the folder should")
    found = compiler._kept(compiler._top_k)
    assert type(found.keep._cache).__name__ == "NullCache"  # type: ignore[attr-defined]


def test_two_threads_that_compile_leave_the_settings_of_numba_alone(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, found = numba_settings(), []
    begin = threading.Barrier(8)

    def wrap(functions: tuple[object, ...]) -> None:
        begin.wait()
        found.extend(compiler._jitted(True, *functions))

    threads = [threading.Thread(target=wrap, args=(each,)) for each in [compiler.CODE, compiler.TOPK] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numba_settings() == before
    assert {Path(one._cache.cache_path).parent for one in found} == {cache}


def numba_settings() -> str:
    import numba

    return str(numba.config.CACHE_DIR)


def test_where_attention_cannot_be_compiled_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(keep: bool) -> compiler.TopK:
        raise NotImplementedError("no such processor")

    monkeypatch.setattr(compiler, "_top_k", failing)
    compiler._topk.cache_clear()
    with pytest.warns(UserWarning, match="torch computes it: NotImplementedError: no such processor"):
        assert compiler.topk() is None
    assert compiler.topk() is None
    compiler._topk.cache_clear()
