"""python -m tilelli experiment: carries a plan out, run by run, and reports what its records say."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.commands.shared import DATA, Stop, add_threads, use_threads

if TYPE_CHECKING:
    from tilelli.experiment.plan import Job, Plan
    from tilelli.training.loop import Step

TEXT = "carry out a plan of runs, and report what they show; without options, say which runs are done"
EXAMPLE = "configs/plans/routed_vs_vanilla.yaml --data train.jsonl --held-out valid.jsonl --report"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", help="one of configs/plans/*.yaml; its records stand in the folder of that name")
    parser.add_argument("--data", help=f"train what has no record yet, on this: {DATA}")
    parser.add_argument("--held-out", help="validation documents; with --data")
    parser.add_argument("--test", help="read finished runs on these test documents: once, after every choice is made")
    parser.add_argument("--report", action="store_true", help="write table and figure from the records alone")
    parser.add_argument("--runs", help="folder of the run folders; runs/NAME-OF-THE-PLAN if not given")
    parser.add_argument("--results", default="RESULTS.md", help="file that holds the report")
    parser.add_argument("--only", nargs="+", metavar="ARM", help="these arms")
    parser.add_argument("--seed", nargs="+", type=int, metavar="N", help="these seeds")
    parser.add_argument("--text-field", default="text", help="column that holds the text")
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.errors import InputError
    from tilelli.experiment.plan import Plan
    from tilelli.experiment.report import write_report

    plan = Plan.from_yaml(options.plan)
    jobs = plan.jobs(options.only, options.seed)
    if bool(options.data) != bool(options.held_out):
        seen = "--data alone" if options.data else "--held-out alone"
        raise InputError("Training needs two texts", seen, "Give both --data and --held-out.")
    if options.data or options.test:
        _work(plan, jobs, options)
    if options.report:
        found = write_report(plan, Path(options.results))
        print(f"{options.results}: {found.runs} of {found.planned} runs, figures of the {found.split} split.")
    if not (options.data or options.test or options.report):
        _list(plan, jobs)


def _work(plan: "Plan", jobs: "list[Job]", options: argparse.Namespace) -> None:
    """Train, test or both, until it is done or asked to stop."""
    from tilelli.data.corpus import read
    from tilelli.experiment.runner import Desk, carry_out, read_test

    use_threads(options.threads)
    stop, progress = Stop(), Progress()
    desk = Desk(plan, Path(options.runs or f"runs/{plan.name}"), progress.say, progress.step, stop.asked)
    if options.data:
        corpus, held_out = (read(path, options.text_field) for path in (options.data, options.held_out))
        carry_out(desk, jobs, corpus, held_out)
    if options.test and not stop.asked():
        read_test(desk, jobs, read(options.test, options.text_field))


class Progress:
    """A bar for the run that is being trained, and lines that do not tear it."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._name = ""
        self._bar = tqdm(total=0, unit="step", mininterval=0.5, disable=None, leave=False)

    def step(self, name: str, step: "Step") -> None:
        if self._name != name:
            self._name = name
            self._bar.reset(step.steps)
            self._bar.set_description(name, refresh=False)
            self._bar.initial = self._bar.n = step.step - 1  # a resumed run's speed is its own
        held = "" if step.held_out_bpb is None else f", held-out {step.held_out_bpb:.3f}"
        self._bar.set_postfix_str(f"{step.bpb:.3f} bpb{held}", refresh=False)
        self._bar.update(step.step - self._bar.n)

    def say(self, line: str) -> None:
        self._bar.clear()
        print(line, flush=True)


def _list(plan: "Plan", jobs: "list[Job]") -> None:
    from tilelli.experiment.record import load_all

    records, left_out = load_all(plan)
    for job in jobs:
        record = records.get(job.name)
        tested = f", test {record.test.bits_per_byte:.4f}" if record and record.test else ""
        figures = f"validation {record.validation.bits_per_byte:.4f}{tested}" if record else "not yet"
        print(f"{job.name}: {figures}")
    for line in left_out:
        print(line)
