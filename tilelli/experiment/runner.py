"""Carries a plan out: trains what has no record yet, scores it, writes its record.

Runs are independent. Several processes may be started on one plan: each takes the next run that no other has taken. A
run that was stopped or killed goes on from its last save, and one that fails does not keep the others from being made.
The test split is read by a pass of its own, once.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tilelli.base import ByteLM
from tilelli.checkpoint import load as load_checkpoint
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus
from tilelli.errors import DataError, TilelliError, TrainingError
from tilelli.evaluation import evaluate
from tilelli.experiment.plan import Job, Plan
from tilelli.experiment.record import Record, Scores, load, load_all, recipe_of, stale
from tilelli.training.loop import Step, train
from tilelli.training.pretraining import pretraining
from tilelli.training.run import RunFolder

TAKEN = ".taken"  # folder of the locks that processes on one plan share


@dataclass(frozen=True)
class Desk:
    """Where a plan is carried out and who is told.

    Attributes:
        plan: what to do; the records go beside it.
        runs: folder of the run folders.
        say: told a line about each run.
        on_step: told the name of the run and each of its steps.
        should_stop: asked after each step; true saves and ends.
    """

    plan: Plan
    runs: Path
    say: Callable[[str], None] = print
    on_step: Callable[[str, Step], None] | None = None
    should_stop: Callable[[], bool] = lambda: False

    def record(self, job: Job) -> Record | None:
        """The run's record; None if there is none or it is stale."""
        path = self.plan.records / f"{job.name}.json"
        record = load(path) if path.is_file() else None
        return record if record and not stale(record, job) else None

    @contextmanager
    def taken(self, job: Job) -> Iterator[bool]:
        """Hold a run, with its scoring and its record; false if another process has it."""
        lock = RunFolder(self.runs / TAKEN / job.name)
        lock.claim(resume=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(lock.held())
                mine = True
            except TrainingError:
                mine = False
            yield mine


def carry_out(desk: Desk, jobs: Iterable[Job], corpus: Corpus, held_out: Corpus) -> None:
    """Train, score and record every job that has no record yet.

    Raises:
        DataError: the plan's records are of other texts.
        TrainingError: runs failed; the others are made nevertheless.
    """
    _check_texts(desk.plan, corpus, held_out)
    failed = []
    for job in jobs:
        if desk.should_stop():
            return
        with desk.taken(job) as mine:
            if not mine:
                desk.say(f"{job.name}: another process is at it.")
            elif desk.record(job):
                desk.say(f"{job.name}: has its record.")
            else:
                try:
                    _make(desk, job, corpus, held_out)
                except TrainingError as error:
                    failed.append(job.name)
                    desk.say(f"{job.name}: failed. {error}")
    if failed:
        raise TrainingError("Some runs failed", ", ".join(failed), "See above why; the others are made.")


def read_test(desk: Desk, jobs: Iterable[Job], test: Corpus) -> None:
    """Score finished runs on the test split and add that to their records; what has been read is not read again.

    Raises:
        DataError: this is the validation split, or not the test split that other runs were judged on.
        TrainingError: a run is not finished, or its folder holds other weights than its record says.
    """
    jobs = list(jobs)
    unfinished = [job.name for job in jobs if not desk.record(job)]
    if unfinished:
        raise TrainingError(
            "The test split is read once, at the end, and runs are missing",
            f"{len(unfinished)} of {len(jobs)}: {', '.join(unfinished)}",
            "Finish them first, or name finished arms with --only.",
        )
    known, _ = load_all(desk.plan)
    sha256 = test.sha256
    for job in jobs:
        if sha256 in (known[job.name].validation.sha256, known[job.name].data.get("sha256")):
            raise DataError("The test split has been seen before", test.source, "Give text that no choice was made on.")
    for name, other in known.items():
        if other.test and other.test.sha256 != sha256:
            raise DataError(f"{name} was judged on another test split", test.source, "Give the same one.")
    for job in jobs:
        with desk.taken(job) as mine:
            record = desk.record(job)
            if not mine or record is None:
                desk.say(f"{job.name}: another process is at it.")
            elif record.test:
                desk.say(f"{job.name}: its test figures stand; the same weights are not tested twice.")
            else:
                model = _weights(desk.runs / job.name, record)
                scores = Scores.of(evaluate(model, test.documents), sha256)
                dataclasses.replace(record, test=scores).save(desk.plan.records)
                desk.say(f"{job.name}: {scores.bits_per_byte:.4f} bits per byte on the test split.")


def _make(desk: Desk, job: Job, corpus: Corpus, held_out: Corpus) -> None:
    folder = RunFolder(desk.runs / job.name)
    taught_by = _teacher(desk, job)
    task = pretraining(job.recipe, corpus, held_out.documents, taught_by)
    told = desk.on_step

    def on_step(step: Step) -> None:
        if told:
            told(job.name, step)

    model = train(task, folder, resume=True, on_step=on_step, should_stop=desk.should_stop)
    facts = model.provenance
    if facts["steps"] < job.recipe.training.steps:
        desk.say(f"{job.name}: stopped after step {facts['steps']}; the same command goes on with it.")
        return
    scores = Scores.of(evaluate(model, held_out.documents), held_out.sha256)
    record = Record(
        arm=job.arm,
        seed=job.seed,
        recipe=recipe_of(job.recipe),
        parameters=model.num_parameters(),
        steps=facts["steps"],
        weights=weights_hash(model),
        curve=tuple((step, bpb) for step, bpb in facts["held_out"]),
        validation=scores,
        teacher={} if taught_by is None else {"run": job.teacher, "weights": weights_hash(taught_by)},
        **{
            key: facts[key]
            for key in ("bytes_seen", "seconds", "threads", "bfloat16", "code", "torch", "machine", "data")
        },
    )
    record.save(desk.plan.records)
    desk.say(f"{job.name}: {scores.bits_per_byte:.4f} bits per byte on the validation split.")


def _teacher(desk: Desk, job: Job) -> ByteLM | None:
    """The finished run that this one learns from.

    Raises:
        TrainingError: it is not finished, or its weights are gone.
    """
    if not job.teacher:
        return None
    path = desk.plan.records / f"{job.teacher}.json"
    if not path.is_file():
        raise TrainingError("A run's teacher is not trained yet", f"{job.teacher} for {job.name}", "Train that first.")
    return _weights(desk.runs / job.teacher, load(path))


def _check_texts(plan: Plan, corpus: Corpus, held_out: Corpus) -> None:
    """The texts are those of the records there are, and nothing that judges is trained on."""
    both = set(corpus.documents) & set(held_out.documents)
    if both:
        seen = f"{len(both)} of {len(held_out.documents)} documents"
        raise DataError("Held-out documents are in the training text", seen, "Give texts that share none.")
    records, _ = load_all(plan)
    for record in records.values():
        for split, text, sha256 in (
            ("training", corpus, record.data.get("sha256")),
            ("validation", held_out, record.validation.sha256),
        ):
            if sha256 != text.sha256:
                remedy = f"Give the same, or remove the records in {plan.records}."
                raise DataError(f"{record.name} has another {split} text", text.source, remedy)


def _weights(folder: Path, record: Record) -> ByteLM:
    """The weights that the record speaks of."""
    try:
        model = load_checkpoint(folder, ByteLM) if folder.is_dir() else None
    except TilelliError as error:
        raise TrainingError("The run's weights cannot be read", f"{record.name} ({error})", "Train it again.") from None
    if model is None or weights_hash(model) != record.weights:
        seen = f"{record.name} in {folder.parent}"
        raise TrainingError("The run's folder does not hold its weights", seen, "Name the right one with --runs.")
    return model
