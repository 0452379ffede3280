"""Does any signal know? Two questions, never mixed, put to every signal in every regime.

*Out of distribution*: does it tell the prompts of a regime from those in the domain of training? The regime `in_domain`
itself stands for all others against it. *Failure*: does it tell wrong replies from right ones? Replies whose words
decline are neither. The AUROC of each signal stands beside that of the length of the prompt, in whichever direction
that tells more, and is given again among prompts of like lengths. The published rule is applied as it was written, and
with length among the baselines; only what wins both has won. Whether confidence in a forced choice knows as much
as the choice is told by meta-d' (`metrics.type2`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.asking import Asked, ask
from probes.banks import CALIBRATION, Bank, bank
from probes.choices import Chosen, choose, clusters
from probes.combined import combined
from probes.metrics import Measured, Ranking, aurocs, benjamini_hochberg, holm, matched_auroc, type_two
from probes.metrics.placements import placements
from probes.result import Place, ProbeResult, provenance
from probes.signals import COMBINED, LENGTH, SIGNALS, Floats, columns_of, doubt, undefined
from probes.store.keeper import Keeper
from probes.store.key import Key
from probes.verdict import Claim, Verdict, differences, settle
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash

NAME, CHOICES, CHOSEN = "metacognition", "calibration", "chosen options"
REFERENCE, FAILURE, ALL = "in_domain", "failure: ", "all"
SHIFTED, FAILED = "out of distribution", "failure"  # the two questions, and their tables
HELD_BACK = "As published the rule would be met"  # how the note begins that says it is not
JUDGED = ("router_conf", "abstain_p")  # signals that the rule is applied to
COLUMNS = ("regime", "signal", "n", "positives")
NUMBERS = ("auroc", "low", "high", "p", "matched", "matched_low", "matched_high", "matched_pairs", "length_left")
Truth = NDArray[np.bool_]
Regimes = Mapping[str, tuple[Truth, Truth]]
"""By regime, which rows (n,) are compared, and which of all (n,) are labelled true."""


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """Put the bank to a model; see `probes.registry`."""
    return run(model, name, bank, settings, seed, keeper)


def run(
    model: ByteLM,
    name: str,
    bank: Bank | None,
    settings: Mapping[str, Any],
    seed: int,
    keeper: Keeper,
) -> ProbeResult:
    """Put the bank to a model.

    Args:
        model: a chat model, or a splice of two.
        name: what it is called.
        bank: its parts are the regimes; `in_domain` is the one that others are held against.
        settings: those of `probes.asking.ask`, and how many of the forced `choices` of the bank `calibration` are made.
        seed: of everything drawn.
        keeper: of replies and choices.

    Raises:
        InputError: see `probes.asking.ask`.
    """
    assert bank is not None, "the metacognition probe asks questions"
    asked = ask(model, bank, settings, seed, keeper)
    made = judged(asked, bank.claim, seed)
    figures, trials = _choices(model, keeper, settings["choices"], seed)
    known = provenance(weights_hash(model), bank, settings, seed)
    notes = (*asked.notes, *_notes(asked), *made.notes)
    tables = dict(made.tables) | ({"choices": trials} if len(trials) else {})
    return replace(
        made, checkpoint=name, figures=dict(made.figures) | figures, notes=notes, provenance=known, tables=tables
    )


def judged(asked: Asked, claim: Claim | None, seed: int = 0) -> ProbeResult:
    """Both questions, from what became of the questions of a bank; for this no model is needed."""
    rows, tables = asked.rows.join(asked.signals), dict[str, pd.DataFrame]()
    figures, verdicts, rules = dict[Place, Measured](), list[Verdict](), list[pd.DataFrame]()
    notes: tuple[str, ...] = ()
    for prefix, title, regimes in (("", SHIFTED, _shifted(asked.rows)), (FAILURE, FAILED, _failed(asked))):
        scores = columns_of(asked.signals) | _combined(asked, regimes, seed)
        if COMBINED in scores:
            rows[f"{COMBINED}, {title}"] = scores[COMBINED]
        rankings = {part: _ranking(scores, *own, seed) for part, own in regimes.items()}
        figures |= {
            (f"{prefix}{part}", f"AUROC of {signal}"): figure
            for part, ranking in rankings.items()
            for signal, figure in ranking.figures.items()
        }
        tables[title] = _table(scores, regimes, rankings, seed)
        if claim is not None:
            found, rule = _verdicts(claim, prefix, rankings)
            verdicts += found
            rules.append(rule.assign(question=title))
    if verdicts:
        verdicts[:2], notes = _held_back(*verdicts[:2])
    if rules:
        tables["rule"] = pd.concat(rules, ignore_index=True)
    return ProbeResult(NAME, "", rows, figures, tuple(verdicts), notes, tables=tables)


def _combined(asked: Asked, regimes: Regimes, seed: int) -> dict[str, Floats]:
    """The combined signal for a question, (n,), learned over all its regimes; nothing where it cannot be learned."""
    if not regimes:
        return {}
    where, label = next(iter(regimes.values()))
    calibration = (asked.rows["split"] == CALIBRATION).to_numpy()
    learned = where | (calibration & asked.answered.to_numpy())
    scores = np.full(len(label), np.nan)
    scores[learned] = combined(asked.signals[learned], label[learned], calibration[learned], seed)
    return {} if np.isnan(scores[where]).any() else {COMBINED: scores}


def _shifted(rows: pd.DataFrame) -> Regimes:
    """Regimes against the domain, first all of them; nothing where the bank has no such parts. Test rows alone."""
    part, read = rows["part"].to_numpy(), (rows["split"] != CALIBRATION).to_numpy()
    inside, label = part == REFERENCE, part != REFERENCE
    if not inside.any() or inside.all():
        return {}
    others = {name: (read & (inside | (part == name)), label) for name in dict.fromkeys(part) if name != REFERENCE}
    return {REFERENCE: (read, label), **others}


def _failed(asked: Asked) -> Regimes:
    """Wrong against right over all, and within each regime. Test rows alone."""
    part, split = asked.rows["part"].to_numpy(), asked.rows["split"].to_numpy()
    there = asked.answered.to_numpy() & (split != CALIBRATION)
    label = (asked.rows["right"] == 0).to_numpy()
    each = {name: (there & (part == name), label) for name in dict.fromkeys(part)}
    return {ALL: (there, label)} | each


def _ranking(scores: Mapping[str, Floats], where: Truth, label: Truth, seed: int) -> Ranking:
    """AUROC of all signals: is doubt higher where the label is true?"""
    turned = {name: _turned(name, values[where], label[where]) for name, values in scores.items()}
    return aurocs(turned, label[where], seed)


def _turned(name: str, values: Floats, label: Truth) -> Floats:
    """Doubt; the length of the prompt points to where it tells more, so that it is the hardest to beat."""
    if name != LENGTH or label.all() or not label.any():
        return doubt(name, values)
    placed = placements(values, label)
    return values if placed.positive.mean() >= 0.5 else -values


def _table(scores: Mapping[str, Floats], regimes: Regimes, rankings: Mapping[str, Ranking], seed: int) -> pd.DataFrame:
    """One row a regime and signal: AUROC, p against chance and among all of them, and AUROC among like lengths."""
    found = []
    for part, (where, label) in regimes.items():
        length, own = scores[LENGTH][where], label[where]
        for name, figure in rankings[part].figures.items():
            score = _turned(name, scores[name][where], own)
            like = matched_auroc(score, own, length, seed=seed)
            row: dict[str, Any] = {"regime": part, "signal": name, "auroc": figure.value}
            row |= {"low": figure.low, "high": figure.high}
            row |= {"n": figure.n, "positives": int(own.sum()), "p": _by_chance(score, own)}
            row |= {"matched": like.value, "matched_low": like.low, "matched_high": like.high}
            found.append(row | {"matched_pairs": like.pairs, "length_left": like.after})
    table = pd.DataFrame(found, columns=[*COLUMNS, *NUMBERS]).astype(dict.fromkeys(NUMBERS, float))
    return table.assign(q=_adjusted(table["p"].to_numpy(), benjamini_hochberg))


def _by_chance(score: Floats, label: Truth) -> float | None:
    """Two-sided p of Mann and Whitney's test; None with one class."""
    from scipy.stats import mannwhitneyu

    if label.all() or not label.any():
        return None
    if score.min() == score.max():
        return 1.0
    return float(mannwhitneyu(score[label], score[~label], method="asymptotic").pvalue)


