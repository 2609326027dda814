"""Everything that is done to a tasks file before anything runs: read, set, plan, check.

The pytest wing and the ``moderator`` command both come through here, so that they never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_moderator.backends import configure
from pytest_moderator.backends.routing import validated
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import ExecutionContext, IsolationLevel, Problem, Severity
from pytest_moderator.plan import make_plan
from pytest_moderator.routes import make_router
from pytest_moderator.secret_names import problems_of_secrets
from pytest_moderator.settings import load_settings
from pytest_moderator.tasksfile import read_tasks_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_moderator.backends.base import Backend, Health
    from pytest_moderator.backends.routing import BackendRouter, Choice
    from pytest_moderator.model import Task
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.settings import Settings
    from pytest_moderator.tasksfile import TasksFile

    Choose = Callable[[Task, ExecutionContext], Backend | str | None]


@dataclass(frozen=True, eq=False, repr=False)
class Prepared:
    """A tasks file that is ready to run, or the reasons why it is not.

    Attributes:
        tasks_file: what the reader made of the file.
        settings: the settings of its run.
        plan: the order of its tasks.
        router: chooses the backends.
        context: the place from which each task's own is made.
        problems: all that is wrong with the file and the settings: settings first, then by line.
        healths: by name, what backends have said when they were asked how they are.
        in_use: the backends that tasks need, as far as they can be used; known when they have been asked.
        choices: by id and line of a task, what the router has chosen: it is asked once.
    """

    tasks_file: TasksFile
    settings: Settings
    plan: ExecutionPlan
    router: BackendRouter
    context: ExecutionContext
    problems: tuple[Problem, ...]
    healths: Mapping[str, Health] = field(default_factory=dict)
    in_use: tuple[Backend, ...] = ()
    choices: dict[tuple[str, int], Choice | None] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether a problem keeps the file from being run."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def backend_of(self, task: Task) -> str | None:
        """Name the backend of a task; ``None`` where there is none, so that the task cannot be run."""
        choice = self.choice_of(task)
        return None if choice is None else choice.backend.name

    def choice_of(self, task: Task) -> Choice | None:
        """Give the backend of a task and why it is this one; ``None`` as :meth:`backend_of`."""
        if task.id in self.plan.groups:
            return None
        key = task.id, task.line
        if key not in self.choices:
            try:
                self.choices[key] = self.router.explain(task, self.context)
            except ModeratorError:
                self.choices[key] = None
        return self.choices[key]


def prepare(
    path: Path,
    display: str,
    *,
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    ini: Mapping[str, object],
    rootdir: Path,
    backends: Sequence[Backend],
    choose: Choose | None = None,
    ini_path: str = "pytest configuration",
    invocation_dir: Path | None = None,
) -> Prepared:
    """Read a tasks file and its settings, plan it, and gather all that is wrong.

    Args:
        path: the file.
        display: the file as the user named it.
        command_line: values by name of option.
        environ: the process environment.
        ini: values of pytest's configuration by name of option.
        rootdir: pytest's root directory.
        backends: all backends that there are.
        choose: asked for the backend of each task that names none.
        ini_path: the file that ``ini`` comes from, as it is called in messages.
        invocation_dir: where paths on the command line start; by default the current directory.

    Returns:
        All of it, also when there are errors, so that what is right can still be shown.

    Raises:
        ModeratorError: two backends have one name.
    """
    tasks_file = read_tasks_file(path, display)
    settings, settings_problems = load_settings(
        command_line=command_line,
        environ=environ,
        front_matter=tasks_file.front_matter,
        front_matter_path=display,
        front_matter_line=tasks_file.front_matter_line,
        front_matter_lines=tasks_file.front_matter_lines,
        ini=ini,
        ini_path=ini_path,
        rootdir=rootdir,
        invocation_dir=invocation_dir,
    )
    with_phases, phases_problems = _with_checkpoints(tasks_file, settings)
    plan = make_plan(with_phases, settings.order)
    backends, backends_problems = _configure(backends, settings)
    router, router_problems = make_router(backends, settings, choose)
    context = ExecutionContext(rootdir.name, rootdir, None, settings.state_dir)
    problems = (
        *settings_problems,
        *backends_problems,
        *router_problems,
        *phases_problems,
        *tasks_file.problems,
        *plan.problems,
    )
    entry = Prepared(tasks_file, settings, plan, router, context, problems)
    problems += (
        *_problems_of_tasks(entry),
        *problems_of_secrets(plan, settings, environ),
        *share_a_checkout(entry, settings.workers or 1),
    )
    return replace(entry, problems=_in_order(problems, display))


def share_a_checkout(entry: Prepared, workers: int) -> Iterable[Problem]:
    """Warn of tasks in words that several workers carry out in one checkout: nobody knows what they change.

    Args:
        entry: the file.
        workers: how many tasks run at once.
    """
    tasks = [
        task
        for task in entry.plan.tasks
        if not (task.done or task.commands or task.call)
        and (task.isolation or entry.settings.isolation) is IsolationLevel.NONE
        and entry.backend_of(task)
    ]
    if workers > 1 and len(tasks) > 1:
        message = (
            f"{tasks[0].id} and {len(tasks) - 1} more have no commands, and may change the same files at once"
        )
        hint = "isolation: branch gives each a worktree of its own"
        yield Problem(Severity.WARNING, "shared-checkout", message, hint, entry.plan.file, tasks[0].line)


def _with_checkpoints(tasks_file: TasksFile, settings: Settings) -> tuple[TasksFile, Sequence[Problem]]:
    if not settings.phases:
        return tasks_file, ()
    from pytest_moderator.checkpoints import with_checkpoints  # noqa: PLC0415 (few files have any)

    return with_checkpoints(tasks_file, settings)


def _configure(
    backends: Sequence[Backend], settings: Settings
) -> tuple[Sequence[Backend], tuple[Problem, ...]]:
    try:
        return configure(backends, settings.backends), ()
    except ModeratorError as error:
        message, _, hint = str(error).partition(": ")
        origin = settings.origin("backends")
        return backends, (
            Problem(Severity.ERROR, "bad-value", f"{origin.key}: {message}", hint, origin.path, origin.line),
        )


def _problems_of_tasks(entry: Prepared) -> Iterable[Problem]:
    """Ask what keeps each task from running; those that are done do not run, and groups have nothing to."""
    plan = entry.plan
    for task in plan.tasks:
        if task.done or task.id in plan.groups:
            continue
        choice = entry.choice_of(task)
        found = validated(choice.backend, task) if choice else entry.router.problems(task, entry.context)
        for problem in found:
            yield replace(problem, path=plan.file, line=problem.line or task.line)


def _in_order(problems: Iterable[Problem], display: str) -> tuple[Problem, ...]:
    """Put what is wrong with the file itself behind the rest, by line, each problem once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: p.line if p.path == display else -1))
