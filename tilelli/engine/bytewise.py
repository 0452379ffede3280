# mypy: disable-error-code="import-untyped,attr-defined,no-untyped-call,no-any-return,call-arg,arg-type"
"""The innermost loops of `integers.py` and `attention.py` as instructions that multiply bytes and add them up.

The processors of the last ten years do that with 32 or 64 pairs of bytes in one stroke or in two; no compiler finds it
by itself in a loop over trits. Each way is a few lines of LLVM here, inside functions that numba compiles. Which one is
gone is asked of the processor when the kernels are compiled; where there is none, those loops are compiled as they
stand, that of attention also where no way takes one stroke. Every way gives the same sums. It needs numba: who imports
it has made sure of that.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from tilelli.engine.attention import QUAD, TILE
from tilelli.engine.integers import SIDE
from tilelli.engine.products import WORD

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
NAMES = {  # of the instructions, by bytes in a vector
    "stroke": {64: "avx512.vpdpbusd.512", 32: "avx512.vpdpbusd.256"},
    "bytes": {64: "avx512.pmaddubs.w.512", 32: "avx2.pmadd.ub.sw"},
    "pairs": {64: "avx512.pmaddw.d.512", 32: "avx2.pmadd.wd"},
}
ROW = 4 * SIDE  # bytes in the words of a block of outputs for as many inputs as a word has trits


class Way(NamedTuple):
    """One way to multiply bytes and add up.

    Attributes:
        feature: what LLVM calls the processor's ability.
        size: bytes in a vector.
        one_stroke: whether four products are added to a sum of 32 bits at once; else two are added in 16 bits first.
    """

    feature: str
    size: int
    one_stroke: bool

    @property
    def vectors(self) -> int:
        """How many share one reading of the steps: as many as there are registers for their sums."""
        return 4 if self.size == 64 else 2


WAYS = (
    Way("avx512vnni", 64, one_stroke=True),
    Way("avx512bw", 64, one_stroke=False),
    Way("avxvnni", 32, one_stroke=True),
    Way("avx2", 32, one_stroke=False),
)


def ways() -> list[Way]:
    """The ways that can be gone here, the best first."""
    told = numba.config.CPU_FEATURES
    able = get_host_cpu_features() if told is None else told
    return [way for way in WAYS if f"+{way.feature}" in able.split(",") and _known(way, able)]


def add_up_by(way: Way) -> Callable[..., None]:
    """`integers.add_up` by that way, for use in compiled functions."""
    tile, span = _tile(way), way.vectors * way.size

    def add_up(words: Any, steps: Any, sums: Any, first: int, last: int) -> None:
        groups = words.shape[1] // SIDE
        for block in range(first // SIDE, last // SIDE):
            for begin in range(0, ROW, span):
                w = words.ctypes.data + ROW * groups * block + begin
                for t in range(steps.shape[0]):
                    x, y = steps.ctypes.data + steps.shape[1] * t, sums.ctypes.data + 4 * sums.shape[1] * t
                    tile(w, x, y + ROW * block + begin, groups)

    return add_up


def _tile(way: Way) -> Any:
    """An intrinsic: some sums whose words, steps and sums stand at three addresses, for so many groups of inputs."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        words, steps, sums, groups = arguments
        zero = _all(_vector(I32, way), 0)
        parts = [
            [cgutils.alloca_once_value(b, zero) for _ in range(4 if way.one_stroke else 1)] for _ in range(way.vectors)
        ]
        with cgutils.for_range(b, groups) as loop:
            near, row = b.add(steps, b.mul(loop.index, I64(WORD))), b.add(words, b.mul(loop.index, I64(ROW)))
            x = [_spread(b, way, b.add(near, I64(4 * plane))) for plane in range(4)]
            for number, own in enumerate(parts):
                _gather(b, way, own, _read(b, b.add(row, I64(number * way.size)), _vector(I8, way)), x)
        for number, own in enumerate(parts):
            place = b.inttoptr(b.add(sums, I64(number * way.size)), zero.type.as_pointer())
            b.store(_total(b, way, own), place).align = 4
        return context.get_dummy_value()

    @intrinsic
    def tile(typing: Any, words: Any, steps: Any, sums: Any, groups: Any) -> Any:
        return types.void(*[types.int64] * 4), emit

    return tile


def score_by(way: Way) -> Callable[..., None]:
    """`attention.score_steps` by a way that takes one stroke, for use in compiled functions."""
    scored = _scored(way)

    def score_steps(keys: Any, steps: Any, sums: Any) -> None:
        scored(keys.ctypes.data, steps.ctypes.data, sums.ctypes.data, len(keys))

    return score_steps


