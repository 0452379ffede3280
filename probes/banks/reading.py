"""Banks out of JSONL files: one row a line, checked line by line, and the first bad line named with what is wrong.

The bundled files are read the same way as those that users bring. This module knows nothing of what is asked.
"""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from probes.banks.bank import CALIBRATION, END, TEST, USER, Bank, Question, asked, counts
from probes.verdict import Claim
from tilelli.data.dialogues.facts import normalise
from tilelli.errors import DataError

DATA = Path(__file__).parent / "data"
LONGEST = 100_000  # bytes of a line
MOST = 100_000  # lines
BEGINNINGS = ("question", "prompt", "text")
FIELDS = {*BEGINNINGS, *(field.name for field in fields(Question))}
HINTS = {"regime": "part", "id": "kind", "answer": "answers", "choices": "options"}
REMEDY = 'A row is {"question": text, "answerable": true, "answers": [text, ...]}.'


def shipped(name: str, claim: Claim | None = None) -> Bank:
    """The bundled bank of a name, from its file."""
    return Bank(name, tuple(_rows(DATA / f"{name}.jsonl")), card(name), claim=claim)


@cache
def card(name: str) -> str:
    """What is written about a bundled bank."""
    return (DATA / f"{name}.md").read_text(encoding="utf-8").strip()


def from_file(path: Path) -> Bank:
    """A bank of one's own; rows without a part are of the part that the file is called.

    Raises:
        DataError: the file cannot be read, holds no row, or a line is not one; the line is named.
    """
    rows = tuple(_rows(path))
    if not rows:
        raise DataError("The bank is empty", path.name, "Write one row a line.")
    no = sum(not row.answerable for row in rows)
    said = f"{path.name}: {len(rows)} rows, {no} without an answer; no rule is attached.\n{counts(rows)}"
    return Bank(str(path), rows, said)


def _rows(path: Path) -> Iterator[Question]:
    for number, line in _lines(path):
        try:
            yield _row(_parsed(line), path.stem)
        except (ValueError, RecursionError) as error:  # of json, or of what is told below
            seen = " ".join(str(error).split())[:160]
            raise DataError(f"Line {number} of {path.name} is not a row", seen, REMEDY) from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1."""
    number = 0
    try:
        with path.open("rb") as file:
            while raw := file.readline(LONGEST + 1):
                number += 1
                if len(raw) > LONGEST or number > MOST:
                    seen = f"line {number} of {path.name}"
                    raise DataError(
                        "The bank is too long", seen, f"At most {MOST:,} lines of {LONGEST:,} bytes each are read."
                    )
                if text := raw.decode("utf-8-sig" if number == 1 else "utf-8").strip():
                    yield number, text
    except OSError as error:
        raise DataError(f"{path.name} cannot be read", error.strerror or str(error), "Give a JSONL file.") from None
    except UnicodeDecodeError as error:
        seen = f"line {number}, byte {error.start + 1} ({error.reason})"
        raise DataError(f"{path.name} cannot be read as UTF-8", seen, "Save the JSONL file in UTF-8.") from None


def _parsed(line: str) -> dict[str, Any]:
    """One line as a JSON object in which every field is named once.

    Raises:
        ValueError: it is not; the message says why.
    """
    if "\0" in line:
        raise ValueError("it holds a NUL byte")
    if line[0] == "[" and line[-1] != "]":
        raise ValueError("a list begins; JSONL has one object a line and no brackets around them")
    if line[0] not in '{["' and "," in line:
        raise ValueError("this looks like CSV; JSONL has one JSON object a line")
    given = json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
    if not isinstance(given, dict):
        raise ValueError("it is no JSON object")
    return given


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has the field {next(n for n in names if names.count(n) > 1)!r} twice")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _row(given: dict[str, Any], part: str) -> Question:
    """One line of a file as a question.

    Raises:
        ValueError: it is not one; the message says why.
    """
    _check_names(given)
    prompt = _prompt(given)
    answerable, answers = _answers(given)
    words = {key: given.get(key, default) for key, default in (("kind", ""), ("category", ""), ("part", part))}
    if not all(isinstance(word, str) for word in words.values()):
        raise ValueError("kind, category and part must be texts")
    split, language = given.get("split", TEST), given.get("language", "")
    if split not in (CALIBRATION, TEST):
        raise ValueError(f"split must be {CALIBRATION!r} or {TEST!r}; a part is named by 'part'")
    if not isinstance(language, str) or not re.fullmatch(r"([a-z]{3})?", language):
        raise ValueError("language must be a code of ISO 639-3, three small letters such as 'kab'")
    row = Question(
        prompt, answerable, answers, split=split, options=_options(given, answers), language=language, **words
    )
    try:
        row.line().encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return row


def _check_names(given: dict[str, Any]) -> None:
    for key in given:
        if key not in FIELDS:
            near = [HINTS[key]] if key in HINTS else difflib.get_close_matches(key, FIELDS, n=1)
            raise ValueError(f"it has a field {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    if sum(key in given for key in BEGINNINGS) != 1:
        raise ValueError("it needs either a question, a prompt or a text")
    if "text" in given and (odd := {"answerable", "answers", "options"} & given.keys()):
        raise ValueError(f"a text asks nothing, so it has no {min(odd)}")


def _prompt(given: dict[str, Any]) -> str:
    (key,) = (key for key in BEGINNINGS if key in given)
    text = given[key]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"the {key} must be a text")
    if key == "question":
        if USER in f"{text} ":
            raise ValueError(f"a question does not hold {USER.strip()!r}; write out the turns as a prompt")
        return asked(" ".join(text.split()))
    is_dialogue = text.startswith(USER) and text.endswith(END)
    if key == "prompt" and not is_dialogue:
        raise ValueError("a prompt begins with 'USER: ' and ends with a newline and 'TILELLI:'")
    if key == "text" and text.endswith(END):
        raise ValueError("a text that ends with 'TILELLI:' is a prompt")
    return text


def _answers(given: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
    """Whether there is an answer, and those that are accepted, normalised."""
    if "text" in given:
        return False, ()
    answerable, answers = given.get("answerable"), given.get("answers", [])
    if not isinstance(answerable, bool):
        raise ValueError("answerable must be true or false")
    if not isinstance(answers, list) or not all(isinstance(text, str) and normalise(text) for text in answers):
        raise ValueError("answers must be a list of texts with letters from a to z or digits")
    if answerable and not answers:
        raise ValueError("an answerable question needs answers")
    return answerable, tuple(dict.fromkeys(map(normalise, answers)))


def _options(given: dict[str, Any], answers: tuple[str, ...]) -> tuple[str, ...]:
    options = given.get("options", [])
    if not isinstance(options, list) or not all(isinstance(text, str) and normalise(text) for text in options):
        raise ValueError("options must be a list of texts with letters from a to z or digits")
    said = [normalise(text) for text in options]
    if options and (len(set(said)) < max(2, len(said)) or sum(text in answers for text in said) != 1):
        raise ValueError("options must be two or more that differ, and just one of them an answer")
    return tuple(options)