def _adjusted(p: Floats, adjust: Any) -> Floats:
    """p-values adjusted among those that are there."""
    found, there = np.full(len(p), np.nan), ~np.isnan(p)
    found[there] = adjust(p[there].tolist())
    return found


def _verdicts(claim: Claim, prefix: str, rankings: Mapping[str, Ranking]) -> tuple[list[Verdict], pd.DataFrame]:
    """The published rule, of its own question only, and the same with length among the baselines, for `JUDGED`."""
    asked = {f"{prefix}{part}": ranking for part, ranking in rankings.items()}
    strict = replace(claim, baselines=(*claim.baselines, LENGTH), **_named(claim, prefix))
    claims = [replace(strict, signal=signal) for signal in dict.fromkeys((claim.signal, *JUDGED))]
    found, rows = list[Verdict](), []
    for each in [claim, *claims] if not prefix else claims:
        measured = differences(each, asked)
        overall, *parts = settle(each, measured)
        found.append(overall)
        ps = [_p(each, part, asked) for part in each.parts]
        held = _adjusted(np.array([np.nan if p is None else p for p in ps]), holm)
        for part, verdict, p, adjusted in zip(each.parts, parts, ps, held, strict=True):
            best = asked[part].best(each.rivals) if part in asked else None
            figure = verdict.measured or Measured(None, None, None, 0)
            row: dict[str, Any] = {"signal": each.signal, "regime": part.removeprefix(prefix), "best_baseline": best}
            row |= {"against": "length too" if LENGTH in each.baselines else "as published", "word": verdict.word}
            row |= {"difference": figure.value, "low": figure.low, "high": figure.high, "findable": figure.findable}
            rows.append(row | {"p": p, "p_holm": adjusted})
    numbers = ["difference", "low", "high", "findable", "p", "p_holm"]
    return found, pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))


