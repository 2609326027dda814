"""Our part of one of xdist's workers. It imports no more than it takes to run tasks: every worker pays for it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.backends import load_backends
from pytest_moderator.bundle import Bundler
from pytest_moderator.collection import TasksCollection
from pytest_moderator.handout import Handout
from pytest_moderator.items import TaskItem
from pytest_moderator.relay import RelayItem, make_relay, tear_down
from pytest_moderator.runner import RUNNER, install_runner
from pytest_moderator.verdict import LATER

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from xdist.remote import WorkerInteractor

    from pytest_moderator.choices import Instead

HANDOUT = "moderator_handout"
ARGS = "moderator_args"
PYTHON = "moderator_python"


def settle(config: pytest.Config) -> None:
    """Take over what the controlling process has found out."""
    config.args[:] = config.workerinput[ARGS]  # type: ignore[attr-defined]
    config.option.loadgroup = False  # who goes where is our business; xdist would give items other names


def activate(config: pytest.Config) -> None:
    """Register the parts of a worker."""
    workerinput = config.workerinput  # type: ignore[attr-defined]
    # It is as long as all tasks together, and not needed again.
    handout = Handout.from_json(workerinput.pop(HANDOUT))
    config.pluginmanager.register(TasksCollection(handout), "moderator_collection")
    interactor = next(p for p in config.pluginmanager.get_plugins() if hasattr(p, "run_one_test"))
    worker = Worker(interactor, same_python=workerinput[PYTHON] == sys.version)
    config.pluginmanager.register(worker, "moderator_worker")
    install_runner(config, handout, load_backends(config), workerinput["workerid"])


class Worker:
    """Our part of a worker: the relay, and what takes place where it stands.

    Args:
        interactor: xdist's part, which runs an item as soon as it knows of another one behind it: for us, the relay.
        same_python: whether the controlling process runs the very same Python.
    """

    _relay: RelayItem
    _last: pytest.Item

    def __init__(self, interactor: WorkerInteractor, *, same_python: bool) -> None:
        self._interactor = interactor
        self._same_python = same_python
        self._bundler = Bundler(interactor, self._give_back)
        self._run_item = interactor.run_one_test
        self._handle_command = interactor.handle_command
        interactor.run_one_test = self._run_one
        interactor.handle_command = self._take
        interactor.steal = self._steal
        self._parent = os.getppid()
        self._failed = False
        self._follows = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Name no file to pytest that is not there any more, at the last moment: tasks may remove their own."""
        args, here = session.config.args, session.config.invocation_params.dir
        names = [argument.split("::")[0] for argument in args]
        modules = session.config.option.pyargs  # they are found elsewhere
        args[:] = [
            argument
            for name, argument in zip(names, args, strict=True)
            if (here / name).exists() or (modules and not name.endswith(".md"))
        ]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Put the relay behind all other items, whatever other plugins do to their order."""
        yield
        self._relay, self._behind = make_relay(session, items), len(items)
        items.append(self._relay)

    def _take(self, command: Any) -> None:
        """Put an item that is to run into the queue, and the relay behind it; in a thread of execnet's.

        A bare number is what execnet packs and unpacks in a tenth of the time that xdist's own form takes.
        """
        if isinstance(command, int):
            with self._interactor.torun.lock() as queued:
                queued.extend((command, self._behind))
        else:
            self._handle_command(command)

    def _run_one(self) -> None:
        """Run an item; where the relay stands, wait for the next one and tear down what that does not share."""
        items = self._interactor.session.items
        if isinstance(self._interactor.nextitem_index, tuple):  # before the very first item
            self._heed(self._interactor.nextitem_index)
            self._interactor.nextitem_index = self._next()
            return
        item = items[self._interactor.nextitem_index]
        if item is self._relay:
            following = self._interactor.nextitem_index = self._next()
            self._tear_down(items[following] if isinstance(following, int) else None)
            return
        self._last = self._relay.beside = item
        self._failed = False
        self._bundler.task = isinstance(item, TaskItem)
        self._bundler.waits = self._same_python and isinstance(item, TaskItem) and not item.fixturenames
        self._run_item()

    def _next(self) -> Any:
        """Wait for the index of the next item, and heed what is said before it."""
        while isinstance(following := self._interactor.torun.get(), tuple):
            self._heed(following)
        self._follows = False
        return following

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, also one that waits for another attempt: what was sent ahead does not follow by itself."""
        self._failed = self._failed or report.failed or report.when == LATER

    def _give_back(self) -> Sequence[int]:
        """Take out what was sent ahead, where it must not follow the item that ends now.

        Whatever is in the queue after that starts next, also what arrives only then: it is told as begun.
        """
        queue = self._interactor.torun
        with queue.lock() as queued:
            ahead = [index for index in queued if isinstance(index, int)]
            is_last = len(ahead) < len(queued) or os.getppid() != self._parent
            self._follows = True
            if not self._failed and not is_last:
                return ()
            queue.replace([index for index in queued if not isinstance(index, int)])
        return ahead

    def _steal(self, indices: Sequence[int]) -> None:
        """Give back what was sent ahead, unless it is about to start; xdist calls this in a thread of its own."""
        queue, back = self._interactor.torun, [*indices, self._behind]
        with queue.lock() as queued:
            before, last = list(queued)[: -len(back)], list(queued)[-len(back) :]
            if self._follows or last != back:
                back = []
            else:
                queue.replace(before)
            # While nobody else can take anything out: the end of the item that runs must be told after this.
            self._interactor.sendevent("unscheduled", indices=back)

    def _heed(self, instead: Instead) -> None:
        """Take note of the backend that does a task in place of the planned one."""
        self._interactor.config.stash[RUNNER].put_instead(*instead)

    def _tear_down(self, nextitem: pytest.Item | None) -> None:
        report = tear_down(self._last, nextitem)
        if report is not None:
            self._last.ihook.pytest_runtest_logreport(report=report)
