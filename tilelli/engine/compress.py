# mypy: disable-error-code="import-untyped,attr-defined,no-untyped-call,no-any-return,call-arg,arg-type"
"""`selection.gather` as instructions that put what is wanted of sixteen numbers side by side in one stroke.

No compiler finds that in a loop. Processors with AVX-512 can do it; elsewhere `gather` is compiled as it stands. Only
`instructions.py` imports this module: it needs numba.
"""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

LANES = 16
I16, I32, I64 = (ir.IntType(bits) for bits in (16, 32, 64))
NUMBERS, PLACES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(I32, LANES)
CHOICE = ir.VectorType(ir.IntType(1), LANES)


def possible() -> bool:
    """Whether this processor can."""
    told = numba.config.CPU_FEATURES
    return "+avx512f" in (get_host_cpu_features() if told is None else told).split(",")


def gather() -> Callable[..., int]:
    """`selection.gather`, for use in compiled functions."""

    def wanted(scores: Any, seen: int, threshold: Any, chosen: Any) -> int:
        whole = seen // LANES * LANES
        kept: int = _wanted(scores.ctypes.data, whole, threshold, chosen.ctypes.data)
        for s in range(whole, seen):
            scores[kept], chosen[kept] = scores[s], s
            kept += 1 if scores[s] >= threshold else 0
        return kept

    return wanted


@intrinsic
def _wanted(typing: Any, scores: Any, whole: Any, threshold: Any, chosen: Any) -> Any:
    """The same for as many numbers as make whole vectors. What is stored behind those kept has been read before."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        scores, whole, threshold, chosen = arguments
        kept = cgutils.alloca_once_value(b, I64(0))
        least, first = _spread(b, threshold, NUMBERS), ir.Constant(PLACES, list(range(LANES)))
        with cgutils.for_range(b, b.udiv(whole, I64(LANES))) as loop:
            s = b.mul(loop.index, I64(LANES))
            numbers = b.load(_at(b, scores, s, NUMBERS))
            numbers.align = 4
            wins = b.fcmp_ordered(">=", numbers, least)
            places = b.add(_spread(b, b.trunc(s, I32), PLACES), first)
            for array, row in ((scores, numbers), (chosen, places)):
                b.store(_compressed(b, row, wins), _at(b, array, b.load(kept), row.type)).align = 4
            b.store(b.add(b.load(kept), b.zext(b.ctpop(b.bitcast(wins, I16)), I64)), kept)
        return b.load(kept)

    return types.int64(types.int64, types.int64, types.float32, types.int64), emit


def _compressed(b: Any, row: Any, wins: Any) -> Any:
    """Those that win, side by side, and zeros behind them."""
    name = f"llvm.x86.avx512.mask.compress.v16{'f32' if row.type == NUMBERS else 'i32'}"
    signature = ir.FunctionType(row.type, [row.type, row.type, CHOICE])
    return b.call(
        cgutils.get_or_insert_function(b.module, signature, name), [row, ir.Constant(row.type, [0] * LANES), wins]
    )


def _at(b: Any, address: Any, place: Any, type_: Any) -> Any:
    """A pointer to so many numbers of 32 bits from a place on."""
    return b.inttoptr(b.add(address, b.mul(place, I64(4))), type_.as_pointer())


def _spread(b: Any, number: Any, type_: Any) -> Any:
    """A vector of that number."""
    empty = ir.Constant(type_, ir.Undefined)
    return b.shuffle_vector(b.insert_element(empty, number, I32(0)), empty, ir.Constant(PLACES, [0] * LANES))