def _held_back(published: Verdict, strict: Verdict) -> tuple[list[Verdict], tuple[str, ...]]:
    """The verdict as published, and with length among the baselines: what does not beat the length has not won.

    Long prompts move the router entropy of untrained models too, enough for some of them to be proven as published.
    """
    if published.word != "wins" or strict.word == "wins":
        return [published, strict], ()
    assert published.measured is not None
    won = f"{published.measured.value:.0f} regimes"
    said = f"{HELD_BACK}, with {won} won; the length of the prompt tells as much, so it is not."
    return [replace(published, word=strict.word), strict], (said,)


def _named(claim: Claim, prefix: str) -> dict[str, Any]:
    return {name: tuple(f"{prefix}{part}" for part in getattr(claim, name)) for name in ("parts", "key")}


def _p(claim: Claim, part: str, asked: Mapping[str, Ranking]) -> float | None:
    if part not in asked or claim.signal not in asked[part].figures:
        return None
    best = asked[part].best(claim.rivals)
    return None if best is None else asked[part].p(claim.signal, best)


def _choices(model: ByteLM, keeper: Keeper, count: int, seed: int) -> tuple[dict[Place, Measured], pd.DataFrame]:
    """d', meta-d' and M-ratio of forced choices, and the AUROC of their confidence; whole fours are drawn again."""
    whole = bank(CHOICES)
    asked = replace(whole, rows=tuple(row for row in whole.rows if len(row.options) == 2)[:count])
    if not asked.rows:
        return {}, pd.DataFrame()
    made = choose(model, asked.rows, keeper.sheet(Key.of(CHOSEN, model, asked, {}, 0), Chosen))
    right = np.array([own.option == row.right for own, row in zip(made, asked.rows, strict=True)])
    sure, group = np.array([max(own.p) for own in made]), clusters(asked.rows)
    found = type_two(sure, right, [own.option for own in made], seed=seed, group=group)
    area = aurocs({"": sure}, right, seed, group).figures[""]
    named = dict(zip(("d'", "meta-d'", "M-ratio"), found, strict=True)) | {"AUROC of confidence": area}
    trials = pd.DataFrame({"kind": [row.kind for row in asked.rows], "right": right, "confidence": sure, "four": group})
    return {("choices", figure): measured for figure, measured in named.items()}, trials


def _notes(asked: Asked) -> Sequence[str]:
    """What a reader of the tables must know."""
    gone = [name for name in undefined(asked.signals) if name in SIGNALS]
    said = [f"Undefined, so in no table: {', '.join(gone)}."] if gone else []
    declined = int((~asked.answered).sum())
    if declined:
        said.append(f"{declined} replies decline in words: neither right nor wrong, so out of the table on failure.")
    if not _shifted(asked.rows):
        said.append(f"There is no part {REFERENCE} beside others, so what is out of distribution cannot be told.")
    return said
