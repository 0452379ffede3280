"""One peer in a process of its own: python -m tilelli.engine.peers NAME CHECKPOINT THREADS.

Each line that comes in is a JSON request, `prompt` (ids) and `number` (bytes to write); each line that goes out is what
that took. The first line out says how long loading took. So memory is that of one engine, and none is in another's way.
"""

import json
import sys
import time
from pathlib import Path

from tilelli.engine.peers import Write, peer
from tilelli.errors import TilelliError


def main(name: str, checkpoint: str, threads: int) -> None:
    start = time.perf_counter()
    try:
        write = peer(name).load(checkpoint, threads)
    except TilelliError as error:
        return _say({"problem": str(error)})
    _say({"loaded": time.perf_counter() - start})
    for line in sys.stdin:
        _say(_timed(write, **json.loads(line)))


def _timed(write: Write, prompt: list[int], number: int) -> dict[str, object]:
    """Seconds to the first byte and for those after it, the text, and the most memory used so far, in bytes."""
    made: list[int] = []
    start = first = time.perf_counter()
    for byte in write(prompt, number):
        if not made:
            first = time.perf_counter()
        made.append(byte)
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
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
