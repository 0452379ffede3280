"""The rows of one run while it goes on: what is known already, and where new ones go.

A probe takes a sheet and asks nothing about where it is kept; without a store it gets an empty one that forgets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


def forget(rows: Mapping[int, Any]) -> None:
    """Keep nothing."""


@dataclass(frozen=True)
class Sheet(Generic[Row]):
    """Rows by the number of their question.

    Attributes:
        known: rows from before.
        add: called with rows as they are made; those that are known already do no harm.
    """

    known: Mapping[int, Row] = field(default_factory=dict)
    add: Callable[[Mapping[int, Row]], None] = forget
