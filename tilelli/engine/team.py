"""Kernels: several threads on one product. Who leads deals out its outputs; helpers that are awake take some of them.

A board of whole numbers is all they share. The leader writes a job on it, opens it, takes parts of it like everyone,
closes it, and waits until nobody is at it any more. So a helper that comes late, or never, changes nothing but the
time, and a part is the same whoever computes it. The leader takes parts from the front and helpers from the back, so
that weights and memory stay in the cache of who had them the last time. Helpers look out for the next job in machine
code, since a byte has dozens of them; one that finds none for a while goes back to sleep (`helpers.py`). See
`matrix.py`.
"""

from tilelli.engine.attention import POSITION, attend
from tilelli.engine.integers import SIDE, add_up
from tilelli.engine.intrinsics import add, floats_at, load, numbers_at, steps_at, sums_at, wait, words_at
from tilelli.engine.products import Array, accumulate, multiply_trits

OPEN, NEXT, INSIDE, AWAKE = 0, 8, 16, 24
"""Places on the board, each in a cache line of its own: the number of the job that is open, or 0; how many parts have
been taken, from the front and times `BACK` from the back; how many helpers are at a job; how many look out for one."""
NUMBER, KIND, FIRST, END, PART, W, ROWS, COLUMNS, X, TIMES, WIDTH, Y, OUTPUTS = range(32, 45)
"""The job: its number, what is to be done, from which output to which, how many a part has, and three arrays."""
BLOCK, TOP_K, ROUNDS = range(45, 48)
"""What attention needs besides."""
LEAST = 48
"""The smallest job that is dealt out, in multiply-adds of floats; smaller ones are done alone."""
FLOATS, TRITS, CODES, HEADS = range(4)
BOARD = 49  # numbers on the board
PACKED = 8  # of them a word of trits is worth that floats are multiplied with
HEAD = 7_000  # a head and a byte are worth whatever they see
FRONT, BACK = 1, 1 << 32


def deal(board: Array, kind: int, w: Array, x: Array, y: Array, first: int) -> None:
    """Have `accumulate`, `multiply_trits` or `add_up` done for the outputs from `first` on, a multiple of `SIDE`; the
    arrays lie row after row."""
    board[W], board[ROWS], board[COLUMNS] = w.ctypes.data, w.shape[0], w.shape[1]
    board[X], board[TIMES], board[WIDTH] = x.ctypes.data, x.shape[0], x.shape[1]
    board[Y], board[OUTPUTS] = y.ctypes.data, y.shape[1]
    _lead(board, kind, first, y.shape[1], SIDE, len(x) * w.size * (PACKED if kind == TRITS else 1))


def deal_heads(
    board: Array, places: Array, block: int, heads: int, qkv: Array, mixed: Array, top_k: int, rounds: bool
) -> None:
    """Have `attend` done for all heads."""
    board[W], board[ROWS], board[COLUMNS] = places.ctypes.data, places.shape[0], places.shape[1]
    board[X], board[TIMES], board[WIDTH] = qkv.ctypes.data, qkv.shape[0], qkv.shape[1]
    board[Y], board[OUTPUTS] = mixed.ctypes.data, mixed.shape[1]
    board[BLOCK], board[TOP_K], board[ROUNDS] = block, top_k, rounds
    seen, width = places[:, POSITION].max() + 1, qkv.shape[1] // (3 * heads)
    _lead(board, HEADS, 0, heads, 1, len(qkv) * heads * (seen * width // (4 if rounds else 1) + HEAD))


def _lead(board: Array, kind: int, first: int, end: int, least: int, size: int) -> None:
    """Have it done in parts of `least` outputs or a multiple, one a thread: few outputs make no more parts of one size,
    and every part costs its counting. What is not worth the trouble, by its `size`, is done alone."""
    helpers = load(board, AWAKE) if size >= board[LEAST] else 0
    part = -(-(end - first) // ((1 + helpers) * least)) * least
    board[KIND], board[FIRST], board[END], board[PART], board[NEXT] = kind, first, end, part, 0
    if helpers == 0:
        _work(board, FRONT)
        return
    board[NUMBER] += 1
    add(board, OPEN, board[NUMBER])
    _work(board, FRONT)
    add(board, OPEN, -board[NUMBER])
    turn = 0
    while load(board, INSIDE) > 0:
        wait(turn)
        turn += 1


def assist(board: Array, patience: int) -> None:
    """What a helper does, until there was nothing to do for `patience` turns."""
    add(board, AWAKE, 1)
    turn, last = 0, 0
    while turn < patience:
        number = load(board, OPEN)
        if number not in (0, last):
            add(board, INSIDE, 1)
            if load(board, OPEN) == number:  # only now it stays as it is until this helper leaves
                _work(board, BACK)
                turn, last = 0, number
            add(board, INSIDE, -1)
        wait(turn)
        turn += 1
    add(board, AWAKE, -1)


def _work(board: Array, side: int) -> None:
    """Take parts of the job from that side until there is none left."""
    kind, part = board[KIND], board[PART]
    x, y, w = (board[TIMES], board[WIDTH]), (board[TIMES], board[OUTPUTS]), (board[ROWS], board[COLUMNS])
    parts = -(-(board[END] - board[FIRST]) // part)
    taken = add(board, NEXT, side)
    while taken % BACK + taken // BACK < parts:
        first = board[FIRST] + part * (taken % BACK if side == FRONT else parts - 1 - taken // BACK)
        last = min(first + part, board[END])
        if kind == CODES:
            add_up(words_at(board[W], w), steps_at(board[X], x), sums_at(board[Y], y), first, last)
        elif kind == TRITS:
            multiply_trits(words_at(board[W], w), floats_at(board[X], x), floats_at(board[Y], y), first, last)
        elif kind == FLOATS:
            accumulate(floats_at(board[W], w), floats_at(board[X], x), floats_at(board[Y], y), first, last)
        else:
            places, qkv, mixed = numbers_at(board[W], w), floats_at(board[X], x), floats_at(board[Y], y)
            heads, rounds = board[END], board[ROUNDS] > 0
            attend(places, board[BLOCK], heads, qkv, mixed, board[TOP_K], rounds, first, last)
        taken = add(board, NEXT, side)
