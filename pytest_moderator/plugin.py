"""The one module that pytest always loads: options in; the rest only when ``--moderator`` is given.

Nothing else of the package is imported here, so that those who never use it never pay for it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# name, metavar (none: a flag), help. `pytest_moderator.settings` says the rest of them.
_OPTIONS = (
    ("order", "MODE", "What a task waits for besides its dependencies: phases, stories or explicit"),
    ("isolation", "LEVEL", "How much of a place of its own a task gets: none, directory, branch or full"),
    ("timeout", "TIME", "Time limit of one attempt, such as 90, 10m or 1h30m"),
    ("retries", "N", "Further attempts after a failed one, 0 to 100"),
    ("grace", "TIME", "Time between asking a process to end and killing it"),
    ("backend", "NAME", "Backend for tasks that carry nothing to run"),
    ("with_deps", "", "Select the unfinished prerequisites of selected tasks too"),
    (
        "dirty",
        "WORD",
        "What becomes of uncommitted changes where tasks have branches: refuse, include or ignore",
    ),
    ("merge", "WORD", "What becomes of the branch of the run at its end: branch, fast-forward or none"),
    ("keep", "WORD", "Which tasks keep their worktree and branch: failed, all or none"),
    (
        "approval",
        "WORD",
        "Whether tasks wait for people, who approve or do them: auto (where there is a terminal), wait or skip",
    ),
    ("budget", "AMOUNT", "Start nothing new once agents have used so much, such as $5 or 200k tokens"),
    ("mark", "", "Tick the box of a task in the tasks file when it completes"),
    ("json", "PATH", "Write the execution report to this file"),
    ("events", "PATH", "Write what happens to this file or pipe as it happens, one JSON object a line"),
    ("state_dir", "DIR", "Directory for records and logs"),
    ("output_limit", "SIZE", "How much of stdout and of stderr a report keeps, such as 64KiB"),
    ("config", "PATH", "Read this file in place of moderator.yaml"),
)
_COMMAND_LINE_ONLY = (
    ("resume", "", "Go on with the last run of the tasks file: what it has completed is done"),
    ("rerun", "IDS", "Go on with the last run, and run these tasks again (ids with commas between them)"),
    ("approve", "IDS", "Approve these tasks (ids with commas between them, or all)"),
    ("force", "", "Run although another run of the same tasks file is alive"),
)
_INI_ONLY = (
    ("pause_timeout", "Time after which a pause ends by itself, such as 90, 10m or 1h30m"),
    ("on_pause_timeout", "What happens when a pause ends by itself: resume or stop"),
    ("workers", "How many tasks run at once where -n is not given, 1 to 32"),
    ("file", "The tasks file when none is named"),
)
_MARKERS = (
    "task(id, phase, story, backend, parallel, optional, critical): a task of a tasks file, for -m.",
    "depends_on(*ids): run only after these tasks have succeeded (task ids, or node ids of tests).",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("moderator", "run the tasks of a Markdown file")
    group.addoption(
        "--moderator",
        action="store_true",
        help="Read every Markdown file that is named (and every tasks.md of a directory that is named) "
        "as tasks, and run them.",
    )
    for name, metavar, text in (*_OPTIONS, *_COMMAND_LINE_ONLY):
        flag = f"--moderator-{name.replace('_', '-')}"
        if metavar:
            group.addoption(flag, dest=f"moderator_{name}", metavar=metavar, default=None, help=text)
        else:
            group.addoption(flag, dest=f"moderator_{name}", action="store_true", help=text)
    for name, text in (*((name, text) for name, _, text in _OPTIONS), *_INI_ONLY):
        parser.addini(f"moderator_{name}", text, type="string", default="")
    parser.addini("moderator_fixtures", "Fixtures set up around every task", type="linelist", default=[])


def pytest_plugin_registered(manager: pytest.PytestPluginManager) -> None:
    """Declare our hooks as soon as somebody implements one; pytest refuses hooks that nobody has declared."""
    ours = [hook for name, hook in vars(manager.hook).items() if name.startswith("pytest_moderator_")]
    if ours and not any(hook.has_spec() for hook in ours):
        from pytest_moderator import hookspecs  # noqa: PLC0415 (see above)

        manager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Settle everything that a mistake could spoil, before any other plugin looks at the command line."""
    if _is_active(config):
        if sys.platform == "win32":
            raise pytest.UsageError("--moderator does not run on Windows yet; it does in WSL")
        _end_without_looking_back(config)
        _import_plainly(config)
        with keeping_all():
            if not hasattr(config, "workerinput"):
                from pytest_moderator import early  # noqa: PLC0415 (see above)

                early.start_workers(config)
            _part(config).settle(config)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marks always, and all that does something only with ``--moderator``."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if _is_active(config):
        with keeping_all():
            _part(config).activate(config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Look for no garbage while thousands of items are made."""
    with keeping_all() if _is_active(session.config) else contextlib.nullcontext():
        return (yield)


def _is_active(config: pytest.Config) -> bool:
    option = config.option
    return bool(option.moderator and not option.help and not option.version)


def _end_without_looking_back(config: pytest.Config) -> None:
    """Give back what was kept when the session ends, but do not look for garbage when the process does.

    The interpreter looks through everything that is left at its end: a second for 10,000 tasks, to free what the
    system frees anyway.
    """
    config.add_cleanup(gc.unfreeze)  # the first cleanup is the last that is done
    atexit.unregister(gc.freeze)  # of an earlier session in this process
    atexit.register(gc.freeze)


@contextlib.contextmanager
def keeping_all() -> Generator[None]:
    """Look for no garbage among what is made here: tasks, items and results live as long as the session.

    With thousands of tasks, looking takes a third of all the time that pytest and we take together.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


class _PlainFinder:
    """Finds our own modules before pytest does: it would look for asserts to rewrite in each, and there are none."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of our modules the way Python does; leave all others to others."""
        from importlib.machinery import PathFinder  # noqa: PLC0415 (paid for only with --moderator)

        return PathFinder.find_spec(name, path, target) if name.startswith("pytest_moderator.") else None


def _import_plainly(config: pytest.Config) -> None:
    """Have our modules imported without a detour, which takes longer than most of the modules themselves."""
    if not any(isinstance(finder, _PlainFinder) for finder in sys.meta_path):  # of a session around this one
        finder = _PlainFinder()
        sys.meta_path.insert(0, finder)
        config.add_cleanup(partial(_remove, finder))


def _remove(finder: _PlainFinder) -> None:
    with contextlib.suppress(ValueError):  # somebody has put the finders back that there were before
        sys.meta_path.remove(finder)


def _part(config: pytest.Config) -> ModuleType:
    """Import our part of this process: it is paid for only with ``--moderator``."""
    if hasattr(config, "workerinput"):
        from pytest_moderator import worker  # noqa: PLC0415 (see above)

        return worker
    from pytest_moderator import startup  # noqa: PLC0415 (see above)

    return startup
