# mypy: disable-error-code="import-untyped,attr-defined,no-untyped-call,no-any-return,call-arg,arg-type"
"""Loops of `attention.py` and `selection.py`, two of each, as instructions on whole vectors, which no compiler finds.

`score`: a query times a tile of keys, whose sums stay in registers; `mix`: kept values times their shares, the same;
both for any processor. With AVX-512 also `reaching`: sixteen comparisons are sixteen bits, which are counted at once;
and `gather`: what is wanted of sixteen numbers is put side by side in one stroke. Elsewhere these two are compiled as
they stand. Only `instructions.py` imports this module: it needs numba.
"""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from tilelli.engine.attention import LANES, TILE

SUMS = 4  # of a mix that are added up at the end
COUNT = 20  # bits that one of three counts in a number takes: more than there are positions
ONE_COUNT = (1 << COUNT) - 1
I16, I32, I64 = (ir.IntType(bits) for bits in (16, 32, 64))
NUMBERS, PLACES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(I32, LANES)
CHOICE = ir.VectorType(ir.IntType(1), LANES)


def gathers() -> bool:
    """Whether this processor can put side by side what is wanted."""
    told = numba.config.CPU_FEATURES
    return "+avx512f" in (get_host_cpu_features() if told is None else told).split(",")


def score() -> Callable[..., None]:
    """`attention.score`, for use in compiled functions."""

    def score(keys: Any, q: Any, scores: Any) -> None:
        _scored(keys.ctypes.data, q.ctypes.data, scores.ctypes.data, len(q))

    return score


def mix() -> Callable[..., None]:
    """`attention.mix`, for use in compiled functions."""

    def mix(values: Any, shares: Any, chosen: Any, kept: int, out: Any) -> None:
        for place in range(0, len(out), LANES):
            _mixed(values[0, place:], values.shape[1], shares.ctypes.data, chosen.ctypes.data, kept, out[place:])

    return mix


def reaching() -> Callable[..., tuple[int, int, int]]:
    """`selection.reaching`, for use in compiled functions; `scores` go on to the end of a vector."""

    def reached(scores: Any, seen: int, left: Any, middle: Any, right: Any) -> tuple[int, int, int]:
        counts: int = _reached(scores.ctypes.data, seen, left, middle, right)
        return counts & ONE_COUNT, counts >> COUNT & ONE_COUNT, counts >> 2 * COUNT

    return reached


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
def _scored(typing: Any, keys: Any, q: Any, scores: Any, width: Any) -> Any:
    """The same from addresses."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        keys, q, scores, width = arguments
        sums = ir.VectorType(ir.FloatType(), TILE)
        spread = ir.Constant(ir.VectorType(I32, TILE), [0] * TILE)
        total = cgutils.alloca_once_value(b, ir.Constant(sums, [0.0] * TILE))
        with cgutils.for_range(b, width) as loop:
            one = b.load(_at(b, q, loop.index, ir.FloatType()))
            empty = ir.Constant(sums, ir.Undefined)
            every = b.shuffle_vector(b.insert_element(empty, one, I32(0)), empty, spread)
            row = b.load(_at(b, keys, b.mul(loop.index, I64(TILE)), sums))
            row.align = 4
            b.store(_sum(b, every, row, b.load(total)), total)
        b.store(b.load(total), _at(b, scores, I64(0), sums)).align = 4
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), emit


@intrinsic
def _mixed(typing: Any, values: Any, width: Any, shares: Any, chosen: Any, kept: Any, out: Any) -> Any:
    """Sixteen numbers of the sum: those from the first of `values` on. Of four partial sums none waits for another."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        _, width, shares, chosen, kept, _ = arguments
        first, into = (cgutils.create_struct_proxy(signature.args[n])(context, b, arguments[n]).data for n in (0, 5))
        row = ir.VectorType(first.type.pointee, LANES)
        parts = [cgutils.alloca_once_value(b, ir.Constant(NUMBERS, [0.0] * LANES)) for _ in range(SUMS)]

        def take(j: Any, part: Any) -> None:
            place = b.mul(b.zext(b.load(_at(b, chosen, j, I32)), I64), width)
            values = b.load(b.bitcast(b.gep(first, [place]), row.as_pointer()))
            values.align = 1
            numbers = values if row == NUMBERS else b.sitofp(values, NUMBERS)
            share = _spread(b, b.load(_at(b, shares, j, ir.FloatType())), NUMBERS)
            b.store(_sum(b, share, numbers, b.load(part)), part)

        whole = b.udiv(kept, I64(SUMS))
        with cgutils.for_range(b, whole) as loop:
            for number, part in enumerate(parts):
                take(b.add(b.mul(loop.index, I64(SUMS)), I64(number)), part)
        with cgutils.for_range(b, b.urem(kept, I64(SUMS))) as loop:
            take(b.add(b.mul(whole, I64(SUMS)), loop.index), parts[0])
        one, two, three, four = (b.load(part) for part in parts)
        total = b.fadd(b.fadd(one, two), b.fadd(three, four))
        b.store(total, b.bitcast(into, NUMBERS.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(values, types.int64, types.int64, types.int64, types.int64, out), emit


@intrinsic
def _reached(typing: Any, scores: Any, seen: Any, left: Any, middle: Any, right: Any) -> Any:
    """Three counts in one number."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        scores, seen, *thresholds = arguments
        least, first = [_spread(b, each, NUMBERS) for each in thresholds], ir.Constant(PLACES, list(range(LANES)))
        counts, end = cgutils.alloca_once_value(b, I64(0)), _spread(b, b.trunc(seen, I32), PLACES)
        with cgutils.for_range(b, b.udiv(b.add(seen, I64(LANES - 1)), I64(LANES))) as loop:
            s = b.mul(loop.index, I64(LANES))
            numbers = b.load(_at(b, scores, s, NUMBERS))
            numbers.align = 4
            there = b.icmp_signed("<", b.add(_spread(b, b.trunc(s, I32), PLACES), first), end)
            for number, threshold in enumerate(least):
                wins = b.and_(b.fcmp_ordered(">=", numbers, threshold), there)
                count = b.zext(b.ctpop(b.bitcast(wins, I16)), I64)
                b.store(b.add(b.load(counts), b.shl(count, I64(COUNT * number))), counts)
        return b.load(counts)

    return types.int64(types.int64, types.int64, *[types.float32] * 3), emit


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


def _sum(b: Any, one: Any, other: Any, total: Any) -> Any:
    """one * other + total, rounded once where the processor can."""
    signature = ir.FunctionType(total.type, [total.type] * 3)
    name = f"llvm.fmuladd.v{total.type.count}f32"
    return b.call(cgutils.get_or_insert_function(b.module, signature, name), [one, other, total])


def _at(b: Any, address: Any, place: Any, type_: Any) -> Any:
    """A pointer to so many numbers of 32 bits from a place on."""
    return b.inttoptr(b.add(address, b.mul(place, I64(4))), type_.as_pointer())


def _spread(b: Any, number: Any, type_: Any) -> Any:
    """A vector of that number."""
    empty = ir.Constant(type_, ir.Undefined)
    return b.shuffle_vector(b.insert_element(empty, number, I32(0)), empty, ir.Constant(PLACES, [0] * LANES))