def _scored(way: Way) -> Any:
    """An intrinsic: the sums of a tile of keys, from three addresses and the quads of steps in a key."""
    row = QUAD * TILE

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        keys, steps, sums, quads = arguments
        words = _vector(I32, way)
        parts = [cgutils.alloca_once_value(b, _all(words, 0)) for _ in range(row // way.size)]
        with cgutils.for_range(b, quads) as loop:
            x, near = _spread(b, way, b.add(steps, b.mul(loop.index, I64(QUAD)))), b.mul(loop.index, I64(row))
            for number, part in enumerate(parts):
                place = b.add(keys, b.add(near, I64(number * way.size)))
                b.store(_stroke(b, way, b.load(part), _read(b, place, _vector(I8, way)), x), part)
        for number, part in enumerate(parts):
            place = b.inttoptr(b.add(sums, I64(number * way.size)), words.as_pointer())
            b.store(b.load(part), place).align = 4
        return context.get_dummy_value()

    @intrinsic
    def scored(typing: Any, keys: Any, steps: Any, sums: Any, quads: Any) -> Any:
        return types.void(*[types.int64] * 4), emit

    return scored


def _gather(b: Any, way: Way, parts: list[Any], w: Any, x: list[Any]) -> None:
    """Add to the parts of sums what the four codes in each byte of `w` make with the bytes of the four `x`.

    A code need not be shifted into place: it is taken where it stands. In one stroke there is room for it in a part of
    its own, which becomes 1, 4, 16 or 64 times too large; else all are made 4 times too large, which 16 bits hold.
    """
    if way.one_stroke:
        for plane, part in enumerate(parts):
            b.store(_stroke(b, way, b.load(part), _only(b, w, 3 << 2 * plane), x[plane]), part)
        return
    words = _vector(I16, way)
    high = b.bitcast(b.lshr(b.bitcast(w, words), _all(words, 4)), w.type)
    once = b.add(_products(b, way, _only(b, w, 3), x[0]), _products(b, way, _only(b, high, 3), x[2]))
    four = b.add(_products(b, way, _only(b, w, 12), x[1]), _products(b, way, _only(b, high, 12), x[3]))
    sums = b.add(b.shl(once, _all(words, 2)), four)
    pairs = _call(b, NAMES["pairs"][way.size], _vector(I32, way), sums, _all(words, 1))
    b.store(b.add(b.load(parts[0]), pairs), parts[0])


def _total(b: Any, way: Way, parts: list[Any]) -> Any:
    """Parts in their true size, added up."""
    found = None
    for part, shift in zip(parts, (0, 2, 4, 6) if way.one_stroke else (2,), strict=True):
        true = b.ashr(b.load(part), _all(_vector(I32, way), shift))
        found = true if found is None else b.add(found, true)
    return found


def _stroke(b: Any, way: Way, part: Any, codes: Any, x: Any) -> Any:
    """Four products of bytes each, added to a part."""
    type_ = _vector(I32, way)
    return _call(b, NAMES["stroke"][way.size], type_, part, b.bitcast(codes, type_), b.bitcast(x, type_))


def _products(b: Any, way: Way, codes: Any, x: Any) -> Any:
    """Two products of bytes each, added up in 16 bits."""
    return _call(b, NAMES["bytes"][way.size], _vector(I16, way), codes, x)


def _call(b: Any, name: str, type_: Any, *arguments: Any) -> Any:
    signature = ir.FunctionType(type_, [argument.type for argument in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, signature, f"llvm.x86.{name}"), arguments)


def _spread(b: Any, way: Way, place: Any) -> Any:
    """The four bytes at an address, over and over."""
    empty, first = ir.Constant(_vector(I32, way), ir.Undefined), ir.Constant(I32, 0)
    four = b.insert_element(empty, _read(b, place, I32), first)
    return b.bitcast(b.shuffle_vector(four, empty, _all(empty.type, 0)), _vector(I8, way))


def _read(b: Any, place: Any, type_: Any) -> Any:
    found = b.load(b.inttoptr(place, type_.as_pointer()))
    found.align = 4
    return found


def _only(b: Any, codes: Any, mask: int) -> Any:
    return b.and_(codes, _all(codes.type, mask))


def _vector(kind: Any, way: Way) -> Any:
    return ir.VectorType(kind, 8 * way.size // kind.width)


def _all(vector: Any, number: int) -> Any:
    """A vector of that number."""
    return ir.Constant(vector, [number] * vector.count)


def _known(way: Way, able: str) -> bool:
    """Whether the compiler at hand knows these instructions by the names that they have here: else it would call
    functions of those names, which do not exist."""
    module, words = ir.Module(), _vector(I32, way)
    tried = ir.Function(module, ir.FunctionType(words, [_vector(I8, way)] * 2), "tried")
    b = ir.IRBuilder(tried.append_basic_block())
    part = b.alloca(words)
    _gather(b, way, [part] * (4 if way.one_stroke else 1), tried.args[0], [tried.args[1]] * 4)
    b.ret(b.load(part))
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_triple(binding.get_process_triple())
    try:
        code = target.create_target_machine(features=able).emit_assembly(binding.parse_assembly(str(module)))
    except RuntimeError:
        return False
    return "llvm.x86" not in code
