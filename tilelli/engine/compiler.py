"""Turns the kernels into machine code with numba, once a machine, and keeps it in the user's cache.

Compiling takes a minute or two, so nobody has to wait for it: `MACHINE.begin` has another process do it, which gives
way to all others and goes on if this one ends; until it is `ready` another engine speaks. Who asks for the `code`
waits. numba is optional: this module is importable without it, and importing it does nothing.
"""

import functools
import hashlib
import importlib
import inspect
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tilelli.engine import attention, choosing, integers, kernels, matrix, products, selection, team, topk_attention
from tilelli.errors import InputError
from tilelli.packed import SMALLEST_SCALE, STEPS

Kernel = Callable[..., Any]


class Code(NamedTuple):
    """What is compiled: `kernels.read` and `kernels.write`, and what their helpers do meanwhile, `team.assist`."""

    read: Kernel
    write: Kernel
    assist: Kernel


class TopK(NamedTuple):
    """`topk_attention.keep` and `topk_attention.learn`, for float32."""

    keep: Kernel
    learn: Kernel


CODE = (kernels.read, kernels.write, team.assist)
TOPK = (topk_attention.keep, topk_attention.learn)
Made = TypeVar("Made", Code, TopK)
SUMS = {"reassoc", "contract", "nsz", "arcp"}  # sums may be taken in any order; what is no number still stays none
OWN = {
    "exponentials": {"contract"},  # here an order was chosen for its digits
    **{name: set[str]() for name in ("in_steps", "stepped", "in_size")},  # to the last digit as NumPy and torch do it
    **{name: set[str]() for name in ("_drawn", "_cut")},  # in the order in which NumPy does it
}
ARRAYS = ("attend", "memory_of", "steps_of", "trits_many", "_abstain", "next_byte", "_drawn", "_cut")
"""The only kernels that make arrays or give some back. The others may not, and so need not count who holds one, which
costs more than some of them."""
INLINED = ("read", "_routed", "_vanilla", "_attention", "_dense", "keep_floats", "keep_steps", "match_steps", "give")
"""Kernels that are called in one place or two, with dozens of arrays: handing these over costs as much as the work."""
MODULES = (kernels, choosing, matrix, products, integers, attention, selection, team, topk_attention)
EMITTED = ("intrinsics.py", "instructions.py", "bytewise.py", "vectors.py")  # what these modules call, in other words
MADE, MAKING = "made", "making"  # files in the cache: it is complete; somebody is at it
PATIENCE = 300  # seconds after which whoever was at it has been given up


class Machine:
    """Machine code for the kernels, as soon as there is some. One serves the whole process: `MACHINE`."""

    def __init__(self) -> None:
        self.problem: str | None = None
        """Why there will be none; None while that is not known."""
        self._code: Code | None = None
        self._begun, self._making = threading.Lock(), threading.Lock()

    def begin(self) -> None:
        """Have it made in the background, or fetched from the cache, unless that was begun before."""
        if not self._begun.acquire(blocking=False):
            return
        try:  # at once: a command may be over before a thread has done anything
            child = None if cached() or _young(_folder() / MAKING) else _elsewhere()
        except Exception as error:
            self.problem = _spoken(error)
        else:
            threading.Thread(target=self._fetch, args=(child,), name="tilelli-compiler", daemon=True).start()

    def ready(self) -> bool:
        """Whether it is there by now."""
        return self._code is not None

    def code(self) -> Code:
        """The kernels as machine code; made here and now if it is neither at hand nor in the cache.

        Raises:
            InputError: it cannot be had here.
        """
        with self._making:
            if self._code is None:
                try:
                    self._code = _made()
                except Exception as error:  # whatever numba makes of an unusual machine: other engines still run
                    self.problem = _spoken(error)
            if self._code is None:
                remedy = "Use --engine numpy, or install numba: python -m pip install numba."
                raise InputError("There is no machine code", str(self.problem), remedy)
            return self._code

    def _fetch(self, child: "subprocess.Popen[bytes] | None") -> None:
        """Wait until the cache is filled, by a child or by whoever is at it, and take what is there."""
        try:
            if child is not None:
                child.wait()
            while not cached() and _young(_folder() / MAKING):
                time.sleep(0.2)
            if cached():
                self.code()
            else:
                self.problem = f"nothing could be kept in {_folder()}"
        except Exception as error:
            self.problem = self.problem or _spoken(error)


MACHINE = Machine()
_TOPK, _WRAPPING = threading.Lock(), threading.Lock()


def cached() -> bool:
    """Whether the cache holds machine code for these kernels, this processor and this numba."""
    return (_folder() / MADE).exists()


def fill() -> None:
    """Make the machine code, keep it, and give way to all others meanwhile: what the process in the background does."""
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        topk()
        MACHINE.code()
    finally:
        (_folder() / MAKING).unlink(missing_ok=True)


def _elsewhere() -> "subprocess.Popen[bytes]":
    """Have another process fill the cache; it goes on if this one ends."""
    (folder := _folder()).mkdir(parents=True, exist_ok=True)
    (folder / MAKING).touch()
    root, path = str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root}
    command = [sys.executable, "-m", "tilelli.engine.compiler"]
    return subprocess.Popen(command, env=environment, start_new_session=True, **quiet)


def _young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < PATIENCE
    except FileNotFoundError:
        return False


