"""A bank found again by the name it has in a result: halves and samples are named after what they were taken from."""

import re
from dataclasses import replace
from pathlib import Path

from probes.banks import BUNDLED, CALIBRATION, TEST, Bank, bank, sample
from tilelli.errors import InputError

HALF = re.compile(rf"(.+), ({CALIBRATION}|{TEST})", re.DOTALL)
SAMPLE = re.compile(r"(.+), at most (\d+) rows a part", re.DOTALL)


def recalled(name: str, sha256: str, seed: int) -> Bank:
    """The questions of a result: the bank of that name, or what was taken from one, if it holds the same rows.

    Args:
        name: as provenance has it, such as `near-miss` or `abstain, test, at most 30 rows a part`.
        sha256: of the rows.
        seed: with which a sample was drawn.

    Raises:
        InputError: there is no such bank, or its rows are others now.
        DataError: its file cannot be read.
    """
    found = _named(name, seed)
    if found.sha256 != sha256:
        seen = f"{name} is {found.sha256[:12]} and was {sha256[:12]}"
        raise InputError("The bank has changed", seen, "Ask the one there is now, or get the one there was.")
    return replace(found, name=name)


def whole(name: str) -> str:
    """The bank that a half or a sample was taken from."""
    taken = None if _stands(name) else HALF.fullmatch(name) or SAMPLE.fullmatch(name)
    return whole(taken[1]) if taken else name


def _named(name: str, seed: int) -> Bank:
    if not _stands(name):
        if taken := SAMPLE.fullmatch(name):
            return sample(_named(taken[1], seed), int(taken[2]), seed)
        if taken := HALF.fullmatch(name):
            return _named(taken[1], seed).half(taken[2])
    return bank(name)


def _stands(name: str) -> bool:
    return name in BUNDLED or Path(name).is_file()
