"""Whatever happens in a run: its tables say what its events say, and a crash takes only what was not committed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from journals import FILE, all_events, crash_image, replay, result_of, rows_of, run_record, task_record

from pytest_moderator.journal import Journal, JournalReader, RequestKind, RunStatus, ask
from pytest_moderator.model import TaskStatus

TASKS = 3
numbers = st.integers(1, TASKS)
statuses = st.sampled_from(TaskStatus)
texts = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
times = st.one_of(st.none(), st.just("2026-01-01T00:00:00.000+00:00"))
payloads = st.fixed_dictionaries(
    {}, optional={"worker": st.sampled_from(["gw0", "gw1"]), "logs": st.just("a/b")}
)

results = st.fixed_dictionaries(
    {
        "status": st.sampled_from([TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SKIPPED]),
        "error_message": texts,
        "attempts": st.integers(0, 3),
        "started_at": times,
        "finished_at": times,
    }
)


class Run(RuleBasedStateMachine):
    """A run of three tasks whose process is killed now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory(prefix="journal-")
        self.deaths = 0
        self.journal = Journal.open(self.state_dir)
        self.waiting: list[str] = []
        self.committed: list[str] = []

    @property
    def state_dir(self) -> Path:
        return Path(self.place.name) / str(self.deaths)

    def teardown(self) -> None:
        self.journal.close()
        with JournalReader(self.state_dir) as reader:
            assert [event.kind for event in all_events(reader)] == self.committed + self.waiting
        self.place.cleanup()

    def record(self, kind: str, *, commits: bool, **more: Any) -> None:
        self.journal.record(kind, **more)
        self.waiting.append(kind)
        if commits:
            self.commit()

    def commit(self) -> None:
        self.committed += self.waiting
        self.waiting = []

    @initialize(done=st.sets(numbers))
    def begin(self, done: set[int]) -> None:
        self.begin_run(done, resumed=False)

    def begin_run(self, done: set[int], *, resumed: bool) -> None:
        tasks = [
            task_record(number, TaskStatus.SKIPPED, "done before the run")
            if number in done
            else task_record(number)
            for number in range(1, TASKS + 1)
        ]
        self.journal.begin_run(run_record(), tasks, resumed=resumed)
        self.waiting.append("run_resumed" if resumed else "run_started")
        self.commit()

    @rule(
        number=numbers, status=statuses, reason=texts, attempt=st.sampled_from([None, 1, 2]), payload=payloads
    )
    def stand(
        self,
        number: int,
        status: TaskStatus,
        reason: str | None,
        attempt: int | None,
        payload: dict[str, str],
    ) -> None:
        self.record(
            "stands",
            commits=status.ended,
            file=FILE,
            task_id=f"T00{number}",
            status=status,
            reason=reason,
            attempt=attempt,
            payload=payload,
        )

    @rule(number=numbers, more=results)
    def end(self, number: int, more: dict[str, Any]) -> None:
        self.record("ends", commits=True, file=FILE, task_id=f"T00{number}", result=result_of(number, **more))

    @rule(durable=st.booleans())
    def note(self, durable: bool) -> None:
        self.record("note", commits=durable, durable=durable, payload={"text": "x" * 100})

    @rule(durable=st.booleans())
    def flush(self, durable: bool) -> None:
        self.journal.flush(durable)
        self.commit()

    @rule(status=st.sampled_from(RunStatus))
    def set_run_status(self, status: RunStatus) -> None:
        self.journal.set_run_status(status, kind="run", payload={"exit_code": 1})
        self.waiting.append("run")
        self.commit()
        with JournalReader(self.state_dir) as reader:
            run = reader.run("run-1")
        assert run.status is status
        assert (run.exit_code, bool(run.ended_at)) == ((1, True) if status.ended else (None, False))

    @rule(count=st.integers(0, 2))
    def take_requests(self, count: int) -> None:
        for _ in range(count):
            ask(self.state_dir, "run-1", RequestKind.PAUSE)
        assert len(self.journal.take_requests("run-1")) == count
        if count:
            self.waiting += ["request"] * count
            self.commit()

    @rule(done=st.sets(numbers))
    def die_and_resume(self, done: set[int]) -> None:
        before = self.state_dir
        self.deaths += 1
        crash_image(before, self.state_dir)
        self.journal.close()
        self.journal = Journal.open(self.state_dir)
        self.waiting = []
        assert self.journal.notices == ()
        self.begin_run(done, resumed=True)

    @invariant()
    def tables_say_what_events_say(self) -> None:
        if self.committed:
            with JournalReader(self.state_dir) as reader:
                events = all_events(reader)
                assert [event.kind for event in events] == self.committed
                assert rows_of(reader) == replay(events)
                counts = reader.run("run-1").counts
            assert sum(counts.values()) == TASKS


Run.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestRun = Run.TestCase
