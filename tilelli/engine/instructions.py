# mypy: disable-error-code="import-untyped,attr-defined,no-untyped-call,no-any-return,call-arg,arg-type"
"""What `intrinsics.py` says in Python, as instructions of this processor; only `compiler.py` imports this module."""

import os
import platform
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from tilelli.engine import attention, integers, intrinsics, selection, vectors
from tilelli.engine.bytewise import add_up_by, score_by, ways

I32, I64 = ir.IntType(32), ir.IntType(64)
LINE = 64  # bytes of a cache line
PATIENT = 2000  # turns of a loop that waits, after which others may have the processor
FLAGS = {"error_model": "numpy", "boundscheck": False, "_nrt": False}


def teach() -> None:
    """Tell numba what stands for the functions of `intrinsics.py`, and for a few loops."""
    for name, found in (_counters() | _numbers()).items():
        _instead(getattr(intrinsics, name), found)
    for name, found in _arrays().items():
        _instead(getattr(intrinsics, name), found, counts=True)
    here = ways()
    at_once = [way for way in here if way.one_stroke]
    _instead(integers.add_up, add_up_by(here[0]) if here else None)
    _instead(attention.score_steps, score_by(at_once[0]) if at_once else None)
    _instead(attention.score, vectors.score())
    _instead(attention.mix, vectors.mix())
    _instead(selection.reaching, vectors.reaching() if vectors.gathers() else None)
    _instead(selection.gather, vectors.gather() if vectors.gathers() else None)


def _instead(written: Callable[..., Any], found: Callable[..., Any] | None, counts: bool = False) -> None:
    """Where `written` is called in a compiled function, `found` is, which is compiled too; itself if that is None.
    `counts` who holds the arrays it makes, see `compiler.ARRAYS`."""
    if found is None:
        register_jitable(**FLAGS)(written)
        return
    overload(written, jit_options=FLAGS | {"_nrt": counts}, strict=False)(lambda *arguments: found)


def _counters() -> dict[str, Callable[..., Any]]:
    def load(board: Any, place: int) -> int:
        return _loaded(board.ctypes.data + 8 * place)

    def add(board: Any, place: int, number: int) -> int:
        return _added(board.ctypes.data + 8 * place, number)

    def wait(turn: int) -> None:
        if turn < PATIENT or not others:
            _pause()
        else:
            give_way()

    def fetch(address: int, size: int) -> None:
        for behind in range(0, size, LINE):
            _fetched(address + behind)
        _fetched(address + size - 1)

    others = hasattr(os, "sched_yield")
    give_way = types.ExternalFunction("sched_yield", types.int32()) if others else _pause
    return {"load": load, "add": add, "wait": wait, "fetch": fetch}


def _arrays() -> dict[str, Callable[..., Any]]:
    kinds = {
        "floats": np.float32,
        "words": np.uint32,
        "sums": np.int32,
        "steps": np.int8,
        "bytes": np.uint8,
        "numbers": np.int64,
    }
    return {f"{name}_at": _array(kind) for name, kind in kinds.items()}


def _numbers() -> dict[str, Callable[..., Any]]:
    def float_of(bits: int) -> Any:
        return _as_float(np.int32(bits))

    def bits_of(number: Any) -> Any:
        return _as_bits(number)

    return {"float_of": float_of, "bits_of": bits_of}


def _array(kind: Any) -> Callable[..., Any]:
    def at(address: int, shape: Any) -> Any:
        return numba.carray(_pointer(address), shape, kind)

    return at


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    """An address as a pointer."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return b.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), emit


@intrinsic
def _as_float(typing: Any, bits: Any) -> Any:
    return types.float32(types.int32), lambda context, b, signature, arguments: b.bitcast(arguments[0], ir.FloatType())


@intrinsic
def _as_bits(typing: Any, number: Any) -> Any:
    return types.int32(types.float32), lambda context, b, signature, arguments: b.bitcast(arguments[0], I32)


@intrinsic
def _loaded(typing: Any, address: Any) -> Any:
    """The number at an address, with all that was written before it was."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return b.load_atomic(b.inttoptr(arguments[0], I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), emit


@intrinsic
def _added(typing: Any, address: Any, number: Any) -> Any:
    """The number at an address before another is added to it in one stroke."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return b.atomic_rmw("add", b.inttoptr(arguments[0], I64.as_pointer()), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), emit


@intrinsic
def _fetched(typing: Any, address: Any) -> Any:
    """Asks for the cache line at an address, to be read, and kept as near as possible."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        asked = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, I32, I32, I32])
        called = cgutils.get_or_insert_function(b.module, asked, "llvm.prefetch.p0i8")
        b.call(called, [b.inttoptr(arguments[0], cgutils.voidptr_t), I32(0), I32(3), I32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), emit


@intrinsic
def _pause(typing: Any) -> Any:
    """A moment that costs other threads of the same core least."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        if platform.machine() in ("x86_64", "AMD64"):
            nothing = ir.FunctionType(ir.VoidType(), [])
            b.call(cgutils.get_or_insert_function(b.module, nothing, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), emit
