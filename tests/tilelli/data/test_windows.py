import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli.data.windows import Windows
from tilelli.errors import DataError

DISTINCT = bytes(range(1, 256))  # every byte once, so that a byte tells its place


def test_all_documents_stand_in_one_row_with_a_mark_around_each() -> None:
    assert Windows([b"ab", b"c"], 2, 1, 0).stream.tobytes() == b"\0ab\0c\0"


@given(st.integers(20, 255), st.integers(2, 16), st.integers(0, 2**63 - 1), st.integers(0, 5))
def test_windows_of_an_epoch_do_not_overlap(length: int, context: int, seed: int, epoch: int) -> None:
    windows = Windows([DISTINCT[:length]], context, 1, seed)
    steps = range(epoch * windows.per_epoch, (epoch + 1) * windows.per_epoch)
    read = torch.cat([windows.batch(step).ids[0, :-1] for step in steps]).tolist()
    assert len(read) == len(set(read)) == windows.per_epoch * context
    assert len(read) >= length + 1 - 3 * context or windows.per_epoch == 1


@given(st.integers(20, 255), st.integers(2, 16), st.integers(1, 5), st.integers(0, 40))
def test_a_window_is_a_piece_of_the_text_and_one_byte_more(
    length: int, context: int, batch_size: int, step: int
) -> None:
    windows = Windows([DISTINCT[:length]], context, batch_size, seed=0)
    batch = windows.batch(step).ids
    assert batch.shape == (batch_size, context + 1)
    assert batch.dtype == torch.int64
    stream = windows.stream.tobytes()
    assert all(bytes(row.tolist()) in stream for row in batch)


@given(st.integers(0, 1000), st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_a_batch_is_a_function_of_seed_and_step(seed: int, steps: list[int]) -> None:
    one, other = (Windows([DISTINCT], 8, 4, seed) for _ in range(2))
    in_order = {step: one.batch(step).ids for step in range(61)}
    assert all(torch.equal(other.batch(step).ids, in_order[step]) for step in steps)


def test_the_seed_and_the_epoch_change_the_order() -> None:
    one, other = Windows([DISTINCT], 8, 10, seed=1), Windows([DISTINCT], 8, 10, seed=2)
    assert not torch.equal(one.batch(0).ids, other.batch(0).ids)
    assert not torch.equal(one.batch(0).ids, one.batch(one.per_epoch // 10).ids)


def test_the_batch_size_does_not_change_which_windows_come() -> None:
    small, large = Windows([DISTINCT], 8, 2, seed=0), Windows([DISTINCT], 8, 6, seed=0)
    assert torch.equal(
        torch.cat([small.batch(step).ids for step in range(30)]),
        torch.cat([large.batch(step).ids for step in range(10)]),
    )


def test_over_the_epochs_every_byte_is_read() -> None:
    windows = Windows([DISTINCT], 8, 10, seed=0)
    assert len(set(torch.cat([windows.batch(step).ids for step in range(100)]).flatten().tolist())) == 256


def test_every_epoch_starts_at_another_offset() -> None:
    windows = Windows([DISTINCT], 8, 1, seed=0)
    epochs = [range(n * windows.per_epoch, (n + 1) * windows.per_epoch) for n in range(20)]
    offsets = [{windows.batch(step).ids[0, 0].item() % 8 for step in epoch} for epoch in epochs]  # a byte is its place
    assert all(len(offset) == 1 for offset in offsets)
    assert len(set.union(*offsets)) > 4


def test_a_text_of_exactly_one_window_is_enough() -> None:
    assert Windows([b"abc"], 4, 2, 0).batch(7).ids.tolist() == [[0, 97, 98, 99, 0]] * 2


def test_a_shorter_text_is_refused() -> None:
    with pytest.raises(DataError, match=r"shorter than one window: 5 bytes for windows of 6\. Give more text or"):
        Windows([b"abc"], 5, 1, 0)


def test_global_randomness_is_neither_used_nor_moved() -> None:
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    Windows([DISTINCT], 8, 2, 0).batch(3)
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