def _spoken(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name in ("numba", None):
        return "numba is not installed"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


@functools.cache
def _folder() -> Path:
    """Where machine code is kept: a folder for each version of the kernels, numba, Python and processor, and each place
    where the kernels stand: numba keeps them apart as well.

    Found without loading numba, which takes a second; numba itself looks at the processor more closely.

    Raises:
        ImportError: there is no numba.
    """
    files = [Path(__file__), *(Path(str(module.__file__)) for module in MODULES)]
    about = [path.read_bytes() for path in (*files, *(Path(__file__).with_name(name) for name in EMITTED))]
    versions = [version(name) for name in ("numba", "llvmlite", "numpy")]
    asked = [os.environ.get(name) for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")]
    here = versions, sys.version, _processor(), asked, str(Path(__file__).parent)
    about += [repr((*here, SMALLEST_SCALE, float(STEPS))).encode()]
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tilelli" / hashlib.sha256(b"".join(about)).hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"


def topk() -> TopK | None:
    """Machine code for top-k attention over whole texts; made here and now, in some seconds, unless the cache holds it.
    None if it cannot be had."""
    with _TOPK:
        return _topk()


@functools.cache
def _topk() -> TopK | None:
    try:
        return _kept(_top_k)
    except ImportError:
        return None
    except Exception as error:  # whatever numba makes of an unusual machine: torch does the same, more slowly
        warnings.warn(f"No machine code for attention, torch computes it: {_spoken(error)}", stacklevel=2)
        return None


def _made() -> Code:
    return _kept(_code)


def _kept(made: Callable[[bool], Made]) -> Made:
    """What is made, and kept in the cache if that is possible."""
    try:
        return made(True)
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, AttributeError, UnpicklingError):
        return made(False)  # the cache cannot be written, or holds something else


def _jitted(keep: bool, *functions: Kernel) -> list[Any]:
    """numba's handles on the kernels; they compile when they are first called.

    Raises:
        OSError: they are to be kept where nothing can be written; numba would keep them elsewhere, and longer than they
            are right.
    """
    numba: Any = importlib.import_module("numba")
    options = {"fastmath": SUMS, "error_model": "numpy", "boundscheck": False, "_nrt": False}
    if keep:
        _folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=_folder()):
            pass
    with _WRAPPING:
        _register()
        before = numba.config.CACHE_DIR
        try:  # looked at only while the function is wrapped; what others keep elsewhere stays there
            if keep:
                numba.config.CACHE_DIR = str(_folder())
            compiled = numba.njit(cache=keep, nogil=True, **options)
            return [compiled(function) for function in functions]
        finally:
            numba.config.CACHE_DIR = before


def _code(keep: bool) -> Code:
    found = _tried(Code(*_jitted(keep, *CODE)), check=not keep or not cached())
    if keep:
        (_folder() / MADE).touch()
    return found


def _top_k(keep: bool) -> TopK:
    from numba import float32, int32, int64

    floats, places = float32[:, :, ::1], int32[:, :, ::1]
    first, second = _jitted(keep, *TOPK)
    first.compile((int64, floats, floats, places, floats, floats, int32[::1], int64, int64))
    second.compile((*[floats] * 3, places, *[floats] * 5, float32[::1], int64, int64))
    return TopK(first, second)


@functools.cache
def _register() -> None:
    """Tell numba that the helpers may be compiled into what calls them; for Python they stay what they are."""
    from numba.extending import register_jitable

    from tilelli.engine.instructions import teach

    teach()
    for helper in helpers():
        fastmath = OWN.get(helper.__name__, SUMS) or False
        counts = helper.__name__ in ARRAYS
        inlined = helper.__name__ in INLINED
        options = {"error_model": "numpy", "boundscheck": False, "_nrt": counts, "forceinline": inlined}
        register_jitable(fastmath=fastmath, **options)(helper)


def helpers() -> list[Any]:
    """The kernels that other kernels call, as they stand."""
    found = [(value, module) for module in MODULES for value in vars(module).values() if inspect.isfunction(value)]
    apart: tuple[Kernel, ...] = (kernels.write, team.assist, *TOPK, integers.add_up, attention.score)
    apart += (attention.mix, attention.score_steps, selection.reaching, selection.gather)
    return [value for value, own in found if value.__module__ == own.__name__ and value not in apart]


def _tried(code: Code, check: bool) -> Code:
    """Have it compiled for the types that models have; `check` that it says on tiny models what Python says.

    Raises:
        ArithmeticError: it says something else.
    """
    from tilelli.engine.compiled import rehearsal
    from tilelli.engine.helpers import board

    for name, arguments, filled, apart in rehearsal():
        getattr(code, name)(*arguments)
        told = [array.copy() for array in filled]
        if check:
            getattr(kernels, name)(*arguments)
        if check and not all(np.allclose(*pair, atol=apart) for pair in zip(told, filled, strict=True)):
            raise ArithmeticError("machine code and Python disagree on a tiny model")
    code.assist(board(), 0)
    for jitted in code:
        jitted.disable_compile()  # type: ignore[attr-defined]  # never while somebody waits for a byte
    return code


if __name__ == "__main__":
    from tilelli.engine.compiler import fill as fill_the_cache  # this module by its name, which others know

    fill_the_cache()
