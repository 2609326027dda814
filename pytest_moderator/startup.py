"""What happens when ``--moderator`` is given: read and check everything, then put each part in its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_moderator import interrupts
from pytest_moderator.attempt.secrecy import masked_arguments
from pytest_moderator.availability import pass_over_unhealthy
from pytest_moderator.backends import load_backends
from pytest_moderator.backends.health import HealthChecks
from pytest_moderator.collection import TasksCollection
from pytest_moderator.ending import Ending
from pytest_moderator.errors import ModeratorError
from pytest_moderator.gating import make_control
from pytest_moderator.handout import hand_out, nodeid_of
from pytest_moderator.isolation.ours import is_of_a_task
from pytest_moderator.journal import Holder, RunRecord
from pytest_moderator.model import Problem, Severity
from pytest_moderator.nearest import NearestIds
from pytest_moderator.opening import Opening, look, open_run
from pytest_moderator.parallel import Controller
from pytest_moderator.prepare import Prepared, prepare, share_a_checkout
from pytest_moderator.recorder import Recorder
from pytest_moderator.reports.terminal import TerminalView
from pytest_moderator.run import Run
from pytest_moderator.runner import install_runner
from pytest_moderator.settings import OPTIONS
from pytest_moderator.tasksfile.checkbox import CheckBoxes
from pytest_moderator.ticking import Ticking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.handout import Handout
    from pytest_moderator.isolation.git_run import GitRun
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.settings import Settings

# One run cannot have two of these, so the files that it is of have to agree on them.
_OF_A_RUN = (
    *("state_dir", "json", "events", "workers", "with_deps", "dirty", "merge", "keep", "retry_from"),
    *("approvals", "approval", "budget", "pause_timeout", "on_pause_timeout"),
    *("on_conflict", "worktree_dir", "worktree_include", "setup", "sparse", "hooks"),
)

_PREPARED = pytest.StashKey[tuple[Prepared, ...]]()
_GIT: pytest.StashKey[tuple[GitRun | None, Sequence[Problem]]] = pytest.StashKey()
_BACKENDS: pytest.StashKey[Sequence[Backend]] = pytest.StashKey()


def settle(config: pytest.Config) -> None:
    """Read and check the tasks files, before anything is started.

    Raises:
        pytest.UsageError: they cannot be run.
    """
    config.args[:] = _arguments(config)
    try:
        config.stash[_BACKENDS] = load_backends(config)
        prepared = tuple(_prepare(config, path) for path in find_tasks_files(config))
    except ModeratorError as error:
        raise pytest.UsageError(f"nothing was run: {error}") from error
    if not prepared:
        raise pytest.UsageError("--moderator: no tasks file among the arguments; name one, such as tasks.md")
    problems = [problem for entry in prepared for problem in entry.problems]
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise pytest.UsageError("nothing was run:\n" + "\n".join(map(str, problems)))
    _check_agreement(prepared)
    _check_selection(config, prepared)
    if not config.option.collectonly:
        prepared = _check_health(config, prepared)
    if prepared[0].settings.json and not config.option.collectonly:
        from pytest_moderator.reports import json_report  # noqa: PLC0415 (only where it is asked for)

        json_report.check(prepared[0].settings.json)
    config.stash[_PREPARED] = prepared
    config.stash[_GIT] = _plan_branches(config, prepared)
    if config.getoption("dist", "no") == "each":
        raise pytest.UsageError("--dist each would run every task on every worker; use -n, or --dist load")
    _choose_workers(config, prepared[0].settings.workers)


def activate(config: pytest.Config) -> None:
    """Register the parts of this process."""
    register = config.pluginmanager.register
    prepared = config.stash[_PREPARED]
    settings = prepared[0].settings
    root = config.rootpath
    by_file = {nodeid_of(entry.tasks_file.path.absolute(), root): entry for entry in prepared}
    opening = _open(config, {file: entry.plan for file, entry in by_file.items()}, settings)
    git = _go_on_with_branches(config.stash[_GIT][0], opening, root / settings.state_dir)
    done = opening.completed if opening.resumed else None
    handout = hand_out(prepared, run_id=opening.run_id, root=root, completed=done, git=git)
    workers = _count_workers(config)
    recorder = _record(config, opening, handout, workers)
    run = Run(config, handout, by_file, recorder, workers=workers, completed=opening.completed)
    control = make_control(run, by_file, opening)
    config.add_cleanup(recorder.close)
    register(run, "moderator_run")
    register(Ending(run), "moderator_ending")
    if not config.option.collectonly:
        boxes = {file: CheckBoxes(entry.tasks_file) for file, entry in by_file.items()}
        marked = frozenset(file for file, entry in by_file.items() if entry.settings.mark)
        register(Ticking(handout, boxes, marked), "moderator_ticking")
    register(control, "moderator_control")
    register(TasksCollection(handout), "moderator_collection")
    if handout.git:
        from pytest_moderator.branches import Branches  # noqa: PLC0415 (most runs have no branches)

        register(Branches(handout.git, run), "moderator_branches")
    _register_views(config, run, prepared, opening.notices)
    interrupts.listen(config)
    if is_distributed(config):
        register(Controller(run, control), "moderator_controller")
    else:
        from pytest_moderator.sequential import SequentialLoop  # noqa: PLC0415 (not with workers)

        register(SequentialLoop(run, control), "moderator_sequential")
        install_runner(config, handout, config.stash[_BACKENDS], "main")


def _open(config: pytest.Config, plans: Mapping[str, ExecutionPlan], settings: Settings) -> Opening:
    state_dir = config.rootpath / settings.state_dir
    try:
        return (look if config.option.collectonly else open_run)(state_dir, plans, settings)
    except ModeratorError as error:
        raise pytest.UsageError(str(error)) from error


def _record(config: pytest.Config, opening: Opening, handout: Handout, workers: int) -> Recorder:
    arguments = tuple(masked_arguments(handout.secrets, config.invocation_params.args))
    files = tuple(file.nodeid for file in handout.files)
    here = config.invocation_params.dir
    run = RunRecord(opening.run_id, files, handout.root, workers, arguments, Holder.here(), here)
    return Recorder(opening.journal, run, opening.locks, resumed=opening.resumed)


def _register_views(
    config: pytest.Config, run: Run, prepared: tuple[Prepared, ...], notices: Sequence[str]
) -> None:
    register = config.pluginmanager.register
    warnings = [problem for entry in prepared for problem in (*entry.problems, *_tried_twice(config, entry))]
    warnings += config.stash[_GIT][1]
    warnings += (problem for entry in prepared for problem in share_a_checkout(entry, run.workers))
    warnings = list(dict.fromkeys(warnings))
    if terminal := config.pluginmanager.get_plugin("terminalreporter"):
        register(TerminalView(config, run, [*notices, *map(str, warnings)], terminal), "moderator_terminal")
    settings = prepared[0].settings
    if config.option.collectonly:
        return
    if settings.json:
        from pytest_moderator.reports.json_report import JsonReport  # noqa: PLC0415 (only where it is asked for)

        register(JsonReport(run, settings.json), "moderator_json")
    if settings.events:
        from pytest_moderator.reports.events import EventStream  # noqa: PLC0415 (likewise)

        register(EventStream(run, settings.events), "moderator_events")
    if config.getoption("xmlpath", None):
        from pytest_moderator.reports.junit import JunitCases  # noqa: PLC0415 (borrows from pytest's own)

        register(JunitCases(config), "moderator_junit")
    if html := config.getoption("htmlpath", None):
        from pytest_moderator.reports.html import HtmlColumns  # noqa: PLC0415 (only where it is asked for)

        register(HtmlColumns(run, Path(html)), "moderator_html")


def _count_workers(config: pytest.Config) -> int:
    if not is_distributed(config):
        return 1
    numbers = [str(spec).partition("*")[0] for spec in config.getoption("tx")]  # "popen" or "3*popen"
    return sum(int(number) if number.isdigit() else 1 for number in numbers)


def _tried_twice(config: pytest.Config, prepared: Prepared) -> Iterator[Problem]:
    """Warn of tasks that both their own retries and pytest-rerunfailures try again."""
    retries = any(task.retries for task in prepared.plan.tasks) or prepared.settings.retries
    if retries and config.getoption("reruns", None):
        message = "failed tasks are tried again by their retries, and then once more for each of --reruns"
        hint = "use one of the two"
        yield Problem(Severity.WARNING, "tried-twice", message, hint, prepared.tasks_file.display)


def is_distributed(config: pytest.Config) -> bool:
    """Whether xdist runs the items on workers."""
    distributed = config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))
    return distributed and not config.option.collectonly


def find_tasks_files(config: pytest.Config) -> Iterator[Path]:
    """Go through the tasks files that the arguments name, each once, in the order of the arguments."""
    seen: set[Path] = set()
    for argument in config.args:
        path = config.invocation_params.dir / str(argument).split("::")[0]
        for file in [path] if path.suffix == ".md" else _inside(path, config):
            real = Path(os.path.normpath(file))
            if real not in seen:
                seen.add(real)
                yield real


def _inside(path: Path, config: pytest.Config) -> Iterator[Path]:
    """Find every ``tasks.md`` below a directory, where pytest would look."""

    def is_wanted(found: Path) -> bool:
        ignored = config.hook.pytest_ignore_collect(collection_path=found, config=config)
        return not ignored and not is_of_a_task(found)

    for directory, names, files in os.walk(os.path.normpath(path)):
        here = Path(directory)
        names[:] = sorted(name for name in names if is_wanted(here / name))
        if "tasks.md" in files and is_wanted(here / "tasks.md"):
            yield here / "tasks.md"


def _check_selection(config: pytest.Config, prepared: tuple[Prepared, ...]) -> None:
    """Refuse ids that no task has: from its workers, pytest would hear no more than that they found nothing."""
    known = {entry.tasks_file.path: [task.id for task in entry.plan.tasks] for entry in prepared}
    for argument in config.args:
        name, _, wanted = str(argument).partition("::")
        ids = known.get(Path(os.path.normpath(config.invocation_params.dir / name)), [wanted])
        if wanted and wanted not in ids:
            near = NearestIds(ids).of(wanted)
            hint = f"did you mean {near!r}?" if near else f"moderator plan {name} lists all"
            raise pytest.UsageError(f"{argument}: no task has this id; {hint}")


def _check_health(config: pytest.Config, prepared: tuple[Prepared, ...]) -> tuple[Prepared, ...]:
    """Pass over backends that cannot be used; whether it is an error depends on what will be selected."""
    checks = HealthChecks(max(entry.settings.health_timeout for entry in prepared))
    return tuple(pass_over_unhealthy(entry, checks, _ids_of(config, entry)) for entry in prepared)


def _ids_of(config: pytest.Config, prepared: Prepared) -> frozenset[str] | None:
    """Give the ids of a file that arguments name; ``None`` where they name all of it, or others may come to them."""
    path = prepared.tasks_file.path
    named = [str(argument).partition("::") for argument in config.args]
    places = [
        (Path(os.path.normpath(config.invocation_params.dir / name)), wanted) for name, _, wanted in named
    ]
    if prepared.settings.with_deps or any(
        not wanted and path.is_relative_to(place) for place, wanted in places
    ):
        return None
    return frozenset(wanted for place, wanted in places if place == path)


def _arguments(config: pytest.Config) -> list[str]:
    """Give the arguments; where none were, the tasks file of the configuration."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return [str(argument) for argument in config.args]
    named = config.getini("moderator_file")
    home = config.inipath.parent if config.inipath else config.rootpath
    file = home / (named or "tasks.md")
    if not named and not file.exists():
        raise pytest.UsageError(
            f"--moderator: no tasks file was named, and there is no {file}; name one, such as tasks.md"
        )
    return [str(file)]


