"""Executing tasks from a program: the door to the same machinery for those who have no tasks file, but tasks.

`docs/library.md` describes it. The tasks are written as a tasks file and run by pytest in a child process, so that
signals, output, threads and modules of the program stay its own.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pytest_moderator.child import ChildRun
from pytest_moderator.errors import AggregateExecutionError, ModeratorError, TaskFailedError, TasksFileError
from pytest_moderator.model import ExecutionContext, Severity, TaskResult, TaskStatus
from pytest_moderator.plan import make_plan
from pytest_moderator.progress import ProgressCallback
from pytest_moderator.settings.values import LONGEST
from pytest_moderator.tasksfile.reader import parse_tasks
from pytest_moderator.tasksfile.writer import render_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from pytest_moderator.model import Task

LOGGER = logging.getLogger("pytest_moderator")

MOST_WORKERS = 32

_INTERRUPTED, _USAGE_ERROR = 2, 4  # exit codes of pytest
_SIGNALLED, _BY_CTRL_C = 128, 130  # exit codes of tasks
_LONGEST_MESSAGE = 4000

# The configuration of the project is for its tests. Of its Python files only conftest.py is loaded, for fixtures.
_INI = "[pytest]\npython_files =\npython_classes =\npython_functions =\n"


class TaskExecutor(ABC):
    """Executes tasks. A context manager that shuts it down at its end."""

    @abstractmethod
    def execute_tasks(
        self,
        tasks: Sequence[Task],
        context: ExecutionContext,
        progress_callback: ProgressCallback | None = None,
    ) -> list[TaskResult]:
        """Execute tasks, each after those that it depends on.

        Args:
            tasks: the tasks; each id once, and all that they depend on among them.
            context: where they work: ``working_directory`` is the root of the project, ``isolation_level`` says how
                much of a place of its own each task gets, below ``state_dir`` records and logs are kept.
            progress_callback: is told what happens, in the thread that called.

        Returns:
            A result for each task, in the order in which they were given; ``result.task`` is the very object.

        Raises:
            AggregateExecutionError: tasks failed and none succeeded; the results are in it.
            ModeratorError: the tasks cannot be executed, and nothing was.
        """

    @abstractmethod
    def get_execution_mode(self) -> str:
        """Give ``sequential`` or ``parallel``."""

    @abstractmethod
    def shutdown(self, timeout: float = 30) -> None:
        """End what runs, from any thread, for good: afterwards nothing can be executed.

        Args:
            timeout: seconds that running tasks have to end before they are killed.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


