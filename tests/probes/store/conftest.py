"""A store on SQLite and on a real PostgreSQL, and a result with everything in it."""

import math
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from probes.metrics import Measured
from probes.result import ProbeResult
from probes.store.key import Key
from probes.store.store import Store
from probes.verdict import Claim, Rule, Verdict

REQUIRED = os.environ.get("TILELLI_REQUIRE_POSTGRES", "") not in ("", "0")
MakeStore = Callable[[], Store]
SCHEMAS = count()


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs: the newest of Debian's, or that on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a PostgreSQL server that is there for these tests alone, on a socket in a folder of its own."""
    programs = binaries()
    if programs is None:
        if REQUIRED:
            pytest.fail("TILELLI_REQUIRE_POSTGRES is set and there is no PostgreSQL")
        pytest.skip("no PostgreSQL here; install Debian's postgresql to run these tests")
    with running(programs) as folder:
        yield f"postgresql+psycopg://tests@/postgres?host={folder}"


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """A server, as another user if this is root, whom PostgreSQL refuses; yields the folder of its socket."""
    user = next(name for name in ("postgres", "nobody") if name in [known.pw_name for known in pwd.getpwall()])
    become: dict[str, Any] = {"user": user, "group": pwd.getpwnam(user).pw_gid} if os.geteuid() == 0 else {}
    folder = tempfile.mkdtemp(prefix="tilelli-pg-", dir="/tmp")
    if become:
        os.chown(folder, pwd.getpwnam(user).pw_uid, become["group"])
    quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **become}
    try:
        made = [programs / "initdb", "-D", f"{folder}/data", "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*made, "--locale=C"], check=True, **quiet)
        control = [programs / "pg_ctl", "-D", f"{folder}/data", "-w"]
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        subprocess.run([*control, "-o", options, "start"], check=True, **quiet)
        try:
            yield folder
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind; in PostgreSQL a schema of its own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/results.db"
    server, schema = request.getfixturevalue("server"), f"test{next(SCHEMAS)}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return f"{server}&options=-csearch_path%3D{schema}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store that is empty."""
    made = Store(url)
    yield made
    made.close()


def key(**changes: Any) -> Key:
    """The key of a run that never was."""
    usual = {"probe": "abstain", "weights": "a" * 64, "config": "c" * 64, "bank": "b" * 64}
    return Key(**{**usual, "settings": {"gate": 0.5}, "seed": 0, "code": "0.1.0+0", **changes})


def everything() -> ProbeResult:
    """A result with whatever a probe may put into one."""
    rows = pd.DataFrame(
        {
            "prompt": ["USER: ½ \x00 ?\nTILELLI:", "é", ""],
            "p": [0.1 + 0.2, math.nan, 5e-324],
            "far": [math.inf, -math.inf, 1.7976931348623157e308],
            "right": [True, False, True],
            "n": [-(2**63), 0, 2**63 - 1],
            "maybe": pd.Series([None, 0.5, "\ud800"], dtype=object),
            "kept": [[1, 2], (1.0, None), {"a": [math.nan.is_integer()]}],
            "word": pd.Series(["a", None, "b"], dtype="str"),
        }
    )
    small = rows[["p"]].astype("float32").set_axis(pd.Index([3, 1, 2], name="bin"))
    figures = {
        ("a part", "AUROC"): Measured(0.1 + 0.2, 1 / 3, None, 30),
        ("another", "undefined"): Measured(None, None, None, 0),
        ("a part", "share"): Measured(1.0, 0.9999999999999999, 1.0, 2**40),
    }
    verdicts = (
        Verdict(Rule("a part", "AUROC", "at least", 0.7), "missed", figures[("a part", "AUROC")], True),
        Verdict(Rule("another", "undefined", "clearly above", 0), "undefined", None),
        Verdict(Claim("a", ("b", "c"), ("p",), (), 0.02, 1), "tie", Measured(0.5, None, None, 1)),
    )
    known = {"weights": "a" * 64, "bank": {"name": "own", "rows": 3}, "settings": {"gate": None}, "seed": 2**62}
    tables = {"bins": small, "nothing": pd.DataFrame(), "no rows": rows[:0], "some": rows[["n"]][::2]}
    return ProbeResult("abstain", "runs/é", rows, figures, verdicts, ("One note.", "½"), known, tables)


def assert_equal(found: ProbeResult | None, expected: ProbeResult) -> None:
    """Equal in every field and to the last bit, types and orders included."""
    assert found is not None
    for name in ("probe", "checkpoint", "verdicts", "notes", "provenance"):
        assert getattr(found, name) == getattr(expected, name)
    assert list(found.figures.items()) == list(expected.figures.items())
    assert list(found.tables) == list(expected.tables)
    for one, other in [
        (found.rows, expected.rows),
        *((found.tables[name], expected.tables[name]) for name in found.tables),
    ]:
        pd.testing.assert_frame_equal(one, other, check_exact=True)
