"""Telling the process that holds a run from all others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from journals import finish, start

from pytest_moderator import holder
from pytest_moderator.holder import process_started
from pytest_moderator.journal import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["linux", "elsewhere"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at processes as on Linux, and as everywhere else."""
    if request.param == "elsewhere":
        monkeypatch.setattr(holder, "_LINUX", False)
    elif not sys.platform.startswith("linux"):
        pytest.skip("there is no /proc here")
    holder._holder_of.cache_clear()
    yield
    holder._holder_of.cache_clear()


@pytest.mark.usefixtures("system")
def test_this_process_is_alive() -> None:
    here = Holder.here()
    assert here.is_alive() is True
    assert (here.pid, here.host) == (os.getpid(), os.uname().nodename)
    assert here.started == pytest.approx(psutil.Process().create_time(), abs=0.05)
    assert Holder.from_dict(here.to_dict()) == here == Holder.here()


@pytest.mark.usefixtures("system")
def test_what_is_not_alive() -> None:
    here = Holder.here()
    assert here._replace(started=here.started - 10).is_alive() is False
    assert here._replace(boot="another").is_alive() is False
    assert here._replace(pid=2**22 + 1).is_alive() is False


@pytest.mark.usefixtures("system")
def test_what_cannot_be_known() -> None:
    here = Holder.here()
    assert here._replace(host="elsewhere").is_alive() is None
    assert here._replace(boot="").is_alive() is None


@pytest.mark.usefixtures("system")
def test_a_process_that_nobody_waited_for_is_not_alive() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        started = process_started(process.pid)
        assert started is not None
        there = Holder.here()._replace(pid=process.pid, started=started)
        assert there.is_alive()
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert there.is_alive() is False


def test_a_machine_that_does_not_name_its_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "_LINUX", True)
    monkeypatch.setattr(holder, "_BOOT_ID", holder.Path("/nowhere"))
    assert holder._boot() == ""


def test_a_fork_is_another_holder() -> None:
    script = """
        import os
        from pytest_moderator.journal import Holder
        before = Holder.here()
        if not (child := os.fork()):
            os._exit(0 if Holder.here().pid == os.getpid() else 1)
        print(os.waitpid(child, 0)[1], before == Holder.here())
    """
    assert finish(start(script)) == "0 True\n"


def test_facts_are_read_back() -> None:
    here = Holder.here()
    assert Holder.from_facts({"attempt": 1, **here.facts}) == here
    assert Holder.from_facts({"attempt": 1, "pid": 4711}) is None


def test_the_very_same_process() -> None:
    here = Holder.here()
    assert Holder.of(os.getpid()) == here
    assert Holder.of(2**22 + 1) is None
    assert here.is_there()
    assert not here._replace(started=here.started - 0.01).is_there()
    assert not here._replace(boot="").is_there()
    assert not here._replace(host="elsewhere").is_there()
