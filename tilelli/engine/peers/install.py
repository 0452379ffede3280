"""Environments of their own for the peers that need one: python -m tilelli.engine.peers.install llama.cpp hf.

llama.cpp is built from its source, so that it uses all that this processor can do; that takes a C++ compiler and some
minutes. What Tilelli itself needs, torch above all, is not installed twice: an environment finds it in the one that
made it. Each is a folder under `.peers/`, and complete once it holds a list of what was asked for.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

from tilelli.config import check_known
from tilelli.errors import InputError, TilelliError

FOLDER = Path(__file__).parents[3] / ".peers"
PINNED = "pinned.txt"  # what was asked for, written last
SWITCHES = (  # this processor's instructions; no images, tools, examples and tests
    *("-DGGML_NATIVE=ON", "-DLLAVA_BUILD=OFF"),
    *("-DLLAMA_BUILD_TOOLS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_TESTS=OFF"),
)


class Needs(NamedTuple):
    """Packages of a peer, options of pip, and what the environment of a build says."""

    packages: tuple[str, ...]
    options: tuple[str, ...] = ()
    build: tuple[tuple[str, str], ...] = ()


NEEDS = {
    "llama.cpp": Needs(
        ("llama-cpp-python==0.3.36", "gguf==0.19.0"),
        ("--no-binary", "llama-cpp-python", "--no-cache-dir"),
        (("CMAKE_ARGS", " ".join(SWITCHES)),),
    ),
    "hf": Needs(("transformers==5.23.0",)),
}


def interpreter(name: str) -> Path:
    """The Python of that peer's environment."""
    return FOLDER / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def missing(name: str) -> str:
    """What that peer lacks, with what makes up for it; nothing if it is complete."""
    try:
        complete = (FOLDER / name / PINNED).read_text(encoding="utf-8") == _pinned(name)
    except OSError:
        complete = False
    return "" if complete else f"it has no environment yet; make it: python -m tilelli.engine.peers.install {name}"


def install(name: str) -> None:
    """Make that peer's environment, or make it anew.

    Raises:
        InputError: it cannot be made.
    """
    check_known(name, NEEDS, "There is no such peer to install")
    needs, folder = NEEDS[name], FOLDER / name
    rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    (_packages_of(interpreter(name)) / "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [str(interpreter(name)), "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*pip, *needs.options, *needs.packages], dict(needs.build))
    (folder / PINNED).write_text(_pinned(name), encoding="utf-8")


def _pinned(name: str) -> str:
    return "\n".join((*NEEDS[name].packages, *(f"{key}={value}" for key, value in NEEDS[name].build))) + "\n"


def _packages_of(python: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip())


def _run(command: list[str], more: dict[str, str] | None = None) -> None:
    if code := subprocess.run(command, check=False, env=os.environ | (more or {})).returncode:
        remedy = "See what it printed above; building llama.cpp takes a C++ compiler, such as the package g++."
        raise InputError("The environment cannot be made", f"{' '.join(command[1:4])} ended with {code}", remedy)


def main(names: list[str]) -> int:
    try:
        for name in names or list(NEEDS):
            install(name)
            print(f"{name} is ready: {FOLDER / name}")
    except TilelliError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
