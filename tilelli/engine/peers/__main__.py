"""One peer in a process of its own: python -m tilelli.engine.peers NAME CHECKPOINT THREADS PLACES.

Each line that comes in is a JSON request, `prompt` (ids) and `number` (bytes to write, PLACES at most with the prompt);
each line that goes out is what that took. The first line out says what is run and how long loading it took. So memory
is that of one engine, and none is in another's way; a stand-in is made by yet another process.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tilelli.engine.peers import APART, Model, Write, engine, make, peer
from tilelli.errors import TilelliError
from tilelli.header import read_header


def main(name: str, checkpoint: str, threads: int, places: int) -> None:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            model = _stand_in(name, checkpoint, places, Path(folder)) if engine(name) in APART else Model(checkpoint)
            start = time.perf_counter()
            write = peer(name).load(model.path, threads)
            loaded = time.perf_counter() - start
            _say({"loaded": loaded, "file": _size(model), "model": model.said})
            for line in sys.stdin:
                _say(_timed(write, **json.loads(line)))
        except TilelliError as error:
            _say({"problem": str(error)})


def _stand_in(name: str, checkpoint: str, places: int, folder: Path) -> Model:
    parameters = read_header(checkpoint).num_parameters
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        return other.submit(make, name, parameters, places, folder).result()


def _size(model: Model) -> int:
    """Bytes of the file that is run, or of all files of the folder."""
    if not model.said:
        return read_header(model.path).file_size
    path = Path(model.path)
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def _timed(write: Write, prompt: list[int], number: int) -> dict[str, object]:
    """Seconds to the first byte and for those after it, the text, and the most memory used so far, in bytes."""
    made, first = list[int](), 0.0

    def say(byte: int) -> None:
        nonlocal first
        first = first or time.perf_counter()
        made.append(byte)

    start = time.perf_counter()
    write(prompt, number, say)
    end = time.perf_counter()
    return {"first": first - start, "rest": end - first, "text": made, "memory": peak_memory()}


def peak_memory() -> int:
    """The most memory that this process has held, in bytes; 0 where that is not told."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
