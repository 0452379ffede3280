"""A bank is found again by the name it has in a result, or it is said that it has changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from probes.banks import bank, sample
from probes.banks.named import recalled, whole
from tests.probes.chats import bank_file
from tilelli.errors import InputError


@pytest.mark.parametrize("name", ["near-miss", "calibration"])
def test_halves_and_samples_are_recalled_by_their_names(name: str) -> None:
    all_of_it = bank(name)
    half = all_of_it.half("test")
    for taken in (all_of_it, half, sample(all_of_it, 5, 3), sample(half, 7, 3), sample(all_of_it, 9, 3).half("test")):
        found = recalled(taken.name, taken.sha256, 3)
        assert (found.rows, found.name) == (taken.rows, taken.name)
        assert whole(taken.name) == name


def test_the_seed_decides_which_rows_a_sample_holds() -> None:
    taken = sample(bank("near-miss"), 5, 3)
    with pytest.raises(InputError, match=f"The bank has changed: {taken.name} is .{{12}} and was {taken.sha256[:12]}"):
        recalled(taken.name, taken.sha256, 4)


def test_a_file_is_recalled_whatever_it_is_called(tmp_path: Path) -> None:
    odd = bank_file(tmp_path).rename(tmp_path / "own, at most 5 rows a part")
    own = bank(str(odd))
    assert recalled(own.name, own.sha256, 0).rows == own.rows
    assert whole(own.name) == own.name
    taken = sample(own, 2, 0)
    assert recalled(taken.name, taken.sha256, 0).rows == taken.rows


def test_what_has_changed_or_gone_is_told() -> None:
    own = bank("near-miss")
    changed = replace(own, rows=own.rows[1:])
    with pytest.raises(InputError, match="The bank has changed: near-miss is "):
        recalled("near-miss", changed.sha256, 0)
    with pytest.raises(InputError, match="There is no such bank: gone"):
        recalled("gone, test", own.sha256, 0)
