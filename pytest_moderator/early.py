"""Workers that start while the tasks file is still being read, on cores that would have nothing to do till then.

Started is only what all workers have in common: a Python, and what each of them imports before it knows what it is
for. Then it waits for the line by which execnet makes any Python the other end of a gateway, and from there on it is
xdist's. One that xdist does not ask for, or wants otherwise than it was started, is ended.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import execnet
    from execnet.gateway_io import Popen2IOMaster

_SPEC = "execmodel=main_thread_only//popen"  # what xdist makes of `-n`

# Nothing of xdist or of any other plugin: pytest warns of plugins that were imported before it could rewrite their
# asserts. Ours says that there is nothing to rewrite, unless Python has dropped what docstrings say. Whoever finds no
# line at the end is not wanted any more.
_WARM_UP = """\
import gc, sys
sys.path = {path!a}
gc.disable()
try:
    import email.parser, importlib, platform, execnet.gateway_base, _pytest.config
    if sys.flags.optimize < 2:
        for name in {ours!a}:
            importlib.import_module('pytest_moderator.' + name)
    for name in _pytest.config.default_plugins:
        importlib.import_module('_pytest.' + name)
    gc.enable()
    line = sys.stdin.readline()
except KeyboardInterrupt:
    line = ''
if line:
    exec(eval(line))
"""
# What a worker imports to begin with, and for its first task.
_OURS = (
    *("worker", "hookspecs", "attempt.run", "attempt.launcher", "backends.process", "backends.builtin"),
    *("backends.installed", "backends.agents", "backends.manual", "backends.python", "backends.shell"),
)


def start_workers(config: pytest.Config) -> None:
    """Start the workers that ``-n`` asks for, as far as there are cores for them.

    It has to be called before xdist looks at the options. Those that nobody has asked for when pytest is done with
    the configuration, for whatever reason, are ended then.
    """
    count = _count(config)
    if count > 0:
        early = EarlyWorkers(config)
        config.add_cleanup(early.end)
        config.pluginmanager.register(early, "moderator_early")
        early.start(count)


def _count(config: pytest.Config) -> int:
    """Say how many workers are worth an early start: none where it is not sure that there will be any."""
    asked: int | str | None = config.getoption("numprocesses", None)
    if not asked or config.option.collectonly or config.getoption("usepdb", None):
        return 0
    option = config.option
    if option.tx or option.px or option.dist == "each" or config.getoption("looponfail", None):
        return 0
    if not isinstance(asked, int):
        asked = int(config.hook.pytest_xdist_auto_num_workers(config=config))
    return min(asked, option.maxprocesses or asked, _most())


def _most() -> int:
    """Say how many workers can start early without slowing down the process that starts them."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
        return cores if cores > 1 else 0
    return (os.cpu_count() or 1) - 1


def _leave_a_core(io: Popen2IOMaster) -> None:
    """Keep one core free of a process: a mistake in the tasks file is to be told as soon as without workers."""
    if sys.platform == "linux":
        os.sched_setaffinity(io.popen.pid, sorted(os.sched_getaffinity(0))[1:])


def _give_all_cores(io: Popen2IOMaster) -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(io.popen.pid, os.sched_getaffinity(0))


def _inherited() -> tuple[dict[str, str], str]:
    """Give what workers inherit and plugins may change: the environment and the current directory."""
    return dict(os.environ), os.getcwd()  # noqa: PTH109 (it is only compared)


class EarlyWorkers:
    """Processes that wait until xdist wants workers.

    Args:
        config: of the process that starts them.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._inherited = _inherited()
        self._waiting: dict[str, tuple[execnet.XSpec, Popen2IOMaster]] = {}

    def start(self, count: int) -> None:
        """Start so many, with the ids that xdist gives its first workers; one that cannot start is left to xdist."""
        import execnet  # noqa: PLC0415 (only runs with workers need it, here and below)
        from execnet.gateway_base import get_execmodel  # noqa: PLC0415
        from execnet.gateway_bootstrap import sendexec  # noqa: PLC0415
        from execnet.gateway_io import create_io  # noqa: PLC0415
        from xdist.plugin import _sys_path  # noqa: PLC0415

        for number in range(count):
            spec = execnet.XSpec(_SPEC)
            spec.id = f"gw{number}"
            with suppress(OSError):
                io = create_io(spec, get_execmodel("main_thread_only"))
                self._waiting[spec.id] = spec, io
                _leave_a_core(io)
                sendexec(io, _WARM_UP.format(path=_sys_path, ours=_OURS))

    @pytest.hookimpl(trylast=True, optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: Sequence[execnet.XSpec]) -> None:
        """Have xdist ask here first for each of its workers."""
        for name in self._waiting.keys() - {spec.id for spec in specs}:
            self._end(name)
        for _, io in self._waiting.values():
            with suppress(OSError):  # it has ended: this is seen when it is asked for
                _give_all_cores(io)
        dsession: Any = self._config.pluginmanager.get_plugin("dsession")
        group = dsession.nodemanager.group
        group.makegateway = partial(self._make, group, group.makegateway)

    def _make(self, group: Any, make: Callable[[Any], execnet.Gateway], spec: Any) -> execnet.Gateway:
        """Make a gateway: of the process that waits for it, where that is what would be started now."""
        if spec.id not in self._waiting:
            return make(spec)
        from execnet.gateway_bootstrap import bootstrap  # noqa: PLC0415

        ours, io = self._waiting[spec.id]
        if vars(ours) == vars(spec) and self._inherited == _inherited():
            with suppress(OSError, EOFError):  # it has ended, and the next one says why if it does so, too
                gateway = bootstrap(io, spec)
                group._register(gateway)
                del self._waiting[spec.id]
                return gateway
        self._end(spec.id)
        return make(spec)

    def end(self) -> None:
        """End all that still wait."""
        for name in tuple(self._waiting):
            self._end(name)

    def _end(self, name: str) -> None:
        _, io = self._waiting.pop(name)
        io.kill()
        io.wait()
        io.close_read()
        with suppress(OSError):  # it had ended before it was told what to import
            io.close_write()