def _prepare(config: pytest.Config, path: Path) -> Prepared:
    here = config.invocation_params.dir
    return prepare(
        path,
        str(path.relative_to(here)) if path.is_relative_to(here) else str(path),
        backends=config.stash[_BACKENDS],
        environ=os.environ,
        choose=lambda task, context: config.hook.pytest_moderator_select_backend(task=task, context=context),
        command_line={o.name: config.getoption(o.dest, None) for o in OPTIONS if o.flag},
        ini={o.name: config.getini(o.ini) for o in OPTIONS if o.ini},
        ini_path=str(config.inipath or "pytest configuration"),
        rootdir=config.rootpath,
        invocation_dir=here,
    )


def _plan_branches(
    config: pytest.Config, prepared: tuple[Prepared, ...]
) -> tuple[GitRun | None, Sequence[Problem]]:
    """Look at the repository, where a task is to work on a branch."""
    levels = (
        task.isolation or entry.settings.isolation
        for entry in prepared
        for task in entry.plan.tasks
        if not task.done and task.id not in entry.plan.groups
    )
    if config.option.collectonly or not any(level.has_branch for level in levels):
        return None, ()
    from pytest_moderator.branches import plan_branches  # noqa: PLC0415 (most runs have no branches)

    return plan_branches(prepared, config.rootpath)


def _go_on_with_branches(git: GitRun | None, opening: Opening, state_dir: Path) -> GitRun | None:
    """Take over what the run has in the repository, when it goes on."""
    if git is None or not opening.resumed:
        return git
    from pytest_moderator.branches import go_on  # noqa: PLC0415 (most runs have no branches)

    return go_on(git, opening.run_id, state_dir)


def _check_agreement(prepared: tuple[Prepared, ...]) -> None:
    """Refuse files whose front matters want the one run of both to be different."""
    first, *others = prepared
    for other in others:
        for name in _OF_A_RUN:
            if getattr(first.settings, name) != getattr(other.settings, name):
                raise pytest.UsageError(
                    f"{first.tasks_file.display} and {other.tasks_file.display} set {name!r} differently; "
                    "set it in moderator.yaml or on the command line, or run them one by one"
                )


def _choose_workers(config: pytest.Config, workers: int | None) -> None:
    asked = config.getoption("numprocesses", None) is not None or config.getoption("tx", None)
    if workers is not None and not asked and config.pluginmanager.hasplugin("xdist"):
        config.option.numprocesses = workers
