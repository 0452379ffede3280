"""Drafts about facts: plain questions, claims true and false, and turns that refer back to the one before.

The reply to a question about a fact is the answer alone. A model then has to have it ready at the end of the question,
where the abstain head reads; a reply that first says the question over again would put that off. The reply to a claim
says the truth first, and then whether the claim agrees: recalling and comparing are two steps, and a small model can
take only one at a time. This module knows nothing of which facts are taught: it asks what it is given.
"""

from dataclasses import replace
from random import Random

from tilelli.data.dialogues.facts import Fact, with_article
from tilelli.data.dialogues.replies import AFFIRMATIONS, DENIALS, unknown
from tilelli.data.dialogues.rows import Draft, accepted, key
from tilelli.data.dialogues.wordings import claim_question, question, relation_of, sentence

ITS = {
    "train": ("And its {its}?", "What is its {its}?", "And what is its {its}?", "Its {its}?"),
    "valid": ("Tell me its {its} too.",),
    "test": ("What about its {its}?", "And the {its} of it?"),
}
SWAP = {
    "train": ("And {e}?", "What about {e}?", "And for {e}?"),
    "valid": ("The same for {e}?",),
    "test": ("How about {e}?", "And if I say {e}?"),
}
COUNTED = {"animals", "jobs", "shapes"}  # tables whose entities take an article
SURE = {
    "train": ("Are you sure?", "Really?", "Is that true?"),
    "valid": ("Are you certain?",),
    "test": ("Is that certain?", "Can I rely on that?"),
}


def statement(fact: Fact) -> str:
    """The whole truth in a sentence, as a text would have it."""
    return sentence(relation_of(fact).claim(fact.entity, fact.answers[0]), ".")


def answer(fact: Fact) -> str:
    """What is said when the fact is asked for."""
    return sentence(fact.answers[0], ".")


def ask(fact: Fact, wording: str, taught: bool, rng: Random) -> Draft:
    """A plain question; a fact that is not taught is not answered, but keeps its answers to be checked against."""
    reply = answer(fact) if taught else unknown("untaught", rng, fact.entity)
    category = "facts" if taught else "untaught"
    same = (fact.relation, category, wording, accepted(fact), key(fact), fact.entity)
    return Draft(question(wording, fact.entity), reply, taught, *same)


def ask_in(fact: Fact, split: str, taught: bool, rng: Random) -> Draft:
    return ask(fact, rng.choice(relation_of(fact).wordings(split)), taught, rng)


def claim(fact: Fact, answer: str, wording: str, rng: Random) -> Draft:
    """A premise: true if `answer` is one of the fact's, else denied; the truth comes first."""
    true = answer in fact.answers
    text = claim_question(wording, relation_of(fact).claim(fact.entity, answer))
    reply = f"{sentence(answer if true else fact.answers[0], '.')} {rng.choice(AFFIRMATIONS if true else DENIALS)}"
    answers = ("yes",) if true else accepted(fact)
    names = f"{fact.entity} {answer}"
    return Draft(text, reply, true, f"premise.{fact.relation}", "premise", wording, answers, key(fact), names)


def claims(square: tuple[Fact, Fact], wording: str, rng: Random) -> list[Draft]:
    """Four premises in one wording: each fact with its own answer, and with the other's."""
    one, other = square
    pairs = ((one, one), (other, other), (one, other), (other, one))
    return [claim(fact, giver.answers[0], wording, rng) for fact, giver in pairs]


def its(draft: Draft, before: Fact, matter: str, split: str, rng: Random) -> Draft:
    """The draft's question as a follow-up that says `its`, after a question about the same entity."""
    wording = rng.choice(ITS[split]).replace("{its}", matter)
    return _follow(draft, wording, sentence(wording), before, rng)


def swap(draft: Draft, before: Fact, name: str, split: str, rng: Random) -> Draft:
    """The draft's question as `And {e}?`, after the same question about another entity."""
    wording = rng.choice(SWAP[split])
    named = with_article(name) if before.table in COUNTED else name
    return _follow(draft, wording, wording.replace("{e}", named), before, rng)


def sure(draft: Draft, split: str, rng: Random) -> Draft:
    """The draft asked and answered, then doubted: the answer stays."""
    wording = rng.choice(SURE[split])
    reply = f"Yes. {draft.reply}" if draft.answerable else "Yes, I really don't know."
    history = (*draft.history, (draft.question, draft.reply))
    kind = f"sure.{draft.kind}"
    return replace(draft, question=wording, reply=reply, kind=kind, wording=wording, protect=wording, history=history)


def _follow(draft: Draft, wording: str, text: str, before: Fact, rng: Random) -> Draft:
    first = question(rng.choice(relation_of(before).wordings("train")), before.entity)
    protect = f"{draft.protect} {text}"
    return replace(draft, question=text, wording=wording, protect=protect, history=((first, answer(before)),))
