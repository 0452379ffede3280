"""Who Tilelli is, small talk, a little science, and what the user has just told: talk that needs no table of facts.

`context` asks about a sentence the user said; `contextless` asks the same without it, or after a sentence about
something else, so that neither the question nor the presence of a sentence tells whether there is an answer.
"""

from functools import cache
from random import Random
from typing import Any

from tilelli.data.dialogues.replies import unknown
from tilelli.data.dialogues.rows import Draft
from tilelli.data.dialogues.wordings import read, sentence

TOPICS = ("persona", "smalltalk", "science")
THANKS = ("Thank you for telling me.", "Good to know.", "I see.")


@cache
def slots() -> dict[str, list[str]]:
    """Words that fill the braces of templates."""
    found: dict[str, list[str]] = read("unanswerable.toml")["slots"]
    return found


@cache
def _talk(topic: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(f"talk/{topic}.toml")[topic]
    return found


@cache
def _contexts(split: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read("context.toml")[split]
    return found


def talk(topic: str, split: str, rng: Random) -> Draft:
    """One exchange about `topic`, one of `TOPICS`."""
    number = rng.randrange(len(_talk(topic)))
    item = _talk(topic)[number]
    asked = rng.choice(item["ask" if split == "train" else split])
    return Draft(asked, rng.choice(item["say"]), True, f"{topic}.{number}", topic, asked, tuple(item["key"]))


def slot_values(rng: Random) -> dict[str, str]:
    return {name: rng.choice(options) for name, options in slots().items()}


def fill_slots(template: str, rng: Random) -> str:
    """A template with a fresh word in every brace, so that two names are two people."""
    used = set[str]()
    while "{" in template:
        name = template.split("{", 1)[1].split("}", 1)[0]
        word = rng.choice([option for option in slots()[name] if option not in used])
        used.add(word)
        template = template.replace(f"{{{name}}}", word, 1)
    return template


def context(split: str, rng: Random) -> Draft:
    """What was told is asked: an answer is there, in the same turn or the one before, often among other things told."""
    topic, other = rng.sample(sorted(_contexts(split)), 2)
    item, values = _contexts(split)[topic], slot_values(rng)
    told, wording = [_told(item, rng).format(**values)], rng.choice(item["ask"])
    if rng.random() < 0.5:
        told.insert(rng.randrange(2), _beside(split, other, values, rng))
    reply, answer = sentence(item["say"].format(**values)), item["key"].format(**values)
    return _tell(told, wording.format(**values), rng, reply, True, f"context.{topic}", "context", wording, (answer,))


def contextless(split: str, rng: Random) -> Draft:
    """The same questions with nothing told, or only something else."""
    topic, other = rng.sample(sorted(_contexts(split)), 2)
    item, values = _contexts(split)[topic], slot_values(rng)
    wording = rng.choice(item["ask"])
    told = [_beside(split, other, values, rng)] if rng.random() < 0.6 else []
    reply = unknown("private", rng)
    return _tell(told, wording.format(**values), rng, reply, False, f"untold.{topic}", "missing", wording, ())


def _told(item: dict[str, Any], rng: Random) -> str:
    """One of the sentences in which this topic is told."""
    told: str | list[str] = item["told"]
    return told if isinstance(told, str) else rng.choice(told)


def _beside(split: str, topic: str, values: dict[str, str], rng: Random) -> str:
    """Another sentence, about the same names no more than by chance."""
    told = _told(_contexts(split)[topic], rng)
    fresh = slot_values(rng)
    while any(fresh[name] == values[name] for name in fresh if f"{{{name}}}" in told):
        fresh = slot_values(rng)
    return told.format(**fresh)


def _tell(told: list[str], asked: str, rng: Random, *rest: Any) -> Draft:
    reply, answerable, kind, category, wording, answers = rest
    said = " ".join(told)
    history = ((said, rng.choice(THANKS)),) if told and rng.random() < 0.4 else ()
    question = asked if history or not told else f"{said} {asked}"
    names = " ".join([*told, asked])
    return Draft(question, reply, answerable, kind, category, wording, answers, protect=names, history=history)