class _PytestExecutor(TaskExecutor):
    """Executes tasks in a pytest session in a child process.

    Args:
        workers: how many of xdist's workers there are at most; 0 for none.
        timeout: limit of one attempt in seconds; a task's own wins.
    """

    def __init__(self, workers: int, timeout: float) -> None:
        if not 0 < timeout <= LONGEST:
            raise ValueError(
                f"timeout must be a number of seconds above 0 and up to 365 days, not {timeout!r}"
            )
        self._workers = workers
        self._timeout = float(timeout)
        self._lock = threading.Lock()
        self._children: set[ChildRun] = set()
        self._is_shut_down = False

    def execute_tasks(
        self,
        tasks: Sequence[Task],
        context: ExecutionContext,
        progress_callback: ProgressCallback | None = None,
    ) -> list[TaskResult]:
        """See :meth:`TaskExecutor.execute_tasks`."""
        self._refuse_after_shutdown()
        ledger = _Ledger(tasks, context, progress_callback or ProgressCallback())
        if not tasks:
            return []
        directory = _make_directory(context.state_dir.absolute() / "executions")
        _write_tasks(tasks, directory)
        with self._run(directory, context, len(tasks)) as child:
            for event in child.events():
                ledger.take(event)
        self._account_for_the_rest(ledger, child.exit_code or 0, directory / "output.log")
        results = ledger.results
        succeeded = any(result.success for result in results)
        if not succeeded and any(r.status is TaskStatus.FAILED and not r.task.optional for r in results):
            raise AggregateExecutionError(results)
        return results

    def shutdown(self, timeout: float = 30) -> None:
        """See :meth:`TaskExecutor.shutdown`."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._is_shut_down = True
            children = list(self._children)
        for child in children:
            child.ask_to_end()
        for child in children:
            child.end(max(0.0, deadline - time.monotonic()))

    def _refuse_after_shutdown(self) -> None:
        if self._is_shut_down:
            raise ModeratorError("this executor has been shut down: make a new one")

    @contextmanager
    def _run(self, directory: Path, context: ExecutionContext, tasks: int) -> Iterator[ChildRun]:
        root = context.working_directory.absolute()
        arguments = self._arguments(directory, context, min(self._workers, tasks))
        with self._lock:
            self._refuse_after_shutdown()
            try:
                child = ChildRun(directory.name, arguments, cwd=root, log=directory / "output.log")
            except OSError as error:
                raise ModeratorError(f"cannot start pytest in {str(root)!r}: {error}") from error
            self._children.add(child)
        try:
            with child:
                yield child
        finally:
            with self._lock:
                self._children.discard(child)

    def _arguments(self, directory: Path, context: ExecutionContext, workers: int) -> list[str]:
        root = context.working_directory.absolute()
        conftest = root / "conftest.py"
        return [
            str(directory / "tasks.md"),
            *([str(conftest)] if conftest.is_file() else []),
            f"-c{directory / 'pytest.ini'}",
            f"--rootdir={root}",
            f"--confcutdir={root}",
            "-pno:cacheprovider",
            "-pno:hypothesispytest",  # where it is installed, it imports all of Hypothesis to print nothing
            "--color=no",
            f"-n{workers}",
            "--moderator-order=explicit",
            f"--moderator-isolation={context.isolation_level}",
            f"--moderator-timeout={Decimal(repr(self._timeout)):f}",
            f"--moderator-state-dir={context.state_dir.absolute()}",
            f"--moderator-json={directory / 'report.json'}",
        ]

    def _account_for_the_rest(self, ledger: _Ledger, exit_code: int, log: Path) -> None:
        """Say why there are tasks without a result, if there are.

        Raises:
            ModeratorError: pytest refused to run them.
        """
        if exit_code == _USAGE_ERROR and not ledger.has_begun:
            raise ModeratorError(_refusal_in(log))
        if self._is_shut_down:
            why = "the executor was shut down"
        elif exit_code < 0:
            why = f"the run was ended by signal {-exit_code}"
        else:
            why = f"the run ended with exit code {exit_code}"
        code = _BY_CTRL_C if exit_code == _INTERRUPTED else 1
        ledger.fail_the_rest(
            f"{why} before this task had ended; see {log}", _SIGNALLED - exit_code if exit_code < 0 else code
        )


class SequentialExecutor(_PytestExecutor):
    """Executes one task after another.

    Args:
        timeout: limit of one attempt in seconds; a task's own wins.

    Raises:
        ValueError: the timeout is not above 0.
    """

    def __init__(self, timeout: float = 3600) -> None:
        super().__init__(0, timeout)

    def get_execution_mode(self) -> str:
        """Give ``sequential``."""
        return "sequential"


class ParallelExecutor(_PytestExecutor):
    """Executes several tasks at a time, in processes of pytest-xdist.

    Args:
        max_workers: how many at most, 1 to 32.
        timeout: limit of one attempt in seconds; a task's own wins.

    Raises:
        ValueError: one of them is out of its range.
    """

    def __init__(self, max_workers: int = 4, timeout: float = 3600) -> None:
        if isinstance(max_workers, bool) or max_workers not in range(1, MOST_WORKERS + 1):
            raise ValueError(
                f"max_workers must be a whole number from 1 to {MOST_WORKERS}, not {max_workers!r}"
            )
        super().__init__(max_workers, timeout)

    def get_execution_mode(self) -> str:
        """Give ``parallel``."""
        return "parallel"


class _Ledger:
    """What came of the tasks so far; tells the callback.

    Raises:
        ModeratorError: two tasks have one id.
    """

    def __init__(self, tasks: Sequence[Task], context: ExecutionContext, callback: ProgressCallback) -> None:
        self._tasks = {task.id: task for task in tasks}
        if len(self._tasks) < len(tasks):
            twins = ", ".join(name for name, count in Counter(t.id for t in tasks).items() if count > 1)
            raise ModeratorError(f"several tasks have one id: {twins}; give each task an id of its own")
        self._context = context
        self._callback = callback
        self._started: set[str] = set()
        self._results: dict[str, TaskResult] = {}

    @property
    def has_begun(self) -> bool:
        """Whether anything has happened to a task."""
        return bool(self._started or self._results)

    @property
    def results(self) -> list[TaskResult]:
        """The results, in the order in which the tasks were given."""
        return [self._results[name] for name in self._tasks]

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in an event of the run."""
        if "task_id" not in event:
            return
        task = self._tasks[event["task_id"]]
        if event["kind"] == "task_ended":
            self._end(replace(TaskResult.from_dict(event["result"]), task=task))
        elif task.id not in self._started:  # one that lost its worker may start again
            self._started.add(task.id)
            place = ExecutionContext.from_dict(event["context"])
            place = replace(place, project_id=self._context.project_id)
            self._tell(lambda: self._callback.on_task_start(task, place))

    def fail_the_rest(self, reason: str, exit_code: int) -> None:
        """Settle the tasks that have no result."""
        for task in self._tasks.values():
            if task.id not in self._results:
                self._end(
                    TaskResult(
                        task,
                        exit_code=exit_code,
                        status=TaskStatus.FAILED,
                        attempts=int(task.id in self._started),
                        error_message=reason,
                    )
                )

    def _end(self, result: TaskResult) -> None:
        self._results[result.task.id] = result
        if result.status is TaskStatus.FAILED:
            error = TaskFailedError(result)
            self._tell(lambda: self._callback.on_task_error(result.task, error))
        else:
            self._tell(lambda: self._callback.on_task_complete(result))

    @staticmethod
    def _tell(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception:
            LOGGER.exception("a progress callback failed; the tasks go on")


def _make_directory(parent: Path) -> Path:
    """Make a directory for one call, which nobody else may look into."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-", dir=parent))
    except OSError as error:
        raise ModeratorError(f"cannot write to {str(parent)!r}: {error.strerror}") from error


def _write_tasks(tasks: Sequence[Task], directory: Path) -> None:
    """Write a tasks file and a configuration, after a look whether the tasks can be run at all.

    Raises:
        ModeratorError: they cannot.
    """
    path = directory / "tasks.md"
    try:
        text = render_tasks(tasks, order="explicit")
    except ValueError as error:
        raise ModeratorError(f"these tasks cannot be executed: {error}") from error
    tasks_file = parse_tasks(text, path, str(path))
    found = (*tasks_file.problems, *make_plan(tasks_file, "explicit").problems)
    problems = [problem for problem in found if problem.severity is Severity.ERROR]
    if problems:
        raise TasksFileError(problems)
    odd = {task.id for task in tasks} ^ {task.id for task in tasks_file.tasks}
    if odd:
        names = ", ".join(sorted(map(repr, odd)))
        raise ModeratorError(
            f"these ids cannot be used: {names}; make them of letters, digits, '.', '_' and '-'"
        )
    path.write_text(text, encoding="utf-8")
    (directory / "pytest.ini").write_text(_INI, encoding="utf-8")


def _refusal_in(log: Path) -> str:
    """Find in its output why pytest has refused to run."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return (text.partition("ERROR: ")[2] or text).strip()[-_LONGEST_MESSAGE:]
