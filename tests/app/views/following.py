"""Does what a page says under "the same in Python and on the command line", in this very process."""

import contextlib
import io
import shlex
import subprocess

import probes.__main__
import tilelli.__main__

PROGRAMS = {"tilelli": tilelli.__main__.main, "probes": probes.__main__.main}


def follow(said: str) -> str:
    """What Python code, or lines of a shell, print; fails where one of them does."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        if "import " in said:
            exec(said, {})
        else:
            for line in said.splitlines():
                _line(line)
    out.flush()
    return out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _line(line: str) -> None:
    if not line.startswith("python -m "):
        subprocess.run(["bash", "-ec", line], check=True)
        return
    program, *arguments = shlex.split(line)[2:]
    assert PROGRAMS[program](arguments) == 0, line
