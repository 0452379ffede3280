"""Several processes at once, and processes that are killed: nothing is lost, nothing is there twice."""

import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Table, func, select

from probes.store.engine import within
from probes.store.schema import ROWS, RUNS
from probes.store.store import Store
from tests.probes.store.conftest import assert_equal, everything, key

ROOT = Path(__file__).parents[3]
WRITE = """
import sys
from probes.store.store import Store
from tests.probes.store.conftest import everything, key
store, own = Store(sys.argv[1]), key(seed=int(sys.argv[2]))
for start in range(0, 5000, 100):
    store.add(own, {n: {"n": n, "text": "é" * (n % 7)} for n in range(start, start + 100)})
    store.add(key(seed=0), {n: {"n": n} for n in range(start // 100, start // 100 + 5)})
store.put(key(seed=0), everything())
"""
KILLED = """
import os, signal, sys
from sqlalchemy import event
from probes.store.store import Store
from tests.probes.store.conftest import key
store, inside, left = Store(sys.argv[1]), sys.argv[2] == "inside", [3]
def die(*_):
    left[0] -= 1
    left[0] or os.kill(os.getpid(), signal.SIGKILL)
if inside:  # with rows written and not committed
    event.listen(store.engine, "commit", die)
for start in range(len(store.rows(key())), 100, 10):
    store.add(key(), {n: {"n": n} for n in range(start, start + 10)})
    inside or die()
"""


def begin(script: str, *arguments: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT)


def counted(store: Store, table: Table) -> int:
    return within(store.engine, lambda connection: connection.scalar(select(func.count()).select_from(table))) or 0


def test_two_processes_that_write_five_thousand_rows_each_make_ten_thousand(url: str) -> None:
    """At once, into a database that is not there yet; beside them a run into which both write the same rows."""
    both = [begin(WRITE, url, seed) for seed in (1, 2)]
    assert [process.wait() for process in both] == [0, 0]
    store, expected = Store(url), {n: {"n": n, "text": "é" * (n % 7)} for n in range(5000)}
    assert store.rows(key(seed=1)) == store.rows(key(seed=2)) == expected
    assert store.rows(key(seed=0)) == {n: {"n": n} for n in range(54)}
    assert counted(store, ROWS) == 10_000 + 54
    assert (counted(store, RUNS), len(store.history())) == (3, 1)
    assert_equal(store.result(key(seed=0)), everything())
    store.close()


def test_a_killed_process_loses_no_row_and_the_next_goes_on_where_it_was(url: str) -> None:
    """The first is killed within a write, all of which is left out, and the second between two writes."""
    Store(url).close()
    assert begin(KILLED, url, "inside").wait() == -signal.SIGKILL
    store = Store(url)
    before = len(store.rows(key()))
    assert before in (10, 20)
    assert begin(KILLED, url, "between").wait() == -signal.SIGKILL
    assert store.rows(key()) == {n: {"n": n} for n in range(before + 30)}
    assert counted(store, ROWS) == before + 30
    store.close()
