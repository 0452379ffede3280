"""Every test of a probe has a store of its own: none writes into the user's, none finds what another left."""

from itertools import count

import pytest

NUMBERS = count()


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database that is not there yet."""
    url = f"sqlite:///{tmp_path_factory.getbasetemp()}/results-{next(NUMBERS)}.db"
    monkeypatch.setenv("TILELLI_DB", url)
    return url
