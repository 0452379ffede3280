"""The README keeps its promises: the map is the tree, and the five lines run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^( {4,})([\w.]+/?)(?: {2,}.*)?$")


def mapped() -> set[str]:
    """Paths that the map names, folders with a slash at the end."""
    section = README.split("## The house")[1].split("\nThree storeys")[0]
    paths, parents = set(), list[str]()
    for line in section.splitlines():
        if match := ENTRY.match(line):
            depth = (len(match[1]) - 4) // 2
            parents = [*parents[:depth], match[2]]
            paths.add("".join(parents))
    return paths


def test_everything_on_the_map_exists() -> None:
    assert [path for path in sorted(mapped()) if not (ROOT / path).exists()] == []


def test_every_module_is_on_the_map() -> None:
    listed = mapped()
    modules = [path for top in ("tilelli", "probes", "app") for path in (ROOT / top).rglob("*.py")]
    names = {str(path.relative_to(ROOT)) for path in modules if path.name != "__init__.py"}
    missing = {name for name in names if name not in listed and not name.startswith("app/views/")}
    assert missing == set()


def test_the_map_names_every_page() -> None:
    line = next(line for line in README.splitlines() if line.strip().startswith("views/"))
    pages = {path.stem for path in (ROOT / "app" / "views").glob("[!_]*.py")}
    assert {page for page in pages if page not in line} == set()


def test_the_five_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    section = README.split("## Five lines of Python")[1].split("\n## ")[0]
    code = "\n".join(line.strip() for line in section.splitlines() if line.startswith("    "))
    assert len(code.splitlines()) == 5
    exec(code, {})
    assert capsys.readouterr().out.startswith("Once upon a time")
